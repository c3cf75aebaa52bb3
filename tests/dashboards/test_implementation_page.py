"""The page beside the outcomes: what was done, what is withheld, and the survey of others, held against nothing."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from dashboards.implementation_page import content, headlines
from dashboards.language import Language, language
from dashboards.pages import pages
from dashboards.selection import opened
from warehouse.schemas import Release

FR, EN = language("fr"), language("en")
B, N = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


def test_the_summary_tells_each_activity_in_a_sentence(release: Release) -> None:
    assert headlines(opened(release), EN) == [
        ("Professionals trained", "115 in total at the circuit sites (Quarter 1 of 2022 – Quarter 3 of 2022)."),
        ("Workshops held", "10 in total at the circuit sites (January 2022 – March 2022)."),
        ("Answers to the survey", "205 in total at the circuit sites (June 2021 – July 2021)."),
    ]
    assert headlines(opened(release), FR)[1] == (
        "Ateliers tenus",
        "10 au total sur les sites du parcours (janvier 2022 – mars 2022).",
    )


def test_bars_are_the_published_counts_and_the_line_is_their_sum(release: Release) -> None:
    sections = content(opened(release), EN)[0]["sections"]
    chart = sections[0].chart
    bars, mark, steps = chart.spec["data"]
    assert bars["y"] == [60, None, 45]
    assert steps["y"] == [60, None, 115]
    assert mark["text"] == ["c"]
    assert mark["x"] == [bars["x"][1]]
    assert "by quarter" in chart.title
    assert chart.summary.startswith("2 published values, from 45 to 60")
    assert "by month" in sections[1].chart.title


def test_the_table_beside_a_chart_says_what_is_withheld_and_why(release: Release) -> None:
    table = content(opened(release), EN)[0]["sections"][0].chart.table
    assert [column.title for column in table.columns] == ["Period", "Number", "Total so far", "Remark"]
    assert table.rows[1][:3] == ("Quarter 2 of 2022", f"<{B}11", "c")
    assert "small counts" in table.rows[1][3]
    assert table.rows[2] == ("Quarter 3 of 2022", "45", "115", "")


def test_sites_stand_side_by_side_in_declared_order_comparators_named_so(release: Release) -> None:
    (table,) = content(opened(release), FR)[0]["sections"][0].sites
    assert [column.title for column in table.columns] == ["Période", "Lyon", "Reims (comparateur)"]
    assert table.rows[-1] == ("Total", "115", "115")


@pytest.mark.parametrize(
    ("spoken", "share", "limits"), [(FR, f"41{N}%", f"35{N}% à 48{N}%"), (EN, "41%", "35% to 48%")]
)
def test_items_are_shares_of_the_answers(release: Release, spoken: Language, share: str, limits: str) -> None:
    chart = content(opened(release), spoken)[0]["sections"][2].items
    assert [row[1:4] for row in chart.table.rows] == [(share, limits, "205"), ("c", "c", "205")]
    assert chart.spec["data"][0]["x"] == [0.41, None]


@pytest.mark.parametrize(
    ("spoken", "limits", "dated"),
    [
        (FR, f"32,3{N}% à 44{N}%", "Du 24 août 2020 au 8 septembre 2020, 261 personnes interrogées."),
        (EN, "32.3% to 44%", "From 24 August 2020 to 8 September 2020, 261 people asked."),
    ],
)
def test_a_reference_has_its_dates_its_intervals_and_the_counts_behind_a_percentage(
    release: Release, spoken: Language, limits: str, dated: str
) -> None:
    (context,) = content(opened(release), spoken)[0]["contexts"]
    assert context.dated == dated
    rows = context.chart.table.rows
    assert rows[0][2] == limits
    assert rows[0][3].startswith("99 (98 ")
    assert rows[1][3] == "70"


def test_the_page_says_that_nothing_is_compared_in_both_languages(site: Path) -> None:
    french = (site / "fr" / "implementation.html").read_text(encoding="utf-8")
    english = (site / "en" / "implementation.html").read_text(encoding="utf-8")
    assert "jamais comparés aux nôtres" in french
    assert "never contrasted with ours" in english
    assert "patients comme professionnels" in french
    assert 'href="implementation.html" aria-current="page"' in english


def test_the_numbers_are_in_files_of_their_own(site: Path) -> None:
    activity = (site / "data" / "activity_fr.csv").read_text(encoding="utf-8-sig").splitlines()
    assert activity[0].startswith("activity;item;scope_type;scope;period;n;cumulative")
    assert "trained;;overall;all;2022-Q2;;;;;;;small_count" in activity
    references = (site / "data" / "references_en.csv").read_text(encoding="utf-8-sig").splitlines()
    assert references[1] == "survey_2020,coaching,261,38,99,98,100,0.38,0.323,0.44"


def test_a_programme_without_activity_or_reference_has_no_such_page(builder: ModuleType) -> None:
    plain = builder.pacosme()
    bare = builder.pacosme(activity=plain.activity.clear(), references=plain.references.clear())
    names = {page.name: page for page in pages(opened(bare), EN)}
    assert "implementation" not in names
    assert names["index"].content["activities"] == []


def test_activity_of_comparators_alone_has_no_chart_and_says_so(builder: ModuleType) -> None:
    plain = builder.pacosme()
    elsewhere = plain.activity.filter(plain.activity["scope"] == "reims")
    published = opened(builder.pacosme(activity=elsewhere))
    section = content(published, EN)[0]["sections"][0]
    assert section.chart is None
    assert section.sentence == "No number of the circuit sites."
    assert section.sites[0].rows[-1] == ("Total", "115")

"""The plan on its page, and its words beside the numbers of the others, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from dashboards.language import language
from dashboards.site import build
from warehouse.programme import Programme
from warehouse.schemas import RELEASED_FIGURE, Release

FR, EN = language("fr"), language("en")
ESTIMAND = {"fr": "Ce que T1 estime.", "en": "What T1 estimates."}
ANSWER = {"risk": "high", "reason": {"fr": "Le parcours saisit lui-même.", "en": "The circuit records by itself."}}


def planned(builder: ModuleType, **own: Any) -> Programme:
    """The programme with a plan; ``own`` are further keys of it."""
    plain: Programme = builder.programme()
    plan = {
        **plain.analysis.model_dump(),
        "subgroups": ("age_band",),
        "planned": {"measures": ("log_rank", "no_such_measure"), "views": ("site",)},
        "estimands": {"time_to_referral": ESTIMAND},
        "risk_of_bias": {"unlikely_to_affect_data_collection": ANSWER},
    }
    made: Programme = builder.programme(analysis=plan | own)
    return made


def with_tests(builder: ModuleType, declared: Programme) -> Release:
    """The release with tests: of the three primary outcomes, of one secondary, exploratory ones and of two factors."""
    plain: Release = builder.pacosme(programme=declared)
    figure = builder.figure
    primary = {"time_to_referral": (0.004, 0.012), "emergency_return": (0.31, 0.31), "satisfaction": (0.03, 0.06)}
    found = plain.figures.with_columns(
        pl.when((pl.col("analysis") == "primary") & (pl.col("scope_type") == "overall"))
        .then(pl.col("indicator_id").replace_strict({k: v[place] for k, v in primary.items()}, default=None))
        .otherwise(column)
        .cast(pl.Float64)
        .alias(column)
        for place, column in enumerate(("p_value", "p_adjusted"))
    ).with_columns(
        p_value=pl.when(period="after-before").then("p_value"),
        p_adjusted=pl.when(period="after-before").then("p_adjusted"),
    )
    own = {"indicator_id": "time_to_referral", "horizon": 30}
    rows = [
        figure(**own, measure="minimum_detectable", analysis="secondary", estimate=0.07),
        figure(**own, measure="interaction", analysis="secondary", scope_type="age_band", estimate=1.2, p_value=0.27,
               p_adjusted=0.4),
        figure(**own, measure="interaction", analysis="exploratory", scope_type="de_novo", estimate=3.9, p_value=0.05),
        figure(**own, measure="interaction", analysis="secondary", scope_type="sex", withheld="too_few_levels"),
        figure(indicator_id="time_to_referral", measure="gray_test", analysis="exploratory", estimate=4.0,
               p_value=0.04),
        figure(indicator_id="needs_assessment", measure="log_rank", analysis="secondary", estimate=4.0, p_value=0.02,
               p_adjusted=0.03),
    ]  # fmt: skip
    figures = pl.concat([found, builder.frame(rows, RELEASED_FIGURE)])
    made: Release = builder.pacosme(programme=declared, figures=figures)
    return made


@pytest.fixture(scope="module")
def read(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The words of a page, by its path without ending."""
    folder = tmp_path_factory.mktemp("site")
    build(with_tests(builder, planned(builder)), folder)
    return lambda path: words_of(folder / f"{path}.html")


def words_of(file: Path) -> str:
    """The text of the page, as one line."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))  # spaces that do not break among them


@pytest.mark.parametrize("code", ["fr", "en"])
def test_every_page_prints_the_hash_and_leads_to_the_plan(site: Path, code: str) -> None:
    pages = [*(site / code).glob("*.html"), site / "index.html"]
    assert len(pages) > 8
    for page in pages:
        source = page.read_text(encoding="utf-8")
        assert "9f2c41d07be85a36" in source
        assert re.search(r'href="(fr/)?plan\.html"', source)


def test_raw_and_adjusted_p_values_stand_side_by_side(read: Callable[[str], str]) -> None:
    for said in (
        "+17 points +12 to +22 points p < 0.01 p = 0.01 7 percentage points",
        "−1 point −5 to +3 points p = 0.31 p = 0.31",
        "+9 points +1 to +17 points p = 0.03 p = 0.06",
        "Supportive-needs assessment Log-rank test – – p = 0.02 p = 0.03",
    ):
        assert said in read("en/plan")
    assert "p < 0,01 p = 0,01 7 points de pourcentage" in read("fr/plan")


def test_interactions_are_one_per_factor_and_say_at_which_level(read: Callable[[str], str]) -> None:
    assert "Time to referral Age secondary p = 0.27 p = 0.4" in read("en/plan")
    assert "Time to referral Metastatic at diagnosis exploratory p = 0.05 –" in read("en/plan")
    assert "Sex secondary – – Fewer than two groups are large enough to be compared." in read("en/plan")
    page = read("fr/indicator-time_to_referral")
    assert "Test d’interaction : p = 0,27. Ajusté pour les autres tests de sa famille : p = 0,4." in page
    assert "Test d’interaction : p = 0,05. Exploratoire : non prévu par le plan d’analyse." in page


def test_estimands_and_what_else_is_planned(read: Callable[[str], str]) -> None:
    page = read("en/plan")
    assert "What T1 estimates." in page
    assert page.count("Not described by the programme.") == 2
    assert "Groups Age Measures Log-rank test, no such measure (no result in this release) Variants nothing" in page
    assert "Views each site" in page
    assert "Ce que T1 estime." in read("fr/plan")


def test_windows_and_horizons_are_printed(read: Callable[[str], str]) -> None:
    page = read("en/plan")
    assert "within 30 days 0 to 90 days after time zero, both included 14, 30, 60 and 90 days" in page
    assert "Overall satisfaction primary Share of answers of at least 90 out of 100 60 to 120 days after" in page
    assert "Supportive-needs assessment secondary" in page
    assert "14, 30, 60 et 90 jours" in read("fr/plan")


def test_answers_on_the_risk_of_bias_are_printed_and_so_is_their_absence(read: Callable[[str], str]) -> None:
    assert "unlikely to affect data collection? high The circuit records by itself." in read("en/plan")
    assert read("en/plan").count("unanswered –") == 6
    assert "Le parcours saisit lui-même." in read("fr/plan")
    assert read("fr/plan").count("sans réponse –") == 6


def test_the_indicator_tells_its_test_what_was_detectable_and_what_was_not_planned(read: Callable[[str], str]) -> None:
    page = read("en/indicator-time_to_referral")
    assert "Test of the main difference: p < 0.01. Adjusted for the other tests of its family: p = 0.01." in page
    assert "an 80% chance of detecting is 7 percentage points." in page
    assert re.search(r"Gray’s test, before against after: p = 0.04\. Exploratory: not in the analysis plan\.", page)
    assert "Smallest detectable difference" not in page  # no line of the table of measures


def test_tables_say_the_level_of_each_line(read: Callable[[str], str]) -> None:
    page = read("en/indicator-time_to_referral")
    assert "Share of pathways with referral within 30 days primary 41%" in page
    assert "Share of pathways with referral within 60 days secondary" in page


def test_charts_of_what_was_not_planned_carry_the_word(builder: ModuleType, tmp_path: Path) -> None:
    plain = with_tests(builder, planned(builder))
    level = pl.when(pl.col("scope_type").is_in(["site", "age_band"])).then(pl.lit("exploratory")).otherwise("analysis")
    build(builder.pacosme(programme=plain.programme, figures=plain.figures.with_columns(analysis=level)), tmp_path)
    sites = (tmp_path / "en" / "sites.html").read_text(encoding="utf-8")
    assert (
        len(re.findall(r'</a> <span class="badge">exploratory</span>|<span class="badge">exploratory</span></h', sites))
        >= 3
    )
    mixed = words_of(tmp_path / "fr" / "indicator-time_to_referral.html")
    assert "(exploratoire)" in mixed  # some strata are, some are not: the lines say so


def test_results_are_interim_until_the_last_window_has_passed(
    builder: ModuleType, tmp_path: Path, read: Callable[[str], str]
) -> None:
    """S1 ends on day 120: the last announcement, of 31 December 2023, is followed up with a lock on 30 April 2024."""
    assert planned(builder).incomplete == {"satisfaction": date(2024, 4, 30)}
    for path in ("en/index", "en/methods", "en/indicator-needs_assessment"):
        assert "Interim results. Follow-up of the after period is not complete at the data lock." in read(path)
        assert "Overall satisfaction (30 April 2024)" in read(path)
    assert "Résultats intermédiaires." in read("fr/quality")
    statement = {"fr": "Lecture intermédiaire prévue.", "en": "A planned interim look."}
    declared = planned(builder, interim=statement).model_copy(update={"data_lock": date(2024, 4, 30)})
    build(with_tests(builder, declared), tmp_path)
    assert "Interim" not in words_of(tmp_path / "en" / "index.html")
    again = tmp_path / "again"
    again.mkdir()
    build(with_tests(builder, planned(builder, interim=statement)), again)
    assert "A planned interim look." in words_of(again / "en" / "plan.html")

"""Control charts, icons and funnels of the pages: what is drawn is released, and words say what shapes show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from charted_release import with_charts

from dashboards import chart_words, charted, control_charts
from dashboards.charted import ChartSummary, ControlChart, FunnelPoint
from dashboards.charts import Chart
from dashboards.control_chart_figures import SHAPES, funnel, kind_of
from dashboards.figures import Look
from dashboards.language import CODES, language
from dashboards.selection import opened
from dashboards.site import build
from warehouse.schemas import Release

EN, FR = language("en"), language("fr")
REFERRAL = "indicator-time_to_referral.html"


@pytest.fixture(scope="module")
def release(builder: ModuleType) -> Release:
    """The shared release with its charts; the time to referral has a target of 50 %."""
    declared = builder.indicators()
    declared["time_to_referral"]["target"] = 50.0
    return with_charts(builder.pacosme(programme=builder.programme(indicators=declared)))


@pytest.fixture(scope="module")
def site(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("charted")
    build(release, directory)
    return directory


def sections(release: Release, code: str = "en") -> dict[str, control_charts.ControlSection]:
    published = opened(release)
    found = {one.id: control_charts.section(published, one, language(code)) for one in published.indicators}  # type: ignore[arg-type]
    return {name: one for name, one in found.items() if one is not None}


def markers(chart: Chart) -> dict[str, dict[str, Any]]:
    return {trace["marker"]["symbol"]: trace for trace in chart.spec["data"] if trace.get("mode") == "markers"}


# --- Control charts -----------------------------------------------------------------------------


def test_every_indicator_with_a_series_has_a_chart_of_each_group(release: Release) -> None:
    found = sections(release)
    assert set(found) == set(release.programme.indicators)
    assert [chart.id for chart in found["time_to_referral"].charts] == ["control-circuit"]


def test_points_and_limits_are_those_released(release: Release) -> None:
    for name, one in sections(release).items():
        for chart in one.charts:
            rows = release.charts.filter(indicator_id=name)
            released = {round(v, 6) for c in ("estimate", "centre", "lower", "upper") for v in rows[c].drop_nulls()}
            lines = [t for t in chart.spec["data"] if t.get("fill") != "toself" and "Target" not in t.get("name", "")]
            drawn = {round(y, 6) for trace in lines for y in trace["y"] if y is not None}
            assert drawn <= released
            shown = sum(len(trace["x"]) for trace in markers(chart).values())
            assert shown == rows["estimate"].drop_nulls().len()


def test_signals_have_a_shape_and_a_name_of_their_own(release: Release) -> None:
    assert len(set(SHAPES.values())) == len(SHAPES)
    points = release.charts.filter(indicator_id="time_to_referral")
    found = markers(sections(release)["time_to_referral"].charts[0])
    assert {trace["name"] for trace in found.values()} == {"No signal", "Signal of improvement"}
    improved = points.filter(pl.col("variation") == "improvement_high").height
    assert len(found[SHAPES["improvement"]]["x"]) == improved > 5


def test_the_table_holds_every_point_with_its_reading(release: Release) -> None:
    (chart,) = sections(release)["time_to_referral"].charts
    assert len(chart.table.rows) == release.charts.filter(indicator_id="time_to_referral").height
    assert chart.table.rows[0][:2] == ("June 2021", "Before")
    assert any("signal of improvement, high side: outside the limits" in row for row in chart.table.rows)


def test_the_target_is_a_line_with_a_label_and_an_icon(release: Release) -> None:
    one = sections(release)["time_to_referral"]
    (chart,) = one.charts
    (line,) = [trace for trace in chart.spec["data"] if trace.get("name") == "Target 50%"]
    assert line["y"] == [0.5, 0.5]
    assert [icon.kind for icon in one.icons] == ["improvement", "hit_or_miss"]
    assert "target of 50% or miss it at random" in chart.summary


@pytest.mark.parametrize("code", CODES)
def test_icons_stand_on_tiles_and_pages_and_never_without_words(site: Path, code: str) -> None:
    for name, fewest in (("index.html", 2), (REFERRAL, 2)):
        text = (site / code / name).read_text(encoding="utf-8")
        icons = text.split('<svg class="icon ')[1:]
        assert len(icons) >= fewest
        for icon in icons:
            label = icon.partition('aria-label="')[2].partition('"')[0]
            assert 'role="img"' in icon.partition(">")[0]
            assert len(label) > 15
            assert f"<title>{label}</title>" in icon


def test_there_is_no_p_value_in_the_section(site: Path) -> None:
    text = (site / "en" / REFERRAL).read_text(encoding="utf-8")
    section = text.partition('aria-labelledby="months"')[2].partition("</section>\n<section aria-")[0]
    assert "no p-value" in section
    assert "p = " not in section
    assert "p &lt;" not in section


def test_charts_and_funnels_are_files_and_the_methods_are_told(site: Path, release: Release) -> None:
    for name in ("charts_time_to_referral", "funnels_time_to_referral", "chart_summaries"):
        text = (site / "data" / f"{name}_fr.csv").read_text(encoding="utf-8")
        assert text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}indicator;indicator_id;measure;")
    methods = (site / "en" / "methods.html").read_text(encoding="utf-8")
    assert "Spiegelhalter 2005" in methods
    assert "No moving range is left out" in methods


def test_a_release_without_charts_keeps_its_run(builder: ModuleType) -> None:
    published = opened(builder.pacosme())
    assert control_charts.section(published, published.indicators[0], EN) is None
    assert control_charts.icons(published, published.indicators[0], EN) == ()


def test_what_is_withheld_is_not_drawn_and_told_in_the_table(release: Release) -> None:
    hidden = release.charts["period"] == "2022-03"
    names = ("estimate", "signal", "variation")
    hide = pl.when(hidden).then(None)
    frame = release.charts.with_columns(
        *(pl.when(~hidden).then(name).alias(name) for name in names),
        withheld=pl.when(hidden).then(pl.lit("small_count")).otherwise(hide),
    )
    chart = sections(replace(release, charts=frame))["time_to_referral"].charts[0]
    (row,) = [row for row in chart.table.rows if row[0] == "March 2022"]
    assert row[2] == "c"
    assert row[-1] == "Value withheld to protect small counts."
    shown = sum(len(trace["x"]) for trace in markers(chart).values())
    assert shown == len(chart.table.rows) - 1


# --- Sentences ----------------------------------------------------------------------------------


def summary(**own: Any) -> ChartSummary:
    base: dict[str, Any] = {
        "indicator_id": "x", "measure": "proportion", "scope_type": "overall", "scope": "all", "chart": "p",
        "grain": "month", "baseline_points": 13, "provisional": False, "period": "2023-12", "signal": None,
        "variation": "common_cause", "target": None, "assurance": None, "useful_points": 30, "longest_run": 4,
        "longest_run_allowed": 8, "crossings": 15, "fewest_crossings": 10, "runs_signal": False, "withheld": None,
    }  # fmt: skip
    return ChartSummary(**(base | own))


CASES = (
    ({}, "Last point (December 2023): no signal (common cause). The limits rest on 13 points before."),
    ({"signal": "trend", "variation": "concern_low"}, "signal of concern, low side, seven points or more in one"),
    ({"signal": "shift", "variation": "neutral_high"}, "signal, high side, not judged, seven points or more on one"),
    ({"provisional": True, "baseline_points": 7}, "The limits are provisional: they rest on 7 points before, and 13"),
    ({"variation": None, "withheld": "small_count"}, "There is no reading of the last point. Value withheld to"),
    ({"variation": None, "withheld": "too_few_points", "baseline_points": 0}, "Too few points in the before period"),
    ({"target": 0.5, "assurance": "consistent_fail"}, "would miss the target of 50% consistently."),
    ({"target": 2.5, "assurance": "consistent_pass", "measure": "rate"}, "would reach the target of 2.5 consistently."),
    ({"runs_signal": True, "longest_run": 12}, "does not vary at random around its median (longest run 12, at most 8"),
    ({"runs_signal": None, "useful_points": 9}, "Run rules say nothing of 9 points off the median: they need ten."),
)


@pytest.mark.parametrize(("own", "said"), CASES, ids=[str(own) for own, _ in CASES])
def test_sentences(own: dict[str, Any], said: str) -> None:
    chart = ControlChart(summary(**own), ())
    assert said in chart_words.summary(chart, EN)
    assert chart_words.summary(chart, FR) != chart_words.summary(chart, EN)


def test_signals_after_are_counted(release: Release) -> None:
    found = charted.control_chart(release, release.programme.indicators["time_to_referral"])
    assert found is not None
    after = [p for p in found.points if p.phase == "after" and p.variation is not None]
    improved = sum(kind_of(p.variation) == "improvement" for p in after)
    assert f"Of {len(after)} published values after: {improved} signals of improvement." in chart_words.summary(
        found, EN
    )


# --- Funnels ------------------------------------------------------------------------------------


def test_sites_stand_in_their_declared_order_and_the_withheld_is_listed_not_drawn(release: Release) -> None:
    published = opened(release)
    names = {one.id: one.title.en for one in release.programme.sites if one.title}
    for one in published.indicators:
        found = control_charts.funnel(published, one, names, EN)
        if found is None:
            continue
        table, chart = found.chart.table, found.chart
        assert [row[0] for row in table.rows] == [names[s.id] for s in release.programme.sites if s.arm == "circuit"]
        withheld = [row[0] for row in table.rows if row[2] == "c"]
        (drawn,) = (trace for trace in chart.spec["data"] if trace["mode"] == "markers")
        assert len(drawn["x"]) == len(table.rows) - len(withheld)
        assert not withheld or f"Too few to be shown: {', '.join(withheld)}" in chart.summary.replace(" and ", ", ")


def place(scope: str, position: str | None, **own: Any) -> FunnelPoint:
    base: dict[str, Any] = {
        "indicator_id": "x", "measure": "proportion", "scope_type": "site", "scope": scope, "n": 100, "exposure": None,
        "estimate": 0.6, "centre": 0.5, "low_95": 0.4, "high_95": 0.6, "low_998": 0.35, "high_998": 0.65,
        "position": position, "withheld": None,
    }  # fmt: skip
    return FunnelPoint(**(base | own))


def test_a_site_beyond_the_wide_limits_is_named_and_its_name_is_no_html() -> None:
    names = {"a": "<b>$x$ %{y}", "b": "Nord"}
    sites = [place("a", "above_998", estimate=0.7), place("b", "below_95", estimate=0.38)]
    lines = [place("", None, scope_type="line", n=n) for n in (50, 150)]
    spec = funnel(sites, lines, names, "Pathways", Look(EN, "", 1.0))
    (note,) = spec["layout"]["annotations"]
    assert note["text"] == "&lt;b&gt;&#36;x&#36; &#37;{y}"
    (trace,) = (t for t in spec["data"] if t["mode"] == "markers")
    assert trace["marker"]["symbol"] == ["diamond", "circle-open"]
    assert "<b><b>" not in trace["text"][0]
    said = chart_words.funnel_summary(sites, names, EN)
    assert said == "1 of 2 sites shown lies inside the 99.8% limits. Beyond them: <b>$x$ %{y}."


def test_sites_that_coincide_stand_side_by_side() -> None:
    sites = [place(name, "inside") for name in "abc"] + [place("d", "inside", n=50)]
    lines = [place("", None, scope_type="line", n=200)]
    spec = funnel(sites, lines, {name: name for name in "abcd"}, "Pathways", Look(EN, "", 1.0))
    (trace,) = (t for t in spec["data"] if t["mode"] == "markers")
    assert trace["x"] == [97.6, 100.0, 102.4, 50.0]


@pytest.mark.parametrize("code", CODES)
def test_the_page_says_that_sites_are_not_to_be_compared(site: Path, code: str) -> None:
    text = (site / code / REFERRAL).read_text(encoding="utf-8")
    said = {"en": "Not for direct comparison between organisations", "fr": "comparer directement des organisations"}
    assert said[code] in text

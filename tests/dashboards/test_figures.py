"""Charts hold released numbers and nothing else, and cannot be made to hold markup."""

from __future__ import annotations

import json
import re
from datetime import date
from importlib.resources import files
from types import ModuleType
from typing import Any

import pytest

from dashboards import charts, figures, theme
from dashboards.figures import Dots, Look
from dashboards.language import language
from dashboards.pages import pages
from dashboards.selection import Point, Row, opened
from warehouse.schemas import Release

EN = language("en")
LOOK = Look(EN, "Share", 0.6)


def all_charts(release: Release) -> list[charts.Chart]:
    return [chart for page in pages(opened(release), EN) for chart in page.charts]


def numbers(value: Any) -> set[float]:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return set()
    if isinstance(value, (int, float)):
        return {round(float(value), 6)}
    found = value.values() if isinstance(value, dict) else value
    return {number for item in found for number in numbers(item)}


def test_every_plotted_share_is_a_released_one(release: Release) -> None:
    columns = ("estimate", "ci_low", "ci_high")
    frames = (release.figures, release.curves, release.activity, release.references)
    released = {round(v, 6) for f in frames for c in columns for v in f[c].drop_nulls().to_list()}
    complements = {round(1 - v, 6) for v in released}
    released |= {float(n) for c in ("n", "cumulative") for n in release.activity[c].drop_nulls().to_list()}
    drawn = all_charts(release)
    assert len(drawn) > 20
    for chart in drawn:
        for trace in chart.spec["data"]:
            axis = "x" if "error_x" in trace else "y"
            shares = {v for v in numbers(trace[axis]) if v > 0} - {
                chart.spec["layout"]["yaxis"].get("range", [0, 0])[-1]
            }
            assert shares <= released | complements


def test_a_specification_is_plain_lists_without_template_or_binary(release: Release) -> None:
    for chart in all_charts(release):
        text = json.dumps(chart.spec, allow_nan=False)
        assert "bdata" not in text
        assert "_inputArray" not in text
        assert len(json.dumps(chart.spec["layout"].get("template", {}))) < 80


def test_no_array_is_longer_than_its_table(release: Release) -> None:
    for chart in all_charts(release):
        for trace in chart.spec["data"]:
            if trace.get("hoverinfo") != "skip":
                assert len(trace["x"]) <= len(chart.table.rows)


def test_a_band_does_not_bridge_a_gap() -> None:
    known = [Point(t, 0.2, 0.1, 0.3, 50) for t in (0.0, 7.0)]
    later = [Point(t, 0.4, 0.3, 0.5, 30) for t in (21.0, 28.0)]
    spec = figures.curves({"before": [*known, Point(14.0, None, None, None, None), *later]}, [0, 28], None, LOOK)
    bands = [trace for trace in spec["data"] if trace.get("fill") == "toself"]
    assert [(min(b["x"]), max(b["x"])) for b in bands] == [(0.0, 7.0), (21.0, 28.0)]
    assert spec["data"][-1]["y"] == [0.2, 0.2, None, 0.4, 0.4]


def test_a_band_has_the_steps_of_its_line() -> None:
    points = [Point(0.0, 0.1, 0.05, 0.2, 50), Point(7.0, 0.3, 0.25, 0.4, 40)]
    band = figures.curves({"after": points}, [0, 7], 7, LOOK)["data"][0]
    assert list(zip(band["x"], band["y"], strict=True)) == [
        (0.0, 0.2), (7.0, 0.2), (7.0, 0.4), (7.0, 0.25), (7.0, 0.05), (0.0, 0.05),
    ]  # fmt: skip


def test_a_wholly_withheld_curve_draws_no_line() -> None:
    assert figures.curves({"before": [Point(0.0, None, None, None, None)]}, [0, 7], None, LOOK)["data"] == []


def test_a_line_without_a_value_says_so(builder: ModuleType) -> None:
    hidden = Row(**builder.figure(period="before", withheld="small_count"))
    spec = figures.dots([Dots("Dijon", hidden, None)], LOOK)
    assert "No published value: before and after" in [note["text"] for note in spec["layout"]["annotations"]]
    assert spec["data"][0]["x"] == [None]


def test_labels_from_outside_are_shown_not_run(builder: ModuleType) -> None:
    shown = Row(**builder.share(0.4, 200, period="after"))
    text = json.dumps(figures.dots([Dots('<a href="https://x.org">x</a>', None, shown)], LOOK))
    assert "<a" not in text
    assert "&lt;a href" in text


@pytest.mark.parametrize(
    ("text", "shown"), [("%{y}", "&#37;{y}"), ("$x$", "&#36;x&#36;"), ("a & b", "a &amp; b"), ("8 %", "8 %")]
)
def test_neither_templates_nor_formulas_are_run(text: str, shown: str) -> None:
    assert figures.label(text) == shown


def test_long_labels_are_shortened_in_the_chart_and_whole_in_the_table() -> None:
    assert figures.shortened("x" * 42) == "x" * 42
    assert figures.shortened("x" * 43) == "x" * 41 + "…"


def test_colours_are_names_that_the_style_sheet_knows_in_both_themes(release: Release) -> None:
    style = files("dashboards").joinpath("assets", "style.css").read_text(encoding="utf-8")
    used = {name for chart in all_charts(release) for name in re.findall(r"var\((--[a-z-]+)\)", json.dumps(chart.spec))}
    known = {token[4:-1] for token in theme.TOKENS}
    light, dark, chosen = re.findall(r":root[^{]*\{([^}]*color-scheme[^}]*)\}", style)[:3]
    assert used <= known
    for block in (light, dark, chosen):
        assert {name for name in known if f"{name}:" not in block} == set()
    assert set(re.findall(r"(--[a-z-]+):", dark)) == set(re.findall(r"(--[a-z-]+):", chosen))


def test_the_plot_can_send_nothing_away() -> None:
    assert theme.CONFIG["showSendToCloud"] is False
    assert theme.CONFIG["plotlyServerURL"] == ""
    assert theme.CONFIG["displaylogo"] is False


@pytest.mark.parametrize(
    ("values", "end"), [([0.03], 0.03), ([0.13, None], 0.15), ([0.61], 0.8), ([1.0], 1.0), ([], 1.0), ([0.0], 0.01)]
)
def test_an_axis_of_shares_ends_on_a_whole_step(values: list[float | None], end: float) -> None:
    assert figures.end_of_axis(values) == pytest.approx(end)


@pytest.mark.parametrize(("values", "end"), [([12.4], 15.0), ([0.3], 0.3), ([480.0, None], 500.0), ([0.0], 0.01)])
def test_an_axis_of_rates_ends_on_a_whole_step(values: list[float | None], end: float) -> None:
    assert figures.end_of_axis(values, is_share=False) == pytest.approx(end)


@pytest.mark.parametrize(
    ("period", "day"),
    [
        ("2023-05", date(2023, 5, 16)),
        ("2023-Q1", date(2023, 2, 15)),
        ("2023-Q4", date(2023, 11, 16)),
        ("2021-Q2", date(2021, 6, 16)),
    ],
)
def test_points_stand_in_the_middle_of_their_period(period: str, day: date) -> None:
    assert figures.middle_of(period, date(2021, 6, 1), date(2024, 1, 1)) == day


def test_ticks_keep_the_primary_horizon_and_drop_what_would_overlap(builder: ModuleType) -> None:
    declared = builder.programme().indicators["time_to_referral"]
    crowded = declared.model_copy(update={"horizons": (1, 14, 28, 30, 60, 90)})
    assert charts.axis_ticks(crowded) == [0, 14, 30, 60, 90]

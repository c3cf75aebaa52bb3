"""A chart as a page shows it: title, sentence, specification, table twin and the files behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboards import figures, inference_words, tables, words
from dashboards.figures import Dots, Look
from dashboards.language import Language
from dashboards.selection import SHARES, Point, Published, Row
from dashboards.tables import Line, Table
from warehouse.kinds import Gap, Indicator, TimeToEvent

NEAREST_TICKS = 0.1  # ticks closer than this share of the axis would overlap on a phone


@dataclass(frozen=True)
class AtRisk:
    """Numbers at risk under a curve: each time's place as a share of the axis, and one row per period."""

    times: tuple[tuple[str, str], ...]  # label, place
    rows: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]  # period, its label, (count, place)


@dataclass(frozen=True)
class Chart:
    """One chart with everything that says the same without sight, colour or script."""

    id: str
    title: str
    summary: str
    spec: Mapping[str, Any]
    table: Table
    csv: str
    height: int
    at_risk: AtRisk | None = None
    badge: str = ""  # the word for what was not planned


def _chart(name: str, title: str, summary: str, spec: Mapping[str, Any], table: Table, csv: str) -> Chart:
    return Chart(name, title, summary, spec, table, csv, height=spec["layout"]["height"])


# --- Curves -------------------------------------------------------------------------------------


def curves(published: Published, indicator: TimeToEvent | Gap, language: Language) -> list[Chart]:
    """The circuit's curves before and after and, where released, the comparators', on one scale."""
    groups = {group: _by_period(published, indicator, *scope) for group, scope in _GROUPS.items()}
    largest = figures.end_of_axis([p.ci_high for points in groups.values() for found in points.values() for p in found])
    return [
        _curve_chart(published, indicator, group, points, largest, language)
        for group, points in groups.items()
        if any(points.values())
    ]  # fmt: skip


_GROUPS = {"circuit": ("overall", "all"), "comparator": ("arm", "comparator")}


def _by_period(
    published: Published, indicator: TimeToEvent | Gap, scope_type: str, scope: str
) -> dict[str, tuple[Point, ...]]:
    found = {period: published.curve(indicator.id, "main", scope_type, scope, period) for period in ("before", "after")}
    if indicator.primary.measure == "survival":
        return {period: tuple(_complement(point) for point in points) for period, points in found.items()}
    return found


def _complement(point: Point) -> Point:
    """The share still without the event, where that is what the indicator is read by."""
    flip = {name: None if value is None else round(1 - value, 2) for name, value in vars(point).items()
            if name in ("estimate", "ci_low", "ci_high")}  # fmt: skip
    return Point(point.time, flip["estimate"], flip["ci_high"], flip["ci_low"], point.at_risk)


def _curve_chart(
    published: Published, indicator: TimeToEvent | Gap, group: str, points: dict[str, tuple[Point, ...]],
    largest: float, language: Language,
) -> Chart:  # fmt: skip
    ticks = axis_ticks(indicator)
    unit = language.say(f"unit.{indicator.unit}.axis")
    horizon = indicator.primary.horizon
    scope = _GROUPS[group]
    spec = figures.curves(points, ticks, horizon, Look(language, unit, largest))
    title = language.say(
        f"chart.curve.{indicator.primary.measure}",
        group=language.say(f"group.{group}"),
        event=words.event(indicator, language),
    )
    least = published.release.smallest_count
    headline = published.headline(indicator, "main", *scope)
    summary = language.say(
        "chart.curve.summary",
        horizon=words.duration(float(horizon or 0), indicator.unit, language),
        before=words.value(headline.before, language),
        after=words.value(headline.after, language),
    )
    table = tables.of_curves(title, points, indicator.unit, least, language)
    drawn = _chart(f"curve-{group}", title, summary, spec, table, f"curves_{indicator.id}")
    return Chart(**{**vars(drawn), "at_risk": _at_risk(points, ticks, least, language)})


def axis_ticks(indicator: TimeToEvent | Gap) -> list[float]:
    """Zero and the declared horizons, without those too close to read; the primary one always stays."""
    last = max(indicator.horizons)
    kept: list[float] = [0.0]
    primary = indicator.primary.horizon
    firm = {0, last, primary}
    for horizon in sorted(set(indicator.horizons)):
        rivals = [other for other in (*kept, *(h for h in firm if h is not None)) if other != horizon]
        if horizon in firm or all(abs(horizon - other) >= NEAREST_TICKS * last for other in rivals):
            kept.append(float(horizon))
    return kept


def _at_risk(
    points: Mapping[str, Sequence[Point]], ticks: Sequence[float], least: int, language: Language
) -> AtRisk | None:
    last = max(ticks)
    places = [(tick, f"{tick / last:.4f}") for tick in ticks]
    rows = []
    for period, found in points.items():
        at = {point.time: point for point in found}
        cells = tuple((words.count(at[t].at_risk, least, language), place) for t, place in places if t in at)
        rows.append((period, language.label("period", period), cells))
    return AtRisk(tuple((language.number(tick), place) for tick, place in places), tuple(rows))


# --- Months -------------------------------------------------------------------------------------


def run(published: Published, indicator: Indicator, language: Language, *, small: bool = False) -> Chart | None:
    """The monthly or quarterly run of the primary measure; None where the release has no such row."""
    wanted = _GROUPS if not small else {"circuit": _GROUPS["circuit"]}
    series = {group: published.series(indicator, *scope) for group, scope in wanted.items()}
    named = {language.say(f"group.{group}"): rows for group, rows in series.items() if rows}
    if not named:
        return None
    highs = [row.ci_high for row in next(iter(named.values()))] + [row.estimate for r in named.values() for row in r]
    measure = words.measure_name(indicator.primary.measure, indicator.primary.horizon, indicator, language)
    is_share = indicator.primary.measure in SHARES
    look = Look(language, measure, figures.end_of_axis(highs, is_share=is_share), is_share)
    spec = figures.run(named, published.programme.periods.named(), look, small=small)
    title = language.pick(indicator.title) if small else language.say("chart.run.title", measure=measure)
    table = tables.of_series(title, named, published.release.smallest_count, language)
    summary = _run_summary(next(iter(named.values())), language)
    name = f"run-{indicator.id}" if small else "run"
    drawn = _chart(name, title, summary, spec, table, f"indicator_{indicator.id}")
    return replace(drawn, badge=inference_words.mark(next(iter(named.values())), language))


def _run_summary(rows: Sequence[Row], language: Language) -> str:
    shown = [row for row in rows if row.estimate is not None]
    if not shown:
        return language.say("chart.run.empty")
    by_value = sorted(shown, key=lambda row: row.estimate or 0.0)
    return language.say(
        "chart.run.summary",
        first=language.calendar(rows[0].period),
        last=language.calendar(rows[-1].period),
        low=words.value(by_value[0], language),
        high=words.value(by_value[-1], language),
        shown=language.counted("chart.run.points", len(shown), number=len(shown)),
    )


# --- Dots ---------------------------------------------------------------------------------------


def dots(name: str, title: str, first: str, lines: Sequence[Line], axis: str, published: Published, csv: str,
         language: Language) -> Chart:  # fmt: skip
    """Before and after of each line with their intervals, and the table of the same lines, exploratory ones marked."""
    badge = inference_words.mark([row for line in lines for row in _rows_of(line)], language)
    lines = lines if badge else [_marked(line, language) for line in lines]
    rows = [Dots(line.label, line.comparison.before, line.comparison.after) for line in lines]
    highs = [row.ci_high for line in rows for row in (line.before, line.after) if row is not None]
    is_share = all(row.is_share for line in rows for row in (line.before, line.after) if row is not None)
    look = Look(language, axis, figures.end_of_axis(highs, is_share=is_share), is_share)
    spec = figures.dots(rows, look)
    table = tables.of_comparisons(title, first, lines, published.release.smallest_count, language)
    return replace(_chart(name, title, _dots_summary(rows, language), spec, table, csv), badge=badge)


def _rows_of(line: Line) -> list[Row | None]:
    return [line.comparison.before, line.comparison.after, line.comparison.difference]


def _marked(line: Line, language: Language) -> Line:
    """The line, its label with the word for what was not planned."""
    word = inference_words.mark(_rows_of(line), language)
    return replace(line, label=language.say("analysis.line", line=line.label, analysis=word)) if word else line


def _dots_summary(rows: Sequence[Dots], language: Language) -> str:
    shown = [row.after for row in rows if row.after is not None and row.after.estimate is not None]
    if not shown:
        return language.say("chart.dots.empty")
    by_value = sorted(shown, key=lambda row: row.estimate or 0.0)
    return language.say(
        "chart.dots.summary",
        low=words.value(by_value[0], language),
        high=words.value(by_value[-1], language),
        shown=language.number(len(shown)),
        all=language.counted("chart.dots.lines", len(rows), number=len(rows)),
    )

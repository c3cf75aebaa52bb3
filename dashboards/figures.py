"""Charts as Plotly specifications: only released numbers go in, as lists that a reader can check.

Every label that comes from data or declarations is escaped, because Plotly renders a little HTML.
All texts are formatted here, in the language of the page: Plotly formats no number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from itertools import pairwise
from typing import Any

from dashboards import theme, words
from dashboards.language import Language
from dashboards.selection import Point, Row
from warehouse.programme import Period

Spec = dict[str, Any]
CURVE_HEIGHT = 380
RUN_HEIGHT = 340
SMALL_RUN_HEIGHT = 210
ROW_HEIGHT = 58
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25)
MOST_TICKS = 6
LONGEST_LABEL = 42


@dataclass(frozen=True)
class Dots:
    """One line of a chart of dots: a label with the figure before and after."""

    label: str
    before: Row | None
    after: Row | None


@dataclass(frozen=True)
class Look:
    """What a chart needs beside its numbers: language, axis title, where the axis ends, whether it holds shares."""

    language: Language
    axis_title: str
    largest: float
    is_share: bool = True


def label(text: str) -> str:
    """Text as Plotly must get it: its own small HTML, formulas between dollars and templates switched off."""
    return escape(text, quote=False).replace("$", "&#36;").replace("%{", "&#37;{")


def shortened(text: str) -> str:
    """A label that fits on a phone; the table beside the chart has it whole."""
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def specification(data: Sequence[Spec], layout: Spec) -> Spec:
    """Data and layout as Plotly checks them, in plain dictionaries."""
    import plotly.graph_objects as go  # slow to import, needed by no other command

    spec: Spec = go.Figure(data=list(data), layout=layout).to_plotly_json()
    return spec


# --- Curves -------------------------------------------------------------------------------------


def curves(by_period: Mapping[str, Sequence[Point]], ticks: Sequence[float], horizon: int | None, look: Look) -> Spec:
    """Steps before and after with their bands; where no point is published there is no line."""
    data = [trace for period, points in by_period.items() for trace in _curve(period, points, look.language)]
    values, texts = ticks_of(look)
    last = max(ticks)
    layout = theme.layout(
        look.language,
        CURVE_HEIGHT,
        xaxis=theme.axis(
            range=[0, last],
            tickvals=list(ticks),
            ticktext=[look.language.number(tick) for tick in ticks],
            title={"text": label(look.axis_title), "standoff": 8, "font": {"size": 12, "color": theme.QUIET}},
            showgrid=False,
            showline=True,
            linecolor=theme.RULE,
        ),
        yaxis=theme.axis(range=[0, look.largest], tickvals=values, ticktext=texts),
        shapes=[] if horizon is None else [_upright(horizon)],
    )
    return specification(data, layout)


def _upright(at: float) -> Spec:
    """The dotted line at the primary horizon."""
    line = {"color": theme.RULE, "width": 1.5, "dash": "dot"}
    return {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}


def _curve(period: str, points: Sequence[Point], language: Language) -> Iterator[Spec]:
    drawn = [point for point in points if point.estimate is not None]
    if not drawn:
        return
    name = label(language.label("period", period))
    for run in _runs(points):
        yield _band(period, run)
    yield {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [point.time for point in points],
        "y": [point.estimate for point in points],
        "line": {"shape": "hv", "color": theme.COLOURS[period], "width": 2.5, "dash": theme.DASHES[period]},
        "text": [_told(name, point, language) for point in points],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _told(name: str, point: Point, language: Language) -> str:
    if point.estimate is None or point.ci_low is None or point.ci_high is None:
        return ""
    limits = language.say("interval", low=language.percent(point.ci_low), high=language.percent(point.ci_high))
    return f"<b>{name}</b> · {language.number(point.time)}<br>{language.percent(point.estimate)} ({limits})"


def _runs(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Stretches of points that all have an interval: a band must not bridge a gap."""
    run: list[Point] = []
    for point in points:
        if point.ci_low is not None and point.ci_high is not None:
            run.append(point)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _band(period: str, run: Sequence[Point]) -> Spec:
    """The interval band of one stretch, with the same steps as its line."""
    low = _steps([(point.time, point.ci_low) for point in run])
    high = _steps([(point.time, point.ci_high) for point in run])
    outline = [*high, *reversed(low)]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for x, _ in outline],
        "y": [y for _, y in outline],
        "fill": "toself",
        "fillcolor": theme.FILLS[period],
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _steps(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """The corners of a step function that holds each value until the next time."""
    corners = [points[0]]
    for (_, before), (time, after) in pairwise(points):
        corners += [(time, before), (time, after)]
    return corners


# --- Months -------------------------------------------------------------------------------------


def run(
    series: Mapping[str, Sequence[Row]], periods: Sequence[tuple[str, Period]], look: Look, *, small: bool = False
) -> Spec:
    """The monthly or quarterly run of each named group, over the bands of the periods."""
    values, texts = ticks_of(look)
    start, until = periods[0][1].start, periods[-1][1].until
    data: list[Spec] = [hatched(period, look) for name, period in periods if name == "transition"]
    for position, (name, rows) in enumerate(series.items()):
        data += _series(name, rows, (start, until), main=position == 0, language=look.language)
    shown = half_years(start, until)
    layout = theme.layout(
        look.language,
        SMALL_RUN_HEIGHT if small else RUN_HEIGHT,
        margin={"l": 48 if small else theme.LEFT, "r": 8 if small else theme.RIGHT, "t": 28 if small else 56, "b": 44},
        showlegend=len(series) > 1,
        legend={**theme.LEGEND, "y": 1.08},
        xaxis=theme.axis(
            type="date",
            range=[start.isoformat(), until.isoformat()],
            tickvals=[day.isoformat() for day in shown],
            ticktext=[look.language.month(day).replace(" ", "<br>", 1) for day in shown],
            showgrid=False,
            showline=True,
            linecolor=theme.RULE,
        ),
        yaxis=theme.axis(range=[0, look.largest], tickvals=values, ticktext=texts),
        shapes=[boundary(period.start) for name, period in periods[1:]],
        annotations=[period_label(name, period, look.language) for name, period in periods],
    )  # fmt: skip
    return specification(data, layout)


def hatched(period: Period, look: Look) -> Spec:
    """The band of the transition: shown, never compared."""
    start, until = period.start.isoformat(), period.until.isoformat()
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [start, until, until, start],
        "y": [0, 0, look.largest, look.largest],
        "fill": "toself",
        "fillcolor": theme.BAND_GROUND,
        "fillpattern": theme.HATCHING,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }  # fmt: skip


def boundary(day: date) -> Spec:
    """The dotted line at which a period begins."""
    line = {"color": theme.RULE, "width": 1, "dash": "dot"}
    at = day.isoformat()
    return {"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}


def period_label(name: str, period: Period, language: Language) -> Spec:
    """The name of a period above its middle."""
    middle = period.start + (period.until - period.start) / 2
    text = label(language.label("period", name))
    return theme.note(text, x=middle.isoformat(), xref="x", y=1, yref="paper", yanchor="bottom")


def _series(
    name: str, rows: Sequence[Row], span: tuple[date, date], *, main: bool, language: Language
) -> Iterator[Spec]:
    colour = theme.COLOURS["after"] if main else theme.COLOURS["before"]
    trace: Spec = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label(name),
        "x": [middle_of(row.period, *span).isoformat() for row in rows],
        "y": [row.estimate for row in rows],
        "connectgaps": False,
        "line": {"color": colour, "width": 2 if main else 1.5, "dash": "solid" if main else "dot"},
        "marker": {"size": 7 if main else 5, "symbol": "circle" if main else "circle-open", "color": colour},
        "text": [_told_row(name, row, language) for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
    }
    if main:
        trace["error_y"] = _whiskers(rows, colour)
    yield trace


def _whiskers(rows: Sequence[Row | None], colour: str) -> Spec:
    """Distances from the estimate to its limits, as Plotly wants them."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [_distance(row, "high") for row in rows],
        "arrayminus": [_distance(row, "low") for row in rows],
        "color": colour,
        "thickness": 1.2,
        "width": 0,
    }


def _distance(row: Row | None, side: str) -> float:
    if row is None or row.estimate is None or row.ci_low is None or row.ci_high is None:
        return 0.0
    return round(row.ci_high - row.estimate if side == "high" else row.estimate - row.ci_low, 2)


def _told_row(name: str, row: Row, language: Language) -> str:
    when = label(language.calendar(row.period))
    if row.estimate is None:
        return f"<b>{label(name)}</b> · {when}<br>{label(words.reason(row, language))}"
    return f"<b>{label(name)}</b> · {when}<br>{words.value(row, language)} ({words.interval(row, language)})"


def middle_of(period: str, start: date, until: date) -> date:
    """The middle day of what lies in ``start <= day < until`` of a month ``2023-05`` or a quarter ``2023-Q2``."""
    year, rest = int(period[:4]), period[5:]
    quarterly = rest.startswith("Q")
    first = date(year, 3 * int(rest[1]) - 2 if quarterly else int(rest), 1)
    after = (first + timedelta(days=32 * (3 if quarterly else 1))).replace(day=1)
    first, after = max(first, start), min(after, until)
    return first + (after - first) / 2


def half_years(start: date, until: date) -> list[date]:
    """The ticks of a time axis: halves of years, or every month of a short one."""
    firsts, day = [], start.replace(day=1)
    while day < until:
        if day >= start:
            firsts.append(day)
        day = (day + timedelta(days=32)).replace(day=1)
    halves = [day for day in firsts if day.month in (1, 7)]
    return halves if len(halves) > 1 else firsts[:: max(1, len(firsts) // MOST_TICKS)]


# --- Dots ---------------------------------------------------------------------------------------


def dots(rows: Sequence[Dots], look: Look) -> Spec:
    """One line per site, variant or stratum, first at the top: before and after with their intervals."""
    values, texts = ticks_of(look)
    height = 96 + ROW_HEIGHT * len(rows)
    layout = theme.layout(
        look.language,
        height,
        margin={"l": 12, "r": 28, "t": 40, "b": 48},
        xaxis=theme.axis(
            range=[0, look.largest],
            tickvals=values,
            ticktext=texts,
            title={"text": label(look.axis_title), "standoff": 8, "font": {"size": 12, "color": theme.QUIET}},
        ),
        yaxis=theme.axis(range=[len(rows) - 0.5, -0.5], showticklabels=False, showgrid=False),
        shapes=[separator(position) for position in range(len(rows))],
        annotations=[note for position, row in enumerate(rows) for note in _row_notes(position, row, look.language)],
    )
    return specification([_dot_trace(period, rows, look.language) for period in ("before", "after")], layout)


def separator(position: int) -> Spec:
    """The hair line above a row of dots."""
    at = position - 0.5
    line = {"color": theme.GRID, "width": 1}
    return {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": line}


def _row_notes(position: int, row: Dots, language: Language) -> Iterator[Spec]:
    """The label above its dots, and in words where a dot is missing: no line is dropped in silence."""
    place = {"xref": "paper", "yref": "y", "y": position - 0.44, "yanchor": "top"}
    yield theme.note(label(shortened(row.label)), x=0, xanchor="left", font={"color": theme.INK, "size": 13}, **place)
    missing = [period for period in ("before", "after") if _missing(getattr(row, period))]
    if missing:
        periods = language.say("list.and").join(language.label("period", period).lower() for period in missing)
        yield theme.note(label(language.say("chart.missing", periods=periods)), x=1, xanchor="right", **place)


def _missing(row: Row | None) -> bool:
    return row is None or row.estimate is None


def _dot_trace(period: str, rows: Sequence[Dots], language: Language) -> Spec:
    found: list[Row | None] = [getattr(row, period) for row in rows]
    name = language.label("period", period)
    shift = 0.02 if period == "before" else 0.24
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label(name),
        "x": [None if row is None else row.estimate for row in found],
        "y": [position + shift for position in range(len(rows))],
        "marker": {
            "size": 10,
            "color": theme.MARKERS[period],
            "line": {"width": 2, "color": theme.COLOURS[period]},
        },
        "error_x": _whiskers(found, theme.COLOURS[period]),
        "text": ["" if dot is None else _told_dot(rows[k].label, name, dot, language) for k, dot in enumerate(found)],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _told_dot(of: str, period: str, row: Row, language: Language) -> str:
    return f"<b>{label(of)}</b> · {label(period)}<br>{words.value(row, language)} ({words.interval(row, language)})"


# --- Axes ---------------------------------------------------------------------------------------


def end_of_axis(values: Sequence[float | None], *, is_share: bool = True) -> float:
    """The end of an axis from zero that holds all values: the next whole step; shares end at 1 at most."""
    most = max((value for value in values if value is not None), default=1.0)
    step = _step(most, is_share=is_share)
    end = max(math.ceil(round(most / step, 6)), 1) * step
    return round(min(1.0, end) if is_share else end, 6)


def _step(most: float, *, is_share: bool) -> float:
    """The distance of ticks that puts at most six of them on the axis."""
    steps = STEPS if is_share else [number * 10.0**power for power in range(-2, 7) for number in (1, 2, 5)]
    return next((step for step in steps if most <= step * (MOST_TICKS - 1)), steps[-1])


def ticks_of(look: Look) -> tuple[list[float], list[str]]:
    """Values and texts of the ticks, from zero to the end of the axis."""
    step = _step(look.largest, is_share=look.is_share)
    values = [round(step * k, 6) for k in range(round(look.largest / step) + 1)]
    return values, [look.language.percent(v) if look.is_share else look.language.number(v) for v in values]

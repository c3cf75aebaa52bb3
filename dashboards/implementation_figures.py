"""Charts of what the programme did and of published shares: counts over time, and shares with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dashboards import theme, words
from dashboards.figures import (
    Look,
    Spec,
    boundary,
    end_of_axis,
    half_years,
    label,
    middle_of,
    period_label,
    separator,
    shortened,
    specification,
    ticks_of,
)
from dashboards.language import Language
from warehouse.programme import Period

COUNTS_HEIGHT = 420
LOWER, UPPER = (0.0, 0.44), (0.57, 0.91)  # the counts of each period, and their sum above them
FEWEST_ON_AXIS = 5  # ticks are whole numbers
SHARE_ROW_HEIGHT = 54
DAY = timedelta(days=1)
WIDTHS = {"month": 24, "quarter": 76}  # of a bar, in days


@dataclass(frozen=True)
class Count:
    """One month or quarter of an activity: what was counted, and the sum up to its end. None where withheld."""

    period: str
    n: int | None
    cumulative: int | None
    told: str

    @property
    def step(self) -> str:
        """Whether the series is by month or by quarter."""
        return "quarter" if "Q" in self.period else "month"


@dataclass(frozen=True)
class Share:
    """One line of a chart of shares: a label, the share with its interval, and both in words. None where withheld."""

    label: str
    estimate: float | None
    low: float | None
    high: float | None
    told: str


def counts(series: Sequence[Count], periods: Sequence[tuple[str, Period]], language: Language) -> Spec:
    """Bars of each month or quarter under the steps of their sum, over the periods of the evaluation."""
    start, until = _span(series, periods)
    shown = half_years(start, until)
    lower, upper = (_axis(language, [getattr(one, name) for one in series]) for name in ("n", "cumulative"))
    layout = theme.layout(
        language,
        COUNTS_HEIGHT,
        margin={"l": theme.LEFT, "r": theme.RIGHT, "t": 36, "b": 48},
        showlegend=False,
        bargap=0,
        xaxis=theme.axis(
            type="date",
            range=[start.isoformat(), until.isoformat()],
            tickvals=[day.isoformat() for day in shown],
            ticktext=[language.month(day).replace(" ", "<br>", 1) for day in shown],
            showgrid=False,
            showline=True,
            linecolor=theme.RULE,
            anchor="y",
        ),
        yaxis=theme.axis(domain=list(LOWER), **lower),
        yaxis2=theme.axis(domain=list(UPPER), anchor="x", **upper),
        shapes=[boundary(period.start) for _, period in periods[1:]],
        annotations=[
            *(period_label(name, period, language) for name, period in periods),
            _panel(language.say(f"activity.panel.{series[0].step}"), LOWER[1]),
            _panel(language.say("activity.panel.cumulative"), UPPER[1]),
        ],
    )  # fmt: skip
    return specification([*_bars(series, start, until), _steps(series, start, until)], layout)


def _span(series: Sequence[Count], periods: Sequence[tuple[str, Period]]) -> tuple[date, date]:
    """The periods of the evaluation, and what was done before or after them."""
    days = [middle_of(one.period, date.min, date.max) for one in series]
    half = timedelta(days=WIDTHS[series[0].step] // 2 + 4)
    start, until = periods[0][1].start, periods[-1][1].until
    return min(start, min(days) - half), max(until, max(days) + half)


def _axis(language: Language, values: Sequence[int | None]) -> Spec:
    largest = end_of_axis([*values, FEWEST_ON_AXIS], is_share=False)
    ticks, texts = ticks_of(Look(language, "", largest, is_share=False))
    return {"range": [0, largest], "tickvals": ticks, "ticktext": texts}


def _panel(text: str, at: float) -> Spec:
    """The name of one of the two panels, above it on the left."""
    return theme.note(label(text), x=0, xref="paper", xanchor="left", y=at, yref="paper", yanchor="bottom")


def _bars(series: Sequence[Count], start: date, until: date) -> list[Spec]:
    bars: Spec = {
        "type": "bar",
        "x": [middle_of(one.period, start, until).isoformat() for one in series],
        "y": [one.n for one in series],
        "width": [WIDTHS[one.step] * DAY / timedelta(milliseconds=1) for one in series],
        "marker": {"color": theme.COLOURS["after"]},
        "text": [one.told for one in series],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }
    hidden = [one for one in series if one.n is None]
    mark: Spec = {
        "type": "scatter",
        "mode": "text",
        "x": [middle_of(one.period, start, until).isoformat() for one in hidden],
        "y": [0 for _ in hidden],
        "text": [words.WITHHELD_SYMBOL for _ in hidden],
        "textposition": "top center",
        "textfont": {"color": theme.QUIET, "size": 12},
        "hoverinfo": "skip",
    }
    return [bars, mark] if hidden else [bars]


def _steps(series: Sequence[Count], start: date, until: date) -> Spec:
    """The sum at the end of each period; where it is withheld the line bridges nothing."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [middle_of(one.period, start, until).isoformat() for one in series],
        "y": [one.cumulative for one in series],
        "yaxis": "y2",
        "connectgaps": False,
        "line": {"color": theme.INK, "width": 2},
        "marker": {"size": 5, "color": theme.INK},
        "text": [one.told for one in series],
        "hovertemplate": "%{text}<extra></extra>",
    }


def shares(rows: Sequence[Share], language: Language) -> Spec:
    """One line per answer, first at the top: the share as a dot with its interval."""
    largest = end_of_axis([row.high for row in rows])
    values, texts = ticks_of(Look(language, "", largest))
    layout = theme.layout(
        language,
        64 + SHARE_ROW_HEIGHT * len(rows),
        margin={"l": 12, "r": 28, "t": 8, "b": 40},
        showlegend=False,
        xaxis=theme.axis(range=[0, largest], tickvals=values, ticktext=texts),
        yaxis=theme.axis(range=[len(rows) - 0.5, -0.5], showticklabels=False, showgrid=False),
        shapes=[separator(position) for position in range(len(rows))],
        annotations=[_row_label(position, row) for position, row in enumerate(rows)],
    )
    return specification([_dots(rows)], layout)


def _row_label(position: int, row: Share) -> Spec:
    place = {"xref": "paper", "yref": "y", "y": position - 0.44, "yanchor": "top", "x": 0, "xanchor": "left"}
    return theme.note(label(shortened(row.label)), font={"color": theme.INK, "size": 13}, **place)


def _dots(rows: Sequence[Share]) -> Spec:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [row.estimate for row in rows],
        "y": [position + 0.18 for position in range(len(rows))],
        "marker": {"size": 10, "color": theme.COLOURS["transition"], "symbol": "diamond"},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [_distance(row.estimate, row.high) for row in rows],
            "arrayminus": [_distance(row.low, row.estimate) for row in rows],
            "color": theme.COLOURS["transition"],
            "thickness": 1.2,
            "width": 0,
        },
        "text": [row.told for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _distance(low: float | None, high: float | None) -> float:
    return 0.0 if low is None or high is None else round(high - low, 3)

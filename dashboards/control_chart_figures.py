"""Control charts and funnels as Plotly specifications, from released points and limits alone.

Signals differ by shape and colour, and the legend names both. Limits are steps, as each holds for its own month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from dashboards import chart_words, theme
from dashboards.charted import ChartPoint, ChartSummary, ControlChart, FunnelPoint
from dashboards.figures import (
    RUN_HEIGHT,
    Look,
    Spec,
    boundary,
    half_years,
    hatched,
    label,
    middle_of,
    period_label,
    specification,
    ticks_of,
)
from warehouse.programme import Period

FUNNEL_HEIGHT = 400
SHAPES = {"common_cause": "circle", "improvement": "square", "concern": "diamond", "neutral": "x"}
LINES = (("low_998", "dash"), ("low_95", "dot"), ("high_95", "dot"), ("high_998", "dash"))
INSIDE, OUTSIDE = "circle-open", "diamond"  # of the wide limits of a funnel
DODGE = 0.012  # of the axis of sizes, between sites that coincide
MOST_SIZES = 5  # ticks of the sizes of a funnel


def kind_of(variation: str | None) -> str:
    """``improvement`` of ``improvement_high``; ``common_cause`` stays, and stands for no judgement too."""
    return "common_cause" if variation in (None, "common_cause") else str(variation).rpartition("_")[0]


def control(chart: ControlChart, periods: Sequence[tuple[str, Period]], look: Look) -> Spec:
    """Points by their signal over the mean and the limits that the before period gives them."""
    values, texts = ticks_of(look)
    start, until = periods[0][1].start, periods[-1][1].until
    days = {point.period: middle_of(point.period, start, until).isoformat() for point in chart.points}
    data = [hatched(period, look) for name, period in periods if name == "transition"]
    data += [*_limits(chart, days, look), *_target(chart.summary, start, until, look)]
    data += [_path(chart, days), *_signals(chart, days, look)]
    shown = half_years(start, until)
    layout = theme.layout(
        look.language,
        RUN_HEIGHT + 40,
        margin={"l": theme.LEFT, "r": theme.RIGHT, "t": 84, "b": 44},
        legend={**theme.LEGEND, "y": 1.1},
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
        shapes=[boundary(period.start) for _, period in periods[1:]],
        annotations=[period_label(name, period, look.language) for name, period in periods],
    )
    return specification(data, layout)


def _limits(chart: ControlChart, days: Mapping[str, str], look: Look) -> Iterator[Spec]:
    """The mean and both limits, as steps around their months; the legend names the two lines once."""
    say = look.language.say
    for name, dash, title in (
        ("centre", "solid", say("spc.centre")),
        ("lower", "dash", say("spc.limits")),
        ("upper", "dash", None),
    ):
        found = [getattr(point, name) for point in chart.points]
        if all(value is None for value in found):
            continue
        yield {
            "type": "scatter",
            "mode": "lines",
            "name": title or "",
            "showlegend": title is not None,
            "x": list(days.values()),
            "y": found,
            "connectgaps": False,
            "line": {"color": theme.QUIET, "width": 1.4, "dash": dash, "shape": "hvh"},
            "hoverinfo": "skip",
        }


def _path(chart: ControlChart, days: Mapping[str, str]) -> Spec:
    """The thin line from point to point; it does not cross a month that is not there."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(days.values()),
        "y": [point.estimate for point in chart.points],
        "connectgaps": False,
        "line": {"color": theme.UNCLEAR, "width": 1.5},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _signals(chart: ControlChart, days: Mapping[str, str], look: Look) -> Iterator[Spec]:
    """The points of each kind of signal that occurs."""
    for kind, shape in SHAPES.items():
        found = [p for p in chart.points if p.estimate is not None and kind_of(p.variation) == kind]
        if not found:
            continue
        yield {
            "type": "scatter",
            "mode": "markers",
            "name": label(look.language.say(f"spc.kind.{kind}")),
            "x": [days[point.period] for point in found],
            "y": [point.estimate for point in found],
            "marker": {
                "size": 8 if kind == "common_cause" else 10,
                "symbol": shape,
                "color": theme.VARIATIONS[kind],
                "line": {"color": theme.INK, "width": 1},
            },
            "cliponaxis": False,
            "text": [_told(point, look) for point in found],
            "hovertemplate": "%{text}<extra></extra>",
        }


def _told(point: ChartPoint, look: Look) -> str:
    language = look.language
    value = chart_words.number(point.estimate, point.measure, language)
    limits = language.say("spc.limits") + " " + chart_words.limits(point.lower, point.upper, point.measure, language)
    lines = [f"<b>{language.calendar(point.period)}</b> · {value}", limits, chart_words.reading(point, language)]
    return "<br>".join(label(line) if line != lines[0] else line for line in lines if line)


def _target(of: ChartSummary, start: date, until: date, look: Look) -> Iterator[Spec]:
    """The declared target as a line of its own in the legend."""
    if of.target is None:
        return
    yield {
        "type": "scatter",
        "mode": "lines",
        "name": look.language.say("spc.target", target=chart_words.number(of.target, of.measure, look.language)),
        "x": [start.isoformat(), until.isoformat()],
        "y": [of.target, of.target],
        "line": {"color": theme.INK, "width": 1.5, "dash": "longdashdot"},
        "hoverinfo": "skip",
    }


# --- Funnels ------------------------------------------------------------------------------------


def funnel(
    sites: Sequence[FunnelPoint], lines: Sequence[FunnelPoint], names: Mapping[str, str], size_title: str, look: Look
) -> Spec:
    """Sites by their size between the limits of chance; those beyond the wide ones are named on the chart."""
    values, texts = ticks_of(look)
    drawn = [point for point in sites if point.position is not None]
    largest = max((point.size or 0 for point in lines), default=1.0)
    sizes = _sizes(largest)
    outside = [point for point in drawn if (point.position or "").endswith("998")]
    layout = theme.layout(
        look.language,
        FUNNEL_HEIGHT,
        margin={"l": theme.LEFT, "r": theme.RIGHT, "t": 64, "b": 56},
        xaxis=theme.axis(
            range=[0, largest],
            tickvals=sizes,
            ticktext=[look.language.number(size) for size in sizes],
            title={"text": label(size_title), "standoff": 8, "font": {"size": 12, "color": theme.QUIET}},
            showgrid=False,
            showline=True,
            linecolor=theme.RULE,
        ),
        yaxis=theme.axis(range=[0, look.largest], tickvals=values, ticktext=texts),
        annotations=[
            theme.note(label(names[p.scope or ""]), x=p.size, y=p.estimate, xref="x", yref="y", yanchor="bottom")
            for p in outside
        ],
    )
    data = [*_funnel_lines(lines, look), *_funnel_sites(drawn, names, largest, look)]
    return specification(data, layout)


def _sizes(largest: float) -> list[float]:
    """At most five round sizes from zero on."""
    steps = [number * 10**power for power in range(6) for number in (1, 2, 5)]
    step = next((step for step in steps if largest <= step * MOST_SIZES), steps[-1])
    return [float(step * k) for k in range(int(largest // step) + 1)]


def _funnel_lines(lines: Sequence[FunnelPoint], look: Look) -> Iterator[Spec]:
    """The value of all sites together and the two pairs of limits, each pair with one entry in the legend."""
    say = look.language.say
    titles = {"low_998": say("funnel.limits.998"), "low_95": say("funnel.limits.95")}
    for name, dash in (("centre", "solid"), *LINES):
        yield {
            "type": "scatter",
            "mode": "lines",
            "name": say("funnel.centre") if name == "centre" else titles.get(name, ""),
            "showlegend": name == "centre" or name in titles,
            "x": [point.size for point in lines],
            "y": [getattr(point, name) for point in lines],
            "line": {"color": theme.QUIET, "width": 1.4, "dash": dash},
            "hoverinfo": "skip",
        }


def _side_by_side(drawn: Sequence[FunnelPoint], largest: float) -> list[float]:
    """Where sites stand on the axis of sizes: those of one size and value beside one another, not on top."""
    places = [(point.size or 0.0, point.estimate) for point in drawn]
    return [
        round(place[0] + DODGE * largest * (places[:k].count(place) - (places.count(place) - 1) / 2), 2)
        for k, place in enumerate(places)
    ]


def _funnel_sites(drawn: Sequence[FunnelPoint], names: Mapping[str, str], largest: float, look: Look) -> Iterator[Spec]:
    beyond = [(point.position or "").endswith("998") for point in drawn]
    yield {
        "type": "scatter",
        "mode": "markers",
        "name": look.language.say("funnel.sites"),
        "x": _side_by_side(drawn, largest),
        "y": [point.estimate for point in drawn],
        "marker": {
            "size": 11,
            "symbol": [OUTSIDE if far else INSIDE for far in beyond],
            "color": theme.COLOURS["after"],
            "line": {"width": 2, "color": theme.COLOURS["after"]},
        },
        "text": [_told_site(point, names[point.scope or ""], look) for point in drawn],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _told_site(point: FunnelPoint, name: str, look: Look) -> str:
    language = look.language
    value = chart_words.number(point.estimate, point.measure, language)
    return f"<b>{label(name)}</b> · {value}<br>{label(chart_words.place(point, language))}"

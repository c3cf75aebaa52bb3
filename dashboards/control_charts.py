"""Control charts and funnels as the page of an indicator shows them: drawing, sentences, table twin, icons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards import chart_words, charted, control_chart_figures, glyphs, words
from dashboards.charted import CIRCUIT, COMPARATOR, ChartPoint, ControlChart, FunnelPoint
from dashboards.charts import Chart
from dashboards.figures import Look, end_of_axis
from dashboards.language import Language
from dashboards.selection import SHARES, Published
from dashboards.tables import Column, Table, with_remarks
from warehouse.kinds import Indicator, Timed

GROUPS = {"circuit": CIRCUIT, "comparator": COMPARATOR}


@dataclass(frozen=True)
class ControlSection:
    """The control charts of one indicator: those drawn, how they were made, and the icons of the circuit's."""

    charts: tuple[Chart, ...]
    notes: tuple[str, ...]
    icons: tuple[glyphs.Icon, ...]


def section(published: Published, indicator: Indicator, language: Language) -> ControlSection | None:
    """The charts of the circuit sites and of the comparators on one scale; None where the release has none."""
    found = {group: charted.control_chart(published.release, indicator, scope) for group, scope in GROUPS.items()}
    known = {group: chart for group, chart in found.items() if chart is not None}
    if not known:
        return None
    highs = [value for chart in known.values() for p in chart.points for value in (p.estimate, p.upper)]
    highs += [chart.summary.target for chart in known.values()]
    is_share = indicator.primary.measure in SHARES
    look = Look(language, "", end_of_axis(highs, is_share=is_share), is_share)
    drawn = tuple(_chart(published, indicator, group, chart, look) for group, chart in known.items())
    kinds = dict.fromkeys(chart.summary.chart for chart in known.values())
    notes = [language.say(f"spc.note.{kind}") for kind in kinds]
    if any(chart.summary.grain == "quarter" for chart in known.values()):
        notes.append(language.say("indicator.control.quarter"))
    return ControlSection(drawn, tuple(notes), icons(published, indicator, language))


def icons(published: Published, indicator: Indicator, language: Language) -> tuple[glyphs.Icon, ...]:
    """Variation and, with a target, assurance of the circuit sites' chart; none where it has no reading."""
    found = charted.control_chart(published.release, indicator)
    if found is None:
        return ()
    of = found.summary
    shown = [] if of.variation is None else [glyphs.of_variation(of.variation, language, provisional=of.provisional)]
    return (*shown, *([] if of.assurance is None else [glyphs.of_assurance(of.assurance, language)]))


def _chart(published: Published, indicator: Indicator, group: str, chart: ControlChart, look: Look) -> Chart:
    language = look.language
    measure = words.measure_name(indicator.primary.measure, indicator.primary.horizon, indicator, language)
    title = language.say("spc.title", group=language.say(f"group.{group}"), measure=measure)
    spec = control_chart_figures.control(chart, published.programme.periods.named(), look)
    return Chart(
        id=f"control-{group}",
        title=title,
        summary=chart_words.summary(chart, language),
        spec=spec,
        table=_table(title, chart.points, published.release.smallest_count, language),
        csv=f"charts_{indicator.id}",
        height=spec["layout"]["height"],
    )


def _table(title: str, points: Sequence[ChartPoint], least: int, language: Language) -> Table:
    """One line per month or quarter, those without a point among them, with the reason."""
    say = language.say
    columns = [Column(say("table.period"), is_text=True), Column(say("table.phase"), is_text=True)]
    columns += [Column(say(f"table.{name}")) for name in ("value", "n", "mean_before", "limits")]
    columns.append(Column(say("table.reading"), is_text=True))
    rows = [
        [
            language.calendar(point.period),
            words.NO_NUMBER_SYMBOL if point.phase is None else language.label("period", point.phase),
            _value(point, language),
            words.NO_NUMBER_SYMBOL if _is_missing(point) else words.count(point.n, least, language),
            chart_words.number(point.centre, point.measure, language),
            chart_words.limits(point.lower, point.upper, point.measure, language),
            chart_words.reading(point, language),
        ]
        for point in points
    ]
    return with_remarks(title, columns, rows, [chart_words.remark(point, language) for point in points], language)


def _value(point: ChartPoint, language: Language) -> str:
    if point.withheld == words.WITHHELD:
        return words.WITHHELD_SYMBOL
    return chart_words.number(point.estimate, point.measure, language)


def _is_missing(point: ChartPoint) -> bool:
    """Nobody's month, which is not a month with few."""
    return point.n is None and point.withheld not in (None, words.WITHHELD)


# --- Funnels ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FunnelSection:
    """The funnel of one indicator, and what its limits do not allow for."""

    chart: Chart
    note: str


def funnel(
    published: Published, indicator: Indicator, names: Mapping[str, str], language: Language
) -> FunnelSection | None:
    """The circuit sites after, by their size; None where no site may be shown. ``names`` are those of the sites."""
    sites, lines = charted.funnel(published.release, indicator)
    if not any(point.position is not None for point in sites):
        return None
    measure = words.measure_name(indicator.primary.measure, indicator.primary.horizon, indicator, language)
    title = language.say("funnel.title", measure=measure)
    is_share = indicator.primary.measure in SHARES
    highs = [value for p in sites for value in (p.estimate, p.high_998)]
    look = Look(language, "", end_of_axis(highs, is_share=is_share), is_share)
    is_rate = indicator.primary.measure == "rate"
    size_title = language.say("funnel.axis.exposure" if is_rate else "funnel.axis.n")
    spec = control_chart_figures.funnel(sites, lines, names, size_title, look)
    chart = Chart(
        id="funnel",
        title=title,
        summary=chart_words.funnel_summary(sites, names, language),
        spec=spec,
        table=_funnel_table(title, sites, names, published.release.smallest_count, language),
        csv=f"funnels_{indicator.id}",
        height=spec["layout"]["height"],
    )
    note = "indicator.funnel.rate" if is_rate else "indicator.funnel.censored" if isinstance(indicator, Timed) else ""
    return FunnelSection(chart, language.say(note) if note else "")


def _funnel_table(
    title: str, sites: Sequence[FunnelPoint], names: Mapping[str, str], least: int, language: Language
) -> Table:
    """One line per site, in the order of declaration: no ranking."""
    say = language.say
    columns = [Column(say("table.site"), is_text=True), Column(say("table.n")), Column(say("table.value"))]
    columns += [Column(say("funnel.limits.95")), Column(say("funnel.limits.998"))]
    columns.append(Column(say("table.reading"), is_text=True))
    rows = [
        (
            names[point.scope or ""],
            words.count(point.n, least, language),
            words.WITHHELD_SYMBOL
            if point.withheld == words.WITHHELD
            else chart_words.number(point.estimate, point.measure, language),
            chart_words.limits(point.low_95, point.high_95, point.measure, language),
            chart_words.limits(point.low_998, point.high_998, point.measure, language),
            chart_words.place(point, language),
        )
        for point in sites
    ]
    return Table(title, tuple(columns), tuple(rows))

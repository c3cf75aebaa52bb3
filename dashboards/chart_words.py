"""Sentences of control charts and funnels, made of the released readings that the drawings show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards import words
from dashboards.charted import ChartPoint, ChartSummary, ControlChart, FunnelPoint
from dashboards.language import Language
from dashboards.selection import SHARES


def number(value: float | None, measure: str, language: Language) -> str:
    """A point or a limit as its axis has it: whole per cent, or a number."""
    if value is None:
        return words.NO_NUMBER_SYMBOL
    return language.percent(value) if measure in SHARES else language.number(value)


def limits(low: float | None, high: float | None, measure: str, language: Language) -> str:
    """A pair of limits, or the dash where there is none."""
    if low is None or high is None:
        return words.NO_NUMBER_SYMBOL
    return language.say("interval", low=number(low, measure, language), high=number(high, measure, language))


def reading(point: ChartPoint, language: Language) -> str:
    """What the rules say of one point, in words; empty where there is no point or no limit."""
    if point.variation is None:
        return ""
    said = language.say(f"spc.variation.{point.variation}")
    if point.signal is None:
        return said
    return language.say("spc.reading", variation=said, rule=language.say(f"spc.signal.{point.signal}"))


def remark(point: ChartPoint, language: Language) -> str:
    """Why a point is not there, in words."""
    return "" if point.withheld is None else words.reason_in_words(point.withheld, language)


def summary(chart: ControlChart, language: Language) -> str:
    """The last point, how sure its limits are, the target, and the run rules: one sentence each."""
    of = chart.summary
    return " ".join(
        sentence
        for sentence in (_last_point(of, language), _after(chart, language), _baseline(of, language),
                         _target(of, language), _run_rules(of, language))
        if sentence
    )  # fmt: skip


def _last_point(of: ChartSummary, language: Language) -> str:
    if of.withheld is not None or of.variation is None:
        return language.say("spc.last.absent", reason=words.reason_in_words(of.withheld or "unknown", language))
    said = language.say(f"spc.variation.{of.variation}")
    rule = "" if of.signal is None else language.say("spc.last.rule", rule=language.say(f"spc.signal.{of.signal}"))
    return language.say("spc.last", period=language.calendar(of.period), variation=said, rule=rule)


def _after(chart: ControlChart, language: Language) -> str:
    """How many of the points after the programme began signal which way."""
    judged = [point for point in chart.points if point.phase == "after" and point.variation is not None]
    if not judged:
        return ""
    of_kind = {kind: sum((p.variation or "").startswith(kind) for p in judged) for kind in _KINDS}
    named = [language.counted(f"spc.after.{kind}", count, number=count) for kind, count in of_kind.items() if count]
    said = words.enumeration(named, language) if named else language.say("spc.after.none")
    points = language.counted("chart.run.points", len(judged), number=len(judged))
    return language.say("spc.after", points=points, signals=said)


_KINDS = ("improvement", "concern", "neutral")


def _baseline(of: ChartSummary, language: Language) -> str:
    if of.baseline_points == 0:
        return ""
    points = language.counted("spc.baseline.points", of.baseline_points, number=of.baseline_points)
    return language.say("spc.baseline.provisional" if of.provisional else "spc.baseline.firm", points=points)


def _target(of: ChartSummary, language: Language) -> str:
    if of.target is None or of.assurance is None:
        return ""
    shown = number(of.target, of.measure, language)
    return language.say(f"spc.assurance.{of.assurance}.sentence", target=shown)


def _run_rules(of: ChartSummary, language: Language) -> str:
    if of.runs_signal is None:
        return language.counted("spc.runs.too_few", of.useful_points, number=of.useful_points)
    return language.say(
        "spc.runs.signal" if of.runs_signal else "spc.runs.random",
        longest=of.longest_run,
        most=of.longest_run_allowed,
        crossings=language.counted("spc.runs.crossings", of.crossings, number=of.crossings),
        fewest=of.fewest_crossings,
    )


# --- Funnels ------------------------------------------------------------------------------------


def place(point: FunnelPoint, language: Language) -> str:
    """Where a site stands, in words."""
    if point.position is None:
        return words.reason_in_words(point.withheld or "unknown", language)
    return language.say(f"funnel.position.{point.position}")


def funnel_summary(sites: Sequence[FunnelPoint], names: Mapping[str, str], language: Language) -> str:
    """How many sites lie inside the wide limits, which do not, and which are not drawn."""
    drawn = [point for point in sites if point.position is not None]
    far = [names[point.scope or ""] for point in drawn if (point.position or "").endswith("998")]
    few = [names[point.scope or ""] for point in sites if point.position is None]
    inside = len(drawn) - len(far)
    said = [language.counted("funnel.inside", inside, number=inside, all=len(drawn))]
    if far:
        said.append(language.say("funnel.outside", sites=words.enumeration(far, language)))
    if few:
        said.append(language.say("funnel.too_few", sites=words.enumeration(few, language)))
    return " ".join(said)

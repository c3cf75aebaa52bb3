"""The one generator of sentences: from one released comparison to its direction, size and uncertainty.

Every sentence is made of the numbers that stand beside it, as published, so that the two cannot
disagree: an interval that touches zero after rounding supports no direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from dashboards.language import Language
from dashboards.selection import TESTS, TIMES, Comparison, Row
from warehouse.kinds import Gap, Indicator, Proportion
from warehouse.schemas import CONFIDENCE

WITHHELD = "small_count"
WITHHELD_SYMBOL = "c"
NO_NUMBER_SYMBOL = "\N{EN DASH}"
_OPPOSITE: dict[str, Literal["higher", "lower"]] = {"higher": "lower", "lower": "higher"}


class Direction(StrEnum):
    """What the comparison says of the programme's aim."""

    IMPROVEMENT = "improvement"
    UNCLEAR = "unclear"
    WORSENING = "worsening"
    INSUFFICIENT = "insufficient"
    NOT_JUDGED = "not_judged"


class Movement(StrEnum):
    """Where the value itself went, whether that is good or not."""

    UP = "up"
    DOWN = "down"
    LEVEL = "level"
    UNKNOWN = "unknown"


ARROWS = {
    Movement.UP: "\N{UPWARDS ARROW}",
    Movement.DOWN: "\N{DOWNWARDS ARROW}",
    Movement.LEVEL: "\N{RIGHTWARDS ARROW}",
    Movement.UNKNOWN: NO_NUMBER_SYMBOL,
}


@dataclass(frozen=True)
class Wording:
    """A comparison in words. ``label`` is the direction in one or two words; ``text`` is everything."""

    direction: Direction
    movement: Movement
    label: str
    size: str
    uncertainty: str
    limits: str

    @property
    def arrow(self) -> str:
        """The sign that goes with the label; never shown without it."""
        return ARROWS[self.movement]

    @property
    def text(self) -> str:
        """Size, uncertainty and limits, one after the other."""
        return " ".join(part for part in (self.size, self.uncertainty, self.limits) if part)


def describe(
    comparison: Comparison,
    indicator: Indicator,
    language: Language,
    *,
    controlled: bool,
    judged: bool = True,
) -> Wording:
    """Direction, size, uncertainty and limits of an after-before comparison, in one language.

    ``controlled`` says whether comparator sites are shown too. A negative control is not ``judged``:
    nothing was changed, so a difference is printed and no more.
    """
    better = better_for(comparison.measure, indicator)
    direction = direction_of(comparison.difference, better)
    if not judged and direction is not Direction.INSUFFICIENT:
        direction = Direction.NOT_JUDGED
    movement = movement_of(comparison.difference)
    say = language.say
    if direction is Direction.INSUFFICIENT:
        uncertainty, limits = say("words.not_no_effect"), ""
    else:
        uncertainty = _uncertainty(comparison, direction, language)
        limits = say("words.limits.controlled" if controlled else "words.limits.uncontrolled") if judged else ""
    return Wording(
        direction=direction,
        movement=movement,
        label=say(f"direction.{direction}"),
        size=_size(comparison, indicator, language),
        uncertainty=uncertainty,
        limits=limits,
    )


def better_for(measure: str, indicator: Indicator) -> Literal["higher", "lower"]:
    """Which way of this measure serves the aim: ``indicator.better`` speaks of its primary measure.

    The share still waiting and the median wait fall when the share reached rises.
    """
    waiting = {"survival", "median_time", "restricted_mean"}
    crosses = (measure in waiting) != (indicator.primary.measure in waiting)
    return _OPPOSITE[indicator.better] if crosses else indicator.better


def direction_of(difference: Row | None, better: Literal["higher", "lower"]) -> Direction:
    """From the published interval alone: a direction needs both limits on one side of zero."""
    if difference is None or not _is_complete(difference):
        return Direction.INSUFFICIENT
    if difference.ci_low is not None and difference.ci_low > 0:
        return Direction.IMPROVEMENT if better == "higher" else Direction.WORSENING
    if difference.ci_high is not None and difference.ci_high < 0:
        return Direction.IMPROVEMENT if better == "lower" else Direction.WORSENING
    return Direction.UNCLEAR


def movement_of(difference: Row | None) -> Movement:
    """Up or down where the published interval leaves zero out; level otherwise."""
    if difference is None or not _is_complete(difference):
        return Movement.UNKNOWN
    if difference.ci_low is not None and difference.ci_low > 0:
        return Movement.UP
    return Movement.DOWN if difference.ci_high is not None and difference.ci_high < 0 else Movement.LEVEL


def _is_complete(row: Row) -> bool:
    return row.withheld is None and None not in (row.estimate, row.ci_low, row.ci_high)


def _size(comparison: Comparison, indicator: Indicator, language: Language) -> str:
    difference = comparison.difference
    named = measure_in_words(comparison, indicator, language)
    if difference is None or difference.estimate is None or difference.withheld is not None:
        return language.say("words.no_difference_known", measure=named, reason=reason(difference, language))
    both = [row for row in (comparison.before, comparison.after) if row is not None and row.estimate is not None]
    sign = "more" if difference.estimate > 0 else "less" if difference.estimate < 0 else "same"
    known = "both" if len(both) == 2 else "alone"
    return language.say(
        f"words.size.{known}.{sign}",
        measure=named,
        before=value(comparison.before, language),
        after=value(comparison.after, language),
        gap=amount(abs(difference.estimate), difference, language),
    )


def _uncertainty(comparison: Comparison, direction: Direction, language: Language) -> str:
    found = comparison.difference
    kind = "clear" if direction in (Direction.IMPROVEMENT, Direction.WORSENING) else str(direction)
    return language.say(
        f"words.interval.{kind}",
        level=language.percent(CONFIDENCE),
        interval=interval(found, language),
        direction=language.say(f"direction.{direction}.in_sentence"),
    )


def measure_in_words(comparison: Comparison, indicator: Indicator, language: Language) -> str:
    """What is measured, with its event, horizon or threshold: Part des parcours avec orientation en 30 jours."""
    name = measure_name(comparison.measure, comparison.horizon, indicator, language)
    return in_analysis(name, comparison.sensitivity, language)


def in_analysis(measure: str, sensitivity: str | None, language: Language) -> str:
    """The name of a measure, with that of the sensitivity analysis where it is of one."""
    if sensitivity is None:
        return measure
    return language.say("measure.sensitivity", measure=measure, analysis=language.label("sensitivity", sensitivity))


def measure_name(measure: str, horizon: int | None, indicator: Indicator, language: Language) -> str:
    """The same for a measure and horizon that stand alone."""
    name = language.label("measure", measure)
    if measure == "top_box" and indicator.kind == "score":
        top, most = language.number(indicator.top_box), language.number(indicator.range[1])
        return language.say("measure.top_box.with_threshold", threshold=top, maximum=most)
    if measure == "proportion" and isinstance(indicator, Proportion):
        number = indicator.at_least
        return language.counted("measure.proportion.of", number, number=number, event=event(indicator, language))
    if horizon is None:
        return name
    at = duration(horizon, indicator.unit, language)
    if language.knows(f"measure.{measure}.of"):
        return language.say(f"measure.{measure}.of", event=event(indicator, language), horizon=at)
    return language.say("measure.at_horizon", measure=name, horizon=at)


def event(indicator: Indicator, language: Language) -> str:
    """The events that an indicator looks at: orientation, or orientation (psychologie)."""
    if isinstance(indicator, Gap):
        return language.say("event.gap", number=indicator.longest_days)
    selector = indicator.event
    if not language.knows(f"event.{selector.type}"):
        return language.say("event.any")  # a programme's own type has no words here
    name = language.label("event", selector.type)
    codes = language.say("list.separator").join(language.label("care", code) for code in selector.code or ())
    return language.say("define.event", event=name, codes=codes) if codes else name


def duration(number: float, unit: str, language: Language) -> str:
    """A number of units of time or score: 30 jours, 1 minute."""
    if not language.knows(f"unit.{unit}.one"):
        return f"{language.number(number)} {unit}"
    return language.counted(f"unit.{unit}", number, number=language.number(number))


def value(row: Row | None, language: Language) -> str:
    """The estimate as published, or the symbol that stands for its absence."""
    if row is not None and row.measure in TESTS:
        return test(row, language)
    if row is None or row.estimate is None:
        return symbol(row)
    if row.is_contrast:
        return signed(row.estimate, row, language)
    if row.is_share:
        return language.percent(row.estimate)
    return duration(row.estimate, row.unit, language) if row.measure in TIMES else language.number(row.estimate)


def signed(number: float, row: Row, language: Language) -> str:
    """A difference with its sign and unit: +18 points, −3 jours."""
    unit = _unit_of_difference(row)
    shown = round(number * 100) if row.is_share else number
    return language.counted(f"unit.{unit}", shown, number=language.number(shown, signed=True))


def amount(number: float, row: Row, language: Language) -> str:
    """The size of a difference in a sentence, where its sign is in the words: 18 points de pourcentage."""
    shown = round(number * 100) if row.is_share else number
    in_words = {"point": "percentage_point", "rate": "rate_in_words"}
    unit = _unit_of_difference(row)
    unit = in_words.get(unit, unit)
    return language.counted(f"unit.{unit}", shown, number=language.number(shown))


def _unit_of_difference(row: Row) -> str:
    if row.is_share:
        return "point"
    if row.measure in TIMES:
        return row.unit
    return {"rate": "rate", "mean_cumulative_count": "episode"}.get(row.measure, "score_point")


def interval(row: Row | None, language: Language) -> str:
    """The confidence interval as published: 12 % à 24 %, +12 à +24 points for a difference; or open on one side."""
    if row is None or (row.ci_low is None and row.ci_high is None):
        return symbol(row)
    if row.ci_high is None:
        return language.say("interval.from", low=_limit(row.ci_low, row, language, with_unit=True))
    high = _limit(row.ci_high, row, language, with_unit=row.is_contrast)
    if row.ci_low is None:
        return language.say("interval.up_to", high=high)
    return language.say("interval", low=_limit(row.ci_low, row, language, with_unit=False), high=high)


def _limit(number: float | None, row: Row, language: Language, *, with_unit: bool) -> str:
    """One limit of an interval; a contrast has its sign, and its unit where asked."""
    limit = number or 0.0
    if row.is_contrast and with_unit:
        return signed(limit, row, language)
    if row.is_contrast:
        return language.number(round(limit * 100) if row.is_share else limit, signed=True)
    return language.percent(limit) if row.is_share else language.number(limit)


def test(row: Row, language: Language) -> str:
    """A p-value as published to two decimals: p = 0,28, or p < 0,01."""
    return chance(row.p_value, row, language)


def chance(p_value: float | None, row: Row, language: Language) -> str:
    """The same for either p-value of a row, the raw one or the adjusted one."""
    if p_value is None:
        return symbol(row)
    return language.say("p.below" if p_value < 0.01 else "p.is", p=language.number(max(p_value, 0.01)))


def symbol(row: Row | None) -> str:
    """``c`` where a value was withheld for its small counts, a dash where there is none."""
    return WITHHELD_SYMBOL if row is not None and row.withheld == WITHHELD else NO_NUMBER_SYMBOL


def count(number: int | None, least: int, language: Language) -> str:
    """A rounded count, or that it is below the smallest that may be published."""
    return language.say("count.below", least=least) if number is None else language.number(number)


def reason(row: Row | None, language: Language) -> str:
    """Why there is no number, in words; a reason that nobody translated is still readable."""
    code = "period_absent" if row is None else row.withheld or "unknown"
    return reason_in_words(code, language)


def reason_in_words(code: str, language: Language) -> str:
    """The words for one reason code."""
    if language.knows(f"reason.{code}"):
        return language.say(f"reason.{code}")
    return language.say("reason.other", code=code.replace("_", " "))


def remark(rows: list[Row | None], language: Language) -> str:
    """The reasons of a table's line, each once, for the column of remarks."""
    codes = dict.fromkeys(row.withheld for row in rows if row is not None and row.withheld is not None)
    return language.say("remark.separator").join(reason_in_words(code, language) for code in codes)


def enumeration(parts: list[str], language: Language) -> str:
    """Parts in a row, the last two joined by and."""
    if len(parts) < 2:
        return "".join(parts)
    return language.say("list.and").join([language.say("list.separator").join(parts[:-1]), parts[-1]])


def summary(wordings: list[Wording], language: Language) -> str:
    """How many of the primary indicators went which way, in one sentence."""
    tally = [
        language.counted(f"summary.{direction}", number, number=number)
        for direction in Direction
        if (number := sum(wording.direction is direction for wording in wordings))
    ]
    total = language.counted("summary.indicators", len(wordings), number=len(wordings))
    return language.say(
        "summary.sentence",
        total=total,
        tally=enumeration(tally, language),
    )

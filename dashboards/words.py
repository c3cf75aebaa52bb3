"""The one generator of sentences: from one released comparison to its direction, size and uncertainty.

Every sentence is made of the numbers that stand beside it, as published, so that the two cannot
disagree: an interval that touches zero after rounding supports no direction.
"""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.directions import (
    ARROWS,
    AVOIDED,
    PERCENTAGES,
    Direction,
    Movement,
    as_shown,
    better_for,
    direction_of,
    is_ratio,
    movement_of,
    no_change,
    touches,
)
from dashboards.language import Language
from dashboards.selection import TESTS, TIMES, Comparison, Row
from warehouse.kinds import Gap, Indicator, Proportion
from warehouse.schemas import CONFIDENCE

WITHHELD = "small_count"
WITHHELD_SYMBOL = "c"
NO_NUMBER_SYMBOL = "\N{EN DASH}"
EXPLORATORY = "exploratory"
# The smallest distance between two released values that differ: what rounds to zero is less than this.
STEPS = {"rate": 0.1, "mean": 1.0, AVOIDED: 1.0}
SMALLEST_RATIO = 0.01


@dataclass(frozen=True)
class Wording:
    """A comparison in words. ``label`` is the direction in one or two words; ``text`` is everything.

    ``limits`` is what the measure does not show, ``cause`` what no comparison of periods shows, ``standing``
    that it was not planned, is a sensitivity analysis, or is interim; each is empty where there is nothing to say.
    """

    direction: Direction
    movement: Movement
    label: str
    size: str
    uncertainty: str
    limits: str = ""
    cause: str = ""
    standing: str = ""

    @property
    def arrow(self) -> str:
        """The sign that goes with the label; never shown without it."""
        return ARROWS[self.movement]

    @property
    def text(self) -> str:
        """Size, uncertainty, limits, cause and standing, one after the other."""
        return " ".join(filter(None, (self.size, self.uncertainty, self.limits, self.cause, self.standing)))

    @property
    def beside_headline(self) -> str:
        """The same without the cause, for a page whose headline has said it."""
        return " ".join(filter(None, (self.size, self.uncertainty, self.limits, self.standing)))


def describe(
    comparison: Comparison,
    indicator: Indicator,
    language: Language,
    *,
    controlled: bool,
    judged: bool = True,
    interim: bool = False,
) -> Wording:
    """Direction, size, uncertainty and limits of an after-before comparison, in one language.

    ``controlled`` says whether comparator sites are shown too; ``interim`` that follow-up is not complete.
    A negative control is not ``judged``: nothing was changed, so a difference is printed and no more.
    Ratios and what else is no difference of two values: ``ratio_words.describe``.
    """
    better = better_for(comparison.measure, indicator)
    direction = direction_of(comparison.difference, better)
    if not judged and direction is not Direction.INSUFFICIENT:
        direction = Direction.NOT_JUDGED
    return Wording(
        direction=direction,
        movement=movement_of(comparison.difference),
        label=language.say(f"direction.{direction}"),
        size=_size(comparison, indicator, language),
        uncertainty=uncertainty(comparison.difference, direction, language),
        cause=cause(direction, language, controlled=controlled),
        standing=standing(comparison.difference, language, interim=interim),
    )


def cause(direction: Direction, language: Language, *, controlled: bool) -> str:
    """That a comparison of periods alone shows no cause; empty where nothing is judged."""
    if direction in (Direction.INSUFFICIENT, Direction.NOT_JUDGED):
        return ""
    return language.say("words.limits.controlled" if controlled else "words.limits.uncontrolled")


def standing(row: Row | None, language: Language, *, interim: bool) -> str:
    """How the figure stands to the plan: exploratory, of a sensitivity analysis, interim; empty if none of these."""
    said = [language.say("words.standing.interim")] if interim else []
    if row is not None and row.sensitivity is not None:
        said.append(language.say("words.standing.sensitivity"))
    if row is not None and row.analysis == EXPLORATORY:
        said.append(language.say("test.exploratory"))
    return " ".join(said)


def _size(comparison: Comparison, indicator: Indicator, language: Language) -> str:
    difference = comparison.difference
    named = measure_in_words(comparison, indicator, language)
    if difference is None or difference.estimate is None or difference.withheld is not None:
        return language.say("words.no_difference_known", measure=named, reason=reason(difference, language))
    both = [row for row in (comparison.before, comparison.after) if row is not None and row.estimate is not None]
    change = as_shown(difference.estimate, difference)
    sign = "more" if change > 0 else "less" if change < 0 else "same"
    known = "both" if len(both) == 2 else "alone"
    family = "rate." if _is_at_equal_follow_up(difference) else ""
    return language.say(
        f"words.size.{family}{known}.{sign}",
        measure=named,
        before=value(comparison.before, language),
        after=value(comparison.after, language),
        gap=amount(abs(difference.estimate) if change else _step(difference), difference, language),
    )


def _is_at_equal_follow_up(row: Row) -> bool:
    """Whether a difference is not that of the two values beside it: rates of periods hang on their follow-up."""
    return row.measure == "rate" and row.is_contrast and row.sensitivity is None


def _step(row: Row) -> float:
    return 1.0 if row.measure in TIMES else STEPS.get(row.measure, 0.01)


def uncertainty(found: Row | None, direction: Direction, language: Language) -> str:
    """The interval, and whether it leaves no change out; without one, that this is no proof of no effect."""
    if found is None or direction is Direction.INSUFFICIENT:
        return language.say("words.not_no_effect")
    none = no_change(found)
    kind = "clear" if direction in (Direction.IMPROVEMENT, Direction.WORSENING) else str(direction)
    if direction is Direction.UNCLEAR and touches(none, found):  # the exact limit may lie on either side
        kind = "touching"
    return language.say(
        f"words.interval.{kind}",
        level=language.percent(CONFIDENCE),
        interval=interval(found, language),
        direction=language.say(f"direction.{direction}.in_sentence"),
        none=language.percent(none) if found.measure in PERCENTAGES else language.say(f"words.none.{none:.0f}"),
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
    if row.measure in PERCENTAGES:
        return language.percent(row.estimate)
    if is_ratio(row):
        return _ratio(row.estimate, language)
    if row.is_contrast:
        return signed(row.estimate, row, language)
    if row.is_share:
        return language.percent(row.estimate)
    return duration(row.estimate, row.unit, language) if row.measure in TIMES else language.number(row.estimate)


def _ratio(number: float, language: Language) -> str:
    """A ratio to two decimals; what rounds to zero is still more than nothing."""
    if round(number, 2) < SMALLEST_RATIO:
        return language.say("ratio.below", number=language.number(SMALLEST_RATIO))
    return language.number(number)


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
    units = {"rate": "rate", "mean_cumulative_count": "episode", AVOIDED: "event"}
    return units.get(row.measure, "score_point")


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
    if (row.is_share and not row.is_contrast) or row.measure in PERCENTAGES:
        return language.percent(limit)
    if is_ratio(row):
        return _ratio(limit, language)
    if row.is_contrast and with_unit:
        return signed(limit, row, language)
    if row.is_contrast:
        return language.number(round(limit * 100) if row.is_share else limit, signed=True)
    return language.number(limit)


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

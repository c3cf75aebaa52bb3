"""Sentences of what compares after with before without being a difference of two values: ratios, chances, counts.

A ratio is told with its distance from 1 in per cent, or as a multiple from 2 on; every one says what it
does not show. Numbers come from ``words``, as in tables and tiles.
"""

from __future__ import annotations

from dashboards import words
from dashboards.directions import (
    AVOIDED,
    SUPERIORITY,
    TIPPING,
    Direction,
    Movement,
    better_for,
    direction_of,
    movement_of,
    no_change,
)
from dashboards.language import Language
from dashboards.selection import Row
from dashboards.words import Wording
from warehouse.kinds import Indicator
from warehouse.schemas import CONFIDENCE

HAZARD_RATIO, COMPETING = "hazard_ratio", "hazard_ratio_competing"
NOT_JUDGED = frozenset({COMPETING, TIPPING})  # the aim of an indicator says nothing of them
MULTIPLE = 2.0  # from here on a ratio is a multiple, not a percentage
_MOVED = {Movement.UP: "up", Movement.DOWN: "down"}


def describe(
    row: Row,
    indicator: Indicator,
    language: Language,
    *,
    controlled: bool,
    judged: bool = True,
    interim: bool = False,
    changes_with_time: bool = False,
) -> Wording:
    """The same as ``words.describe`` for one row of ``selection.RATIOS``.

    ``changes_with_time``: the test of proportional hazards says that the ratio is an average.
    """
    direction = _direction(row, indicator, judged=judged)
    return Wording(
        direction=direction,
        movement=movement_of(row),
        label=language.say(f"direction.{direction}"),
        size=_size(row, language),
        uncertainty=_uncertainty(row, direction, language),
        limits=_limits(row, direction, indicator, language, averaged=changes_with_time),
        cause=words.cause(direction, language, controlled=controlled),
        standing=words.standing(row, language, interim=interim),
    )


def _direction(row: Row, indicator: Indicator, *, judged: bool) -> Direction:
    found = direction_of(row, better_for(row.measure, indicator))
    if row.measure == TIPPING and row.estimate is not None and row.withheld is None:
        return Direction.NOT_JUDGED
    if found is Direction.INSUFFICIENT or (judged and row.measure not in NOT_JUDGED):
        return found
    return Direction.NOT_JUDGED


def _size(row: Row, language: Language) -> str:
    named = words.in_analysis(language.label("measure", row.measure), row.sensitivity, language)
    if row.estimate is None or row.withheld is not None:
        return language.say("words.no_ratio_known", measure=named, reason=words.reason(row, language))
    family, change = _change(row)
    return language.say(
        f"words.{family}.{change}",
        measure=named,
        value=words.value(row, language),
        gap=words.amount(abs(row.estimate), row, language) if row.measure == AVOIDED else "",
        percent=language.percent(abs(round(row.estimate, 2) - 1)),
    )


def _change(row: Row) -> tuple[str, str]:
    """Which family of sentences a figure belongs to, and where the number, as shown, lies from no change."""
    number = round(row.estimate or 0.0, 2)
    if row.measure == TIPPING:
        return "tipping", "share"
    families = {AVOIDED: "avoided", SUPERIORITY: "superiority"}
    if row.measure not in families and number < words.SMALLEST_RATIO:
        return "ratio", "vanishing"
    if row.measure not in families and number >= MULTIPLE:
        return "ratio", "multiple"
    away = number - no_change(row)
    return families.get(row.measure, "ratio"), "more" if away > 0 else "less" if away < 0 else "same"


def _uncertainty(row: Row, direction: Direction, language: Language) -> str:
    if row.measure == TIPPING:
        return "" if row.estimate is not None and row.withheld is None else language.say("words.tipping.absent")
    if direction is not Direction.NOT_JUDGED or row.measure != COMPETING:
        return words.uncertainty(row, direction, language)
    moved = _MOVED.get(movement_of(row))
    if moved is None:
        return words.uncertainty(row, Direction.UNCLEAR, language)
    level = language.percent(CONFIDENCE)
    return language.say(f"words.interval.moved.{moved}", level=level, interval=words.interval(row, language))


def _limits(row: Row, direction: Direction, indicator: Indicator, language: Language, *, averaged: bool) -> str:
    """What the number does not show, by its measure."""
    if direction is Direction.INSUFFICIENT:
        return ""
    alone = row.measure == HAZARD_RATIO and not getattr(indicator, "competing", ())
    said = language.say(f"words.limits.of.{row.measure}" + (".alone" if alone else ""))
    return f"{said} {language.say('ratio.average')}" if averaged else said

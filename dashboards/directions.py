"""Which way a comparison points: read from its published interval, never from the estimate alone.

An interval that touches no change after rounding supports no direction.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from dashboards.selection import RATIOS, Row
from warehouse.kinds import Indicator

AVOIDED, SUPERIORITY, TIPPING = "events_avoided", "probability_of_superiority", "tipping_point"
PERCENTAGES = frozenset({SUPERIORITY, TIPPING})  # told in per cent without being shares of pathways
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
    Movement.UNKNOWN: "\N{EN DASH}",
}


def better_for(measure: str, indicator: Indicator) -> Literal["higher", "lower"]:
    """Which way of this measure serves the aim: ``indicator.better`` speaks of its primary measure.

    The share still waiting and the median wait fall when the share reached rises; episodes avoided, when the
    rate does.
    """
    waiting = {"survival", "median_time", "restricted_mean", AVOIDED}
    crosses = (measure in waiting) != (indicator.primary.measure in waiting)
    return _OPPOSITE[indicator.better] if crosses else indicator.better


def no_change(row: Row) -> float:
    """The value that a comparison has where nothing changed: 0 of a difference, 1 of a ratio, a half of a chance."""
    if row.measure == SUPERIORITY:
        return 0.5
    return 1.0 if is_ratio(row) else 0.0


def is_ratio(row: Row) -> bool:
    """Whether the figure is a value of after over that of before."""
    return row.measure in RATIOS and row.measure not in {AVOIDED, *PERCENTAGES}


def direction_of(difference: Row | None, better: Literal["higher", "lower"]) -> Direction:
    """From the published interval alone: a direction needs both limits on one side of no change."""
    movement = movement_of(difference)
    if movement is Movement.UNKNOWN:
        return Direction.INSUFFICIENT
    if movement is Movement.LEVEL:
        return Direction.UNCLEAR
    wanted = movement is (Movement.UP if better == "higher" else Movement.DOWN)
    return Direction.IMPROVEMENT if wanted else Direction.WORSENING


def movement_of(difference: Row | None) -> Movement:
    """Up or down where the interval, as shown, leaves no change out; level otherwise."""
    if difference is None or difference.withheld is not None:
        return Movement.UNKNOWN
    estimate, low, high = difference.estimate, difference.ci_low, difference.ci_high
    if estimate is None or low is None or high is None:
        return Movement.UNKNOWN
    none = as_shown(no_change(difference), difference)
    if as_shown(low, difference) > none:
        return Movement.UP
    return Movement.DOWN if as_shown(high, difference) < none else Movement.LEVEL


def touches(none: float, row: Row) -> bool:
    """Whether one limit, as shown, is that of no change, and the other is not."""
    limits = [as_shown(limit, row) for limit in (row.ci_low, row.ci_high) if limit is not None]
    return limits.count(as_shown(none, row)) == 1


def as_shown(number: float, row: Row) -> float:
    """A number as it is printed: whole points or per cent of shares, else two decimals."""
    return round(number * 100) if row.is_share or row.measure in PERCENTAGES else round(number, 2)

"""Control charts as NHS England's Making Data Count reads them: limits of a frozen baseline, rules and icons.

Points are in the order of time; None is a point that is not there, which is not 0: it breaks moving ranges
and runs. The baseline is the first points, and no limit is ever computed again from later ones. Limits are
neither floored nor capped here. No p-value: a chart watches a process, it does not test a hypothesis.

Rules and screening: NHSRplotthedots 0.2 (NHS-R Community), which follows the Making Data Count tool. Charts of
shares and rates: Montgomery (2009), chapter 7; for more spread than chance: Laney (2002), Quality Engineering 14.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Literal

REACH_IN_MOVING_RANGES = 2.66  # from the mean to a limit: 3 / 1.128, as the NHS rounds it
LARGEST_MOVING_RANGE = 3.267  # in mean moving ranges: from here on a moving range is screened out
MOVING_RANGE_IN_SIGMAS = 1.128  # expected range of two points of a normal process
NEAR = 2 / 3  # of the way to the limit: from here on a point is near it
RUN = 7  # points in a row on one side of the mean, or all rising, or all falling
WINDOW = 3  # points of which two near one limit are a signal
LEAST_BASELINE = 3  # points without which there are no limits
FIRM_BASELINE = 13  # points below which limits are provisional
ROUNDING = 1e-9  # of the mean: points of a process that does not vary differ from it by less, and from one another

Points = Sequence[float | None]
Rule = Literal["outside", "trend", "near_limit", "shift"]
Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Limits:
    """The mean and the limits at one point: ``reach`` is the way from the mean to either limit."""

    centre: float
    reach: float

    @property
    def lower(self) -> float:
        """The lower process limit."""
        return self.centre - self.reach

    @property
    def upper(self) -> float:
        """The upper process limit."""
        return self.centre + self.reach

    @property
    def near_lower(self) -> float:
        """Two thirds of the way down."""
        return self.centre - NEAR * self.reach

    @property
    def near_upper(self) -> float:
        """Two thirds of the way up."""
        return self.centre + NEAR * self.reach


@dataclass(frozen=True)
class Signal:
    """A special cause at one point: the first rule that holds, and 1 where it is high or rising, else -1."""

    rule: Rule
    direction: int


Limiting = Sequence[Limits | None]


# --- Limits -------------------------------------------------------------------------------------


def individuals(values: Points, baseline: int, *, screened: bool = False) -> list[Limits | None]:
    """XmR chart: mean +- 2.66 mean moving ranges of the first ``baseline`` points, for every point.

    ``screened`` drops, once, the moving ranges of at least 3.267 times their mean, as NHSRplotthedots does by
    itself; the spreadsheets of the NHS do not.
    """
    known = [value for value in values[:baseline] if value is not None]
    ranges = _moving_ranges(values[:baseline])
    if len(known) < LEAST_BASELINE or not ranges:
        return [None] * len(values)
    if screened:
        ranges = [found for found in ranges if found < LARGEST_MOVING_RANGE * fmean(ranges)] or ranges
    return [Limits(fmean(known), REACH_IN_MOVING_RANGES * fmean(ranges))] * len(values)


def rates(events: Points, exposure: Points, baseline: int, *, prime: bool = False) -> list[Limits | None]:
    """u-chart of events per unit of exposure: pooled rate +- 3 sqrt(rate / exposure) of the point.

    ``prime`` is Laney's u'-chart: the limits are as many times wider as the baseline spreads beyond Poisson's law.
    """
    return _pooled(events, exposure, baseline, lambda rate: rate, prime=prime)


def shares(events: Points, n: Points, baseline: int, *, prime: bool = False) -> list[Limits | None]:
    """p-chart: pooled share +- 3 sqrt(share (1 - share) / n) of the point. ``prime`` is Laney's p'-chart."""
    return _pooled(events, n, baseline, lambda share: share * (1 - share), prime=prime)


def _pooled(
    events: Points, size: Points, baseline: int, variance: Callable[[float], float], *, prime: bool
) -> list[Limits | None]:
    """Limits around what the baseline has in all, each from the size of its own point."""
    counted = [(e, s) if e is not None and s else None for e, s in zip(events, size, strict=True)]
    known = [pair for pair in counted[:baseline] if pair is not None]
    if len(known) < LEAST_BASELINE:
        return [None] * len(counted)
    centre = sum(e for e, _ in known) / sum(s for _, s in known)
    if variance(centre) <= 0:
        return [None] * len(counted)  # none, or all: chance has no size yet
    sigmas = [None if pair is None else math.sqrt(variance(centre) / pair[1]) for pair in counted]
    spread = _spread_beyond_chance(counted[:baseline], centre, sigmas) if prime else 1.0
    return [None if sigma is None else Limits(centre, 3 * spread * sigma) for sigma in sigmas]


def _spread_beyond_chance(
    counted: Sequence[tuple[float, float] | None], centre: float, sigmas: Sequence[float | None]
) -> float:
    """Laney's sigma of the standardised points, from their mean moving range; 1 where there is none, or it is 0."""
    deviates = [
        None if pair is None or not sigma else (pair[0] / pair[1] - centre) / sigma
        for pair, sigma in zip(counted, sigmas, strict=False)
    ]
    ranges = _moving_ranges(deviates)
    return fmean(ranges) / MOVING_RANGE_IN_SIGMAS if ranges and fmean(ranges) > ROUNDING else 1.0


def _moving_ranges(values: Points) -> list[float]:
    """Distances of neighbours; none across a point that is not there."""
    return [abs(b - a) for a, b in pairwise(values) if a is not None and b is not None]


# --- Rules --------------------------------------------------------------------------------------


def special_causes(values: Points, limits: Limiting) -> list[Signal | None]:
    """The first rule that holds at each point, in the order of the NHS; None is common cause.

    1. Outside a limit. 2. Part of seven points that all rise or all fall: its direction is that of the trend,
    not its side of the mean. 3. One of two points out of three that lie beyond two thirds of the way to one
    limit and inside it, all three on that side of the mean. 4. Part of seven points on one side of the mean.
    """
    deviates = [None if v is None or at is None else _deviate(v, at) for v, at in zip(values, limits, strict=True)]
    sides = [0 if away is None else _sign(away) for away in deviates]
    outside = [away is not None and abs(away) > 1 + ROUNDING for away in deviates]
    near = [away is not None and NEAR + ROUNDING < abs(away) <= 1 + ROUNDING for away in deviates]
    trends, pairs, shifts = _trends(values), _two_of_three(near, sides), _parts_of_runs(sides)
    found: list[Signal | None] = []
    for place, side in enumerate(sides):
        if outside[place]:
            found.append(Signal("outside", side))
        elif limits[place] is not None and trends[place]:
            found.append(Signal("trend", trends[place]))
        elif pairs[place]:
            found.append(Signal("near_limit", side))
        else:
            found.append(Signal("shift", side) if shifts[place] else None)
    return found


def _deviate(value: float, at: Limits) -> float:
    """How far a point lies from the mean, in ways to a limit; infinitely far where there is no way to it."""
    away = value - at.centre
    if abs(away) <= ROUNDING * abs(at.centre):
        return 0.0
    return away / at.reach if at.reach > ROUNDING * abs(at.centre) else math.copysign(math.inf, away)


def _step(a: float | None, b: float | None) -> int:
    """Whether the second point is higher or lower; 0 where one is not there or they differ by rounding."""
    if a is None or b is None or abs(b - a) <= ROUNDING * max(abs(a), abs(b)):
        return 0
    return _sign(b - a)


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _trends(values: Points) -> list[int]:
    """The direction of the trend that each point is part of, 0 where there is none.

    A point that ends one trend and begins another belongs to the later one.
    """
    steps = [_step(a, b) for a, b in pairwise(values)]
    directions = [0] * len(values)
    for first in range(len(steps) - RUN + 2):
        run = steps[first : first + RUN - 1]
        if len(run) == RUN - 1 and run[0] and len(set(run)) == 1:
            directions[first : first + RUN] = [run[0]] * RUN
    return directions


def _two_of_three(near: Sequence[bool], sides: Sequence[int]) -> list[bool]:
    """Near points in a window of three on one side of the mean with at least two of them."""
    flagged = [False] * len(near)
    for first in range(len(near) - WINDOW + 1):
        window = slice(first, first + WINDOW)
        if abs(sum(sides[window])) == WINDOW and sum(near[window]) >= 2:
            flagged[window] = [old or new for old, new in zip(flagged[window], near[window], strict=True)]
    return flagged


def _parts_of_runs(sides: Sequence[int]) -> list[bool]:
    """Whether each point is part of seven neighbours on one side of the mean."""
    flagged = [False] * len(sides)
    for first in range(len(sides) - RUN + 1):
        if abs(sum(sides[first : first + RUN])) == RUN:
            flagged[first : first + RUN] = [True] * RUN
    return flagged


# --- Icons --------------------------------------------------------------------------------------


def variation(signal: Signal | None, better: Better | None) -> str:
    """The icon of variation: ``common_cause``, or improvement, concern or neutral, ``_high`` or ``_low``.

    Neutral where neither direction is better. A rising trend is high, whichever side of the mean it is on.
    """
    if signal is None:
        return "common_cause"
    side = "high" if signal.direction > 0 else "low"
    if better is None:
        return f"neutral_{side}"
    wanted = (signal.direction > 0) == (better == "higher")
    return f"improvement_{side}" if wanted else f"concern_{side}"


def assurance(target: float, limits: Limits, better: Better) -> str:
    """The icon of assurance: whether the process, as it runs, can be expected to reach the target.

    ``consistent_pass`` or ``consistent_fail`` where the target lies outside the limits, else ``hit_or_miss``.
    """
    if limits.lower <= target <= limits.upper:
        return "hit_or_miss"
    reached = (target < limits.lower) == (better == "higher")
    return "consistent_pass" if reached else "consistent_fail"

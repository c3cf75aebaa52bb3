"""Differences of two groups from the limits of each: Newcombe's hybrid and its general form.

Newcombe (1998, Statistics in Medicine 17, 873-890, method 10) squares and adds the ways from both shares
to their own Wilson limits; Zou and Donner (2008, Statistics in Medicine 27, 1693-1702) do so with the
limits of any estimate. Unlike Wald's, such an interval leans to the side on which its parts are uncertain.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from transforms.intervals import Difference, Z, two_sided

LARGEST_DEVIATE = 64.0  # its p-value is 0 in floating point


@dataclass(frozen=True)
class Bounded:
    """An estimate with its limits as a function of the normal deviate: 1.96 gives those of 95 %."""

    estimate: float
    limits: Callable[[float], tuple[float, float]]


def hybrid_difference(after: Bounded, before: Bounded, error: float | None, correlation: float = 0.0) -> Difference:
    """The difference, after minus before, with limits from those of both groups.

    The p-value inverts the interval: it is one minus the level at which 0 becomes a limit, so that test
    and interval cannot disagree. ``error`` is passed on. ``correlation`` is that of both estimates.
    """
    estimate = after.estimate - before.estimate
    below, above = (_reach(*pair, Z, correlation) for pair in ((after, before), (before, after)))
    larger, smaller = (after, before) if estimate > 0 else (before, after)
    z = 0.0 if estimate == 0 else math.copysign(_deviate(larger, smaller, correlation), estimate)
    return Difference(estimate, error, estimate - below, estimate + above, z, two_sided(z))


def _reach(upper: Bounded, lower: Bounded, deviate: float, correlation: float) -> float:
    """How far the difference upper - lower may lie below its estimate."""
    down, up = upper.estimate - upper.limits(deviate)[0], lower.limits(deviate)[1] - lower.estimate
    return math.sqrt(max(down**2 + up**2 - 2 * correlation * down * up, 0.0))


def _deviate(larger: Bounded, smaller: Bounded, correlation: float) -> float:
    """The normal deviate at which the limit towards 0 is 0; 0 where exact limits hold 0 at any level."""
    from scipy.optimize import brentq

    difference = larger.estimate - smaller.estimate

    def excess(deviate: float) -> float:
        return _reach(larger, smaller, deviate, correlation) - difference

    if excess(0.0) >= 0:
        return 0.0
    enough = 1.0
    while excess(enough) <= 0:
        if enough >= LARGEST_DEVIATE:
            return enough
        enough *= 2
    return float(brentq(excess, 0.0, enough, xtol=1e-13, rtol=1e-13))

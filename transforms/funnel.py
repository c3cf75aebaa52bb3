"""Funnel limits: how far the value of a site of a given size strays by chance from that of all sites together.

Exact binomial and Poisson limits, each from its own tail, so that chance alone leaves them at most as often as
their level says; interpolated between counts so that they do not jump from one size to the next, as in
Spiegelhalter (2005), Statistics in Medicine 24, appendix A.1. Where pathways vary by more than these laws say, limits
are as many times further from the centre (ibid., section 3.2): several episodes of one person, pathways that were not
followed to the end. They show which sites differ by more than chance; they rank none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from transforms.cells import Floats, Integers

if TYPE_CHECKING:
    from scipy.stats._distn_infrastructure import rv_discrete_frozen

LEVELS = (0.95, 0.998)  # the usual two and three standard deviations
AS_BY_CHANCE = 1.0


def spread_of_share(share: float, std_error: float | None, n: int) -> float:
    """How many times the error of a share is that of ``n`` independent pathways all followed to the end; at least 1."""
    if std_error is None or not 0 < share < 1 or not n:
        return AS_BY_CHANCE
    return max(std_error / math.sqrt(share * (1 - share) / n), AS_BY_CHANCE)


def spread_of_rate(events: Integers, exposure: Floats, n: Integers) -> float:
    """How many times the error of a rate is that of independent episodes, from cells of pathways; at least 1."""
    total, size = float(n @ events), float(n @ exposure)
    if not total or not size:
        return AS_BY_CHANCE
    return max(math.sqrt(float(n @ (events - total / size * exposure) ** 2) / total), AS_BY_CHANCE)


def widened(limits: tuple[float, float], centre: float, spread: float, most: float = math.inf) -> tuple[float, float]:
    """The limits so many times further from the centre, inside what is possible."""
    low, high = (centre + spread * (limit - centre) for limit in limits)
    return max(0.0, low), min(most, high)


def share_limits(share: float, n: int, level: float) -> tuple[float, float]:
    """Within which shares of ``n`` pathways lie with probability ``level`` if their true share is ``share``."""
    from scipy.stats import binom

    if not 0 < share < 1:
        return share, share
    law, tail = binom(n, share), (1 - level) / 2
    low, high = _limits(law, tail)
    return max(0.0, low / n), min(1.0, high / n)


def rate_limits(rate: float, exposure: float, level: float) -> tuple[float, float]:
    """Within which rates over ``exposure`` lie with probability ``level`` if the true rate is ``rate``."""
    from scipy.stats import poisson

    if rate <= 0:
        return 0.0, 0.0
    law, tail = poisson(rate * exposure), (1 - level) / 2
    low, high = _limits(law, tail)
    return max(0.0, low / exposure), high / exposure


def _limits(law: rv_discrete_frozen, tail: float) -> tuple[float, float]:
    """The counts with the probability ``tail`` up to the one, and from the other on."""
    return _quantile(law, tail), _quantile(law, 1 - tail) + 1


def _quantile(law: rv_discrete_frozen, probability: float) -> float:
    """The count whose distribution function, joined by straight lines between counts, is ``probability``."""
    count = float(law.ppf(probability))
    return count - float((law.cdf(count) - probability) / law.pmf(count))


def position(value: float, limits: tuple[tuple[float, float], tuple[float, float]]) -> str:
    """``inside``, or ``above`` or ``below`` the outermost of the pairs of limits that it leaves: ``above_95``."""
    for level, (low, high) in reversed(list(zip(("95", "998"), limits, strict=True))):
        if not low <= value <= high:
            return f"above_{level}" if value > high else f"below_{level}"
    return "inside"

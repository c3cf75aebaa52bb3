"""Shares of groups and their differences: Wilson's interval and Newcombe's hybrid of two of them."""

from __future__ import annotations

import math

from transforms.intervals import NO_PATHWAY, Difference, Interval, Z, two_sided


def wilson(k: int, n: int) -> Interval:
    """The share k of n with Wilson's score interval (1927); null where n is 0.

    ``std_error`` is the binomial one, on which the limits do not rest; None where none or all had it.
    """
    _check(k, n)
    if n == 0:
        return Interval.absent(NO_PATHWAY)
    share = k / n
    return Interval(share, math.sqrt(share * (1 - share) / n) or None, *_limits(k, n))


def newcombe(k1: int, n1: int, k0: int, n0: int) -> Difference:
    """The difference k1/n1 - k0/n0 with Newcombe's hybrid score interval (1998, method 10).

    The p-value inverts the interval: it is one minus the level at which 0 becomes a limit. Null where
    either group is empty.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    _check(k1, n1)
    _check(k0, n0)
    if n1 == 0 or n0 == 0:
        return Difference.absent(NO_PATHWAY)
    low, high = confint_proportions_2indep(k1, n1, k0, n0, method="newcomb", compare="diff")
    error = math.sqrt(sum(k / n * (1 - k / n) / n for k, n in ((k1, n1), (k0, n0))))
    z = _deviate(k1, n1, k0, n0)
    return Difference(k1 / n1 - k0 / n0, error or None, float(low), float(high), z, two_sided(z))


def _deviate(k1: int, n1: int, k0: int, n0: int) -> float:
    """The normal deviate at which Newcombe's limit towards 0 is 0, with the sign of the difference."""
    from scipy.optimize import brentq

    if k1 * n0 == k0 * n1:
        return 0.0
    if k1 * n0 < k0 * n1:
        return -_deviate(k0, n0, k1, n1)
    difference = k1 / n1 - k0 / n0

    def excess(z: float) -> float:
        """How far the width below the difference exceeds it: increasing in z."""
        below, above = k1 / n1 - _limits(k1, n1, z)[0], _limits(k0, n0, z)[1] - k0 / n0
        return math.hypot(below, above) - difference

    enough = 1.0
    while excess(enough) <= 0:
        enough *= 2
    return float(brentq(excess, 0.0, enough, xtol=1e-13, rtol=1e-13))


def _limits(k: int, n: int, z: float = Z) -> tuple[float, float]:
    """Wilson's limits: the shares p at which (k/n - p)^2 = z^2 p (1 - p) / n."""
    share = k / n
    centre = share + z * z / (2 * n)
    width = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max((centre - width) / scale, 0.0) if k else 0.0, min((centre + width) / scale, 1.0) if k < n else 1.0


def _check(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError("expected a count between 0 and its denominator")

"""Shares of groups and their differences: Wilson's interval and Newcombe's hybrid of two of them."""

from __future__ import annotations

import math
from functools import partial

from transforms.hybrid import Bounded, hybrid_difference
from transforms.intervals import NO_PATHWAY, Difference, Interval, Z


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
    """The difference k1/n1 - k0/n0 with Newcombe's hybrid score interval (1998, method 10) and its inversion as test.

    ``std_error`` is the binomial one, on which neither rests. Null where either group is empty.
    """
    _check(k1, n1)
    _check(k0, n0)
    if n1 == 0 or n0 == 0:
        return Difference.absent(NO_PATHWAY)
    error = math.sqrt(sum(k / n * (1 - k / n) / n for k, n in ((k1, n1), (k0, n0))))
    after, before = (Bounded(k / n, partial(_limits, k, n)) for k, n in ((k1, n1), (k0, n0)))
    return hybrid_difference(after, before, error or None)


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

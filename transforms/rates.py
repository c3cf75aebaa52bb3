"""Rates from counted episodes and time at risk: crude rates, exact and patient-robust ratios.

Exposure is in whatever unit the caller wants rates per; a person without exposure contributes
events but no time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import polars as pl

from transforms.intervals import CONFIDENCE, NO_EVENT, NO_PATHWAY, Difference, Interval, Z, two_sided

NO_EXPOSURE = "no_exposure"
TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True)
class Sums:
    """What a group's people add up to: RateTally. Squares and products are sums over people."""

    n: int
    events: int
    exposure: float
    events_squared: float
    events_exposure: float
    exposure_squared: float

    @classmethod
    def of(cls, frame: pl.DataFrame, unit: float = 1.0) -> Self:
        """The sums of rows of COUNT_TALLY; exposure in days is divided by ``unit``."""
        n, events = pl.col("n"), pl.col("events")
        exposure = pl.col("exposure") / unit
        products = (n, n * events, n * exposure, n * events**2, n * events * exposure, n * exposure**2)
        totals = frame.select(product.sum().alias(str(place)) for place, product in enumerate(products)).row(0)
        return cls(int(totals[0]), int(totals[1]), *map(float, totals[2:]))

    @property
    def rate(self) -> float:
        """Events per unit of exposure."""
        return self.events / self.exposure

    @property
    def squared_residuals(self) -> float:
        """Sum over people of (events - rate x exposure)^2."""
        return self.events_squared - 2 * self.rate * self.events_exposure + self.rate**2 * self.exposure_squared


def crude_rate(group: Sums) -> Interval:
    """Events per unit of exposure with Garwood's exact Poisson limits (1936); null where nobody was at risk."""
    from scipy.stats import chi2

    if group.n == 0:
        return Interval.absent(NO_PATHWAY)
    if group.exposure <= 0:
        return Interval.absent(NO_EXPOSURE)
    low = chi2.ppf(TAIL, 2 * group.events) / 2 if group.events else 0.0
    high = chi2.ppf(1 - TAIL, 2 * group.events + 2) / 2
    error = math.sqrt(group.events) / group.exposure or None
    return Interval(group.rate, error, float(low) / group.exposure, float(high) / group.exposure)


def exact_rate_ratio(after: Sums, before: Sums) -> Difference:
    """Ratio of crude rates with exact conditional limits: given their sum, the events of a group are binomial.

    Limits are Clopper-Pearson's; the p-value doubles the smaller tail, so that it agrees with them. People are taken as
    independent of their own earlier events: see ``robust_rate_ratio``.
    """
    from scipy.stats import beta, binom

    reason = _no_ratio(after, before)
    if reason:
        return Difference.absent(reason)
    total, scale = after.events + before.events, before.exposure / after.exposure
    low = float(beta.ppf(TAIL, after.events, before.events + 1)) if after.events else 0.0
    high = float(beta.ppf(1 - TAIL, after.events + 1, before.events)) if before.events else 1.0
    expected = after.exposure / (after.exposure + before.exposure)
    tails = binom.cdf(after.events, total, expected), binom.sf(after.events - 1, total, expected)
    ratio = after.rate / before.rate if before.events else None
    limits = [share / (1 - share) * scale if share < 1 else None for share in (low, high)]
    return Difference(ratio, None, limits[0], limits[1], None, min(1.0, 2 * float(min(tails))))


def robust_rate_ratio(after: Sums, before: Sums) -> Difference:
    """Ratio of crude rates by Poisson regression with patient-robust (HC0) error of its logarithm.

    ``std_error`` is that of the logarithm. Null where a group has no event.
    """
    reason = _no_ratio(after, before)
    if reason or not (after.events and before.events):
        return Difference.absent(reason or NO_EVENT)
    error = math.sqrt(sum(group.squared_residuals / group.events**2 for group in (after, before)))
    logarithm = math.log(after.rate / before.rate)
    low, high = (math.exp(logarithm + side * Z * error) for side in (-1, 1))
    return Difference(math.exp(logarithm), error, low, high, logarithm / error, two_sided(logarithm / error))


def robust_rate_difference(after: Sums, before: Sums) -> Difference:
    """Difference of crude rates, after minus before, with patient-robust error."""
    reason = _no_ratio(after, before)
    if reason:
        return Difference.absent(reason)
    error = math.sqrt(sum(group.squared_residuals / group.exposure**2 for group in (after, before)))
    return Difference.normal(after.rate - before.rate, error)


def _no_ratio(after: Sums, before: Sums) -> str | None:
    """Why two rates cannot be compared, or None."""
    if not (after.n and before.n):
        return NO_PATHWAY
    if not (after.exposure > 0 and before.exposure > 0):
        return NO_EXPOSURE
    return None if after.events + before.events else NO_EVENT

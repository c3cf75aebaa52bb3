"""What an estimator answers: a number with its error, or no number and the reason.

All intervals have 95 % confidence unless their estimator takes another level. A null is never NaN
and never 0: every field but ``null_reason`` is None together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TypeVar

from warehouse.schemas import CONFIDENCE

NO_PATHWAY = "no_pathway"  # the group is empty
BEYOND_FOLLOW_UP = "horizon_beyond_follow_up"  # somebody was still event-free when the group's last follow-up ended
NOBODY_LEFT = "nobody_left_at_risk"  # all at risk had the event or died, and others entered later
NOT_REACHED = "not_reached"  # fewer than half had the event
NO_EVENT = "no_event"  # nothing to test
NEVER_TOGETHER = "never_at_risk_together"  # no event came while both groups were at risk
ONE_ANSWER = "one_answer"  # a spread needs two
NO_CLUSTER = "no_cluster"  # clustered errors were asked of a model that was given no clusters
NOT_ESTIMABLE = "not_estimable"  # a covariate separates events from others, or repeats another covariate
NO_SPREAD = "no_spread"  # all answers of each group are alike
NO_EVENT_IN_A_GROUP = "no_event_in_a_group"  # a ratio of hazards is 0 or infinite; the difference has an exact bound
SEVERAL_PATHWAYS = "several_pathways_per_patient"  # a test that takes pathways as independent

# Of fewer, the median lies outside the range of all of them more often than once in twenty: 2 / 2^5.
FEWEST_OF_A_MEDIAN = 6

NORMAL = NormalDist()
Z = NORMAL.inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True)
class Interval:
    """An estimate with standard error and limits, all in the unit of its estimator.

    A limit is None where the interval is open on that side; ``std_error`` is None where the
    limits are exact and no error is estimated.
    """

    estimate: float | None
    std_error: float | None
    low: float | None
    high: float | None
    null_reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> Interval:
        """No number, for the reason given."""
        return cls(None, None, None, None, reason)

    def complement(self) -> Interval:
        """The interval of one minus the share: survival from incidence and back."""
        if self.estimate is None:
            return self
        low = None if self.high is None else 1 - self.high
        high = None if self.low is None else 1 - self.low
        return replace(self, estimate=1 - self.estimate, low=low, high=high)


@dataclass(frozen=True)
class Difference:
    """A contrast with the test that agrees with its interval: p < 0.05 exactly when 0 lies outside."""

    estimate: float | None
    std_error: float | None
    low: float | None
    high: float | None
    z: float | None
    p_value: float | None
    null_reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> Difference:
        """No number, for the reason given."""
        return cls(None, None, None, None, None, None, reason)

    @classmethod
    def normal(cls, estimate: float, std_error: float) -> Difference:
        """Wald's: estimate +- 1.96 standard errors; ``std_error`` is positive."""
        z = estimate / std_error
        return cls(estimate, std_error, estimate - Z * std_error, estimate + Z * std_error, z, two_sided(z))

    @classmethod
    def student(cls, estimate: float, std_error: float, freedom: float) -> Difference:
        """The same with Student's law, ``freedom`` degrees of it; ``z`` holds his t."""
        from scipy.stats import t

        statistic, width = estimate / std_error, float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * std_error
        p_value = float(2 * t.sf(abs(statistic), freedom))
        return cls(estimate, std_error, estimate - width, estimate + width, statistic, p_value)

    @property
    def reach_towards_zero(self) -> float:
        """How far the interval goes from the estimate to the side of 0; the farther of both where it is 0."""
        estimate = self.estimate or 0.0
        below, above = estimate - (self.low or 0.0), (self.high or 0.0) - estimate
        return max(below, above) if estimate == 0 else below if estimate > 0 else above

    def negated(self) -> Difference:
        """The contrast of the complements: of survival from that of incidence, and back."""
        if self.estimate is None:
            return self
        low, high, z = (None if value is None else -value for value in (self.high, self.low, self.z))
        return replace(self, estimate=-self.estimate, low=low, high=high, z=z)


@dataclass(frozen=True)
class Test:
    """A test: statistic, degrees of freedom (None where it is not a chi-square), p-value and name."""

    __test__ = False  # not a case for pytest

    statistic: float | None
    p_value: float | None
    method: str
    degrees_of_freedom: int | None = None
    null_reason: str | None = None

    @classmethod
    def absent(cls, method: str, reason: str) -> Test:
        """No number, for the reason given."""
        return cls(None, None, method, None, reason)


Found = TypeVar("Found", Interval, Difference)


def scaled(found: Found, scale: float) -> Found:
    """The same in another unit, ``scale`` of which are one of the old; positive, so that limits keep their sides."""
    numbers = {name: getattr(found, name) for name in ("estimate", "std_error", "low", "high")}
    return replace(found, **{name: None if number is None else number * scale for name, number in numbers.items()})


def two_sided(z: float) -> float:
    """The two-sided p-value of a standard normal deviate."""
    return math.erfc(abs(z) / math.sqrt(2))


def largest_share_without_event(n: int, deviate: float = Z) -> float:
    """Clopper-Pearson's upper limit when none of ``n`` had the event (about 3.7 / n at 95 %)."""
    return float(1 - (two_sided(deviate) / 2) ** (1 / n))


def between(low: float, value: float, high: float) -> float:
    """The value, moved to the nearer limit where it lies outside."""
    return min(max(value, low), high)


def square_and_add(after: Interval, before: Interval, largest: float) -> Difference:
    """The squared widths of both intervals towards one side add up.

    A group brings 1.96 errors to either side, or the way to its exact limit where it has no error.
    With two errors this is Wald's interval. Limits stay within +-``largest``. The test uses the side
    towards 0, so that it agrees with the interval.
    """
    estimate = (after.estimate or 0.0) - (before.estimate or 0.0)
    (down, up), (down_before, up_before) = _widths(after), _widths(before)
    to_low, to_high = math.hypot(down, up_before), math.hypot(up, down_before)
    towards_zero = max(to_low, to_high) if estimate == 0 else to_low if estimate > 0 else to_high
    z = Z * estimate / towards_zero
    low, high = between(-largest, estimate - to_low, largest), between(-largest, estimate + to_high, largest)
    return Difference(estimate, towards_zero / Z, low, high, z, two_sided(z))


def _widths(interval: Interval) -> tuple[float, float]:
    """Widths below and above the estimate."""
    estimate, low, high = interval.estimate or 0.0, interval.low or 0.0, interval.high or 0.0
    if interval.std_error is not None:
        return Z * interval.std_error, Z * interval.std_error
    return estimate - low, high - estimate

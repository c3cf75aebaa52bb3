"""Times to an event from counted cells: Aalen-Johansen where deaths compete.

Cells and their risk sets are those of ``transforms.cells``. A horizon h includes time h.

The curves themselves are drawn by ``transforms.incidence`` and ``transforms.kaplan_meier``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from transforms.cells import Cells, Integers
from transforms.hybrid import Bounded, hybrid_difference
from transforms.incidence import (
    Incidence,
    aalen_johansen,
    complement_of_survival,
    influence_of_incidence,
    is_boundary,
    nobody_was_left,
    place,
)
from transforms.intervals import (
    BEYOND_FOLLOW_UP,
    FEWEST_OF_A_MEDIAN,
    NO_PATHWAY,
    NO_SPREAD,
    NOBODY_LEFT,
    NOT_REACHED,
    Difference,
    Interval,
    Z,
    largest_share_without_event,
)
from transforms.kaplan_meier import (
    Survival,
    effectively_followed,
    kaplan_meier,
    log_rank,
    median_survival,
    survival_at,
)

__all__ = [
    "Cells", "Incidence", "Survival", "aalen_johansen", "complement_of_survival", "incidence_at",
    "incidence_difference", "influence_of_incidence", "kaplan_meier", "log_rank", "median_survival", "median_time",
    "survival_at",
]  # fmt: skip

LARGEST_EXPONENT = 700.0  # beyond it the limits are 0 and 1 in floating point
HALF = 0.5 - 1e-12  # sums of shares that make one half exactly may fall short of it by rounding


@dataclass(frozen=True)
class Share:
    """The incidence by a horizon.

    ``error`` is None with no event yet, or nobody without it, and 0 where it cannot be told. ``followed``
    is the number effectively followed. ``as_survival``: limits are those of survival, one minus the share.
    """

    value: float
    error: float | None
    followed: int
    as_survival: bool

    def limits(self, deviate: float = Z) -> tuple[float, float]:
        """On the scale log(-log) F^exp(+-z se / (F log F)); exact ones (Clopper-Pearson) where there is no error."""
        if self.error is None:
            limit = largest_share_without_event(self.followed, deviate)
            return (0.0, limit) if self.value < HALF else (1 - limit, 1.0)
        if self.as_survival:
            low, high = cloglog_limits(1 - self.value, self.error, deviate)
            return 1 - high, 1 - low
        return cloglog_limits(self.value, self.error, deviate)


def incidence_at(curve: Incidence, horizon: int, *, as_survival: bool = False) -> Interval:
    """Incidence by the horizon with its cloglog interval, or with that of survival (log-log) turned over.

    Null where the group is empty or the horizon lies beyond its follow-up. A share whose variance is 0,
    as when one patient owns all pathways, has neither error nor limits.
    """
    reason = reason_for_none(curve, horizon)
    if reason is not None:
        return Interval.absent(reason)
    share = share_at(curve, horizon, as_survival=as_survival)
    if share.error == 0:
        return Interval(share.value, None, None, None)
    return Interval(share.value, share.error, *share.limits())


def share_at(curve: Incidence, horizon: int, *, as_survival: bool) -> Share:
    """The incidence by a horizon that somebody was followed to."""
    last = place(curve.time, horizon)
    value = float(curve.incidence[last]) if last >= 0 else 0.0
    followed = effectively_followed(curve, horizon)
    if value <= 0 or is_boundary(curve.incidence[last : last + 1])[0]:
        return Share(0.0 if value < HALF else 1.0, None, followed, as_survival)
    return Share(value, math.sqrt(curve.variance[last]), followed, as_survival)


def cloglog_limits(share: float, error: float, deviate: float = Z) -> tuple[float, float]:
    """Limits of a share strictly between 0 and 1 on the scale log(-log F)."""
    width = max(deviate * error / (share * math.log(share)), -LARGEST_EXPONENT)
    return share ** math.exp(-width), share ** math.exp(width)


def reason_for_none(curve: Incidence, horizon: int) -> str | None:
    """Why there is no incidence at the horizon, or None. A curve that nobody is left to continue goes on flat."""
    if not len(curve.time):
        return NO_PATHWAY
    if nobody_was_left(curve.survival, curve.at_risk)[curve.time <= horizon].any():
        return NOBODY_LEFT
    somebody_left = curve.at_risk[-1] > curve.events[-1] + curve.competing[-1]
    return BEYOND_FOLLOW_UP if horizon > curve.time[-1] and somebody_left else None


def median_time(curve: Incidence, *, as_survival: bool = False) -> Interval:
    """First time by which half of *all* pathways have had the event; its error is None.

    The limits are the times at which the upper and the lower limits of the incidence, as they are drawn, reach
    one half (Brookmeyer and Crowley 1982); None where they never do, where a variance cannot be told, or of fewer than
    six pathways, whose median has none at this level. Null where half never had it.
    """
    if not len(curve.time):
        return Interval.absent(NO_PATHWAY)
    median = first_time(curve.time, curve.incidence >= HALF)
    if median is None:
        return Interval.absent(NOT_REACHED)
    inside = ~is_boundary(curve.incidence)
    if curve.at_risk.max() < FEWEST_OF_A_MEDIAN or (inside & (curve.variance <= 0)).any():
        return Interval(median, None, None, None)
    share = np.where(inside, 1 - curve.incidence if as_survival else curve.incidence, 0.5)
    width = Z * np.sqrt(curve.variance) / (share * np.log(share))
    bounds = [np.where(inside, share ** np.exp(side * width), curve.incidence) for side in (-1, 1)]
    low, high = [np.where(inside, 1 - bound, curve.incidence) for bound in bounds[::-1]] if as_survival else bounds
    return Interval(median, None, first_time(curve.time, high >= HALF), first_time(curve.time, low >= HALF))


def first_time(time: Integers, reached: NDArray[np.bool_]) -> float | None:
    """The first time that is marked, or None."""
    return float(time[int(np.argmax(reached))]) if reached.any() else None


def incidence_difference(after: Cells, before: Cells, horizon: int, *, as_survival: bool = False) -> Difference:
    """Difference of the incidences by the horizon, after minus before, with its test against 0.

    Its limits come from those of each group by the hybrid rule. Null where either group has no incidence.
    ``as_survival``: nothing competes, and the limits of each group are those of Kaplan-Meier's curve.
    """
    curves = [complement_of_survival(cells) if as_survival else aalen_johansen(cells) for cells in (after, before)]
    reason = reason_for_none(curves[0], horizon) or reason_for_none(curves[1], horizon)
    if reason:
        return Difference.absent(reason)
    there, then = (share_at(curve, horizon, as_survival=as_survival) for curve in curves)
    return share_difference(there, then)


def share_difference(after: Share, before: Share, covariance: float = 0.0) -> Difference:
    """The difference of two shares whose estimates have this covariance.

    Where a group has an exact limit and no error, that of the difference is what its limit towards 0
    says, over 1.96. Null where an error cannot be told.
    """
    if after.error == 0 or before.error == 0:
        return Difference.absent(NO_SPREAD)
    groups = Bounded(after.value, after.limits), Bounded(before.value, before.limits)
    if after.error is None or before.error is None:
        found = hybrid_difference(*groups, None)
        return replace(found, std_error=found.reach_towards_zero / Z)
    error = math.sqrt(after.error**2 + before.error**2 - 2 * covariance)
    return hybrid_difference(*groups, error, covariance / (after.error * before.error))

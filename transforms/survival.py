"""Times to an event from counted cells: Aalen-Johansen where deaths compete.

Cells and their risk sets are those of ``transforms.cells``. A horizon h includes time h.

The curves themselves are drawn by ``transforms.incidence`` and ``transforms.kaplan_meier``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from transforms.cells import Cells, Integers
from transforms.incidence import (
    Incidence,
    aalen_johansen,
    influence_of_incidence,
    is_boundary,
    just_before,
    place,
)
from transforms.intervals import (
    BEYOND_FOLLOW_UP,
    NO_PATHWAY,
    NOT_REACHED,
    Difference,
    Interval,
    Z,
    largest_share_without_event,
    square_and_add,
)
from transforms.kaplan_meier import Survival, kaplan_meier, log_rank, median_survival, survival_at

__all__ = [
    "Cells", "Incidence", "Survival", "aalen_johansen", "incidence_at", "incidence_difference",
    "influence_of_incidence", "kaplan_meier", "log_rank", "median_survival", "median_time", "survival_at",
]  # fmt: skip

HALF = 0.5 - 1e-12  # sums of shares that make one half exactly may fall short of it by rounding


def incidence_at(curve: Incidence, horizon: int) -> Interval:
    """Incidence by the horizon with its cloglog interval, F^exp(+-1.96 se / (F log F)).

    With no event yet, or nobody without it, the transformation does not exist: the limit is exact
    (Clopper-Pearson) for the number effectively followed to the horizon, at risk / survival, and the
    error None. Null where the group is empty or the horizon lies beyond its follow-up. A share whose
    variance is 0, as when one patient owns all pathways, has neither error nor limits.
    """
    reason = reason_for_none(curve, horizon)
    if reason is not None:
        return Interval.absent(reason)
    last = place(curve.time, horizon)
    share = float(curve.incidence[last]) if last >= 0 else 0.0
    if share <= 0 or is_boundary(curve.incidence[last : last + 1])[0]:
        limit = largest_share_without_event(effectively_followed(curve, horizon))
        return Interval(0.0, None, 0.0, limit) if share < HALF else Interval(1.0, None, 1 - limit, 1.0)
    error = math.sqrt(curve.variance[last])
    if error == 0:
        return Interval(share, None, None, None)
    low, high = cloglog_limits(share, error)
    return Interval(share, error, low, high)


def cloglog_limits(share: float, error: float) -> tuple[float, float]:
    """Limits of a share strictly between 0 and 1 on the scale log(-log F)."""
    width = Z * error / (share * math.log(share))
    return share ** math.exp(-width), share ** math.exp(width)


def reason_for_none(curve: Incidence, horizon: int) -> str | None:
    """Why there is no incidence at the horizon, or None. A curve that nobody is left to continue goes on flat."""
    if not len(curve.time):
        return NO_PATHWAY
    somebody_left = curve.at_risk[-1] > curve.events[-1] + curve.competing[-1]
    return BEYOND_FOLLOW_UP if horizon > curve.time[-1] and somebody_left else None


def effectively_followed(curve: Incidence, horizon: int) -> int:
    """At risk / survival, its least value up to the horizon: all pathways where none is censored before."""
    before = just_before(curve.survival)
    followed = np.where(before > 0, curve.at_risk / np.where(before > 0, before, 1.0), np.inf)
    at_horizon = int(np.searchsorted(curve.time, horizon)) + 1  # the first time from the horizon on has its risk set
    return max(int(followed[:at_horizon].min() + 1e-9), 1)


def median_time(curve: Incidence) -> Interval:
    """First time by which half of *all* pathways have had the event; its error is None.

    The limits are the times at which the upper and the lower cloglog limits of the incidence reach
    one half (Brookmeyer and Crowley 1982); None where they never do, or where a variance cannot be told.
    Null where half never had it.
    """
    if not len(curve.time):
        return Interval.absent(NO_PATHWAY)
    inside = ~is_boundary(curve.incidence)
    share = np.where(inside, curve.incidence, 0.5)
    width = Z * np.sqrt(curve.variance) / (share * np.log(share))
    low = np.where(inside, share ** np.exp(-width), curve.incidence)
    high = np.where(inside, share ** np.exp(width), curve.incidence)
    median = first_time(curve.time, curve.incidence >= HALF)
    if median is None:
        return Interval.absent(NOT_REACHED)
    if (inside & (curve.variance <= 0)).any():
        return Interval(median, None, None, None)
    return Interval(median, None, first_time(curve.time, high >= HALF), first_time(curve.time, low >= HALF))


def first_time(time: Integers, reached: NDArray[np.bool_]) -> float | None:
    """The first time that is marked, or None."""
    return float(time[int(np.argmax(reached))]) if reached.any() else None


def incidence_difference(after: Cells, before: Cells, horizon: int) -> Difference:
    """Difference of the incidences by the horizon, after minus before, with its test against 0.

    Each group brings its influence-function error. One without event (or without anybody free of it)
    brings its exact limit instead, by Newcombe's square-and-add rule; two such groups give an
    interval round 0, never one of width 0. Null where either group has no incidence.
    """
    there, then = (incidence_at(aalen_johansen(cells), horizon) for cells in (after, before))
    reason = there.null_reason or then.null_reason
    return Difference.absent(reason) if reason else square_and_add(there, then, largest=1.0)

"""Times to an event from counted cells: Aalen-Johansen where deaths compete.

Cells and their risk sets are those of ``transforms.cells``. A horizon h includes time h.

The variance of the incidence is the sum of squared influences of the pathways, the infinitesimal
jackknife of R's ``survfit``. Without delayed entry it equals the delta method (Gray 1988; Marubini
and Valsecchi 1995) exactly, and with delayed entry that method is slightly off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from transforms.cells import Cells, Floats, Integers, Numbers, counts_over_time, ratio
from transforms.intervals import (
    BEYOND_FOLLOW_UP,
    NO_PATHWAY,
    NOT_REACHED,
    Difference,
    Interval,
    Z,
    between,
    largest_share_without_event,
    two_sided,
)
from transforms.kaplan_meier import Survival, kaplan_meier, log_rank, median_survival, survival_at
from warehouse.schemas import CENSORED, EVENT_SEEN

__all__ = [
    "Cells", "Incidence", "Survival", "aalen_johansen", "incidence_at", "incidence_difference",
    "influence_of_incidence", "kaplan_meier", "log_rank", "median_survival", "median_time", "survival_at",
]  # fmt: skip

HALF = 0.5 - 1e-12  # sums of shares that make one half exactly may fall short of it by rounding


@dataclass(frozen=True)
class Incidence:
    """Aalen-Johansen curves, one element per distinct time of follow-up (events and censorings alike).

    ``at_risk`` holds just before the time, the other counts at it. ``survival`` (neither event),
    ``incidence`` of the event and its ``variance`` hold from the time on, that time included.
    """

    time: Integers
    at_risk: Integers
    events: Integers
    competing: Integers
    survival: Floats
    incidence: Floats
    variance: Floats


def aalen_johansen(cells: Cells) -> Incidence:
    """Cumulative incidence of the event among all pathways, exact under ties."""
    time, at_risk, events, competing = counts_over_time(cells)
    happened = events + competing
    survival = np.cumprod(1 - ratio(happened, at_risk), dtype=np.float64)
    incidence: Floats = np.cumsum(ratio(_just_before(survival) * events, at_risk))
    curve = Incidence(time, at_risk, events, competing, survival, incidence, np.zeros(len(time)))
    return replace(curve, variance=_variance(cells, curve))


def _just_before(survival: Floats) -> Floats:
    return np.concatenate([[1.0], survival[:-1]])[: len(survival)]


@dataclass(frozen=True)
class _Influence:
    """The influence of a cell on the incidence at h, ``base + F(h) * slope``, in its parts.

    Of one whose event came at t: ``event_base[t]``; of one who died at t: ``death_base[t]``; both:
    ``ended_slope[t]``. From all is taken what they met while at risk up to h: the differences of the
    cumulated ``risk_base`` and ``risk_slope``, which hold after each time and start with 0.
    """

    event_base: Floats
    death_base: Floats
    ended_slope: Floats
    risk_base: Floats
    risk_slope: Floats


def _influence(curve: Incidence) -> _Influence:
    happened = curve.events + curve.competing
    per_event = ratio(_just_before(curve.survival), curve.at_risk)
    remaining = ratio(np.ones(len(curve.time)), curve.at_risk - happened)
    loss = curve.incidence * remaining
    return _Influence(
        event_base=per_event + loss,
        death_base=loss,
        ended_slope=-remaining,
        risk_base=_from_zero(ratio(per_event * curve.events + loss * happened, curve.at_risk)),
        risk_slope=_from_zero(-ratio(remaining * happened, curve.at_risk)),
    )


def _from_zero(steps: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(steps)])


def _positions(cells: Cells, curve: Incidence) -> tuple[Integers, Integers]:
    """Of each cell: the number of distinct times up to its entry, and the place of its own time."""
    entered = np.searchsorted(curve.time, cells.entry, "right")
    return entered, np.searchsorted(curve.time, cells.time)


def _variance(cells: Cells, curve: Incidence) -> Floats:
    """Sum of n psi^2 at every distinct time, in one pass.

    The squares are expanded in F(h). Who left by h contributes a constant; who is still at risk at h
    has met ``risk(h) - risk(entry)``, whose square is expanded likewise.
    """
    parts = _influence(curve)
    entered, position = _positions(cells, curve)
    base, slope = _of_ended(cells, parts, entered, position)
    sums = [
        _ended_by(position, cells.n * x * y, len(curve.time)) + _still_at_risk(cells, curve, entered, position, u, v)
        for x, y, u, v in (
            (base, base, parts.risk_base, parts.risk_base),
            (base, slope, parts.risk_base, parts.risk_slope),
            (slope, slope, parts.risk_slope, parts.risk_slope),
        )
    ]
    variance = sums[0] + 2 * curve.incidence * sums[1] + curve.incidence**2 * sums[2]
    return np.where(_is_boundary(curve.incidence), 0.0, np.maximum(variance, 0.0))


def _is_boundary(incidence: Floats) -> NDArray[np.bool_]:
    """No event yet, or nobody without it."""
    return (incidence <= 0) | (incidence >= 1 - 1e-12)


def _of_ended(cells: Cells, parts: _Influence, entered: Integers, position: Integers) -> tuple[Floats, Floats]:
    """Base and slope of each cell's influence at horizons from its own time on."""
    event, ended = cells.status == EVENT_SEEN, cells.status != CENSORED
    base = np.where(event, parts.event_base[position], np.where(ended, parts.death_base[position], 0.0))
    slope = np.where(ended, parts.ended_slope[position], 0.0)
    met = [risk[position + 1] - risk[entered] for risk in (parts.risk_base, parts.risk_slope)]
    return base - met[0], slope - met[1]


def _ended_by(position: Integers, products: Floats, length: int) -> Floats:
    """Products of the cells whose time is at or before each distinct time, added."""
    return np.cumsum(np.bincount(position, products, length))


def _still_at_risk(
    cells: Cells, curve: Incidence, entered: Integers, position: Integers, u: Floats, v: Floats
) -> Floats:
    """Sum of n (u(h) - u(entry)) (v(h) - v(entry)) over those with entry < h < time, at every h."""

    def present(weights: Numbers) -> Floats:
        length = len(curve.time)
        came = np.bincount(entered, weights, length + 1)[:length]
        left = np.bincount(position, weights, length)
        return np.cumsum(came - left)

    here, there = u[1:], v[1:]
    return (
        here * there * present(cells.n)
        - here * present(cells.n * v[entered])
        - there * present(cells.n * u[entered])
        + present(cells.n * u[entered] * v[entered])
    )


def influence_of_incidence(cells: Cells, horizon: int) -> Floats:
    """Influence of one pathway of each cell on the incidence by ``horizon``: sum of n psi^2 is its variance."""
    curve = aalen_johansen(cells)
    if not len(curve.time) or curve.time[0] > horizon:
        return np.zeros(len(cells.n))
    parts = _influence(curve)
    entered, position = _positions(cells, curve)
    last = _place(curve.time, horizon)
    reached = curve.incidence[last]
    until = np.minimum(position, last) + 1
    since = np.minimum(entered, last + 1)
    ended = (position <= last) & (cells.status != CENSORED)
    base = np.where(cells.status == EVENT_SEEN, parts.event_base[position], parts.death_base[position])
    psi = np.where(ended, base + reached * parts.ended_slope[position], 0.0)
    for risk, factor in ((parts.risk_base, 1.0), (parts.risk_slope, reached)):
        psi -= factor * (risk[until] - risk[since])
    return psi


def _place(time: Integers, horizon: int) -> int:
    """Index of the last distinct time up to the horizon; -1 before the first."""
    return int(np.searchsorted(time, horizon, "right")) - 1


def incidence_at(curve: Incidence, horizon: int) -> Interval:
    """Incidence by the horizon with its cloglog interval, F^exp(+-1.96 se / (F log F)).

    With no event yet, or nobody without it, the transformation does not exist: the limit is exact
    (Clopper-Pearson) for the number effectively followed to the horizon, at risk / survival, and the
    error None. Null where the group is empty or the horizon lies beyond its follow-up.
    """
    reason = reason_for_none(curve, horizon)
    if reason is not None:
        return Interval.absent(reason)
    last = _place(curve.time, horizon)
    share = float(curve.incidence[last]) if last >= 0 else 0.0
    if share <= 0 or _is_boundary(curve.incidence[last : last + 1])[0]:
        limit = largest_share_without_event(_effectively_followed(curve, horizon))
        return Interval(0.0, None, 0.0, limit) if share < HALF else Interval(1.0, None, 1 - limit, 1.0)
    error = math.sqrt(curve.variance[last])
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


def _effectively_followed(curve: Incidence, horizon: int) -> int:
    """At risk / survival, its least value up to the horizon: all pathways where none is censored before."""
    before = _just_before(curve.survival)
    followed = np.where(before > 0, curve.at_risk / np.where(before > 0, before, 1.0), np.inf)
    at_horizon = int(np.searchsorted(curve.time, horizon)) + 1  # the first time from the horizon on has its risk set
    return max(int(followed[:at_horizon].min() + 1e-9), 1)


def median_time(curve: Incidence) -> Interval:
    """First time by which half of *all* pathways have had the event; its error is None.

    The limits are the times at which the upper and the lower cloglog limits of the incidence reach
    one half (Brookmeyer and Crowley 1982); None where they never do. Null where half never had it.
    """
    if not len(curve.time):
        return Interval.absent(NO_PATHWAY)
    inside = ~_is_boundary(curve.incidence)
    share = np.where(inside, curve.incidence, 0.5)
    width = Z * np.sqrt(curve.variance) / (share * np.log(share))
    low = np.where(inside, share ** np.exp(-width), curve.incidence)
    high = np.where(inside, share ** np.exp(width), curve.incidence)
    median = first_time(curve.time, curve.incidence >= HALF)
    if median is None:
        return Interval.absent(NOT_REACHED)
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
    intervals = [incidence_at(aalen_johansen(cells), horizon) for cells in (after, before)]
    for interval in intervals:
        if interval.null_reason is not None:
            return Difference.absent(interval.null_reason)
    return _square_and_add(*intervals)


def _square_and_add(after: Interval, before: Interval) -> Difference:
    """Limits from the widths of both groups to either side; the test uses the side towards 0."""
    shares = [interval.estimate or 0.0 for interval in (after, before)]
    (down, up), (down_before, up_before) = (_widths(interval) for interval in (after, before))
    estimate = shares[0] - shares[1]
    to_low, to_high = math.hypot(down, up_before), math.hypot(up, down_before)
    towards_zero = max(to_low, to_high) if estimate == 0 else to_low if estimate > 0 else to_high
    z = Z * estimate / towards_zero
    low, high = between(-1, estimate - to_low, 1), between(-1, estimate + to_high, 1)
    return Difference(estimate, towards_zero / Z, low, high, z, two_sided(z))


def _widths(interval: Interval) -> tuple[float, float]:
    """Widths below and above the estimate: 1.96 errors, or up to the exact limit where there is none."""
    estimate, low, high = interval.estimate or 0.0, interval.low or 0.0, interval.high or 0.0
    if interval.std_error is not None:
        return Z * interval.std_error, Z * interval.std_error
    return estimate - low, high - estimate

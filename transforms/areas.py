"""Areas up to a horizon tau: mean time with the event behind (incidence), or ahead (restricted mean).

Both are areas under step functions on [0, tau), in the units of time, with no half-unit shifts. The
area under the incidence is the mean time that pathways have spent with the event by tau, whoever
died kept in; its error is that of the influence of each pathway, integrated. The restricted mean of
Kaplan-Meier's survival is for where nothing competes; its error is Greenwood's.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from transforms.cells import Cells, Floats, Integers, ratio
from transforms.incidence import Incidence, Influence, aalen_johansen
from transforms.intervals import (
    NO_SPREAD,
    Difference,
    Interval,
    Z,
    between,
    largest_share_without_event,
    square_and_add,
)
from transforms.kaplan_meier import effectively_followed, kaplan_meier
from transforms.survival import reason_for_none
from warehouse.schemas import CENSORED, EVENT_SEEN


def area_under_incidence(cells: Cells, tau: int) -> Interval:
    """Mean time since the event within [0, tau), with its influence-function interval.

    Null where the group is empty or tau lies beyond its follow-up. Where the influence is nil, as
    without any event, the exact limit of the share takes its place, times tau.
    """
    curve = aalen_johansen(cells)
    reason = _reason_for_none(curve, tau)
    if reason is not None:
        return Interval.absent(reason)
    within = _until(cells, tau)
    estimate, psi = _area_and_influence(within, tau)
    error = math.sqrt(float((within.n * psi**2).sum()))
    return _interval(estimate, error, tau, effectively_followed(curve, tau))


def restricted_mean(cells: Cells, tau: int) -> Interval:
    """Mean time without event within [0, tau); every status but the event censors. Null as for the area."""
    alone = replace(cells, status=np.where(cells.status == EVENT_SEEN, EVENT_SEEN, CENSORED).astype(np.int64))
    incidence = aalen_johansen(alone)
    reason = _reason_for_none(incidence, tau)
    if reason is not None:
        return Interval.absent(reason)
    curve = kaplan_meier(alone)
    so_far = _integral(np.concatenate([[1.0], curve.survival]), _grid(curve.time, tau))
    left = so_far[-1] - so_far[1:-1]
    at_risk, events = curve.at_risk[: len(left)], curve.events[: len(left)]
    error = math.sqrt(float((left**2 * ratio(events, at_risk * (at_risk - events))).sum()))
    return _interval(float(so_far[-1]), error, tau, effectively_followed(incidence, tau))


def area_difference(after: Cells, before: Cells, tau: int) -> Difference:
    """Difference of the areas under the incidence, after minus before."""
    return _difference(area_under_incidence(after, tau), area_under_incidence(before, tau), tau)


def restricted_mean_difference(after: Cells, before: Cells, tau: int) -> Difference:
    """Difference of the restricted means, after minus before."""
    return _difference(restricted_mean(after, tau), restricted_mean(before, tau), tau)


def _reason_for_none(curve: Incidence, tau: int) -> str | None:
    """Why there is no area, or None. Up to tau = 0 there is nothing to add up: it is 0 for everybody."""
    return reason_for_none(curve, tau) or (NO_SPREAD if tau <= 0 else None)


def _difference(after: Interval, before: Interval, tau: int) -> Difference:
    reason = after.null_reason or before.null_reason
    return Difference.absent(reason) if reason else square_and_add(after, before, largest=tau)


def _interval(estimate: float, error: float, tau: int, followed: int) -> Interval:
    """Wald's interval within [0, tau]; without an error, the exact limit of a share times tau."""
    width = Z * error if error > 0 else tau * largest_share_without_event(followed)
    low, high = between(0, estimate - width, tau), between(0, estimate + width, tau)
    return Interval(estimate, error or None, low, high)


def _until(cells: Cells, tau: int) -> Cells:
    """The cells as seen before tau: what happens from then on is censored at tau."""
    entered, later = cells.entry < tau, cells.time >= tau
    time, status = np.where(later, tau, cells.time), np.where(later, CENSORED, cells.status)
    return Cells(cells.entry[entered], time[entered], status[entered], cells.n[entered])


def _grid(time: Integers, tau: int) -> Floats:
    """0, the distinct times before tau, tau."""
    return np.concatenate([[0], time[time < tau], [tau]]).astype(np.float64)


def _integral(steps: Floats, grid: Floats) -> Floats:
    """Integral up to each point of the grid of a step function given from each point on."""
    return np.concatenate([[0.0], np.cumsum(steps[: len(grid) - 1] * np.diff(grid))])


def _area_and_influence(cells: Cells, tau: int) -> tuple[float, Floats]:
    """The area and what one pathway of each cell brings to it: the integral of its influence on F(h) over h.

    While at risk it has met ``risk(h) - risk(entry)``, once ended it keeps ``base + F(h) slope``
    (``Influence``). Both are integrated by sums up to the distinct times.
    """
    influence = Influence.of(cells, aalen_johansen(cells))
    base, slope = influence.once_ended()
    grid = _grid(influence.curve.time, tau)
    incidence = np.concatenate([[0.0], influence.curve.incidence])
    steps = (incidence, influence.risk_base, incidence * influence.risk_slope)
    area, met_base, met_slope = (_integral(step, grid) for step in steps)
    entered = influence.entered
    here, since = influence.position + 1, entered + 1  # places in the grid, whose first point is 0
    at_risk = met_base[here] - met_base[since] - influence.risk_base[entered] * (grid[here] - grid[since])
    at_risk += met_slope[here] - met_slope[since] - influence.risk_slope[entered] * (area[here] - area[since])
    return float(area[-1]), base * (tau - grid[here]) + slope * (area[-1] - area[here]) - at_risk

"""Aalen-Johansen's incidence of an event among others, and the influence of each pathway on it.

The variance of the incidence is the sum of squared influences of the pathways, the infinitesimal
jackknife of R's ``survfit``. Without delayed entry it equals the delta method (Gray 1988; Marubini
and Valsecchi 1995) exactly; with delayed entry that method is slightly off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from transforms.cells import Cells, Floats, Integers, Numbers, counts_over_time, ratio
from warehouse.schemas import CENSORED, EVENT_SEEN


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
    incidence: Floats = np.cumsum(ratio(just_before(survival) * events, at_risk))
    curve = Incidence(time, at_risk, events, competing, survival, incidence, np.zeros(len(time)))
    return replace(curve, variance=Influence.of(cells, curve).variance())


def just_before(survival: Floats) -> Floats:
    """The shares without either event just before each time, the last axis."""
    start = np.ones((*survival.shape[:-1], 1))
    return np.concatenate([start, survival], axis=-1)[..., :-1]


def place(time: Integers, horizon: int) -> int:
    """Index of the last distinct time up to the horizon; -1 before the first."""
    return int(np.searchsorted(time, horizon, "right")) - 1


def is_boundary(incidence: Floats) -> NDArray[np.bool_]:
    """No event yet, or nobody without it."""
    return (incidence <= 0) | (incidence >= 1 - 1e-12)


def nobody_was_left(survival: Floats, at_risk: Integers) -> NDArray[np.bool_]:
    """The times with pathways at risk although all before them had an event: the curve has nothing to say of these.

    It happens with delayed entry alone, where few were at risk early on (Klein and Moeschberger 2003, section 4.6).
    """
    return (just_before(survival) <= 0) & (at_risk > 0)


@dataclass(frozen=True)
class Influence:
    """What one pathway of each cell brings to the incidence F at every time h: the squares add up to its variance.

    ``entered`` counts the distinct times up to the entry of each cell, ``position`` places its own
    time. While at risk a pathway has met ``risk(h) - risk(entry)``, with risk(h) = ``risk_base`` +
    F(h) ``risk_slope``; these two start with 0 and hold from each time on. Its own event or death at
    t adds ``event_base[t]`` or ``death_base[t]``, and F(h) ``ended_slope[t]``.
    """

    cells: Cells
    curve: Incidence
    entered: Integers
    position: Integers
    event_base: Floats
    death_base: Floats
    ended_slope: Floats
    risk_base: Floats
    risk_slope: Floats

    @classmethod
    def of(cls, cells: Cells, curve: Incidence) -> Influence:
        """The influence of the cells that the curve was made of."""
        happened = curve.events + curve.competing
        per_event = ratio(just_before(curve.survival), curve.at_risk)
        remaining = ratio(np.ones(len(curve.time)), curve.at_risk - happened)
        loss = curve.incidence * remaining
        return cls(
            cells=cells,
            curve=curve,
            entered=np.searchsorted(curve.time, cells.entry, "right"),
            position=np.searchsorted(curve.time, cells.time),
            event_base=per_event + loss,
            death_base=loss,
            ended_slope=-remaining,
            risk_base=_from_zero(ratio(per_event * curve.events + loss * happened, curve.at_risk)),
            risk_slope=_from_zero(-ratio(remaining * happened, curve.at_risk)),
        )

    def of_own_end(self) -> tuple[Floats, Floats]:
        """What the own event or death of each cell adds, as base and slope; nothing for the censored."""
        event, ended = self.cells.status == EVENT_SEEN, self.cells.status != CENSORED
        base = np.where(event, self.event_base[self.position], np.where(ended, self.death_base[self.position], 0.0))
        return base, np.where(ended, self.ended_slope[self.position], 0.0)

    def once_ended(self) -> tuple[Floats, Floats]:
        """Base and slope of the whole influence at any h from the cell's own time on."""
        base, slope = self.of_own_end()
        here = self.position + 1
        met_base = self.risk_base[here] - self.risk_base[self.entered]
        return base - met_base, slope - (self.risk_slope[here] - self.risk_slope[self.entered])

    def at(self, horizon: int) -> Floats:
        """The influence on the incidence by the horizon, one number per cell."""
        last = place(self.curve.time, horizon)
        reached = self.curve.incidence[last] if last >= 0 else 0.0
        base, slope = self.of_own_end()
        own = np.where(self.position <= last, base + reached * slope, 0.0)
        until, since = np.minimum(self.position, last) + 1, np.minimum(self.entered, last + 1)
        met_base = self.risk_base[until] - self.risk_base[since]
        psi: Floats = own - met_base - reached * (self.risk_slope[until] - self.risk_slope[since])
        return psi

    def variance(self) -> Floats:
        """Sum of n psi^2 at every distinct time, in one pass: the squares are expanded in F(h)."""
        base, slope = self.once_ended()
        of_base, mixed, of_slope = (
            self._ended_by(x * y) + self._still_at_risk(u, v)
            for x, y, u, v in (
                (base, base, self.risk_base, self.risk_base),
                (base, slope, self.risk_base, self.risk_slope),
                (slope, slope, self.risk_slope, self.risk_slope),
            )
        )
        variance = of_base + 2 * self.curve.incidence * mixed + self.curve.incidence**2 * of_slope
        return np.where(is_boundary(self.curve.incidence), 0.0, np.maximum(variance, 0.0))

    def _ended_by(self, products: Floats) -> Floats:
        """Sum of n times the products over the cells whose time is at or before each distinct time."""
        return np.cumsum(np.bincount(self.position, self.cells.n * products, len(self.curve.time)))

    def _still_at_risk(self, u: Floats, v: Floats) -> Floats:
        """Sum of n (u(h) - u(entry)) (v(h) - v(entry)) over those with entry < h < time, at every h."""
        here, there = u[1:], v[1:]
        u_entry, v_entry = u[self.entered], v[self.entered]
        return (
            here * there * self._present(self.cells.n)
            - here * self._present(self.cells.n * v_entry)
            - there * self._present(self.cells.n * u_entry)
            + self._present(self.cells.n * u_entry * v_entry)
        )

    def _present(self, weights: Numbers) -> Floats:
        """Sum of the weights of those who entered before each distinct time and go on after it."""
        length = len(self.curve.time)
        came = np.bincount(self.entered, weights, length + 1)[:length]
        return np.cumsum(came - np.bincount(self.position, weights, length))


def _from_zero(steps: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(steps)])


def complement_of_survival(cells: Cells) -> Incidence:
    """One minus Kaplan-Meier's survival where nothing competes, with Greenwood's variance as its curve has.

    Without delayed entry that is the variance of the influences; with it the two differ slightly.
    """
    time, at_risk, events, competing = counts_over_time(cells)
    survival = np.cumprod(1 - ratio(events, at_risk), dtype=np.float64)
    variance = survival**2 * np.cumsum(ratio(events, at_risk * (at_risk - events)))
    return Incidence(time, at_risk, events, competing, survival, 1 - survival, variance)


def influence_of_incidence(cells: Cells, horizon: int) -> Floats:
    """Influence of one pathway of each cell on the incidence by ``horizon``: sum of n psi^2 is its variance."""
    return Influence.of(cells, aalen_johansen(cells)).at(horizon)

"""Mean number of events per pathway by a horizon, death ending them: Ghosh and Lin (2000), from counts.

Events of one pathway are not independent, so that its squares need *pairs*: how often two events of
one pathway fell on two days, and on which day an event and the end of its pathway. With these the
variance is that of patients, sum of n psi^2. A pathway is at risk at t when ``entry < t <= end``: an
event on its last day counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from transforms.cells import Cells, Floats, Integers, counts_at, ratio
from transforms.intervals import (
    BEYOND_FOLLOW_UP,
    NO_PATHWAY,
    NO_SPREAD,
    Difference,
    Interval,
    Z,
    square_and_add,
)
from warehouse.schemas import COMPETED

ROUNDING = 1e-7  # terms cancel to some 1e-16, whose root is 1e-8: below it all pathways had the same events
MOST_WITHOUT_EVENT = -math.log(0.025)  # upper exact limit of a Poisson count of 0


@dataclass(frozen=True)
class Recurrences:
    """Counts of one group.

    ``ends``: the pathways by entry, end and status, COMPETED for death and CENSORED otherwise.
    ``event_time``, ``event_end``, ``event_n``: single events by their time and the place in ``ends`` of
    their pathway's cell. ``first``, ``second``, ``pair_n``: pairs of events of one pathway by their
    times, ``first < second`` once per pair; ``first == second`` k^2 times for k events at that time.
    """

    ends: Cells
    event_time: Integers
    event_end: Integers
    event_n: Integers
    first: Integers
    second: Integers
    pair_n: Integers

    @property
    def number(self) -> int:
        """Number of events."""
        return int(self.event_n.sum())


@dataclass(frozen=True)
class MeanCumulative:
    """Mean number of events, one element per distinct time of an event or an end.

    ``at_risk`` and ``survival`` hold just before the time, ``mean`` from it on.
    """

    time: Integers
    at_risk: Integers
    events: Integers
    deaths: Integers
    survival: Floats
    mean: Floats


def mean_cumulative(counts: Recurrences) -> MeanCumulative:
    """The sum of S(u-) dN(u) / Y(u); Nelson and Aalen's where nobody dies."""
    time = np.unique(np.concatenate([counts.ends.time, counts.event_time]))
    at_risk, _, deaths = counts_at(counts.ends, time)
    events = np.bincount(np.searchsorted(time, counts.event_time), counts.event_n, len(time)).astype(np.int64)
    survival = np.concatenate([[1.0], np.cumprod(1 - ratio(deaths, at_risk))])[: len(time)].astype(np.float64)
    mean: Floats = np.cumsum(ratio(survival * events, at_risk))
    return MeanCumulative(time, at_risk, events, deaths, survival, mean)


def mean_events_at(counts: Recurrences, horizon: int) -> Interval:
    """Mean number of events by the horizon, that time included, with Wald's interval on the log scale.

    Without any event its error is None and the limit Poisson's exact one for the number at risk at the
    horizon. Null where the group is empty, the horizon lies beyond its follow-up, or all pathways are
    alike and give no error.
    """
    if not counts.ends.total:
        return Interval.absent(NO_PATHWAY)
    curve = mean_cumulative(counts)
    left = curve.at_risk[-1] - curve.deaths[-1]
    if horizon > curve.time[-1] and left > 0:
        return Interval.absent(BEYOND_FOLLOW_UP)
    last = int(np.searchsorted(curve.time, horizon, "right")) - 1
    mean = float(curve.mean[last]) if last >= 0 else 0.0
    if mean == 0:
        at_horizon = min(int(np.searchsorted(curve.time, horizon)), len(curve.time) - 1)
        followed = curve.at_risk[: at_horizon + 1].min()
        return Interval(0.0, None, 0.0, MOST_WITHOUT_EVENT / max(int(followed), 1))
    error = math.sqrt(max(_squared_error(counts, curve, last), 0.0))
    if error <= ROUNDING * mean:
        return Interval.absent(NO_SPREAD)
    width = math.exp(Z * error / mean)
    return Interval(mean, error, mean / width, mean * width)


def mean_events_difference(after: Recurrences, before: Recurrences, horizon: int) -> Difference:
    """Difference of the mean numbers of events by the horizon, after minus before."""
    there, then = mean_events_at(after, horizon), mean_events_at(before, horizon)
    reasons = sorted(reason for reason in (there.null_reason, then.null_reason) if reason)  # whichever comes first
    return Difference.absent(reasons[0]) if reasons else square_and_add(there, then, largest=math.inf)


def _squared_error(counts: Recurrences, curve: MeanCumulative, last: int) -> float:
    """Sum of n psi^2: psi is the worth of the own events and that of the own end.

    An event at u is worth S(u-) / Y(u). A pathway loses what is expected while it is at risk, and a
    death at x the events that S no longer lets come, (mu(h) - mu(x)) / (Y - D).
    """
    inside = np.arange(len(curve.time)) <= last
    worth = inside * ratio(curve.survival, curve.at_risk)
    loss = inside * ratio(curve.mean[last] - curve.mean, curve.at_risk - curve.deaths)
    met = np.concatenate([[0.0], np.cumsum(ratio(worth * curve.events - loss * curve.deaths, curve.at_risk))])
    entered, ended = (np.searchsorted(curve.time, moment, "right") for moment in (counts.ends.entry, counts.ends.time))
    dead = counts.ends.status == COMPETED
    end = -(met[ended] - met[entered]) - np.where(dead, loss[ended - 1], 0.0)
    first, second, single = (
        worth[np.searchsorted(curve.time, moment)] for moment in (counts.first, counts.second, counts.event_time)
    )
    twice = np.where(counts.first == counts.second, 1, 2)
    pairs = float((twice * counts.pair_n * first * second).sum())
    mixed = 2 * float((counts.event_n * single * end[counts.event_end]).sum())
    return pairs + mixed + float((counts.ends.n * end**2).sum())

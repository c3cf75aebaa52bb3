"""Times to an event where nothing competes: Kaplan-Meier and log-rank by lifelines; months by the product limit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from transforms.cells import Cells, Floats, Integers, counts_at, counts_over_time, ratio
from transforms.group_tests import stratified_log_rank
from transforms.incidence import Incidence, just_before, nobody_was_left
from transforms.intervals import (
    BEYOND_FOLLOW_UP,
    FEWEST_OF_A_MEDIAN,
    NEVER_TOGETHER,
    NO_EVENT,
    NO_PATHWAY,
    NO_SPREAD,
    NOBODY_LEFT,
    NOT_REACHED,
    Interval,
    Test,
    Z,
    largest_share_without_event,
)
from warehouse.schemas import EVENT_SEEN

HALF = 0.5 + 1e-12
SHIFT = 1  # lifelines takes times from 0 on as (0, t]: entry -1 becomes 0, an event at time 0 comes at 1


@dataclass(frozen=True)
class Survival:
    """Kaplan-Meier curve, one element per distinct time of follow-up; shares without event from that time on.

    ``at_risk`` holds just before the time. ``low`` and ``high`` are log-log limits on Greenwood's
    error ``std_error``, and 1 before the first event as there is no error yet.
    """

    time: Integers
    at_risk: Integers
    events: Integers
    survival: Floats
    std_error: Floats
    low: Floats
    high: Floats


def kaplan_meier(cells: Cells) -> Survival:
    """The share without event; every status but the event censors.

    lifelines draws the curve of pathways followed from the start. It refuses some with delayed
    entry, whose product and limits are computed here.
    """
    curve = product_limit(cells)
    if not (cells.followed_from_the_start and cells.total):
        return curve
    survival, low, high = _by_lifelines(cells, curve.time)
    return replace(curve, survival=survival, low=low, high=high)


def product_limit(cells: Cells) -> Survival:
    """The same without lifelines: also with delayed entry, and in a hundredth of the time for a series of months."""
    time, at_risk, events, _ = counts_over_time(cells)
    greenwood = np.sqrt(np.cumsum(ratio(events, at_risk * (at_risk - events))))  # the error of log S
    survival = np.cumprod(1 - ratio(events, at_risk), dtype=np.float64)
    inside = (survival > 0) & (survival < 1)
    log_survival = np.log(np.where(inside, survival, 0.5))
    width = np.where(inside, Z * greenwood / log_survival, 0.0)
    low, high = survival ** np.exp(-width), survival ** np.exp(width)
    return Survival(time, at_risk, events, survival, survival * greenwood, low, high)


def _by_lifelines(cells: Cells, time: Integers) -> tuple[Floats, Floats, Floats]:
    """Survival and its log-log limits at the distinct times."""
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter().fit(cells.time + SHIFT, cells.status == EVENT_SEEN, weights=cells.n)
    survival = fitted.survival_function_.loc[time + SHIFT].iloc[:, 0].to_numpy()
    limits = fitted.confidence_interval_.loc[time + SHIFT].to_numpy()
    return survival, limits[:, 0], limits[:, 1]


def survival_at(curve: Survival, horizon: int) -> Interval:
    """Share without event by the horizon, that time included, with its log-log interval.

    Before the first event and after the last pathway had it there is no such interval: the limit is
    exact, for the number effectively followed, and the error None. Null where the group is empty, the horizon lies
    beyond its follow-up, or all at risk had the event and others entered later.
    """
    if not len(curve.time):
        return Interval.absent(NO_PATHWAY)
    if nobody_was_left(curve.survival, curve.at_risk)[curve.time <= horizon].any():
        return Interval.absent(NOBODY_LEFT)
    if horizon > curve.time[-1] and curve.at_risk[-1] > curve.events[-1]:
        return Interval.absent(BEYOND_FOLLOW_UP)
    last = int(np.searchsorted(curve.time, horizon, "right")) - 1
    share = float(curve.survival[last]) if last >= 0 else 1.0
    if 0 < share < 1:
        return Interval(share, float(curve.std_error[last]), float(curve.low[last]), float(curve.high[last]))
    limit = largest_share_without_event(effectively_followed(curve, horizon))
    return Interval(1.0, None, 1 - limit, 1.0) if share >= 1 else Interval(0.0, None, 0.0, limit)


def effectively_followed(curve: Incidence | Survival, horizon: int) -> int:
    """At risk / survival, its least value up to the horizon: all pathways where none is censored before."""
    before = just_before(curve.survival)
    followed = np.where(before > 0, curve.at_risk / np.where(before > 0, before, 1.0), np.inf)
    at_horizon = int(np.searchsorted(curve.time, horizon)) + 1  # the first time from the horizon on has its risk set
    return max(int(followed[:at_horizon].min() + 1e-9), 1)


def median_survival(curve: Survival) -> Interval:
    """First time at which half or fewer are without event; limits where the log-log limits reach one half.

    Fewer than six pathways have no limits of their median at this level.
    """
    if not len(curve.time):
        return Interval.absent(NO_PATHWAY)
    estimate, low, high = (_first_time(curve.time, share) for share in (curve.survival, curve.low, curve.high))
    if curve.at_risk.max() < FEWEST_OF_A_MEDIAN:
        low = high = None
    return Interval.absent(NOT_REACHED) if estimate is None else Interval(estimate, None, low, high)


def _first_time(time: Integers, share: Floats) -> float | None:
    """The first time at which the share is one half or less, or None."""
    reached = share <= HALF
    return float(time[int(np.argmax(reached))]) if reached.any() else None


def _can_differ(a: Cells, b: Cells) -> bool:
    """Whether at some time of an event both groups were at risk and somebody was left without it."""
    time = np.unique(np.concatenate([a.time, b.time]))
    (here, events, _), (there, events_there, _) = counts_at(a, time), counts_at(b, time)
    happened = events + events_there
    return bool(((here > 0) & (there > 0) & (happened > 0) & (happened < here + there)).any())


def log_rank(a: Cells, b: Cells) -> Test:
    """Whether two groups have one hazard of the event; other statuses censor.

    lifelines has no such test with delayed entry: it is then that of ``transforms.group_tests``.
    """
    from lifelines.statistics import logrank_test

    method = "log-rank"
    if not a.total or not b.total:
        return Test.absent(method, NO_PATHWAY)
    if not a.number(EVENT_SEEN) + b.number(EVENT_SEEN):
        return Test.absent(method, NO_EVENT)
    events = np.concatenate([cells.time[cells.status == EVENT_SEEN] for cells in (a, b)])
    if events.min() > min(a.time.max(), b.time.max()):
        return Test.absent(method, NEVER_TOGETHER)
    if not _can_differ(a, b):
        return Test.absent(method, NO_SPREAD)
    if not (a.followed_from_the_start and b.followed_from_the_start):
        return stratified_log_rank([(a, b)])
    tested = logrank_test(
        a.time + SHIFT,
        b.time + SHIFT,
        event_observed_A=a.status == EVENT_SEEN,
        event_observed_B=b.status == EVENT_SEEN,
        weights_A=a.n,
        weights_B=b.n,
    )
    return Test(float(tested.test_statistic), float(tested.p_value), method, degrees_of_freedom=1)

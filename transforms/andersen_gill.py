"""Rate ratios of recurrent events along time: Andersen and Gill's model with errors over pathways, from counts.

The rate of events at each time is a common one times exp(z beta), whatever happened before; it need not be
constant. Events of one pathway are not independent: the sandwich is that over pathways (Lin and Wei 1989; Lin,
Wei, Yang and Ying 2000), which pairs of events carry. At one time all events meet the same risk set, themselves
included (Breslow's ties), as in the estimating equation of 2000: R's ``coxph(Surv(start, stop, event) ~ z,
cluster = id, ties = "breslow")``. Death ends the time at risk and is not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transforms.cells import Floats, Integers, counts_at
from transforms.intervals import NO_EVENT, NO_SPREAD, NOT_ESTIMABLE, Interval, Z
from transforms.recurrent import Recurrences

MOST_STEPS = 50
CONVERGED = 1e-20  # of the squared Newton step in units of its information, per event
LARGEST_LOG_RATIO = 15.0  # of one covariate over its range: a group without events drifts to infinity
ROUNDING = 1e-12  # of the variance of independent events: what is below it is nothing, pathways are all alike


@dataclass(frozen=True)
class AndersenGill:
    """Log rate ratios, one per column of the covariates, with the model's covariance and the sandwich over pathways.

    All are None, with a reason, where the model has no finite solution.
    """

    coefficients: Floats | None
    covariance: Floats | None
    robust: Floats | None
    risks: RiskSets | None
    null_reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> AndersenGill:
        """No number, for the reason given."""
        return cls(None, None, None, None, reason)

    def rate_ratio(self, column: int) -> Interval:
        """Rate ratio of a column with Wald's interval from the sandwich; ``std_error`` is that of its logarithm."""
        if self.coefficients is None or self.covariance is None or self.robust is None:
            return Interval.absent(self.null_reason or NOT_ESTIMABLE)
        if self.robust[column, column] <= ROUNDING * self.covariance[column, column]:
            return Interval.absent(NO_SPREAD)
        centre, error = float(self.coefficients[column]), float(np.sqrt(self.robust[column, column]))
        low, estimate, high = np.exp([centre - Z * error, centre, centre + Z * error]).tolist()
        return Interval(estimate, error, low, high)


def andersen_gill(groups: Sequence[Recurrences], covariates: Floats) -> AndersenGill:
    """Fit by Newton's method. ``covariates`` is groups x columns, and holds no constant."""
    if not sum(group.number for group in groups):
        return AndersenGill.absent(NO_EVENT)
    risks = RiskSets.of(groups, covariates)
    beta = risks.maximum()
    if beta is None:
        return AndersenGill.absent(NOT_ESTIMABLE)
    covariance = np.linalg.inv(risks.information(beta)).astype(np.float64)
    return AndersenGill(beta, covariance, covariance @ risks.meat(beta) @ covariance, risks)


@dataclass(frozen=True)
class Standardised:
    """Numbers of events that some pathways would have without and with the first covariate, and their covariance."""

    without: float
    exposed: float
    covariance: Floats


def standardised(model: AndersenGill, chosen: Floats, horizon: int) -> Standardised | None:
    """g-computation: events up to ``horizon`` of the chosen groups (1, else 0) if their first covariate were 0, and 1.

    The sum over days of those at risk, each at the rate that the model gives pathways like it on that day. Who is at
    risk when is taken as given; what is estimated, coefficients and daily rates, brings the error over pathways: the
    infinitesimal jackknife, exact from pairs. None where the model has no finite solution.
    """
    if model.coefficients is None or model.covariance is None or model.risks is None:
        return None
    risks, beta, asked = model.risks, model.coefficients, []
    total, mean = risks.moments(beta)
    hazard = risks.events.sum(axis=0) / total
    for value in (0.0, 1.0):
        x = risks.x.copy()
        x[:, 0] = value - risks.centre[0]
        expected = (chosen * np.exp(x @ beta))[:, None] * risks.at_risk * (risks.time <= horizon)
        numbers = expected * hazard
        slope = numbers.sum(axis=1) @ x - numbers.sum(axis=0) @ mean
        asked.append((float(numbers.sum()), slope @ model.covariance, expected.sum(axis=0) / total))
    (without, slope, worth), (exposed, slope_exposed, worth_exposed) = asked
    carry = np.concatenate([np.stack([slope, slope_exposed]), np.eye(2)], axis=1)
    return Standardised(without, exposed, carry @ risks.meat(beta, worth, worth_exposed) @ carry.T)


@dataclass(frozen=True)
class RiskSets:
    """Numbers at risk and of events by group and distinct time of the events; ``x`` is centred, groups x columns."""

    groups: Sequence[Recurrences]
    x: Floats
    centre: Floats
    time: Integers
    at_risk: Integers
    events: Integers

    @classmethod
    def of(cls, groups: Sequence[Recurrences], covariates: Floats) -> RiskSets:
        """Those of these groups, covariates groups x columns."""
        time = np.unique(np.concatenate([group.event_time for group in groups]))
        every = np.unique(np.concatenate([time, *(group.ends.time for group in groups)]))
        at_risk = np.stack([counts_at(group.ends, every)[0] for group in groups])[:, np.isin(every, time)]
        events = np.stack([_by_time(group, time) for group in groups])
        centre = np.average(covariates, axis=0, weights=events.sum(axis=1))
        return cls(groups, covariates - centre, centre, time, at_risk, events)

    def moments(self, beta: Floats) -> tuple[Floats, Floats]:
        """Sum of the weights of those at risk at each time, and their mean covariates."""
        weighted = np.exp(self.x @ beta)[:, None] * self.at_risk
        total = weighted.sum(axis=0)
        return total, (weighted / total).T @ self.x

    def cumulative_rate(self, beta: Floats, day: Integers) -> Floats:
        """Events to be expected by the end of these days, for a pathway with the covariates of the centre."""
        total, _ = self.moments(beta)
        met = np.concatenate([[0.0], np.cumsum(self.events.sum(axis=0) / total)])
        expected: Floats = met[np.searchsorted(self.time, day, "right")]
        return expected

    def score(self, beta: Floats) -> Floats:
        """Sum over the events of their covariates, less the mean of those at risk."""
        _, mean = self.moments(beta)
        score: Floats = self.events.sum(axis=1) @ self.x - self.events.sum(axis=0) @ mean
        return score

    def information(self, beta: Floats) -> Floats:
        """Sum over the events of the covariance of the covariates of those at risk."""
        weighted = np.exp(self.x @ beta)[:, None] * self.at_risk
        total, mean = self.moments(beta)
        events = self.events.sum(axis=0)
        second = (self.x * (weighted @ (events / total))[:, None]).T @ self.x
        information: Floats = second - (mean * events[:, None]).T @ mean
        return information

    def maximum(self) -> Floats | None:
        """The root of the score; None where a group without events drifts away, or a column repeats another."""
        beta = np.zeros(self.x.shape[1])
        for _ in range(MOST_STEPS):
            information = self.information(beta)
            if np.abs(beta @ self.x.T).max() > LARGEST_LOG_RATIO or _is_singular(information, self.events.sum()):
                return None
            score = self.score(beta)
            step = np.linalg.solve(information, score)
            if float(step @ score) < CONVERGED * self.events.sum():
                return beta
            beta = beta + step * min(1.0, 2 / max(np.abs(step @ self.x.T).max(), 1.0))
        return None

    def meat(self, beta: Floats, *worths: Floats) -> Floats:
        """Sum over the pathways of the outer products of their influence on the score, and on sums of events by worth.

        An event at u is worth z - mean(u) to the score, and to each further sum what ``worths`` says at u. A pathway
        loses what was expected of it while it was at risk.
        """
        total, mean = self.moments(beta)
        hazard = (self.events.sum(axis=0) / total)[:, None]
        product = np.zeros((len(beta) + len(worths),) * 2)
        for group, x in zip(self.groups, self.x, strict=True):
            worth = np.column_stack([x - mean, *worths])
            met = np.concatenate([np.zeros((1, worth.shape[1])), (worth * hazard).cumsum(axis=0)])
            since, until = (
                np.searchsorted(self.time, moment, "right") for moment in (group.ends.entry, group.ends.time)
            )
            product += _meat(group, worth, -float(np.exp(x @ beta)) * (met[until] - met[since]), self.time)
        return product


def _by_time(group: Recurrences, time: Integers) -> Integers:
    place = np.searchsorted(time, group.event_time)
    return np.bincount(place, group.event_n, len(time)).astype(np.int64)


def _is_singular(information: Floats, events: int) -> bool:
    """Whether nothing tells the columns apart: no event came while unlike pathways were at risk together."""
    return bool(np.linalg.eigvalsh(information)[0] <= 1e-12 * events)


def _meat(group: Recurrences, event_worth: Floats, end_worth: Floats, time: Integers) -> Floats:
    """Sum over the pathways of the outer product of their own worth: of pairs of events, of event and end, of ends."""
    first, second, single = (
        event_worth[np.searchsorted(time, moment)] for moment in (group.first, group.second, group.event_time)
    )
    halved = group.pair_n * np.where(group.first == group.second, 0.5, 1.0)
    pairs = (first * halved[:, None]).T @ second
    mixed = (single * group.event_n[:, None]).T @ end_worth[group.event_end]
    ends: Floats = (end_worth * group.ends.n[:, None]).T @ end_worth
    return pairs + pairs.T + mixed + mixed.T + ends

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
    null_reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> AndersenGill:
        """No number, for the reason given."""
        return cls(None, None, None, reason)

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
    risks = _RiskSets.of(groups, covariates)
    beta = risks.maximum()
    if beta is None:
        return AndersenGill.absent(NOT_ESTIMABLE)
    covariance = np.linalg.inv(risks.information(beta)).astype(np.float64)
    worths = risks.worths(beta)
    meat = sum((_meat(group, *worth) for group, worth in zip(groups, worths, strict=True)), np.zeros_like(covariance))
    return AndersenGill(beta, covariance, covariance @ meat @ covariance)


@dataclass(frozen=True)
class _RiskSets:
    """Numbers at risk and of events by group and distinct time of the events; ``x`` is centred, groups x columns."""

    groups: Sequence[Recurrences]
    x: Floats
    time: Integers
    at_risk: Integers
    events: Integers

    @classmethod
    def of(cls, groups: Sequence[Recurrences], covariates: Floats) -> _RiskSets:
        time = np.unique(np.concatenate([group.event_time for group in groups]))
        every = np.unique(np.concatenate([time, *(group.ends.time for group in groups)]))
        at_risk = np.stack([counts_at(group.ends, every)[0] for group in groups])[:, np.isin(every, time)]
        events = np.stack([_by_time(group, time) for group in groups])
        x = covariates - np.average(covariates, axis=0, weights=events.sum(axis=1))
        return cls(groups, x, time, at_risk, events)

    def _moments(self, beta: Floats) -> tuple[Floats, Floats]:
        """Sum of the weights of those at risk at each time, and their mean covariates."""
        weighted = np.exp(self.x @ beta)[:, None] * self.at_risk
        total = weighted.sum(axis=0)
        return total, (weighted / total).T @ self.x

    def score(self, beta: Floats) -> Floats:
        """Sum over the events of their covariates, less the mean of those at risk."""
        _, mean = self._moments(beta)
        score: Floats = self.events.sum(axis=1) @ self.x - self.events.sum(axis=0) @ mean
        return score

    def information(self, beta: Floats) -> Floats:
        """Sum over the events of the covariance of the covariates of those at risk."""
        weighted = np.exp(self.x @ beta)[:, None] * self.at_risk
        total, mean = self._moments(beta)
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

    def worths(self, beta: Floats) -> list[tuple[Floats, Floats, Integers]]:
        """Of each group: what an event is worth to the score at each time, what each of its ends, and the times.

        An event at u is worth z - mean(u); a pathway loses what was expected of it while it was at risk.
        """
        total, mean = self._moments(beta)
        hazard = self.events.sum(axis=0) / total
        steps = np.concatenate([hazard[:, None], hazard[:, None] * mean], axis=1)
        met = np.concatenate([np.zeros((1, steps.shape[1])), steps.cumsum(axis=0)])
        found = []
        for group, x in zip(self.groups, self.x, strict=True):
            since, until = (
                np.searchsorted(self.time, moment, "right") for moment in (group.ends.entry, group.ends.time)
            )
            span = met[until] - met[since]
            found.append((x - mean, -float(np.exp(x @ beta)) * (x * span[:, :1] - span[:, 1:]), self.time))
        return found


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

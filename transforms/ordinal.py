"""Whole scales compared without taking them for numbers: superiority, Brunner-Munzel, proportional odds.

Answers come counted: distinct values and how many people gave each, in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from transforms.cells import Floats, Integers
from transforms.intervals import (
    NO_PATHWAY,
    NO_SPREAD,
    NOT_ESTIMABLE,
    ONE_ANSWER,
    Interval,
    Test,
    Z,
    between,
    largest_share_without_event,
)
from warehouse.schemas import CONFIDENCE

BRUNNER_MUNZEL = "Brunner-Munzel"
MOST_STEPS = 50
CONVERGED = 1e-14  # of the squared Newton step in units of its information
LARGEST_LOG_RATIO = 15.0  # of one covariate over its range: separation drifts to infinity


@dataclass(frozen=True)
class Superiority:
    """P(after > before) + P(equal) / 2 with its interval, and the test that it is one half."""

    probability: Interval
    brunner_munzel: Test

    @classmethod
    def absent(cls, reason: str) -> Superiority:
        """No number, for the reason given."""
        return cls(Interval.absent(reason), Test.absent(BRUNNER_MUNZEL, reason))


def probability_of_superiority(values: Floats, n: Integers, before_values: Floats, before_n: Integers) -> Superiority:
    """Compare answers after with answers before (Brunner and Munzel 2000).

    Interval and Brunner-Munzel's test share error and Satterthwaite's t. Where nobody overlaps, or all
    answers are alike, that error is nil: the limits are then the exact ones for as many independent
    pairs as the smaller group has people, and the test has no spread.
    """
    scale = np.unique(np.concatenate([values, before_values]))
    after, before = (_on(scale, v, c) for v, c in ((values, n), (before_values, before_n)))
    numbers = [float(after.sum()), float(before.sum())]
    if min(numbers) < 2:
        return Superiority.absent(ONE_ANSWER if min(numbers) else NO_PATHWAY)
    below = (np.cumsum(before) - before / 2) / numbers[1]  # share of before worse than each value, ties halved
    above = 1 - (np.cumsum(after) - after / 2) / numbers[0]
    theta = float(after @ below) / numbers[0]
    parts = [
        float(counts @ (place - theta) ** 2) / (number - 1) / number
        for counts, place, number in zip((after, before), (below, above), numbers, strict=True)
    ]
    if sum(parts) <= 0:
        return Superiority(_without_spread(theta, int(min(numbers))), Test.absent(BRUNNER_MUNZEL, NO_SPREAD))
    freedom = sum(parts) ** 2 / sum(part**2 / (number - 1) for part, number in zip(parts, numbers, strict=True))
    return Superiority(*_with_t(theta, math.sqrt(sum(parts)), freedom))


def _on(scale: Floats, values: Floats, n: Integers) -> Floats:
    """Counts on the common scale; floats, as cubes of counts leave 64-bit integers."""
    return np.bincount(np.searchsorted(scale, values), n, len(scale)).astype(np.float64)


def _with_t(theta: float, error: float, freedom: float) -> tuple[Interval, Test]:
    from scipy.stats import t

    width = float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    statistic = (theta - 0.5) / error
    interval = Interval(theta, error, between(0, theta - width, 1), between(0, theta + width, 1))
    return interval, Test(statistic, float(2 * t.sf(abs(statistic), freedom)), BRUNNER_MUNZEL)


def _without_spread(theta: float, pairs: int) -> Interval:
    """All pairs went one way, or all were ties: the exact limit of the share of other pairs."""
    other = largest_share_without_event(pairs)
    if theta in (0.0, 1.0):
        return Interval(theta, None, theta * (1 - other), theta + (1 - theta) * other)
    return Interval(theta, None, theta - other / 2, theta + other / 2)


@dataclass(frozen=True)
class ProportionalOdds:
    """Log odds ratios of a higher answer, one per column, and the thresholds between answers.

    Covariances are those of the coefficients: the model's and the sandwich over people. All are None,
    with a reason, where there is no finite solution.
    """

    coefficients: Floats | None
    thresholds: Floats | None
    covariance: Floats | None
    robust: Floats | None
    log_likelihood: float | None
    null_reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> ProportionalOdds:
        """No number, for the reason given."""
        return cls(None, None, None, None, None, reason)

    def odds_ratio(self, column: int) -> Interval:
        """Odds ratio of a column with the model's Wald interval; ``std_error`` is that of its logarithm."""
        if self.coefficients is None or self.covariance is None:
            return Interval.absent(self.null_reason or NOT_ESTIMABLE)
        centre, error = float(self.coefficients[column]), float(np.sqrt(self.covariance[column, column]))
        low, estimate, high = np.exp([centre - Z * error, centre, centre + Z * error]).tolist()
        return Interval(estimate, error, low, high)


def proportional_odds(values: Floats, n: Integers, covariates: Floats) -> ProportionalOdds:
    """McCullagh's model logit P(Y <= j) = threshold_j - x beta, by Newton's method on counted answers.

    ``covariates`` is cells x columns. Null where answers are all alike, or a covariate separates them
    or repeats another.
    """
    scale = np.unique(values[n > 0])
    if len(scale) < 2:
        return ProportionalOdds(None, None, None, None, None, NO_SPREAD if len(scale) else NO_PATHWAY)
    fit = _Ordinal(
        np.searchsorted(scale, values[n > 0]), n[n > 0].astype(np.float64), covariates[n > 0], len(scale) - 1
    )
    parameters = fit.maximum()
    if parameters is None:
        return ProportionalOdds.absent(NOT_ESTIMABLE)
    log_likelihood, _, information = fit.at(parameters)
    covariance = np.linalg.inv(information).astype(np.float64)
    influence = fit.gradients(parameters) @ covariance
    robust = (influence * fit.n[:, None]).T @ influence
    of_columns = slice(fit.thresholds, None)
    return ProportionalOdds(
        coefficients=parameters[of_columns],
        thresholds=parameters[: fit.thresholds],
        covariance=covariance[of_columns, of_columns],
        robust=robust[of_columns, of_columns],
        log_likelihood=log_likelihood,
    )


@dataclass(frozen=True)
class _Ordinal:
    """Answers as places 0 .. ``thresholds``, how many people gave each, and their covariates."""

    answer: Integers
    n: Floats
    x: Floats
    thresholds: int

    def maximum(self) -> Floats | None:
        """The most likely parameters, thresholds first; the likelihood is concave, steps are halved if too long."""
        share = np.cumsum(np.bincount(self.answer, self.n))[:-1] / self.n.sum()
        parameters: Floats = np.concatenate([np.log(share / (1 - share)), np.zeros(self.x.shape[1])])
        log_likelihood, score, information = self.at(parameters)
        for _ in range(MOST_STEPS):
            curvatures = np.linalg.eigvalsh(information)  # of a symmetric matrix: a third of the work of its condition
            if curvatures[0] <= 1e-13 * curvatures[-1]:
                return None
            step = np.linalg.solve(information, score)
            least, expected = log_likelihood - 1e-12 * abs(log_likelihood), float(step @ score)
            while (found := self.at(parameters + step))[0] < least:
                step, expected = step / 2, expected / 2
            parameters = parameters + step
            if np.any(np.abs(parameters[self.thresholds :]) * np.ptp(self.x, axis=0) > LARGEST_LOG_RATIO):
                return None
            log_likelihood, score, information = found
            if expected < CONVERGED * self.n.sum():
                return parameters
        return None

    def at(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        """Log-likelihood (minus infinity where thresholds cross), its gradient, observed information.

        An answer depends on the two thresholds beside it alone: sums by answer give all that concerns thresholds.
        """
        curves = self._curves(parameters)
        share = curves[0] - curves[1]
        if np.any(share <= 0):
            return -np.inf, np.zeros(len(parameters)), np.eye(len(parameters))
        upper, lower = (curve * (1 - curve) / share for curve in curves)
        bends = [weight * (1 - 2 * curve) * self.n for weight, curve in zip((upper, lower), curves, strict=True)]
        both = self.n * (upper - lower)
        score = np.concatenate([self._beside(self.n * upper, -self.n * lower), -(both @ self.x)])
        information = np.zeros((len(parameters), len(parameters)))
        k, place = self.thresholds, np.arange(self.thresholds)
        information[place, place] = self._beside(self.n * upper**2 - bends[0], self.n * lower**2 + bends[1])
        information[place[1:], place[:-1]] = -np.bincount(self.answer, self.n * upper * lower, k + 1)[1:-1]
        of_upper, of_lower = bends[0] - both * upper, both * lower - bends[1]
        for column, x in enumerate(self.x.T, start=k):
            information[column, :k] = self._beside(of_upper * x, of_lower * x)
        information[k:, k:] = (self.x * (both * (upper - lower) + bends[1] - bends[0])[:, None]).T @ self.x
        below = np.tril_indices(len(parameters), -1)
        information.T[below] = information[below]
        return float(self.n @ np.log(share)), score, information

    def gradients(self, parameters: Floats) -> Floats:
        """Of the log-likelihood of one answer of each cell, cells x parameters."""
        curves = self._curves(parameters)
        upper, lower = (curve * (1 - curve) / (curves[0] - curves[1]) for curve in curves)
        found = np.zeros((len(self.n), len(parameters)))
        for side, weight in ((0, upper), (-1, -lower)):
            which = self.answer + side
            beside = np.flatnonzero((which >= 0) & (which < self.thresholds))
            found[beside, which[beside]] = weight[beside]
        found[:, self.thresholds :] = -self.x * (upper - lower)[:, None]
        return found

    def _curves(self, parameters: Floats) -> tuple[Floats, Floats]:
        """The chances of an answer up to the own one, and below it, of each cell."""
        cut = np.concatenate([[-np.inf], parameters[: self.thresholds], [np.inf]])
        shift = self.x @ parameters[self.thresholds :]
        return _logistic(cut[self.answer + 1] - shift), _logistic(cut[self.answer] - shift)

    def _beside(self, above: Floats, below: Floats) -> Floats:
        """For every threshold, what the answers below it bring as their upper limit and those above as their lower."""
        length = self.thresholds + 1
        as_upper, as_lower = (np.bincount(self.answer, weights, length) for weights in (above, below))
        return (as_upper[:-1] + as_lower[1:]).astype(np.float64)


def _logistic(z: Floats) -> Floats:
    """1 / (1 + exp(-z)), 0 and 1 at the infinities."""
    return 0.5 * (1 + np.tanh(z / 2))

"""Rates of events per exposure: exact intervals, and negative binomial models from cells.

Exposure is in any unit of time; a rate is per that unit. The model holds the logarithm of the rate linear
in the covariates, the first of which the caller makes a constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from transforms.cells import Floats, Integers
from transforms.intervals import (
    NO_EVENT,
    NO_EVENT_IN_A_GROUP,
    NO_SPREAD,
    NOT_ESTIMABLE,
    Interval,
    Z,
    two_sided,
)
from warehouse.schemas import CONFIDENCE

NO_EXPOSURE = "no_exposure"
ROUNDING = 1e-12  # of a quantity of the same kind that is not nothing: what is below it is nothing
MOST_STEPS = 100
CONVERGED = 1e-20  # of the squared Newton step in units of its information, per event
LARGEST_LOG_RATE = 25.0  # from the mean rate: a level without events drifts to infinity
LEAST_DISPERSION = 1e-4  # of a negative binomial: below it the Poisson model is meant
LARGEST_DEVIATE = 37.0  # its p-value is the last that is not 0 in floating point


def exact_limits(events: int, deviate: float = Z) -> tuple[float, float]:
    """Garwood's exact limits (1936) of the mean of a Poisson count; of 95 % with the normal deviate 1.96."""
    from scipy.stats import chi2

    tail = two_sided(min(deviate, LARGEST_DEVIATE)) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    return low, float(chi2.isf(tail, 2 * events + 2)) / 2


def exact_rate(events: int, exposure: float) -> Interval:
    """Events per unit of exposure with Garwood's exact interval; null without exposure."""
    if exposure <= 0:
        return Interval.absent(NO_EXPOSURE)
    low, high = exact_limits(events)
    return Interval(events / exposure, math.sqrt(events) / exposure or None, low / exposure, high / exposure)


def exact_rate_ratio(events: int, exposure: float, before_events: int, before_exposure: float) -> Interval:
    """Ratio of the rates, after over before, with its exact interval given the number of events.

    The events of after are binomial out of all: Clopper-Pearson's limits. Without events before, the ratio is
    infinite: null, as it is without any event; with none after it is 0 and has an upper limit.
    """
    from scipy.stats import binomtest

    if exposure <= 0 or before_exposure <= 0:
        return Interval.absent(NO_EXPOSURE)
    if not before_events:
        return Interval.absent(NO_EVENT_IN_A_GROUP if events else NO_EVENT)
    total, expected = events + before_events, exposure / (exposure + before_exposure)
    limits = binomtest(events, total, expected).proportion_ci(CONFIDENCE, method="exact")
    scale = before_exposure / exposure
    error = math.sqrt(1 / events + 1 / before_events) if events else None
    low, high = (float(share / (1 - share) * scale) for share in limits)
    return Interval(events / before_events * scale, error, low, high)


@dataclass(frozen=True)
class RateModel:
    """Log rates and log rate ratios, one per column of the covariates, with two covariance matrices.

    ``robust`` is the sandwich over pathways (HC0). The ``dispersion`` alpha is that of the variance
    mu + alpha mu^2; 0 means Poisson. All are None, with a reason, where the model has no finite solution.
    """

    coefficients: Floats | None
    covariance: Floats | None
    robust: Floats | None
    dispersion: float | None
    null_reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> RateModel:
        """No number, for the reason given."""
        return cls(None, None, None, None, reason)

    def rate_ratio(self, column: int) -> Interval:
        """Rate ratio of a column with Wald's interval on the log scale; ``std_error`` is that of the log, robust."""
        if self.coefficients is None or self.covariance is None or self.robust is None:
            return Interval.absent(self.null_reason or NOT_ESTIMABLE)
        if self.robust[column, column] <= ROUNDING * self.covariance[column, column]:
            return Interval.absent(NO_SPREAD)
        centre, error = float(self.coefficients[column]), float(np.sqrt(self.robust[column, column]))
        low, estimate, high = np.exp([centre - Z * error, centre, centre + Z * error]).tolist()
        return Interval(estimate, error, low, high)


def negative_binomial(events: Integers, exposure: Floats, n: Integers, covariates: Floats) -> RateModel:
    """NB2 regression of cells (events, exposure, pattern), n pathways each, by alternating maximum likelihood.

    Errors take the dispersion as known, to which coefficients are orthogonal. Counts that vary no more
    than Poisson's have dispersion 0: the Poisson model is returned.
    """
    y, weight = events.astype(np.float64), n.astype(np.float64)
    coefficients = _poisson(weight * y, weight * exposure, covariates)
    if coefficients is None:
        return RateModel.absent(NOT_ESTIMABLE if (weight * y).sum() else NO_EVENT)
    dispersion = 0.0
    for _ in range(MOST_STEPS):
        previous = np.append(coefficients, dispersion)
        dispersion = _dispersion(y, exposure * np.exp(covariates @ coefficients), weight)
        coefficients = _given_dispersion(coefficients, dispersion, y, exposure, weight, covariates)
        if np.abs(np.append(coefficients, dispersion) - previous).max() < 1e-11:
            break
    else:
        return RateModel.absent(NOT_ESTIMABLE)
    mean = exposure * np.exp(covariates @ coefficients)
    information = (covariates * (weight * mean / (1 + dispersion * mean))[:, None]).T @ covariates
    bread = np.linalg.inv(information).astype(np.float64)
    scores = covariates * ((y - mean) / (1 + dispersion * mean))[:, None]
    meat = (scores * weight[:, None]).T @ scores
    return RateModel(coefficients, bread, bread @ meat @ bread, dispersion)


def _poisson(events: Floats, exposure: Floats, covariates: Floats) -> Floats | None:
    """Coefficients of the Poisson model by Newton's method; None where there is no finite solution."""
    if events.sum() <= 0 or exposure.sum() <= 0:
        return None
    centre = math.log(events.sum() / exposure.sum())
    coefficients = np.linalg.lstsq(covariates, np.full(len(covariates), centre), rcond=None)[0]
    for _ in range(MOST_STEPS):
        linear = covariates @ coefficients
        if np.abs(linear - centre).max() > LARGEST_LOG_RATE:
            return None
        expected = exposure * np.exp(linear)
        information = (covariates * expected[:, None]).T @ covariates
        if np.linalg.cond(information) > 1e13:
            return None
        score = (events - expected) @ covariates
        step = np.linalg.solve(information, score)
        if float(step @ score) < CONVERGED * events.sum():
            found: Floats = coefficients + step
            return found
        coefficients = coefficients + step * min(1.0, 5 / np.abs(covariates @ step).max())
    return None


def _given_dispersion(
    start: Floats, dispersion: float, y: Floats, exposure: Floats, weight: Floats, covariates: Floats
) -> Floats:
    """Coefficients by Fisher scoring."""
    coefficients = start
    for _ in range(MOST_STEPS):
        mean = exposure * np.exp(covariates @ coefficients)
        working = weight / (1 + dispersion * mean)
        information = (covariates * (working * mean)[:, None]).T @ covariates
        step = np.linalg.solve(information, (working * (y - mean)) @ covariates)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-13:
            break
    return coefficients


def _dispersion(y: Floats, mean: Floats, weight: Floats) -> float:
    """The most likely alpha given the means: 0 where the likelihood falls from there on."""
    from scipy.optimize import brentq

    number = y.astype(np.int64)
    below = np.arange(number.max())

    def slope(alpha: float) -> float:
        """Derivative of the log-likelihood in alpha, times alpha squared.

        digamma(y + size) - digamma(size) as its finite sum: digamma itself loses the digits that a small alpha needs.
        """
        size = 1 / alpha
        grown = np.concatenate([[0.0], np.cumsum(1 / (size + below))])[number]
        return -float(weight @ (grown - np.log1p(mean / size) + (mean - y) / (mean + size)))

    if float(weight @ ((y - mean) ** 2 - y)) <= 0:
        return 0.0
    high = 1.0
    while slope(high) > 0:
        high *= 4
    if slope(LEAST_DISPERSION) <= 0:
        return 0.0
    return float(brentq(slope, LEAST_DISPERSION, high, xtol=1e-15, rtol=1e-13))

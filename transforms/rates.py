"""Rates of events per exposure: exact intervals, Poisson and negative binomial models from sums and cells.

Exposure is in any unit of time; a rate is per that unit. Models hold the logarithm of the rate linear
in the covariates, the first of which the caller makes a constant. Pathways without exposure count in
crude rates and stay out of models.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from transforms.cells import Floats, Integers
from transforms.intervals import (
    NO_CLUSTER,
    NO_EVENT,
    NO_SPREAD,
    NOT_ESTIMABLE,
    Difference,
    Interval,
    Test,
    Z,
)
from warehouse.schemas import CONFIDENCE

NO_EXPOSURE = "no_exposure"
EXACT = "exact conditional binomial"
ROUNDING = 1e-12  # of a quantity of the same kind that is not nothing: what is below it is nothing
MOST_STEPS = 100
CONVERGED = 1e-20  # of the squared Newton step in units of its information, per event
LARGEST_LOG_RATE = 25.0  # from the mean rate: a level without events drifts to infinity
LEAST_DISPERSION = 1e-4  # of a negative binomial: below it the Poisson model is meant

Errors = Literal["model", "robust", "clustered"]


def exact_rate(events: int, exposure: float) -> Interval:
    """Events per unit of exposure with Garwood's exact interval (1936); null without exposure."""
    from scipy.stats import chi2

    if exposure <= 0:
        return Interval.absent(NO_EXPOSURE)
    tail = (1 - CONFIDENCE) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.0
    high = float(chi2.isf(tail, 2 * events + 2)) / 2
    return Interval(events / exposure, math.sqrt(events) / exposure or None, low / exposure, high / exposure)


def exact_rate_ratio(events: int, exposure: float, before_events: int, before_exposure: float) -> tuple[Interval, Test]:
    """Ratio of the rates, after over before, with its exact interval and test given the number of events.

    The events of after are binomial out of all: Clopper-Pearson's limits, and twice the smaller tail
    as p-value, which agrees with them. Without events before, the ratio is
    infinite: null, as it is without any event; with none after it is 0 and has an upper limit.
    """
    from scipy.stats import binom, binomtest

    if exposure <= 0 or before_exposure <= 0:
        return Interval.absent(NO_EXPOSURE), Test.absent(EXACT, NO_EXPOSURE)
    if not events + before_events:
        return Interval.absent(NO_EVENT), Test.absent(EXACT, NO_EVENT)
    total, expected = events + before_events, exposure / (exposure + before_exposure)
    tails = binom.cdf(events, total, expected), binom.sf(events - 1, total, expected)
    test = Test(None, min(1.0, 2 * float(min(tails))), EXACT)
    if not before_events:
        return Interval.absent(NO_EVENT), test
    limits = binomtest(events, total, expected).proportion_ci(CONFIDENCE, method="exact")
    scale = before_exposure / exposure
    estimate = events / before_events * scale
    error = math.sqrt(1 / events + 1 / before_events) if events else None
    low, high = (float(share / (1 - share) * scale) for share in limits)
    return Interval(estimate, error, low, high), test


@dataclass(frozen=True)
class RateSums:
    """Sums over the pathways of each pattern of covariates (and cluster): one element per row.

    Beside their number, ``events`` and ``exposure``: the sums of their squares and of their product,
    which the robust errors need. ``n`` counts pathways with exposure alone.
    """

    n: Integers
    events: Integers
    exposure: Floats
    events_squared: Floats
    events_exposure: Floats
    exposure_squared: Floats


@dataclass(frozen=True)
class RateModel:
    """Log rates and log rate ratios, one per column of the covariates, with three covariance matrices.

    ``robust`` is the sandwich over pathways (HC0), ``clustered`` that over clusters, or None. The
    ``dispersion`` alpha is that of a negative binomial, variance mu + alpha mu^2; 0 means Poisson.
    All are None, with a reason, where the model has no finite solution.
    """

    coefficients: Floats | None
    covariance: Floats | None
    robust: Floats | None
    clustered: Floats | None
    dispersion: float | None
    null_reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> RateModel:
        """No number, for the reason given."""
        return cls(None, None, None, None, None, reason)

    def errors(self, which: Errors) -> Floats | None:
        """The covariance matrix of that name."""
        return {"model": self.covariance, "robust": self.robust, "clustered": self.clustered}[which]

    def rate_ratio(self, column: int, errors: Errors = "robust") -> Interval:
        """Rate ratio of a column with Wald's interval on the log scale; ``std_error`` is that of the log."""
        covariance = self.errors(errors)
        if self.coefficients is None or self.covariance is None or covariance is None:
            return Interval.absent(self.null_reason or NO_CLUSTER)
        if covariance[column, column] <= ROUNDING * self.covariance[column, column]:
            return Interval.absent(NO_SPREAD)
        centre, error = float(self.coefficients[column]), float(np.sqrt(covariance[column, column]))
        low, estimate, high = np.exp([centre - Z * error, centre, centre + Z * error]).tolist()
        return Interval(estimate, error, low, high)


def poisson(sums: RateSums, covariates: Floats, cluster: Integers | None = None) -> RateModel:
    """Poisson regression of the counts on log exposure, exact from sums. ``covariates`` is rows x columns."""
    rates = _fitted_rates(sums.events.astype(np.float64), sums.exposure, covariates)
    if rates is None:
        return RateModel.absent(NOT_ESTIMABLE if sums.events.sum() else NO_EVENT)
    coefficients, rate = rates
    bread = np.linalg.inv((covariates * (rate * sums.exposure)[:, None]).T @ covariates).astype(np.float64)
    squares = _squared_residuals(sums, rate)
    meat = (covariates * squares[:, None]).T @ covariates
    scores = covariates * (sums.events - rate * sums.exposure)[:, None]
    clustered = None if cluster is None else _sandwich(bread, _over_clusters(scores, cluster))
    return RateModel(coefficients, bread, _sandwich(bread, meat), clustered, 0.0)


def _squared_residuals(sums: RateSums, rate: Floats) -> Floats:
    """Sum of (events - rate exposure)^2 of each row; 0, not the rounding of its parts, where all have one rate."""
    largest = sums.events_squared + rate**2 * sums.exposure_squared
    squares: Floats = largest - 2 * rate * sums.events_exposure
    return np.where(squares <= ROUNDING * largest, 0.0, squares)


def negative_binomial(
    events: Integers, exposure: Floats, n: Integers, covariates: Floats, cluster: Integers | None = None
) -> RateModel:
    """NB2 regression of cells (events, exposure, pattern), n pathways each, by alternating maximum likelihood.

    Errors take the dispersion as known, to which coefficients are orthogonal. Counts that vary no more
    than Poisson's have dispersion 0: the Poisson model is returned.
    """
    y, weight = events.astype(np.float64), n.astype(np.float64)
    started = _fitted_rates(weight * y, weight * exposure, covariates)
    if started is None:
        return RateModel.absent(NOT_ESTIMABLE if (weight * y).sum() else NO_EVENT)
    coefficients, dispersion = started[0], 0.0
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
    patients = scores * weight[:, None]
    clustered = None if cluster is None else _sandwich(bread, _over_clusters(patients, cluster))
    return RateModel(coefficients, bread, _sandwich(bread, patients.T @ scores), clustered, dispersion)


def standardised_rate(model: RateModel, covariates: Floats, exposure: Floats) -> Interval:
    """Mean rate of rows with these covariates, ``exposure`` their share in it; limits on the log scale (delta method).

    The shares are taken as given: the rate is that of this mix of cases, not of a population it is drawn from.
    """
    if model.coefficients is None or model.robust is None:
        return Interval.absent(model.null_reason or NO_CLUSTER)
    rates = exposure / exposure.sum() * np.exp(covariates @ model.coefficients)
    rate, gradient = float(rates.sum()), rates @ covariates
    error = math.sqrt(max(float(gradient @ model.robust @ gradient), 0.0))
    if error <= ROUNDING * rate:
        return Interval.absent(NO_SPREAD)
    width = math.exp(Z * error / rate)
    return Interval(rate, error, rate / width, rate * width)


def standardised_difference(
    model: RateModel, exposed: Floats, unexposed: Floats, exposure: Floats, errors: Errors = "robust"
) -> Difference:
    """Difference of the mean rates if all rows were exposed, and if none were (g-computation), by the delta method.

    ``exposed`` and ``unexposed`` are the covariates of the same rows under either, ``exposure`` their
    share in the mean. Events avoided are minus this difference times the exposure concerned.
    """
    covariance = model.errors(errors)
    if model.coefficients is None or covariance is None:
        return Difference.absent(model.null_reason or NO_CLUSTER)
    share = exposure / exposure.sum()
    rates = [share * np.exp(covariates @ model.coefficients) for covariates in (exposed, unexposed)]
    gradient = rates[0] @ exposed - rates[1] @ unexposed
    error = math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))
    if error <= ROUNDING * float(rates[0].sum() + rates[1].sum()):
        return Difference.absent(NO_SPREAD)
    return Difference.normal(float(rates[0].sum() - rates[1].sum()), error)


def _fitted_rates(events: Floats, exposure: Floats, covariates: Floats) -> tuple[Floats, Floats] | None:
    """Coefficients and rates of the Poisson model by Newton's method; None where there is no finite solution."""
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
            coefficients = coefficients + step
            return coefficients, np.exp(covariates @ coefficients)
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
    from scipy.special import digamma

    def slope(alpha: float) -> float:
        """Derivative of the log-likelihood in alpha, times alpha squared."""
        size = 1 / alpha
        of_size = digamma(y + size) - digamma(size) - np.log1p(mean / size) + (mean - y) / (mean + size)
        return -float(weight @ of_size)

    if float(weight @ ((y - mean) ** 2 - y)) <= 0:
        return 0.0
    high = 1.0
    while slope(high) > 0:
        high *= 4
    if slope(LEAST_DISPERSION) <= 0:
        return 0.0
    return float(brentq(slope, LEAST_DISPERSION, high, xtol=1e-15, rtol=1e-13))


def _over_clusters(scores: Floats, cluster: Integers) -> Floats:
    codes, place = np.unique(cluster, return_inverse=True)
    sums = np.zeros((len(codes), scores.shape[1]))
    np.add.at(sums, place, scores)
    product: Floats = sums.T @ sums
    return product


def _sandwich(bread: Floats, meat: Floats) -> Floats:
    product: Floats = bread @ meat @ bread
    return product

"""Laws of rates and their models, and the groups without events or exposure."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.rates import (
    RateModel,
    RateSums,
    exact_rate,
    exact_rate_ratio,
    negative_binomial,
    poisson,
    standardised_difference,
)

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)
PATHWAY = st.tuples(st.integers(0, 5), st.integers(1, 90), st.integers(0, 1))  # events, days, after
COHORT = st.lists(PATHWAY, min_size=8, max_size=40)


def sums_of(pathways: list[tuple[int, int, int]], times: int = 1) -> tuple[RateSums, np.ndarray]:
    """Sums by period, and a constant beside the period as covariates."""
    rows = np.array(pathways, dtype=float)
    groups = [rows[rows[:, 2] == after] for after in (0, 1)]
    sums = [[times * (y**j * m**k).sum() for y, m in [group[:, :2].T]] for j, k in POWERS for group in groups]
    columns = np.array(sums).reshape(len(POWERS), 2)
    return RateSums(*columns), np.array([[1.0, 0.0], [1.0, 1.0]])


POWERS = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]


def fitted(pathways: list[tuple[int, int, int]], times: int = 1) -> RateModel:
    model = poisson(*sums_of(pathways, times))
    assume(model.coefficients is not None)
    return model


def negative(pathways: list[tuple[int, int, int]], times: int = 1) -> RateModel:
    rows = np.array(pathways, dtype=float)
    covariates = np.stack([np.ones(len(rows)), rows[:, 2]], axis=1)
    model = negative_binomial(rows[:, 0].astype(int), rows[:, 1], np.full(len(rows), times), covariates)
    assume(model.coefficients is not None)
    return model


@unhurried
@given(COHORT)
def test_the_model_of_two_periods_gives_their_crude_rates(pathways):
    model, (sums, _) = fitted(pathways), sums_of(pathways)
    rates = sums.events / sums.exposure
    assert np.exp(model.coefficients[0]) == pytest.approx(rates[0])
    assert model.rate_ratio(1, "model").estimate == pytest.approx(rates[1] / rates[0])
    assert model.covariance[1, 1] == pytest.approx((1 / sums.events).sum())


@unhurried
@given(COHORT)
def test_the_robust_error_is_that_of_pathways(pathways):
    model, rows = fitted(pathways), np.array(pathways, dtype=float)
    covariates = np.stack([np.ones(len(rows)), rows[:, 2]], axis=1)
    scores = covariates * (rows[:, 0] - rows[:, 1] * np.exp(covariates @ model.coefficients))[:, None]
    expected = model.covariance @ scores.T @ scores @ model.covariance
    assert model.robust == pytest.approx(expected, abs=1e-9)


@unhurried
@pytest.mark.parametrize("model", [fitted, negative])
@given(COHORT, st.integers(2, 5))
def test_pathways_repeated_keep_the_ratio_and_divide_its_error(model, pathways, times):
    once, often = model(pathways), model(pathways, times)
    assert often.coefficients == pytest.approx(once.coefficients, abs=1e-6)
    assert often.covariance * times == pytest.approx(once.covariance, rel=1e-5)
    assert often.robust * times == pytest.approx(once.robust, rel=1e-4, abs=1e-9)


@unhurried
@pytest.mark.parametrize("model", [fitted, negative])
@given(COHORT)
def test_exchanged_periods_turn_the_ratio_over(model, pathways):
    forth, back = (model(rows).rate_ratio(1) for rows in (pathways, [(y, m, 1 - after) for y, m, after in pathways]))
    assume(forth.estimate is not None and back.estimate is not None)
    assert back.estimate == pytest.approx(1 / forth.estimate, rel=1e-5)
    assert (back.low, back.high) == pytest.approx((1 / forth.high, 1 / forth.low), rel=1e-4)


@unhurried
@given(st.integers(0, 300), st.floats(0.1, 1000), st.integers(1, 300), st.floats(0.1, 1000))
def test_the_exact_test_agrees_with_its_interval(events, exposure, before_events, before_exposure):
    found, test = exact_rate_ratio(events, exposure, before_events, before_exposure)
    assert 0 <= found.low <= found.estimate <= found.high
    assume(abs(test.p_value - 0.05) > 1e-6)
    assert (test.p_value < 0.05) == (found.low > 1 or found.high < 1)


def test_no_event_has_an_exact_upper_limit():
    found = exact_rate(0, 100)
    assert (found.estimate, found.std_error, found.low) == (0, None, 0)
    assert found.high == pytest.approx(-np.log(0.025) / 100)
    ratio, _ = exact_rate_ratio(0, 100, 7, 90)
    assert (ratio.estimate, ratio.std_error, ratio.low) == (0, None, 0)
    assert 0 < ratio.high < 1


def test_without_exposure_or_events_there_is_a_reason():
    assert exact_rate(0, 0).null_reason == "no_exposure"
    assert exact_rate_ratio(0, 0, 1, 1)[1].null_reason == "no_exposure"
    assert exact_rate_ratio(0, 5, 0, 5)[0].null_reason == "no_event"
    ratio, test = exact_rate_ratio(9, 5, 0, 5)
    assert ratio.null_reason == "no_event"
    assert test.p_value == pytest.approx(2 / 2**9)


@pytest.mark.parametrize("model", [poisson, lambda sums, x: negative_binomial(sums.events, sums.exposure, sums.n, x)])
def test_a_period_without_events_has_no_ratio_but_a_reason(model):
    sums, covariates = sums_of([(0, 30, 1)] * 5 + [(2, 30, 0)] * 5)
    assert model(sums, covariates).null_reason == "not_estimable"
    assert model(sums, covariates).rate_ratio(1).null_reason == "not_estimable"
    nothing = RateSums(*(np.zeros(2) if name == "events" else column for name, column in vars(sums).items()))
    assert model(nothing, covariates).null_reason == "no_event"
    difference = standardised_difference(model(nothing, covariates), covariates, covariates, sums.exposure)
    assert difference.null_reason == "no_event"


def test_clustered_errors_need_clusters():
    model = poisson(*sums_of([(1, 30, 1), (2, 30, 0)] * 5))
    assert model.clustered is None
    assert model.rate_ratio(1, "clustered").null_reason == "no_cluster"


def test_counts_that_vary_less_than_poissons_have_no_dispersion():
    pathways = [(2, 30, 1), (1, 30, 0)] * 20
    sums, covariates = sums_of(pathways)
    counts, exposure, n = np.array([2, 1]), np.array([30.0, 30.0]), np.array([20, 20])
    found, expected = negative_binomial(counts, exposure, n, covariates[::-1]), poisson(sums, covariates)
    assert found.dispersion == 0
    assert found.coefficients == pytest.approx(expected.coefficients)
    assert found.covariance == pytest.approx(expected.covariance)


def test_events_avoided_by_hand():
    model = poisson(*sums_of([(0, 50, 1), (2, 50, 1), (2, 50, 0), (4, 50, 0)] * 5))
    exposed, unexposed, share = np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]]), np.array([500.0])
    found = standardised_difference(model, exposed, unexposed, share)
    assert found.estimate == pytest.approx((10 - 30) / 500)
    assert found.std_error == pytest.approx(np.sqrt(10 + 10) / 500)  # every pathway is one event off its mean
    assert standardised_difference(model, exposed, unexposed, share, "model").std_error == pytest.approx(40**0.5 / 500)


def test_pathways_all_alike_have_no_robust_error_but_a_reason():
    model = poisson(*sums_of([(1, 50, 1), (3, 50, 0)] * 10))
    exposed, unexposed = np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]])
    assert standardised_difference(model, exposed, unexposed, np.array([500.0])).null_reason == "no_spread"
    assert model.rate_ratio(1).null_reason == "no_spread"
    assert model.rate_ratio(1, "model").estimate == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", range(40))
def test_a_robust_variance_that_rounds_to_nothing_is_no_interval_and_never_nan(seed):
    """Residuals in the third pattern alone: the first two coefficients have a robust error of 0."""
    rng = np.random.default_rng(seed)
    alike = [(int(rng.integers(1, 5)), int(rng.integers(5, 90)), 20) for _ in range(2)]
    rows = [np.array([(y, m)] * n, dtype=float) for y, m, n in alike] + [rng.integers(1, 30, (20, 2)).astype(float)]
    sums = RateSums(*(np.array([(row[:, 0] ** j * row[:, 1] ** k).sum() for row in rows]) for j, k in POWERS))
    found = poisson(sums, np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])).rate_ratio(1)
    assert found.null_reason == "no_spread", found

"""Laws of rates and their models, and the groups without events or exposure."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.rates import RateModel, exact_limits, exact_rate, exact_rate_ratio, negative_binomial

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)
PATHWAY = st.tuples(st.integers(0, 5), st.integers(1, 90), st.integers(0, 1))  # events, days, after
COHORT = st.lists(PATHWAY, min_size=8, max_size=40)


def negative(pathways: list[tuple[int, int, int]], times: int = 1) -> RateModel:
    rows = np.array(pathways, dtype=float)
    covariates = np.stack([np.ones(len(rows)), rows[:, 2]], axis=1)
    model = negative_binomial(rows[:, 0].astype(int), rows[:, 1], np.full(len(rows), times), covariates)
    assume(model.coefficients is not None)
    return model


@unhurried
@given(COHORT, st.integers(2, 5))
def test_pathways_repeated_keep_the_ratio_and_divide_its_error(pathways, times):
    once, often = negative(pathways), negative(pathways, times)
    assert often.coefficients == pytest.approx(once.coefficients, abs=1e-6)
    assert often.covariance * times == pytest.approx(once.covariance, rel=1e-5)
    assert often.robust * times == pytest.approx(once.robust, rel=1e-4, abs=1e-9)


@unhurried
@given(COHORT)
def test_exchanged_periods_turn_the_ratio_over(pathways):
    forth, back = (negative(rows).rate_ratio(1) for rows in (pathways, [(y, m, 1 - after) for y, m, after in pathways]))
    assume(forth.estimate is not None and back.estimate is not None)
    assert back.estimate == pytest.approx(1 / forth.estimate, rel=1e-5)
    assert (back.low, back.high) == pytest.approx((1 / forth.high, 1 / forth.low), rel=1e-4)


@unhurried
@given(st.integers(0, 300), st.floats(0.1, 1000), st.integers(1, 300), st.floats(0.1, 1000))
def test_the_exact_ratio_lies_between_its_limits(events, exposure, before_events, before_exposure):
    found = exact_rate_ratio(events, exposure, before_events, before_exposure)
    assert 0 <= found.low <= found.estimate <= found.high


@unhurried
@given(st.integers(0, 300), st.floats(0.1, 5), st.floats(0.1, 5))
def test_exact_limits_widen_with_the_deviate(events, deviate, more):
    (low, high), (lower, higher) = exact_limits(events, deviate), exact_limits(events, deviate + more)
    assert lower <= low <= events <= high < higher


def test_no_event_has_an_exact_upper_limit():
    found = exact_rate(0, 100)
    assert (found.estimate, found.std_error, found.low) == (0, None, 0)
    assert found.high == pytest.approx(-np.log(0.025) / 100)
    ratio = exact_rate_ratio(0, 100, 7, 90)
    assert (ratio.estimate, ratio.std_error, ratio.low) == (0, None, 0)
    assert 0 < ratio.high < 1


def test_without_exposure_or_events_there_is_a_reason():
    assert exact_rate(0, 0).null_reason == "no_exposure"
    assert exact_rate_ratio(0, 0, 1, 1).null_reason == "no_exposure"
    assert exact_rate_ratio(0, 5, 0, 5).null_reason == "no_event"
    assert exact_rate_ratio(9, 5, 0, 5).null_reason == "no_event_in_a_group"


TWO_PERIODS = np.array([[1.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(("events", "reason"), [([0, 2], "not_estimable"), ([0, 0], "no_event")])
def test_a_period_without_events_has_no_ratio_but_a_reason(events, reason):
    model = negative_binomial(np.array(events), np.array([30.0, 30.0]), np.array([5, 5]), TWO_PERIODS)
    assert (model.coefficients, model.null_reason) == (None, reason)
    assert model.rate_ratio(1).null_reason == reason


def test_counts_that_vary_less_than_poissons_have_no_dispersion():
    """Poisson's model of two periods: their crude rates, and the inverse of the events as variance."""
    found = negative_binomial(np.array([2, 1]), np.array([30.0, 30.0]), np.array([20, 20]), TWO_PERIODS)
    assert found.dispersion == 0
    assert found.coefficients == pytest.approx([np.log(20 / 600), np.log(2)])
    assert found.covariance[1, 1] == pytest.approx(1 / 40 + 1 / 20)


def test_pathways_all_alike_have_no_robust_error_but_a_reason():
    found = negative_binomial(np.array([1, 3]), np.array([50.0, 50.0]), np.array([10, 10]), TWO_PERIODS)
    assert found.rate_ratio(1).null_reason == "no_spread"


def test_a_dispersion_that_is_next_to_nothing_is_found_all_the_same():
    """Poisson counts that happen to vary by a thousandth more: rounding must not keep the search from ending."""
    rng, n = np.random.default_rng(75), 1200
    exposure, after = rng.uniform(0.2, 1, n), np.repeat([0.0, 1.0], n // 2)
    design = np.column_stack([np.ones(n), after])
    model = negative_binomial(rng.poisson(0.6 * exposure), exposure, np.ones(n, np.int64), design)
    assert model.dispersion == pytest.approx(0.0011987, rel=1e-4)

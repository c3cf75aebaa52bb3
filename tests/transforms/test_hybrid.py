"""Differences from the limits of both groups: against statsmodels, and the laws of their inversion as a test."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from transforms.hybrid import Bounded, hybrid_difference
from transforms.intervals import two_sided
from transforms.proportions import newcombe

COUNT = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def wald(estimate: float, error: float) -> Bounded:
    return Bounded(estimate, lambda deviate: (estimate - deviate * error, estimate + deviate * error))


@given(COUNT, COUNT)
def test_of_shares_it_is_the_newcombe_of_statsmodels(after: tuple[int, int], before: tuple[int, int]) -> None:
    found = newcombe(*after, *before)
    expected = confint_proportions_2indep(*after, *before, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("correlation", [-0.6, 0.0, 0.6])
def test_of_walds_intervals_it_is_walds_with_their_covariance(correlation: float) -> None:
    error = math.sqrt(0.03**2 + 0.04**2 - 2 * correlation * 0.03 * 0.04)
    found = hybrid_difference(wald(0.5, 0.03), wald(0.3, 0.04), error, correlation)
    assert (found.low, found.high) == pytest.approx((0.2 - 1.959964 * error, 0.2 + 1.959964 * error), abs=1e-7)
    assert found.z == pytest.approx(0.2 / error)
    assert found.p_value == pytest.approx(two_sided(0.2 / error))


@given(COUNT, COUNT)
def test_zero_is_a_limit_at_the_level_of_the_p_value(after: tuple[int, int], before: tuple[int, int]) -> None:
    found = newcombe(*after, *before)
    assert found.estimate is not None
    assume(found.estimate != 0)
    assert found.z is not None
    assert math.copysign(1, found.z) == math.copysign(1, found.estimate)
    assert found.p_value is not None
    if abs(found.p_value - 0.05) > 1e-9:
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_limits_that_never_reach_zero_give_a_p_value_of_zero() -> None:
    sure = Bounded(0.9, lambda _: (0.9, 0.9)), Bounded(0.1, lambda _: (0.1, 0.1))
    assert hybrid_difference(*sure, None).p_value == 0


def test_exact_limits_that_hold_zero_at_any_level_give_a_p_value_of_one() -> None:
    unsure = Bounded(0.2, lambda _: (0.0, 1.0)), Bounded(0.1, lambda _: (0.0, 1.0))
    assert hybrid_difference(*unsure, None).p_value == 1

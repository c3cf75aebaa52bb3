"""Shares and their differences: laws on any counts, and the groups of none and of all."""

import math

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.proportions import newcombe, wilson

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)


@st.composite
def _share(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 5000))
    return draw(st.integers(0, n)), n


def test_an_empty_group_has_a_reason():
    assert wilson(0, 0).null_reason == "no_pathway"
    assert newcombe(3, 5, 0, 0).null_reason == "no_pathway"
    assert newcombe(0, 0, 3, 5).null_reason == "no_pathway"


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (1, 0)])
def test_more_events_than_people_are_refused(k, n):
    with pytest.raises(ValueError, match="between 0 and its denominator"):
        wilson(k, n)
    with pytest.raises(ValueError, match="between 0 and its denominator"):
        newcombe(1, 2, k, n)


def test_none_and_all_have_an_interval_but_no_error():
    none, everybody = wilson(0, 50), wilson(50, 50)
    assert (none.estimate, none.std_error, none.low) == (0, None, 0)
    assert none.high == pytest.approx(1.959964**2 / (50 + 1.959964**2), abs=1e-6)
    assert (everybody.estimate, everybody.std_error, everybody.high) == (1, None, 1)
    assert everybody.low == pytest.approx(1 - none.high)


def test_two_groups_of_none_do_not_differ():
    found = newcombe(0, 40, 0, 90)
    assert (found.estimate, found.z, found.p_value, found.std_error) == (0, 0, 1, None)
    assert found.low < 0 < found.high


@unhurried
@given(_share())
def test_the_limits_solve_wilsons_equation(share):
    (k, n), z = share, 1.959963984540054
    found = wilson(k, n)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    for limit in (found.low, found.high):
        assert n * (k / n - limit) ** 2 == pytest.approx(z**2 * limit * (1 - limit), abs=1e-9)


@unhurried
@given(_share())
def test_those_without_are_the_complement(share):
    k, n = share
    having, lacking = wilson(k, n), wilson(n - k, n).complement()
    assert (lacking.estimate, lacking.low, lacking.high) == pytest.approx((having.estimate, having.low, having.high))


@unhurried
@given(_share(), _share())
def test_exchanged_groups_change_the_sign_alone(one, other):
    forth, back = newcombe(*one, *other), newcombe(*other, *one)
    assert back.estimate == -forth.estimate
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))
    assert (back.z, back.p_value) == (pytest.approx(-forth.z), pytest.approx(forth.p_value))


@unhurried
@given(_share(), _share())
def test_test_and_interval_never_disagree(one, other):
    found = newcombe(*one, *other)
    assert -1 <= found.low < found.high <= 1
    assert math.isfinite(found.z)
    assume(abs(found.p_value - 0.05) > 1e-9)
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)

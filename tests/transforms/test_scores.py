"""Means of counted answers: laws, and answers too few or all alike."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.scores import mean_difference, mean_of

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)

ANSWERS = st.lists(st.integers(0, 100), min_size=2, max_size=60)


def counted(answers: list[int], times: int = 1) -> tuple[np.ndarray, np.ndarray]:
    values, n = np.unique(np.array(answers, dtype=float), return_counts=True)
    return values, n.astype(np.int64) * times


def test_nobody_has_no_mean_and_one_person_no_spread():
    assert mean_of(*counted([])).null_reason == "no_pathway"
    alone = mean_of(*counted([80]))
    assert (alone.estimate, alone.std_error, alone.low, alone.high) == (80, None, None, None)


@pytest.mark.parametrize("answer", [80, 0.1, 7.7])
def test_answers_all_alike_have_a_mean_and_no_interval_of_no_width(answer):
    alike = mean_of(np.array([answer]), np.array([3]))
    assert alike.estimate == pytest.approx(answer)
    assert (alike.std_error, alike.low, alike.high) == (None, None, None)
    assert mean_difference(np.array([answer]), np.array([3]), np.array([0.3]), np.array([7])).null_reason == "no_spread"


def test_a_difference_needs_two_answers_on_each_side_and_some_spread():
    assert mean_difference(*counted([1, 2]), *counted([])).null_reason == "no_pathway"
    assert mean_difference(*counted([1, 2]), *counted([1])).null_reason == "one_answer"
    assert mean_difference(*counted([3, 3]), *counted([5, 5])).null_reason == "no_spread"


@unhurried
@given(ANSWERS)
def test_counted_answers_give_what_answers_give(answers):
    assume(len(set(answers)) > 1)
    found = mean_of(*counted(answers))
    assert found.estimate == pytest.approx(np.mean(answers))
    assert found.std_error == pytest.approx(np.std(answers, ddof=1) / len(answers) ** 0.5, abs=1e-12)
    assert found.low <= found.estimate <= found.high


@unhurried
@given(ANSWERS, st.integers(2, 9))
def test_answers_repeated_keep_the_mean_and_narrow_the_interval(answers, times):
    assume(len(set(answers)) > 1)
    once, often = mean_of(*counted(answers)), mean_of(*counted(answers, times))
    assert often.estimate == pytest.approx(once.estimate)
    assert often.std_error <= once.std_error


@unhurried
@given(ANSWERS, ANSWERS)
def test_exchanged_groups_change_the_sign_and_the_test_agrees_with_the_interval(answers, others):
    forth = mean_difference(*counted(answers), *counted(others))
    back = mean_difference(*counted(others), *counted(answers))
    assume(forth.estimate is not None)
    assert back.estimate == pytest.approx(-forth.estimate)
    assert (back.low, back.high) == pytest.approx((-forth.high, -forth.low))
    assume(abs(forth.p_value - 0.05) > 1e-9)
    assert (forth.p_value < 0.05) == (forth.low > 0 or forth.high < 0)

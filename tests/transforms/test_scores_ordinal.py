"""Laws of superiority and proportional odds, and answers that cannot be compared."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.intervals import largest_share_without_event
from transforms.ordinal import probability_of_superiority, proportional_odds

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)
ANSWERS = st.lists(st.integers(0, 6), min_size=2, max_size=30)


def counted(answers: list[int], times: int = 1) -> tuple[np.ndarray, np.ndarray]:
    values, n = np.unique(np.array(answers, dtype=float), return_counts=True)
    return values, n.astype(np.int64) * times


@unhurried
@given(ANSWERS, ANSWERS)
def test_superiority_is_the_share_of_pairs(answers, others):
    found = probability_of_superiority(*counted(answers), *counted(others)).probability
    pairs = [(one > other) + 0.5 * (one == other) for one in answers for other in others]
    assert found.estimate == pytest.approx(np.mean(pairs))
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.low < found.high


@unhurried
@given(ANSWERS, ANSWERS)
def test_exchanged_groups_turn_superiority_round(answers, others):
    forth = probability_of_superiority(*counted(answers), *counted(others))
    back = probability_of_superiority(*counted(others), *counted(answers))
    assert back.probability.estimate == pytest.approx(1 - forth.probability.estimate)
    assert (back.probability.low, back.probability.high) == pytest.approx(
        (1 - forth.probability.high, 1 - forth.probability.low)
    )
    if forth.brunner_munzel.p_value is not None:
        assert back.brunner_munzel.p_value == pytest.approx(forth.brunner_munzel.p_value)


@unhurried
@given(ANSWERS, ANSWERS)
def test_only_the_order_of_answers_counts(answers, others):
    stretched = [[answer**3 + 5 for answer in group] for group in (answers, others)]
    plain = probability_of_superiority(*counted(answers), *counted(others))
    assert probability_of_superiority(*counted(stretched[0]), *counted(stretched[1])) == plain


@unhurried
@given(ANSWERS, ANSWERS)
def test_the_interval_agrees_with_brunner_munzel(answers, others):
    found = probability_of_superiority(*counted(answers), *counted(others))
    assume(found.brunner_munzel.p_value is not None)
    assume(abs(found.brunner_munzel.p_value - 0.05) > 1e-9)
    outside = found.probability.low > 0.5 or found.probability.high < 0.5
    assert (found.brunner_munzel.p_value < 0.05) == outside


def test_groups_that_do_not_overlap_have_an_exact_limit():
    found = probability_of_superiority(*counted([8, 9, 9]), *counted([1, 2, 2, 3]))
    limit = largest_share_without_event(3)
    assert (found.probability.estimate, found.probability.low, found.probability.high) == (
        1,
        pytest.approx(1 - limit),
        1,
    )
    assert found.brunner_munzel.null_reason == "no_spread"


def test_answers_all_alike_are_even_with_an_exact_limit():
    found = probability_of_superiority(*counted([4, 4]), *counted([4, 4, 4]))
    assert found.probability.estimate == 0.5
    assert 0 < found.probability.low < 0.5 < found.probability.high < 1
    assert found.brunner_munzel.null_reason == "no_spread"


def test_too_few_answers_have_a_reason():
    assert probability_of_superiority(*counted([]), *counted([1, 2])).probability.null_reason == "no_pathway"
    assert probability_of_superiority(*counted([1]), *counted([1, 2])).brunner_munzel.null_reason == "one_answer"


def test_three_million_answers_do_not_overflow():
    found = probability_of_superiority(*counted([1, 2], 1_500_000), *counted([1, 2, 2], 1_000_000))
    assert found.probability.estimate == pytest.approx(0.5 - 1 / 12)
    assert 0 < found.probability.std_error < 0.001


PEOPLE = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 2)), min_size=25, max_size=60)


def odds_of(people: list[tuple[int, int, int]], times: int = 1, sign: int = 1):
    rows, n = np.unique(np.array(people, dtype=float), axis=0, return_counts=True)
    model = proportional_odds(sign * rows[:, 0], n.astype(np.int64) * times, rows[:, 1:])
    assume(model.coefficients is not None)
    return model


@unhurried
@given(PEOPLE, st.integers(2, 5))
def test_people_repeated_keep_the_odds_and_divide_the_error(people, times):
    once, often = odds_of(people), odds_of(people, times)
    assert often.coefficients == pytest.approx(once.coefficients, abs=1e-5)
    assert often.covariance * times == pytest.approx(once.covariance, rel=1e-4, abs=1e-6)
    assert often.robust * times == pytest.approx(once.robust, rel=1e-4, abs=1e-6)


@unhurried
@given(PEOPLE)
def test_a_scale_turned_round_turns_the_odds_over(people):
    forth, back = odds_of(people), odds_of(people, sign=-1)
    assert back.coefficients == pytest.approx(-forth.coefficients, abs=1e-5)
    assert back.thresholds == pytest.approx(-forth.thresholds[::-1], abs=1e-5)
    assert back.log_likelihood == pytest.approx(forth.log_likelihood)


def test_two_by_two_odds_are_the_cross_product():
    values, covariates = np.array([0.0, 1, 0, 1]), np.array([[0.0], [0], [1], [1]])
    found = proportional_odds(values, np.array([30, 20, 15, 35]), covariates).odds_ratio(0)
    assert found.estimate == pytest.approx((30 * 35) / (20 * 15))
    assert found.std_error == pytest.approx(np.sqrt(1 / 30 + 1 / 20 + 1 / 15 + 1 / 35))


@pytest.mark.parametrize(
    ("values", "n", "reason"),
    [([1, 1], [3, 4], "no_spread"), ([1, 2], [0, 0], "no_pathway"), ([1, 2], [3, 4], "not_estimable")],
)
def test_odds_without_spread_people_or_overlap_have_a_reason(values, n, reason):
    model = proportional_odds(np.array(values, dtype=float), np.array(n), np.array([[0.0], [1.0]]))
    assert model.null_reason == reason
    assert model.odds_ratio(0).null_reason == reason

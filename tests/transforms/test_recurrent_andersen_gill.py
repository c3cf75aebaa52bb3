"""Andersen and Gill's ratio: a patient-level oracle, laws, and groups without events."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracle.recurring import COHORT, Patient, counts_of

from transforms.andersen_gill import AndersenGill, andersen_gill, standardised
from transforms.recurrent import Recurrences

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)
AFTER = np.array([[1.0], [0.0]])


def fitted(after: list[Patient], before: list[Patient], times: int = 1) -> AndersenGill:
    return andersen_gill([counts_of(after, times), counts_of(before, times)], AFTER)


def score(cohort: list[tuple[float, Patient]], beta: float) -> list[float]:
    """What each patient brings to the score: own events, less what was expected of the patient while at risk."""
    found = [0.0] * len(cohort)
    for now in sorted({time for _, (*_, events) in cohort for time in events}):
        risk = [math.exp(z * beta) if entry < now <= end else 0.0 for z, (entry, end, *_) in cohort]
        mean = sum(w * z for w, (z, _) in zip(risk, cohort, strict=True)) / sum(risk)
        number = sum(events.count(now) for _, (*_, events) in cohort)
        for i, (z, (*_, events)) in enumerate(cohort):
            found[i] += (z - mean) * (events.count(now) - risk[i] * number / sum(risk))
    return found


@unhurried
@given(COHORT, COHORT)
def test_counts_give_what_patients_give(after, before):
    found = fitted(after, before)
    assume(found.coefficients is not None)
    cohort = [(1.0, one) for one in after] + [(0.0, one) for one in before]
    beta = float(found.coefficients[0])
    scores = score(cohort, beta)
    assert sum(scores) == pytest.approx(0, abs=1e-7)
    slope = (sum(score(cohort, beta - 1e-5)) - sum(score(cohort, beta + 1e-5))) / 2e-5
    assert 1 / found.covariance[0, 0] == pytest.approx(slope, rel=1e-4, abs=1e-7)
    robust = found.covariance[0, 0] ** 2 * sum(one**2 for one in scores)
    assert found.robust[0, 0] == pytest.approx(robust, rel=1e-6, abs=1e-9)


@unhurried
@given(COHORT, COHORT, st.integers(2, 5))
def test_patients_repeated_keep_the_ratio_and_divide_its_error(after, before, times):
    once, often = fitted(after, before).rate_ratio(0), fitted(after, before, times).rate_ratio(0)
    assume(once.estimate is not None)
    assert often.estimate == pytest.approx(once.estimate, rel=1e-6)
    assert often.std_error * times**0.5 == pytest.approx(once.std_error, rel=1e-6)


@unhurried
@given(COHORT, COHORT)
def test_exchanged_periods_invert_the_ratio(after, before):
    forth, back = fitted(after, before).rate_ratio(0), fitted(before, after).rate_ratio(0)
    assert forth.null_reason == back.null_reason
    assume(forth.estimate is not None)
    assert (back.estimate, back.low, back.high) == pytest.approx((1 / forth.estimate, 1 / forth.high, 1 / forth.low))


def test_with_one_day_of_events_it_is_the_ratio_of_shares():
    found = fitted([(-1, 9, 0, [4])] * 6 + [(-1, 9, 0, [])] * 4, [(-1, 9, 0, [4])] * 3 + [(-1, 9, 0, [])] * 7)
    assert found.rate_ratio(0).estimate == pytest.approx(2)


def test_what_has_no_finite_ratio_has_a_reason():
    some, none = counts_of([(-1, 9, 0, [2, 5]), (-1, 7, 0, [])]), counts_of([(-1, 9, 0, [])] * 3)
    late = counts_of([(5, 9, 0, [7])] * 2)
    nobody = counts_of([])
    reasons = [andersen_gill(list(groups), AFTER).rate_ratio(0).null_reason for groups in (
        (none, none), (none, some), (some, none), (nobody, some), (late, counts_of([(-1, 5, 0, [3])] * 2)),
    )]  # fmt: skip
    assert reasons == ["no_event", *["not_estimable"] * 4]


def test_columns_that_repeat_one_another_have_no_ratio():
    group: Recurrences = counts_of([(-1, 9, 0, [2, 5]), (-1, 7, 0, [])])
    assert andersen_gill([group, group], np.array([[1.0, 2.0], [0.0, 0.0]])).null_reason == "not_estimable"


def test_where_all_of_a_group_are_alike_there_is_no_spread():
    assert fitted([(-1, 9, 0, [2])] * 3, [(-1, 9, 0, [2])] * 4).rate_ratio(0).null_reason == "no_spread"


@unhurried
@given(COHORT, COHORT, st.integers(2, 5), st.integers(0, 8))
def test_patients_repeated_multiply_the_numbers_of_events_and_divide_their_relative_error(
    after, before, times, horizon
):
    everybody = np.array([1.0, 1.0])
    once, often = (standardised(fitted(after, before, by), everybody, horizon) for by in (1, times))
    assume(once is not None)
    assert (often.without, often.exposed) == pytest.approx((once.without * times, once.exposed * times), rel=1e-6)
    assert often.covariance == pytest.approx(once.covariance * times, rel=1e-6, abs=1e-9)


@unhurried
@given(COHORT, COHORT)
def test_numbers_of_events_are_those_seen_where_everybody_is_of_its_own_period(after, before):
    """What the model expects of the pathways of after as they are is what happened to them; and so before."""
    model = fitted(after, before)
    assume(model.coefficients is not None)
    there = standardised(model, np.array([1.0, 0.0]), horizon=9)
    then = standardised(model, np.array([0.0, 1.0]), horizon=9)
    seen = [sum(len(events) for *_, events in group) for group in (after, before)]
    assert there.exposed + then.without == pytest.approx(sum(seen), rel=1e-6)
    assert there.exposed == pytest.approx(there.without * np.exp(model.coefficients[0]))
    assert there.exposed == pytest.approx(seen[0], rel=1e-5, abs=1e-6)


def test_without_a_finite_ratio_there_are_no_numbers():
    assert standardised(andersen_gill([counts_of([(-1, 5, 0, [])])] * 2, AFTER), np.ones(2), 5) is None

"""Mean numbers of events: a patient-level oracle, laws, and groups without events."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracle.recurring import COHORT, Patient, counts_of

from transforms.recurrent import mean_cumulative, mean_events_at, mean_events_difference

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)


def oracle(patients: list[Patient], horizon: int, weight: np.ndarray) -> float:
    """Ghosh and Lin by definition, with a weight for every patient."""
    mean, survival = 0.0, 1.0
    for now in range(horizon + 1):
        at_risk = sum(w for w, (entry, end, *_) in zip(weight, patients, strict=True) if entry < now <= end)
        if at_risk > 0:
            mean += survival * sum(w * p[3].count(now) for w, p in zip(weight, patients, strict=True)) / at_risk
            dead = sum(w for w, (_, end, status, _) in zip(weight, patients, strict=True) if (end, status) == (now, 2))
            survival *= 1 - dead / at_risk
    return mean


@unhurried
@given(COHORT, st.integers(0, 8))
def test_counts_give_what_patients_give(patients, horizon):
    found, ones = mean_events_at(counts_of(patients), horizon), np.ones(len(patients))
    assume(found.std_error is not None)
    assert found.estimate == pytest.approx(oracle(patients, horizon, ones))
    steps = 1e-5 * np.eye(len(patients))
    psi = [(oracle(patients, horizon, ones + s) - oracle(patients, horizon, ones - s)) / 2e-5 for s in steps]
    assert found.std_error == pytest.approx(np.sqrt(np.sum(np.square(psi))), rel=1e-3, abs=1e-6)
    assert 0 < found.low < found.estimate < found.high


@unhurried
@given(COHORT, st.integers(0, 8), st.integers(2, 5))
def test_patients_repeated_keep_the_mean_and_divide_its_error(patients, horizon, times):
    once, often = mean_events_at(counts_of(patients), horizon), mean_events_at(counts_of(patients, times), horizon)
    assume(once.std_error is not None)
    assert often.estimate == pytest.approx(once.estimate)
    assert often.std_error * times**0.5 == pytest.approx(once.std_error)


@unhurried
@given(COHORT, st.integers(0, 8), st.integers(1, 10**6))
def test_shifted_times_change_nothing(patients, horizon, shift):
    moved = [
        (entry + shift, end + shift, status, [t + shift for t in events]) for entry, end, status, events in patients
    ]
    here, there = mean_events_at(counts_of(patients), horizon), mean_events_at(counts_of(moved), horizon + shift)
    assert (there.null_reason, there.estimate) == (here.null_reason, here.estimate)


@unhurried
@given(COHORT, COHORT, st.integers(0, 8))
def test_exchanged_groups_change_the_sign_and_no_interval_is_empty(patients, others, horizon):
    forth = mean_events_difference(counts_of(patients), counts_of(others), horizon)
    back = mean_events_difference(counts_of(others), counts_of(patients), horizon)
    assume(forth.estimate is not None)
    assert forth.low < forth.high
    assert (back.low, back.high) == (pytest.approx(-forth.high), pytest.approx(-forth.low))


def test_two_patients_by_hand():
    counts = counts_of([(-1, 9, 0, [2, 2, 5]), (-1, 4, 2, [3])])
    curve = mean_cumulative(counts)
    assert counts.number == 4
    assert curve.time.tolist() == [2, 3, 4, 5, 9]
    assert curve.at_risk.tolist() == [2, 2, 2, 1, 1]
    assert curve.mean.tolist() == [1, 1.5, 1.5, 2, 2]  # the death on day 4 halves what comes later


def test_no_event_has_an_exact_upper_limit():
    found = mean_events_at(counts_of([(-1, 90, 0, [])] * 50), 30)
    assert (found.estimate, found.std_error, found.low) == (0, None, 0)
    assert found.high == pytest.approx(-np.log(0.025) / 50)


def test_what_has_no_estimate_has_a_reason():
    nobody, short = counts_of([]), counts_of([(-1, 5, 0, [1]), (-1, 9, 0, [])])
    assert mean_events_at(nobody, 3).null_reason == "no_pathway"
    assert mean_events_at(short, 10).null_reason == "horizon_beyond_follow_up"
    assert mean_events_at(counts_of([(-1, 9, 0, [2])] * 3), 5).null_reason == "no_spread"
    assert mean_events_difference(short, nobody, 5).null_reason == "no_pathway"


@pytest.mark.parametrize("number", range(2, 30))
def test_pathways_that_are_all_alike_give_no_interval_at_whatever_rounding(number):
    alike = counts_of([(-1, 29, 1, [1, 4, 4, 11, 17, 23])] * number)
    assert {mean_events_at(alike, horizon).null_reason for horizon in range(1, 29)} == {"no_spread"}

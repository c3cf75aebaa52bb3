"""Laws of areas up to a horizon, a sum over every day as oracle, and the groups without event."""

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.areas import area_difference, area_under_incidence, restricted_mean, restricted_mean_difference
from transforms.intervals import largest_share_without_event
from transforms.survival import Cells, aalen_johansen, incidence_at, influence_of_incidence

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)


@st.composite
def _late_patient(draw: st.DrawFn) -> tuple[int, int, int]:
    time = draw(st.integers(0, 12))
    return draw(st.integers(-1, time - 1)), time, draw(st.integers(0, 2))


COHORT = st.lists(st.tuples(st.just(-1), st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=30)
LATE_COHORT = st.lists(_late_patient(), min_size=1, max_size=30)


def cells_of(patients: list[tuple[int, int, int]], n: int = 1) -> Cells:
    frame = pl.DataFrame(patients, schema=["entry", "time", "status"], orient="row")
    return Cells.of(frame.with_columns(n=pl.lit(n)))


@unhurried
@given(LATE_COHORT, st.integers(1, 14))
def test_the_area_is_the_incidence_added_day_by_day(patients, tau):
    cells = cells_of(patients)
    found = area_under_incidence(cells, tau)
    assume(found.estimate is not None)
    psi = sum(influence_of_incidence(cells, day) for day in range(tau))
    error = float(np.sqrt((cells.n * psi**2).sum()))
    by_day = [incidence_at(aalen_johansen(cells), day).estimate for day in range(tau)]
    assert found.estimate == pytest.approx(sum(by_day), abs=1e-9)
    assert (found.std_error or 0) == pytest.approx(error, abs=1e-9)


@unhurried
@given(COHORT, st.integers(1, 12))
def test_where_nothing_competes_area_and_restricted_mean_add_to_tau(patients, tau):
    cells = cells_of([(entry, time, min(status, 1)) for entry, time, status in patients])
    area, mean = area_under_incidence(cells, tau), restricted_mean(cells, tau)
    assert area.null_reason == mean.null_reason
    assume(area.estimate is not None)
    assert area.estimate + mean.estimate == pytest.approx(tau)
    assert (area.std_error or 0) == pytest.approx(mean.std_error or 0, abs=1e-7)


@unhurried
@pytest.mark.parametrize("measure", [area_under_incidence, restricted_mean])
@given(COHORT, st.integers(1, 12), st.integers(2, 5))
def test_patients_repeated_keep_the_area_and_divide_its_error(measure, patients, tau, times):
    once, often = measure(cells_of(patients), tau), measure(cells_of(patients, times), tau)
    assume(once.std_error is not None)
    assert often.estimate == pytest.approx(once.estimate)
    assert often.std_error * times**0.5 == pytest.approx(once.std_error)


@unhurried
@pytest.mark.parametrize("difference", [area_difference, restricted_mean_difference])
@given(COHORT, COHORT, st.integers(1, 12))
def test_exchanged_groups_change_the_sign_and_no_interval_is_empty(difference, patients, others, tau):
    forth = difference(cells_of(patients), cells_of(others), tau)
    back = difference(cells_of(others), cells_of(patients), tau)
    assume(forth.estimate is not None)
    assert -tau <= forth.low < forth.high <= tau
    assert (back.low, back.high) == (pytest.approx(-forth.high), pytest.approx(-forth.low))
    assert back.p_value == pytest.approx(forth.p_value)


def test_no_event_gives_tau_times_the_exact_limit():
    cells = cells_of([(-1, 90, 0)] * 50)
    found, mean = area_under_incidence(cells, 30), restricted_mean(cells, 30)
    limit = 30 * largest_share_without_event(50)
    assert (found.estimate, found.std_error, found.low, found.high) == (0, None, 0, pytest.approx(limit))
    assert (mean.estimate, mean.std_error, mean.high, mean.low) == (30, None, 30, pytest.approx(30 - limit))


@pytest.mark.parametrize("measure", [area_under_incidence, restricted_mean])
def test_beyond_the_follow_up_or_without_anybody_there_is_no_area(measure):
    assert measure(cells_of([(-1, 5, 1), (-1, 9, 0)]), 10).null_reason == "horizon_beyond_follow_up"
    assert measure(cells_of([(-1, 5, 1), (-1, 9, 1)]), 10).null_reason is None
    assert measure(Cells.of(pl.DataFrame(schema=["entry", "time", "status", "n"])), 10).null_reason == "no_pathway"


@pytest.mark.parametrize("difference", [area_difference, restricted_mean_difference])
def test_up_to_day_zero_there_is_nothing_to_compare(difference):
    group = cells_of([(-1, 0, 1), (-1, 5, 0)])
    assert difference(group, group, 0).null_reason == "no_spread"


@pytest.mark.parametrize("difference", [area_difference, restricted_mean_difference])
def test_a_difference_needs_both_groups(difference):
    short, long = cells_of([(-1, 5, 0)]), cells_of([(-1, 50, 1)])
    assert difference(short, long, 10).null_reason == "horizon_beyond_follow_up"
    assert difference(long, short, 10).null_reason == "horizon_beyond_follow_up"

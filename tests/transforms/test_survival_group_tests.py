"""Laws of the log-rank and Gray tests, and the groups that cannot be compared."""

import math

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.group_tests import gray_test, stratified_log_rank
from transforms.survival import Cells, log_rank

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)

TESTS = [stratified_log_rank, gray_test]
PATIENT = st.tuples(st.just(-1), st.integers(0, 8), st.integers(0, 2))
COHORT = st.lists(PATIENT, min_size=1, max_size=25)
LATE = st.tuples(st.integers(-1, 4), st.integers(0, 8), st.integers(0, 2)).filter(lambda one: one[0] < one[1])
LATE_COHORT = st.lists(LATE, min_size=1, max_size=25)


def cells_of(patients: list[tuple[int, int, int]], shift: int = 0) -> Cells:
    schema = {"entry": pl.Int64, "time": pl.Int64, "status": pl.UInt8}
    frame = pl.DataFrame(patients, schema=schema, orient="row")
    return Cells.of(frame.with_columns(pl.col("time") + shift, n=pl.lit(1)))


@unhurried
@given(COHORT, COHORT)
def test_one_stratum_of_two_groups_is_lifelines_log_rank(one, other):
    ours, lifelines = stratified_log_rank([[cells_of(one), cells_of(other)]]), log_rank(cells_of(one), cells_of(other))
    assume(ours.statistic is not None)
    assert ours.statistic == pytest.approx(lifelines.statistic, abs=1e-9)
    assert ours.p_value == pytest.approx(lifelines.p_value, abs=1e-9)


@pytest.mark.parametrize("test", TESTS)
@unhurried
@given(COHORT, COHORT, COHORT, st.permutations([0, 1, 2]))
def test_the_order_of_the_groups_does_not_matter(test, a, b, c, order):
    groups = [cells_of(group) for group in (a, b, c)]
    found, shuffled = test([groups]), test([[groups[place] for place in order]])
    assert shuffled.null_reason == found.null_reason
    assert shuffled.degrees_of_freedom == found.degrees_of_freedom
    if found.statistic is not None:
        assert shuffled.statistic == pytest.approx(found.statistic, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("test", TESTS)
@unhurried
@given(COHORT, COHORT, st.integers(0, 10**6))
def test_shifted_times_change_nothing(test, one, other, shift):
    here, there = (test([[cells_of(one, by), cells_of(other, by)]]) for by in (0, shift))
    assert here == there


@pytest.mark.parametrize("test", TESTS)
@unhurried
@given(COHORT)
def test_a_group_does_not_differ_from_itself(test, one):
    found = test([[cells_of(one), cells_of(one)]])
    assume(found.statistic is not None)
    assert found.statistic == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("test", TESTS)
@unhurried
@given(COHORT, COHORT)
def test_a_stratum_without_anybody_changes_nothing(test, one, other):
    groups = [cells_of(one), cells_of(other)]
    alone, beside = test([groups]), test([groups, [cells_of([]), cells_of([])]])
    assert (alone.statistic, alone.p_value) == (beside.statistic, beside.p_value)


@pytest.mark.parametrize("test", TESTS)
def test_what_cannot_be_compared_has_a_reason(test):
    nobody, censored, seen = cells_of([]), cells_of([(-1, 3, 0)]), cells_of([(-1, 5, 1), (-1, 6, 0)])
    assert test([[nobody, seen]]).null_reason == "no_pathway"
    assert test([[censored, censored]]).null_reason == "no_event"
    assert test([[censored, seen]]).null_reason == "never_at_risk_together"


def test_a_negative_variance_is_no_test():
    """R's cuminc answers -10.67 on one degree of freedom."""
    one, other = cells_of([(-1, 1, 1), (-1, 2, 1)]), cells_of([(-1, 2, 1), (-1, 2, 1)])
    assert gray_test([[one, other]]).null_reason == "not_estimable"


def test_a_group_without_anybody_left_takes_no_part_in_gray_until_others_enter_and_after():
    few, others = [(-1, 2, 1)], [(-1, 1, 1), (-1, 3, 2), (-1, 5, 1), (-1, 6, 0)]
    joined = [*few, (4, 9, 1), (4, 9, 0)]
    alone = gray_test([[cells_of(few), cells_of(others)]])
    assert alone.statistic > 0
    assert gray_test([[cells_of(joined), cells_of(others)]]) == alone


@unhurried
@given(LATE_COHORT, LATE_COHORT)
def test_with_late_entries_gray_gives_a_number_or_a_reason_and_shifted_clocks_change_nothing(one, other):
    found = gray_test([[cells_of(one), cells_of(other)]])
    assert (found.statistic is None) == (found.null_reason is not None)
    if found.statistic is not None:
        assert found.degrees_of_freedom == 1
        assert 0 <= found.statistic < math.inf
        assert 0 <= found.p_value <= 1
    moved = [[cells_of([(entry + 3, time + 3, status) for entry, time, status in group]) for group in (one, other)]]
    assert gray_test(moved) == found

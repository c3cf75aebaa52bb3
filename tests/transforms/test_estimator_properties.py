"""Laws that estimators share: weights that are alike, patients doubled, rows moved, buckets merged, dates shifted.

Those of a single estimator stand beside its own tests: incidence, areas, Cox, rates, recurrent events, scores.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracle.builders import (
    REFERRAL,
    RETURN,
    SATISFACTION,
    VISITS,
    Happening,
    estimated,
    event_frame,
    log,
    patient_frame,
    programme,
    tallied,
)
from polars.testing import assert_frame_equal

from transforms.cells import Cells
from transforms.cox import CoxModel, cox
from transforms.group_tests import gray_test, stratified_log_rank
from transforms.intervals import Test
from transforms.kaplan_meier import kaplan_meier
from transforms.response import ResponseCells, weighted_difference, weighted_share
from transforms.survival import aalen_johansen
from transforms.tallies import merge
from warehouse.programme import Period, Programme

unhurried = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
PATIENT = st.tuples(st.just(-1), st.integers(0, 12), st.integers(0, 2))
COHORT = st.lists(PATIENT, min_size=4, max_size=30)


def cells_of(patients: list[tuple[int, int, int]]) -> Cells:
    frame = pl.DataFrame(patients, schema=["entry", "time", "status"], orient="row")
    return Cells.of(frame.with_columns(n=pl.lit(1)))


# ---------------------------------------------------------------- weights that are all alike

COUNTS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5)


def responses(counts: list[tuple[int, int, int]], answered_of: int) -> ResponseCells:
    """Patterns of one factor; in each, one of ``answered_of`` answered."""
    answered = np.array([favourable + others for favourable, others, _ in counts])
    successes = np.array([favourable for favourable, _, _ in counts])
    certain = np.full(len(counts), answered_of == 1)
    return ResponseCells(np.eye(len(counts))[:, 1:], successes, answered, answered * answered_of, certain)


@unhurried
@given(COUNTS, st.integers(1, 4))
def test_equal_chances_of_answering_give_the_unweighted_share(
    counts: list[tuple[int, int, int]], answered_of: int
) -> None:
    cells = responses(counts, answered_of)
    expected = cells.successes.sum() / cells.answered.sum()
    assert weighted_share(cells).estimate == pytest.approx(expected, abs=1e-9)


@unhurried
@given(COHORT, COHORT)
@pytest.mark.parametrize("test", [stratified_log_rank, gray_test])
def test_one_stratum_or_equal_strata_give_the_unstratified_answer(
    test: Any, after: list[tuple[int, int, int]], before: list[tuple[int, int, int]]
) -> None:
    """Strata all alike add scores and variances: the statistic of one, as often as there are strata."""
    groups = [cells_of(after), cells_of(before)]
    alone, with_an_empty_one, twice = test([groups]), test([groups, [cells_of([]), cells_of([])]]), test([groups] * 2)
    assert isinstance(alone, Test)
    assert (with_an_empty_one.statistic, with_an_empty_one.null_reason) == (alone.statistic, alone.null_reason)
    assume(alone.statistic is not None)
    assert twice.statistic == pytest.approx(2 * alone.statistic, abs=1e-9)


@unhurried
@given(COHORT, st.lists(st.integers(0, 1), min_size=30, max_size=30))
def test_one_stratum_of_cox_is_no_stratum(patients: list[tuple[int, int, int]], groups: list[int]) -> None:
    cells, group = each_patient(patients), np.array(groups[: len(patients)], float)[:, None]
    plain, one = cox(cells, group), cox(cells, group, stratum=np.full(len(patients), 7))
    assert plain.null_reason == one.null_reason
    assume(plain.coefficients is not None)
    assert one.coefficients == pytest.approx(plain.coefficients)
    assert one.robust == pytest.approx(plain.robust)


# ---------------------------------------------------------------- patients doubled


def each_patient(patients: list[tuple[int, int, int]], n: int = 1) -> Cells:
    """A cell of its own for every patient."""
    entry, time, status = np.array(patients, np.int64).T
    return Cells(entry, time, status, np.full(len(patients), n))


def curves(patients: list[tuple[int, int, int]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    cells = cells_of(patients)
    incidence, survival = aalen_johansen(cells), kaplan_meier(cells)
    return {
        "Aalen-Johansen": (incidence.incidence, np.sqrt(incidence.variance)),
        "Kaplan-Meier": (survival.survival, survival.std_error),
    }


def breslow(patients: list[tuple[int, int, int]], groups: list[int]) -> CoxModel:
    return cox(each_patient(patients), np.array(groups[: len(patients)], float)[:, None], ties="breslow")


@unhurried
@given(COHORT)
def test_doubled_patients_keep_every_curve_and_divide_its_error_by_the_root_of_two(
    patients: list[tuple[int, int, int]],
) -> None:
    once, twice = curves(patients), curves(patients * 2)
    for name, (estimate, error) in once.items():
        assert twice[name][0] == pytest.approx(estimate, abs=1e-12), name
        inside = (estimate > 1e-9) & (estimate < 1 - 1e-9)
        assert twice[name][1][inside] * np.sqrt(2) == pytest.approx(error[inside], abs=1e-9), name


@unhurried
@given(COHORT, st.lists(st.integers(0, 1), min_size=30, max_size=30))
def test_doubled_rows_keep_breslows_ratio_and_divide_its_error(
    patients: list[tuple[int, int, int]], groups: list[int]
) -> None:
    once, twice = breslow(patients, groups), breslow(patients * 2, groups[: len(patients)] * 2)
    assume(once.coefficients is not None)
    assert twice.coefficients == pytest.approx(once.coefficients, abs=1e-6)
    assert twice.robust * 2 == pytest.approx(once.robust, rel=1e-5, abs=1e-9)


@unhurried
@given(COUNTS, COUNTS, st.integers(1, 3), st.integers(1, 3))
def test_exchanged_periods_turn_the_sign_of_weighted_shares(
    after: list[tuple[int, int, int]], before: list[tuple[int, int, int]], there: int, then: int
) -> None:
    groups = responses(after, there), responses(before, then)
    forth, back = weighted_difference(*groups), weighted_difference(*groups[::-1])
    assume(forth.estimate is not None)
    assert (back.estimate, back.low, back.high) == pytest.approx((-forth.estimate, -forth.high, -forth.low))


# ---------------------------------------------------------------- rows, buckets and dates, through the whole room

QUESTIONED = {**SATISFACTION, "event": {"type": "questionnaire"}}
DECLARED = programme(
    indicators={"referral": REFERRAL, "return": RETURN, "visits": VISITS, "satisfaction": QUESTIONED},
    sites=({"id": "north"}, {"id": "south"}),
)
STORY = st.tuples(
    st.integers(0, 300),  # day of the announcement within its period
    st.sampled_from((2021, 2023)),
    st.sampled_from(("north", "south")),
    st.integers(0, 100),  # days to what follows
    st.sampled_from(("referral", "death", "emergency_visit", "questionnaire", None)),
)
STORIES = st.lists(STORY, min_size=6, max_size=24)


def happenings(stories: list[tuple[int, int, str, int, str | None]], weeks: int = 0) -> list[Happening]:
    """One patient per story, all their days moved by so many weeks."""
    rows: list[tuple[Any, ...]] = []
    for patient, (day, year, site, later, what) in enumerate(stories):
        announced = date(year, 1, 1) + timedelta(days=day, weeks=weeks)
        rows.append((patient, "announcement", announced.isoformat(), {"site": site}))
        if what is not None:
            known = {"site": site, "value": 80.0 + later % 20} if what == "questionnaire" else {"site": site}
            rows.append((patient, what, (announced + timedelta(days=later)).isoformat(), known))
    return log(*rows)


def figures(declared: Programme, *buckets: list[Happening]) -> pl.DataFrame:
    """Estimates and curves of the merged buckets, without months, whose names are dates."""
    counted = (tallied(event_frame(rows), patient_frame(), declared) for rows in buckets)
    found = estimated(merge(*counted), declared)
    undated = found.figures.filter(~pl.col("period").str.contains(r"^\d{4}-"))
    return pl.concat([undated, found.curves], how="diagonal")


@settings(unhurried, max_examples=6)
@given(STORIES, st.randoms(use_true_random=False))
def test_rows_in_any_order_and_merged_buckets_change_no_figure(stories: Any, random: Any) -> None:
    rows = happenings(stories)
    expected = figures(DECLARED, rows)
    shuffled = random.sample(rows, len(rows))
    by_bucket = [[row for row in shuffled if row.patient % 3 == bucket] for bucket in (2, 0, 1)]
    assert_frame_equal(figures(DECLARED, shuffled), expected, check_exact=True)
    assert_frame_equal(figures(DECLARED, *by_bucket), expected, check_exact=True)


def later(declared: Programme, weeks: int) -> Programme:
    """The same programme with its periods and its lock moved."""
    by = timedelta(weeks=weeks)
    spans = {
        name: Period.model_validate({"from": span.start + by, "until": span.until + by})
        for name, span in declared.periods.named()
    }
    moved = {"periods": declared.periods.model_copy(update=spans), "data_lock": declared.data_lock + by}
    return declared.model_copy(update=moved)


@settings(unhurried, max_examples=6)
@given(STORIES)
def test_all_dates_moved_by_fifty_two_weeks_change_no_figure(stories: Any) -> None:
    here = figures(DECLARED, happenings(stories))
    assert here["estimate"].is_not_null().any()
    assert_frame_equal(figures(later(DECLARED, 52), happenings(stories, weeks=52)), here, check_exact=True)

"""Laws of the Cox model, and the groups that have no hazard ratio."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.cells import Cells
from transforms.cox import CoxModel, cox, proportional_hazards_test

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)


@st.composite
def _patient(draw: st.DrawFn) -> tuple[int, int, int, int, int]:
    """Entry, time, status, group, age band."""
    time = draw(st.integers(0, 10))
    status, group, age_band = draw(st.integers(0, 1)), draw(st.integers(0, 1)), draw(st.integers(0, 2))
    return draw(st.integers(-1, time - 1)), time, status, group, age_band


COHORT = st.lists(_patient(), min_size=15, max_size=40)


def cells_of(patients: list[tuple[int, ...]], n: int = 1) -> tuple[Cells, np.ndarray]:
    rows = np.array(patients, dtype=np.int64)
    return Cells(rows[:, 0], rows[:, 1], rows[:, 2], np.full(len(rows), n)), rows[:, 3:].astype(float)


def fitted(patients: list[tuple[int, ...]], ties: str = "efron", n: int = 1) -> CoxModel:
    model = cox(*cells_of(patients, n), ties=ties)
    assume(model.coefficients is not None)
    return model


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@unhurried
@given(COHORT)
def test_counting_equal_patients_changes_nothing(ties, patients):
    rows, counts = np.unique(np.array(patients + patients[:5]), axis=0, return_counts=True)
    cells = Cells(rows[:, 0], rows[:, 1], rows[:, 2], counts)
    counted, single = cox(cells, rows[:, 3:].astype(float), ties=ties), fitted(patients + patients[:5], ties)
    assert counted.coefficients == pytest.approx(single.coefficients, abs=1e-7)
    assert counted.covariance == pytest.approx(single.covariance, rel=1e-6, abs=1e-9)
    assert counted.robust == pytest.approx(single.robust, rel=1e-6, abs=1e-9)


@unhurried
@given(COHORT)
def test_patients_doubled_divide_breslows_error_by_the_root_of_two(patients):
    once, twice = fitted(patients, "breslow"), fitted(patients, "breslow", n=2)
    assert twice.coefficients == pytest.approx(once.coefficients, abs=1e-7)
    assert twice.covariance * 2 == pytest.approx(once.covariance, rel=1e-6)
    assert twice.robust * 2 == pytest.approx(once.robust, rel=1e-6, abs=1e-9)


@unhurried
@given(COHORT, st.integers(1, 10**6))
def test_shifted_times_change_nothing(patients, shift):
    moved = [(entry + shift, time + shift, *others) for entry, time, *others in patients]
    assert fitted(moved).coefficients == pytest.approx(fitted(patients).coefficients, abs=1e-9)


@unhurried
@given(COHORT)
def test_exchanged_groups_turn_the_ratio_over(patients):
    other = [(entry, time, status, 1 - group, age) for entry, time, status, group, age in patients]
    forth, back = fitted(patients).hazard_ratio(0), fitted(other).hazard_ratio(0)
    assert back.estimate == pytest.approx(1 / forth.estimate, rel=1e-6)
    assert (back.low, back.high) == pytest.approx((1 / forth.high, 1 / forth.low), rel=1e-5)


@unhurried
@given(COHORT)
def test_one_cluster_per_patient_is_the_robust_error_and_one_stratum_no_stratum(patients):
    cells, covariates = cells_of(patients)
    model = cox(cells, covariates, cluster=np.arange(len(patients)), stratum=np.full(len(patients), 3))
    assume(model.coefficients is not None)
    assert model.clustered == pytest.approx(model.robust, rel=1e-9, abs=1e-12)
    assert model.coefficients == pytest.approx(fitted(patients).coefficients, abs=1e-9)


@unhurried
@given(COHORT)
def test_statistics_of_proportionality_are_never_negative(patients):
    cells, covariates = cells_of(patients)
    tests = proportional_hazards_test(cells, covariates)
    assert len(tests) == 3
    for test in tests:
        assert test.null_reason in (None, "not_estimable", "no_event")
        assert test.statistic is None or (test.statistic > -1e-9 and 0 <= test.p_value <= 1)


def test_a_group_without_events_has_no_ratio_but_a_reason():
    patients = [(-1, time, int(time < 6 and group), group, 0) for time in range(12) for group in (0, 1)]
    cells, covariates = cells_of(patients)
    model = cox(cells, covariates[:, :1])
    assert model.null_reason == "not_estimable"
    assert model.hazard_ratio(0).null_reason == "not_estimable"
    assert [test.null_reason for test in proportional_hazards_test(cells, covariates[:, :1])] == ["not_estimable"] * 2


def test_a_covariate_that_repeats_another_has_no_ratio_but_a_reason():
    cells, covariates = cells_of([(-1, time, 1, time % 2, 0) for time in range(12)])
    assert cox(cells, np.repeat(covariates[:, :1], 2, axis=1)).null_reason == "not_estimable"


def test_nobody_with_the_event_has_no_ratio_but_a_reason():
    cells, covariates = cells_of([(-1, time, 0, time % 2, 0) for time in range(12)])
    assert cox(cells, covariates).null_reason == "no_event"
    assert cox(cells, covariates).hazard_ratio(0).null_reason == "no_event"
    assert {test.null_reason for test in proportional_hazards_test(cells, covariates)} == {"no_event"}


def test_clustered_errors_need_clusters():
    model = cox(*cells_of([(-1, time, 1, time % 2, time % 3) for time in range(20)]))
    assert model.hazard_ratio(0).estimate is not None
    assert model.hazard_ratio_by_cluster(0).null_reason == "no_cluster"


def test_events_all_at_one_time_cannot_drift():
    cells, covariates = cells_of([(-1, 5, index % 2, index % 3 // 2, index % 3) for index in range(24)])
    assert cox(cells, covariates[:, :1]).null_reason is None
    tests = proportional_hazards_test(cells, covariates[:, :1])
    assert [test.null_reason for test in tests] == ["not_estimable"] * 2

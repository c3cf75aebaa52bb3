"""Laws that incidence obeys on any cells, and a slow oracle that looks at patients one by one."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.kaplan_meier import product_limit
from transforms.survival import (
    Cells,
    Incidence,
    aalen_johansen,
    incidence_at,
    incidence_difference,
    influence_of_incidence,
    kaplan_meier,
    log_rank,
    survival_at,
)
from warehouse.schemas import COMPETED, EVENT_SEEN, FROM_THE_START

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)

Patient = tuple[int, int, int]  # entry, time, status


@st.composite
def _late_patient(draw: st.DrawFn) -> Patient:
    time = draw(st.integers(0, 12))
    return draw(st.integers(-1, time - 1)), time, draw(st.integers(0, 2))


FROM_START = st.tuples(st.just(FROM_THE_START), st.integers(0, 12), st.integers(0, 2))
COHORT = st.lists(FROM_START, min_size=1, max_size=40)
LATE_COHORT = st.lists(_late_patient(), min_size=1, max_size=40)


def cells_of(patients: list[Patient], n: int = 1) -> Cells:
    frame = pl.DataFrame(patients, schema=["entry", "time", "status"], orient="row")
    return Cells.of(frame.with_columns(n=pl.lit(n)))


def oracle(patients: list[Patient]) -> list[tuple[int, Fraction, Fraction, Fraction]]:
    """Time, incidence, incidence of the competing event and survival, by definition and in fractions."""
    survival, incidence, competing, curve = Fraction(1), Fraction(0), Fraction(0), []
    for now in sorted({time for _, time, _ in patients}):
        at_risk = [status if time == now else None for entry, time, status in patients if entry < now <= time]
        seen, died = at_risk.count(EVENT_SEEN), at_risk.count(COMPETED)
        incidence += survival * seen / len(at_risk)
        competing += survival * died / len(at_risk)
        survival *= 1 - Fraction(seen + died, len(at_risk))
        curve.append((now, incidence, competing, survival))
    return curve


def delta_variance(curve: Incidence, at: int) -> float:
    """The delta method, term by term, as printed in Marubini and Valsecchi (1995)."""
    total, survival = 0.0, 1.0
    for j in range(at + 1):
        n, d1 = int(curve.at_risk[j]), int(curve.events[j])
        d, left = d1 + int(curve.competing[j]), curve.incidence[at] - curve.incidence[j]
        total += left**2 * d / (n * (n - d)) if n > d else 0.0
        total += survival**2 * d1 * (n - d1) / n**3 - 2 * left * survival * d1 / n**2
        survival = float(curve.survival[j])
    return total


@unhurried
@given(LATE_COHORT)
def test_cells_give_what_patients_give(patients):
    curve, deaths = aalen_johansen(cells_of(patients)), aalen_johansen(cells_of(patients).for_competing_event())
    expected = oracle(patients)
    assert curve.time.tolist() == [time for time, *_ in expected]
    assert curve.incidence == pytest.approx([float(share) for _, share, _, _ in expected], abs=1e-12)
    assert deaths.incidence == pytest.approx([float(share) for _, _, share, _ in expected], abs=1e-12)
    assert curve.survival == pytest.approx([float(share) for _, _, _, share in expected], abs=1e-12)


@unhurried
@given(LATE_COHORT)
def test_event_competing_event_and_neither_add_to_one(patients):
    cells = cells_of(patients)
    curve, deaths = aalen_johansen(cells), aalen_johansen(cells.for_competing_event())
    assert curve.incidence + deaths.incidence + curve.survival == pytest.approx(np.ones(len(curve.time)), abs=1e-12)


@unhurried
@given(COHORT)
def test_the_variance_is_the_delta_methods_without_late_entry(patients):
    curve = aalen_johansen(cells_of(patients))
    for at in range(len(curve.time)):
        assert curve.variance[at] == pytest.approx(delta_variance(curve, at), abs=1e-12)


@unhurried
@given(LATE_COHORT)
def test_the_variance_is_the_sum_of_squared_influences(patients):
    cells = cells_of(patients)
    curve = aalen_johansen(cells)
    for at, horizon in enumerate(curve.time.tolist()):
        psi = influence_of_incidence(cells, horizon)
        assert (cells.n * psi).sum() == pytest.approx(0, abs=1e-12)
        assert (cells.n * psi**2).sum() == pytest.approx(curve.variance[at], abs=1e-12)


@unhurried
@given(LATE_COHORT, st.integers(0, 12))
def test_the_influence_is_the_derivative_in_the_weight_of_a_cell(patients, horizon):
    cells, step = cells_of(patients, n=1_000_000), 1
    psi = influence_of_incidence(cells, horizon) * cells.total
    for cell in range(len(cells.n)):
        more = replace(cells, n=cells.n + step * (np.arange(len(cells.n)) == cell))
        moved = _share(more, horizon) - _share(cells, horizon)
        assert moved * cells.total == pytest.approx(psi[cell], rel=2e-3, abs=2e-3)


def _share(cells: Cells, horizon: int) -> float:
    curve = aalen_johansen(cells)
    last = int(np.searchsorted(curve.time, horizon, "right")) - 1
    return float(curve.incidence[last]) if last >= 0 else 0.0


@unhurried
@given(COHORT)
def test_where_nothing_competes_incidence_is_one_minus_kaplan_meier(patients):
    alone = [(entry, time, min(status, EVENT_SEEN)) for entry, time, status in patients]
    curve, km = aalen_johansen(cells_of(alone)), kaplan_meier(cells_of(alone))
    assert 1 - km.survival == pytest.approx(curve.incidence, abs=1e-12)
    inside = (curve.incidence > 0) & (curve.incidence < 1 - 1e-9)
    assert km.std_error[inside] ** 2 == pytest.approx(curve.variance[inside], abs=1e-12)


@unhurried
@given(COHORT)
def test_the_curve_of_lifelines_is_the_product_limit(patients):
    theirs, ours = kaplan_meier(cells_of(patients)), product_limit(cells_of(patients))
    for name, array in vars(theirs).items():
        assert getattr(ours, name) == pytest.approx(array, abs=1e-12)


@unhurried
@given(COHORT, st.integers(2, 5))
def test_patients_repeated_leave_the_estimate_and_divide_the_error_by_the_root(patients, times):
    once, often = aalen_johansen(cells_of(patients)), aalen_johansen(cells_of(patients, n=times))
    assert often.incidence == pytest.approx(once.incidence, abs=1e-12)
    assert often.variance * times == pytest.approx(once.variance, abs=1e-12)


@unhurried
@given(LATE_COHORT, st.randoms(use_true_random=False))
def test_order_and_splitting_of_equal_cells_change_nothing(patients, random):
    shuffled = list(patients)
    random.shuffle(shuffled)
    halves = [cells_of(half) for half in (shuffled[::2], shuffled[1::2]) if half]
    split = pl.concat(pl.DataFrame(vars(half)) for half in halves)
    for found in (cells_of(shuffled), Cells.of(split)):
        for name, array in vars(cells_of(patients)).items():
            assert np.array_equal(getattr(found, name), array)


@unhurried
@given(LATE_COHORT, st.integers(1, 10**9))
def test_shifted_times_shift_the_curve_alone(patients, shift):
    moved = [(entry + shift, time + shift, status) for entry, time, status in patients]
    here, there = aalen_johansen(cells_of(patients)), aalen_johansen(cells_of(moved))
    assert np.array_equal(here.time + shift, there.time)
    assert np.array_equal(here.incidence, there.incidence)
    assert np.array_equal(here.variance, there.variance)


@unhurried
@given(COHORT, COHORT, st.integers(0, 12))
def test_exchanged_groups_change_the_sign_alone(patients, others, horizon):
    forth = incidence_difference(cells_of(patients), cells_of(others), horizon)
    back = incidence_difference(cells_of(others), cells_of(patients), horizon)
    assert (forth.estimate is None) == (back.estimate is None)
    assume(forth.estimate is not None)
    assert back.estimate == -forth.estimate
    assert (back.low, back.high) == (pytest.approx(-forth.high), pytest.approx(-forth.low))
    assert back.p_value == pytest.approx(forth.p_value)


@unhurried
@given(COHORT, COHORT, st.integers(0, 12))
def test_test_and_interval_never_disagree_and_nothing_is_nan(patients, others, horizon):
    found = incidence_difference(cells_of(patients), cells_of(others), horizon)
    assume(found.estimate is not None)
    assert found.low < found.high
    assert found.low <= found.estimate <= found.high
    assert all(math.isfinite(number) for number in (found.std_error, found.z, found.p_value))
    if abs(found.p_value - 0.05) > 1e-9:
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


@unhurried
@given(LATE_COHORT, st.integers(0, 15))
def test_an_interval_holds_its_estimate_or_gives_a_reason(patients, horizon):
    for found in (
        incidence_at(aalen_johansen(cells_of(patients)), horizon),
        survival_at(kaplan_meier(cells_of(patients)), horizon),
    ):
        assert (found.estimate is None) == (found.null_reason is not None)
        if found.estimate is not None:
            assert 0 <= found.low <= found.estimate <= found.high <= 1
            assert found.low < found.high


@unhurried
@given(COHORT, COHORT)
def test_log_rank_does_not_mind_which_group_comes_first(patients, others):
    forth, back = log_rank(cells_of(patients), cells_of(others)), log_rank(cells_of(others), cells_of(patients))
    assert forth.null_reason == back.null_reason
    if forth.statistic is not None:
        assert back.statistic == pytest.approx(forth.statistic, abs=1e-9)

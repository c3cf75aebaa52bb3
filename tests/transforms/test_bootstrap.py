"""Resampled counts: their law, what they do not depend on, their memory, and medians that are barely reached."""

import tracemalloc
from dataclasses import replace
from itertools import islice

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.builders import REFERRAL, estimated, event_frame, patient_frame, programme, referred_after, tallied

from transforms import bootstrap
from transforms.areas import area_under_incidence
from transforms.bootstrap import (
    BARELY_REACHED,
    Stream,
    median_difference,
    percentile_limits,
    replicate_counts,
    replicate_incidence,
)
from transforms.cells import Cells
from transforms.survival import aalen_johansen, incidence_at
from transforms.tallies import merge

STREAM = Stream(400, 7, ("time_to_referral", "overall", "median_time/main/all"))


def _patient_until(time: int) -> st.SearchStrategy[tuple[int, int, int]]:
    return st.tuples(st.integers(-1, time - 1), st.just(time), st.integers(0, 2))


PATIENT = st.integers(0, 12).flatmap(_patient_until)


def cells_of(patients: list[tuple[int, int, int]], n: int = 1) -> Cells:
    frame = pl.DataFrame(patients, schema=["entry", "time", "status"], orient="row")
    return Cells.of(frame.with_columns(n=pl.lit(n)))


def cohort(size: int, mean: float, seed: int) -> list[tuple[int, int, int]]:
    """Exponential referrals with deaths among them, followed for 90 days."""
    draw = np.random.default_rng(seed)
    times, ends = draw.exponential(mean, size).astype(int), draw.choice([0, 1, 2], size, p=[0.05, 0.8, 0.15])
    return [(-1, min(int(time), 90), int(end) if time < 90 else 0) for time, end in zip(times, ends, strict=True)]


AFTER, BEFORE = cohort(300, 20, 1), cohort(250, 30, 2)


def drawn(cells: Cells, stream: Stream = STREAM) -> np.ndarray:
    return np.concatenate(list(replicate_counts(cells.n, np.zeros(len(cells.n), int), stream)))


# ---------------------------------------------------------------- the law


def test_counts_follow_the_law_of_patients_drawn_with_replacement() -> None:
    """Incidence at three horizons: counts against patients, Kolmogorov and Smirnov's test."""
    from scipy.stats import ks_2samp

    cells, draw = cells_of(AFTER), np.random.default_rng(3)
    time, counted = replicate_incidence(cells, drawn(cells, replace(STREAM, replicates=1000)))
    horizons = np.searchsorted(time, [7, 20, 60], "right") - 1
    by_patient = []
    for _ in range(400):
        curve = aalen_johansen(cells_of([AFTER[one] for one in draw.integers(len(AFTER), size=len(AFTER))]))
        by_patient.append([incidence_at(curve, day).estimate for day in (7, 20, 60)])
    for place, horizon in enumerate(horizons):
        assert ks_2samp(counted[:, horizon], np.array(by_patient)[:, place]).pvalue > 0.001


def test_the_error_of_the_area_is_that_of_its_influence() -> None:
    cells = cells_of(AFTER)
    time, incidence = replicate_incidence(cells, drawn(cells, replace(STREAM, replicates=4000)))
    inside = time < 60
    areas = incidence[:, inside] @ np.diff([*time[inside], 60])
    found = area_under_incidence(cells, 60)
    assert areas.mean() == pytest.approx(found.estimate, abs=4 * found.std_error / 4000**0.5 + 0.05)
    assert areas.std() == pytest.approx(found.std_error, rel=0.05)  # four times the error of 4,000 draws


@settings(deadline=None, max_examples=40)
@given(st.lists(PATIENT, min_size=1, max_size=25))
def test_the_curve_of_every_replicate_is_that_of_its_own_cells(patients) -> None:
    cells = cells_of(patients)
    counts = drawn(cells, replace(STREAM, replicates=5))
    time, incidence = replicate_incidence(cells, counts)
    for row, n in enumerate(counts):
        kept = n > 0
        own = Cells(cells.entry[kept], cells.time[kept], cells.status[kept], n[kept])
        curve = aalen_johansen(own)
        assert incidence[row, np.searchsorted(time, curve.time)] == pytest.approx(curve.incidence, abs=1e-12)


def test_each_stratum_keeps_its_total_and_an_empty_cell_stays_empty() -> None:
    n, stratum = np.array([5, 0, 7, 40, 2]), np.array([0, 1, 0, 2, 2])
    counts = np.concatenate(list(replicate_counts(n, stratum, STREAM)))
    assert counts.shape == (400, 5)
    assert counts.dtype == np.int64
    assert (counts[:, [0, 2]].sum(axis=1) == 12).all()
    assert (counts[:, 3:].sum(axis=1) == 42).all()
    assert not counts[:, 1].any()
    assert counts.mean(axis=0) == pytest.approx(n, abs=4 * (n / 400).max() ** 0.5)


# ---------------------------------------------------------------- what nothing depends on


def test_blocks_of_any_size_give_the_same_replicates(monkeypatch) -> None:
    n, stratum = np.arange(12), np.repeat([0, 1, 2], 4)
    whole = list(replicate_counts(n, stratum, STREAM))
    monkeypatch.setattr(bootstrap, "BLOCK", 100)
    cut = list(replicate_counts(n, stratum, STREAM))
    assert (len(whole), len(cut)) == (1, 50)
    assert np.array_equal(np.concatenate(whole), np.concatenate(cut))


def test_names_and_seed_alone_choose_the_numbers() -> None:
    cells = cells_of(AFTER)
    again = drawn(cells, Stream(400, 7, STREAM.names))
    assert np.array_equal(drawn(cells), again)
    for other in (replace(STREAM, seed=8), *(replace(STREAM, names=(*STREAM.names[:2], name)) for name in "ab")):
        assert not np.array_equal(drawn(cells, other), again)


def test_the_numbers_are_the_same_in_every_process_and_release() -> None:
    """Names are hashed by what they spell: Python's own hash differs from one process to the next."""
    blocks = replicate_counts(np.array([5, 7, 9]), np.zeros(3, int), Stream(200, 7, ("a", "b", "c")))
    assert np.concatenate(list(blocks)).sum(axis=0).tolist() == [984, 1390, 1826]


def test_fewer_replicates_are_the_first_of_more() -> None:
    cells = cells_of(AFTER)
    assert np.array_equal(drawn(cells, replace(STREAM, replicates=150)), drawn(cells)[:150])


CONTACT = {**REFERRAL, "event": {"type": "nurse_contact"}}
ROWS = referred_after([5, 12, 40, 8, 9, None], announced="2021-03-01", first=1) + referred_after(
    [3, 8, 12, 20, 2, None], announced="2023-03-01", first=11
)


def medians(indicators: tuple[str, ...], *buckets: list) -> pl.DataFrame:
    kinds = {"referral": REFERRAL, "contact": CONTACT}
    declared = programme(indicators={name: kinds[name] for name in indicators})
    counted = merge(*(tallied(event_frame(rows), patient_frame(()), declared) for rows in buckets))
    return estimated(counted, declared).figures.filter(
        indicator_id="referral", measure="median_time", period="after-before"
    )


def test_order_of_indicators_and_of_rows_and_merging_of_buckets_change_nothing() -> None:
    expected = medians(("referral",), ROWS)
    assert expected["estimate"].to_list() == [-1.0]
    assert expected["ci_low"][0] < expected["ci_high"][0]
    kept = [name for name in expected.columns if name not in ("plan_hash", "analysis")]
    for found in (
        medians(("contact", "referral"), ROWS),
        medians(("referral", "contact"), ROWS[::-1]),
        medians(("referral",), [row for row in ROWS if row.patient % 2], [row for row in ROWS if not row.patient % 2]),
    ):
        assert found.select(kept).equals(expected.select(kept))


# ---------------------------------------------------------------- memory


def test_memory_is_that_of_a_block_not_of_all_replicates() -> None:
    """2,000 replicates of 17,000 cells are 272 MB of counts alone, without their curves: never there together."""
    cells = cells_of([(-1, day, status) for day in range(8500) for status in (0, 1)], n=3)
    blocks = replicate_counts(cells.n, np.zeros(len(cells.n), int), replace(STREAM, replicates=2000))
    tracemalloc.start()
    for counts in islice(blocks, 3):  # all blocks are alike
        replicate_incidence(cells, counts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts.size <= 1_000_000
    assert peak < 80e6


# ---------------------------------------------------------------- medians


def test_the_difference_is_of_the_medians_among_all_with_its_limits_on_days_that_replicates_had() -> None:
    found = median_difference(cells_of(AFTER), cells_of(BEFORE), STREAM)
    assert found.low <= found.estimate <= found.high
    assert {number % 1 for number in (found.estimate, found.low, found.high)} == {0}
    assert found.std_error > 0
    assert (found.z, found.p_value, found.null_reason) == (None, None, None)


def test_exchanged_groups_change_the_sign() -> None:
    forth = median_difference(cells_of(AFTER), cells_of(BEFORE), STREAM)
    back = median_difference(cells_of(BEFORE), cells_of(AFTER), STREAM)
    assert (back.estimate, back.low, back.high) == (-forth.estimate, -forth.high, -forth.low)


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ([(-1, 5, 1)] * 40 + [(-1, 30, 0)] * 60, "not_reached"),
        ([(-1, 5, 1)] * 51 + [(-1, 30, 0)] * 49, BARELY_REACHED),  # half of the resamplings have fewer than 50
        ([], "no_pathway"),
    ],
)
def test_without_a_median_or_with_one_that_is_barely_reached_there_is_no_difference(after, reason) -> None:
    groups = cells_of(after), cells_of(BEFORE)
    for forth in (groups, groups[::-1]):
        found = median_difference(*forth, STREAM)
        assert (found.estimate, found.low, found.null_reason) == (None, None, reason)


def test_some_resamplings_without_a_median_leave_limits_but_no_error() -> None:
    after = cells_of([(-1, day, 1) for day in range(60)] + [(-1, 90, 0)] * 40)  # a hundred: 2 % have fewer than 50
    found = median_difference(after, cells_of(BEFORE), STREAM)
    assert np.isfinite([found.low, found.high]).all()
    assert found.std_error is None


def test_where_all_have_the_event_on_one_day_the_interval_is_that_difference() -> None:
    found = median_difference(cells_of([(-1, 5, 1)] * 30), cells_of([(-1, 9, 1)] * 30), STREAM)
    assert (found.estimate, found.low, found.high, found.std_error) == (-4, -4, -4, None)


@pytest.mark.parametrize(("n", "has_limits"), [(5, False), (6, True)])
def test_medians_of_fewer_than_six_differ_without_limits(n: int, has_limits: bool) -> None:
    few, many = ([(-1, day, 1) for day in range(size)] for size in (n, 40))
    found = median_difference(cells_of(few), cells_of(many), STREAM)
    assert found.estimate is not None
    assert (found.low is not None) == (found.high is not None) == has_limits


def test_limits_are_the_fiftieth_from_either_end_of_two_thousand() -> None:
    assert percentile_limits(np.arange(2000.0)[::-1]) == (49, 1950)
    assert percentile_limits(np.arange(20.0)) == (0, 19)
    assert percentile_limits(np.array([*range(1990), *[np.nan] * 10])) == (39, 1950)

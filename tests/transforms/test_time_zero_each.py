"""Several pathways of one patient: what is a pathway, which pairs are counted, whose errors are given."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from oracle.builders import (
    EACH_REFERRAL,
    REFERRAL,
    estimated,
    event_frame,
    log,
    outcome_rows,
    patient_frame,
    programme,
    tallied,
)

from transforms.cells import Cells
from transforms.clusters import Pairs, clustered_incidence
from transforms.incidence import Influence, aalen_johansen
from transforms.pathways import pathways
from transforms.tallies import merge
from warehouse.schemas import COMPETED, EVENT_SEEN, PAIR_TALLY

COMPLETED = {**REFERRAL, "event": {"type": "supportive_contact"}, "time_zero": EACH_REFERRAL, "earlier_event": "ignore"}
DECLARED = programme(indicators={"completed": COMPLETED})
TWICE = log(
    (1, "referral", "2021-05-01"), (1, "supportive_contact", "2021-05-06"),
    (1, "referral", "2023-05-01"), (1, "supportive_contact", "2023-05-04"),
    (1, "referral", "2023-08-01"), (1, "death", "2023-08-11"),
    (2, "referral", "2023-06-01"), (2, "supportive_contact", "2023-06-04"),
)  # fmt: skip


def counted(rows: Any = TWICE, declared: Any = DECLARED) -> Any:
    return tallied(event_frame(rows), patient_frame(), declared)


def test_every_matching_event_starts_a_pathway_those_of_a_patient_in_the_order_of_time() -> None:
    rows = log((1, "referral", "2023-06-01"), (2, "referral", "2023-05-01"), (1, "referral", "2023-05-09"))
    zero = DECLARED.indicators["completed"].time_zero
    assert zero is not None
    found = pathways(event_frame(rows), patient_frame(), DECLARED, zero)
    assert found.select("pathway", "patient", "index_on").rows() == [
        (0, 1, date(2023, 5, 9)), (1, 1, date(2023, 6, 1)), (2, 2, date(2023, 5, 1)),
    ]  # fmt: skip


def test_nobody_is_prevalent_and_a_time_zero_in_no_period_excludes_itself_alone() -> None:
    rows = log((1, "referral", "2020-05-01"), (1, "referral", "2023-05-01"), (1, "referral", "2024-02-01"))
    assert [row["excluded"] for row in outcome_rows(rows, DECLARED)] == ["outside_periods", None, "outside_periods"]


def test_each_pathway_has_its_own_clock() -> None:
    found = [(row["time"], row["status"]) for row in outcome_rows(TWICE, DECLARED)]
    assert found == [(5, EVENT_SEEN), (3, EVENT_SEEN), (10, COMPETED), (3, EVENT_SEEN)]


def test_a_transfer_between_two_pathways_ends_the_first_alone() -> None:
    rows = log(
        (1, "referral", "2023-05-01"), (1, "transfer_out", "2023-05-09"),
        (1, "referral", "2023-07-01"), (1, "supportive_contact", "2023-07-04"),
    )  # fmt: skip
    assert [(row["time"], row["status"]) for row in outcome_rows(rows, DECLARED)] == [(8, 0), (3, EVENT_SEEN)]


def test_pairs_are_of_one_patient_the_earlier_first_across_periods() -> None:
    pairs = counted().pairs
    assert pairs.schema == PAIR_TALLY
    overall = pairs.filter(view="overall").select(pl.col("^(period|time|status)_.$"), "n").rows()
    assert set(overall) == {
        ("before", 5, 1, "after", 3, 1, 1), ("before", 5, 1, "after", 10, 2, 1), ("after", 3, 1, "after", 10, 2, 1),
    }  # fmt: skip


def test_pairs_of_disjoint_patients_add_up() -> None:
    pairs = counted().pairs
    assert merge(counted(), counted()).pairs.equals(pairs.with_columns(n=2 * pl.col("n")))
    assert not {"patient", "pathway"} & set(pairs.columns)


def test_one_pathway_per_patient_has_no_pairs() -> None:
    first = programme(indicators={"completed": {**COMPLETED, "time_zero": {"event": "referral"}}})
    assert counted(declared=first).pairs.is_empty()


def referred(patient: int, *kept: bool) -> list[tuple[Any, ...]]:
    """Referrals of one patient, a month apart in the after period, each kept on day 3 or never."""
    rows: list[tuple[Any, ...]] = []
    for month, honoured in enumerate(kept, 1):
        rows.append((patient, "referral", f"2023-{month:02d}-01"))
        rows += [(patient, "supportive_contact", f"2023-{month:02d}-04")] if honoured else []
    return rows


def at_30(rows: Any) -> dict[str, Any]:
    declared = programme(indicators={"completed": {**COMPLETED, "window": (0, 20), "horizons": (14,)}
                                     | {"primary": {"measure": "cumulative_incidence", "horizon": 14}}})  # fmt: skip
    figures = estimated(counted(rows, declared), declared).figures
    (row,) = figures.filter(measure="cumulative_incidence", period="after", scope_type="overall").to_dicts()
    return row


def test_referrals_of_a_patient_who_keeps_all_or_none_count_as_one() -> None:
    """Four patients with three referrals each: the error is that of a share of four, not of twelve."""
    rows = [row for patient in range(4) for row in referred(patient, *[patient < 2] * 3)]
    row = at_30(log(*rows))
    assert (row["n"], row["n_events"], row["estimate"]) == (12, 6, pytest.approx(0.5))
    assert row["std_error"] == pytest.approx((0.25 / 4) ** 0.5)
    assert "patient-clustered" in row["method"]


def test_disclosure_control_is_told_of_patients_not_of_pathways() -> None:
    rows = [row for patient in range(4) for row in referred(patient, *[patient < 1] * 3)]
    row = at_30(log(*rows))
    assert (row["n_events"], row["n_with"]) == (3, 1)


def test_one_patient_gives_an_estimate_without_error_or_limits() -> None:
    row = at_30(log(*referred(1, True, False, True, False)))
    assert row["estimate"] == pytest.approx(0.5)
    assert (row["std_error"], row["ci_low"], row["ci_high"], row["null_reason"]) == (None, None, None, None)


def test_there_is_no_log_rank_test_of_pathways_that_share_patients() -> None:
    alone = programme(indicators={"completed": {**COMPLETED, "competing": ()}})
    (row,) = estimated(counted(declared=alone), alone).figures.filter(measure="log_rank").to_dicts()
    assert (row["estimate"], row["p_value"], row["null_reason"]) == (None, None, "several_pathways_per_patient")


@pytest.mark.parametrize("seed", range(4))
def test_the_variance_in_one_pass_is_the_sum_over_pairs_at_every_time(seed: int) -> None:
    """Delayed entry included: at each time, the influences of all pairs multiplied one by one."""
    chance = np.random.default_rng(seed)
    entry = chance.integers(-1, 4, 60)
    frame = pl.DataFrame(
        {"entry": entry, "time": entry + chance.integers(1, 9, 60), "status": chance.integers(0, 3, 60), "n": 1}
    )
    one, other = (frame[chance.integers(0, 60, 200).tolist()].drop("n") for _ in range(2))
    both = pl.concat([one.rename(lambda name: f"{name}_a"), other.rename(lambda name: f"{name}_b")], how="horizontal")
    both = both.with_columns(pl.col("status_a", "status_b").cast(pl.UInt8), n=pl.lit(1))
    cells = Cells.of(frame)
    pairs, curve = Pairs.of(both, cells, cells), aalen_johansen(cells)
    found = clustered_incidence(cells, pairs)
    for place, time in enumerate(curve.time.tolist()):
        psi = Influence.of(cells, curve).at(time)
        expected = curve.variance[place] + 2 * pairs.sum_of_products(psi, psi)
        assert found.variance[place] == pytest.approx(max(expected, 0.0), rel=1e-9, abs=1e-12)


def contrast(rows: Any) -> dict[str, Any]:
    figures = estimated(counted(rows), DECLARED).figures
    (row,) = figures.filter(measure="cumulative_incidence", period="after-before", horizon=30).to_dicts()
    return row


def of_both_periods(patient: int, *, before: bool, after: bool) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for year, kept in ((2021, before), (2023, after)):
        rows.append((patient, "referral", f"{year}-05-01"))
        rows += [(patient, "supportive_contact", f"{year}-05-04")] if kept else []
    return rows


def test_patients_of_both_periods_make_the_difference_surer_where_they_behave_alike() -> None:
    """Of ten patients five keep both referrals, four none, one the later alone: a paired share of one in ten."""
    rows = [row for patient in range(9) for row in of_both_periods(patient, before=patient < 5, after=patient < 5)]
    row = contrast(log(*rows, *of_both_periods(9, before=False, after=True)))
    assert row["estimate"] == pytest.approx(0.1)
    assert row["std_error"] == pytest.approx((0.1 * 0.9 / 10) ** 0.5)


def test_a_difference_that_is_the_same_in_all_patients_has_no_spread() -> None:
    rows = [row for patient in range(4) for row in of_both_periods(patient, before=patient < 2, after=patient < 2)]
    assert contrast(log(*rows))["null_reason"] == "no_spread"


def test_a_difference_with_a_period_of_one_patient_has_no_spread() -> None:
    rows = log(
        (1, "referral", "2021-05-01"), (1, "supportive_contact", "2021-05-04"), (1, "referral", "2021-06-10"),
        *of_both_periods(2, before=False, after=True)[1:], (3, "referral", "2023-05-01"),
    )  # fmt: skip
    assert contrast(rows)["null_reason"] == "no_spread"


def test_a_period_in_which_nobody_had_the_event_brings_its_exact_limit() -> None:
    rows = [row for patient in range(4) for row in of_both_periods(patient, before=False, after=patient < 2)]
    row = contrast(log(*rows))
    assert (row["estimate"], row["null_reason"]) == (pytest.approx(0.5), None)
    assert row["ci_low"] < 0.5 < row["ci_high"]

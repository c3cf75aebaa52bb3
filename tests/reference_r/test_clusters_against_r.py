"""Errors of pathways that share patients equal R's clustered ones on four data sets, rows against counts."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from transforms.cells import Cells
from transforms.clusters import Linked, Pairs, clustered_difference, clustered_incidence
from transforms.incidence import aalen_johansen
from transforms.survival import HALF, Incidence, incidence_at, median_time

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("clusters.json").read_text())["cases"]}
EXACT = {"rel": 1e-9, "abs": 1e-12}
PERIODS = ("before", "after")


def rows(name: str) -> pl.DataFrame:
    frame = pl.DataFrame(CASES[name]["patients"])
    return frame.select(
        "cluster", "time", "status", entry=-1, period=pl.col("group").replace_strict([0, 1], PERIODS), n=1
    )


def pairs_of(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of PAIR_TALLY: within a cluster, those of before stand before those of after."""
    found = []
    for (_,), members in frame.sort("period", descending=True).partition_by("cluster", as_dict=True).items():
        for one, other in combinations(members.to_dicts(), 2):
            found.append({f"{key}_a": one[key] for key in one} | {f"{key}_b": other[key] for key in other} | {"n": 1})
    return pl.DataFrame(found).with_columns(pl.col("status_a", "status_b").cast(pl.UInt8))


def within(frame: pl.DataFrame, pairs: pl.DataFrame) -> tuple[Cells, Pairs]:
    cells = Cells.of(frame)
    return cells, Pairs.of(pairs, cells, cells)


@pytest.mark.parametrize("name", CASES)
def test_incidence_with_patient_clustered_error_and_limits(name):
    frame = rows(name)
    groups = [(frame, pairs_of(frame), CASES[name]["incidence"])]
    for period, expected in zip(PERIODS, CASES[name]["groups"], strict=True):
        of_period = frame.filter(period=period)
        groups.append((of_period, pairs_of(frame).filter(period_a=period, period_b=period), expected))
    for of_group, pairs, expected in groups:
        curve = clustered_incidence(*within(of_group, pairs))
        for row in expected:
            found = incidence_at(curve, row["horizon"])
            assert found.estimate == pytest.approx(row["estimate"], **EXACT)
            if 0 < row["estimate"] < 1:
                assert found.std_error == pytest.approx(row["std_error"], **EXACT)
                if "low" in row:
                    found = incidence_at(curve, row["horizon"], as_survival=True)
                    assert (found.low, found.high) == pytest.approx((row["low"], row["high"]), **EXACT)


@pytest.mark.parametrize("name", CASES)
def test_difference_of_groups_that_share_patients(name):
    frame = rows(name)
    pairs = pairs_of(frame)
    cells = {period: Cells.of(frame.filter(period=period)) for period in PERIODS}
    spans = (("after", "after"), ("before", "before"), ("before", "after"))
    linked = Linked(*(Pairs.of(pairs.filter(period_a=a, period_b=b), cells[a], cells[b]) for a, b in spans))
    compared = 0
    for expected in CASES[name]["difference"]:
        as_survival = 2 not in CASES[name]["patients"]["status"]
        found = clustered_difference(
            cells["after"], cells["before"], expected["horizon"], linked, as_survival=as_survival
        )
        assert found.estimate == pytest.approx(expected["estimate"], **EXACT)
        there, then = (incidence_at(aalen_johansen(cells[period]), expected["horizon"]) for period in PERIODS)
        if there.std_error is not None and then.std_error is not None:
            for figure in ("std_error", "low", "high", "z", "p_value"):
                assert getattr(found, figure) == pytest.approx(expected[figure], **EXACT)
            assert found.std_error != pytest.approx(np.hypot(there.std_error, then.std_error), rel=1e-3)
            compared += 1
    assert compared


def group_curves(name: str) -> dict[str, Incidence]:
    """The curves of all rows and of each group, with errors of patients."""
    frame = rows(name)
    pairs = pairs_of(frame)
    curves = {"all": clustered_incidence(*within(frame, pairs))}
    for period in PERIODS:
        own = pairs.filter(period_a=period, period_b=period)
        curves[period] = clustered_incidence(*within(frame.filter(period=period), own))
    return curves


@pytest.mark.parametrize("name", CASES)
def test_median_with_limits_where_those_of_the_clustered_curve_reach_one_half(name):
    for group, curve in group_curves(name).items():
        expected, found = CASES[name]["median"][group], median_time(curve)
        assert (found.estimate, found.std_error) == (expected["estimate"], None)
        if found.estimate is not None:
            assert (found.low, found.high) == (expected["low"], expected["high"])


@pytest.mark.parametrize("name", CASES)
def test_median_with_limits_where_those_of_the_survival_reach_one_half(name):
    for group, curve in group_curves(name).items():
        expected, found = CASES[name]["median_by_survival"][group], median_time(curve, as_survival=True)
        if found.estimate is not None:
            assert (found.low, found.high) == (expected["low"], expected["high"])


@pytest.mark.parametrize("name", CASES)
def test_times_at_which_limits_of_survival_reach_one_half(name):
    """The limits of every step of a curve where nothing competes."""
    for group, curve in group_curves(name).items():
        steps = [incidence_at(curve, time, as_survival=True) for time in curve.time.tolist()]
        for side, limit in (("low", "high"), ("high", "low")):  # the upper limit of the share is the first to reach it
            reached = (time for time, step in zip(curve.time, steps, strict=True) if getattr(step, limit) >= HALF)
            assert next(reached, None) == CASES[name]["median_by_survival"][group][side]


def test_medians_are_compared_where_patients_change_their_limits():
    told = [(name, group) for name, case in CASES.items() for group, found in case["median"].items() if found["low"]]
    assert len(told) >= 6
    changed = 0
    for name, group in told:
        frame = rows(name) if group == "all" else rows(name).filter(period=group)
        alone = median_time(aalen_johansen(Cells.of(frame)))
        changed += (alone.low, alone.high) != tuple(CASES[name]["median"][group][side] for side in ("low", "high"))
    assert changed > 1

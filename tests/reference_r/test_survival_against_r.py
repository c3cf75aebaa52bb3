"""Incidence, survival and tests equal R's survival package on eleven data sets, patients against cells."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from transforms.survival import (
    Cells,
    aalen_johansen,
    incidence_at,
    incidence_difference,
    influence_of_incidence,
    kaplan_meier,
    log_rank,
    median_survival,
    median_time,
    survival_at,
)

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("survival.json").read_text())["cases"]}
COMPETING = [name for name, case in CASES.items() if "incidence" in case]
COMPARED = [name for name, case in CASES.items() if "log_rank" in case]
EXACT = {"rel": 1e-9, "abs": 1e-12}


def cells_of(name: str, group: int | None = None) -> Cells:
    frame = pl.DataFrame(CASES[name]["cells"])
    return Cells.of(frame if group is None else frame.filter(pl.col("group") == group))


def test_the_reference_covers_eleven_data_sets_and_hundreds_of_figures():
    assert len(CASES) == 11
    assert sum(len(case.get("incidence", [])) for case in CASES.values()) > 100


@pytest.mark.parametrize("name", COMPETING)
def test_incidence_error_and_risk_sets(name):
    curve = aalen_johansen(cells_of(name))
    for row in CASES[name]["incidence"]:
        place = int(np.searchsorted(curve.time, row["time"]))
        assert curve.time[place] == row["time"]
        assert curve.at_risk[place] == row["at_risk"]
        assert curve.incidence[place] == pytest.approx(row["incidence"], **EXACT)
        assert np.sqrt(curve.variance[place]) == pytest.approx(row["std_error"], **EXACT)


@pytest.mark.parametrize("name", COMPETING)
def test_cloglog_limits(name):
    curve = aalen_johansen(cells_of(name))
    compared = 0
    for row in CASES[name]["incidence"]:
        if 0 < row["incidence"] < 1:
            found = incidence_at(curve, row["time"])
            assert (found.low, found.high) == pytest.approx((row["low"], row["high"]), **EXACT)
            compared += 1
    assert compared > 5


@pytest.mark.parametrize("name", COMPETING)
def test_median_among_all(name):
    expected, found = CASES[name]["median"], median_time(aalen_johansen(cells_of(name)))
    assert found.estimate == expected["estimate"]
    assert found.null_reason == (None if expected["estimate"] is not None else "not_reached")
    if found.estimate is not None:
        assert (found.low, found.high) == (expected["low"], expected["high"])


@pytest.mark.parametrize("name", COMPETING)
def test_influence_of_each_cell(name):
    horizon, cells = CASES[name]["difference"]["horizon"], cells_of(name)
    psi = influence_of_incidence(cells, horizon)
    rows = zip(cells.entry.tolist(), cells.time.tolist(), cells.status.tolist(), strict=True)
    of_cell = dict(zip(rows, psi.tolist(), strict=True))
    for row in CASES[name]["influence"]:
        assert of_cell[row["entry"], row["time"], row["status"]] == pytest.approx(row["psi"], abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_difference_at_the_horizon_with_limits_from_both_groups(name):
    """Where nothing competes in the data set, R's groups are Kaplan and Meier's with log-log limits of survival."""
    expected, groups = CASES[name]["difference"], (cells_of(name, 1), cells_of(name, 0))
    found = incidence_difference(*groups, expected["horizon"], as_survival=name not in COMPETING)
    for figure in ("estimate", "std_error", "low", "high", "z", "p_value"):
        assert getattr(found, figure) == pytest.approx(expected[figure], **EXACT)


@pytest.mark.parametrize("name", CASES)
def test_kaplan_meier_with_log_log_limits(name):
    curve = kaplan_meier(cells_of(name))
    compared = 0
    for row in CASES[name]["kaplan_meier"]["curve"]:
        place = int(np.searchsorted(curve.time, row["time"]))
        assert curve.at_risk[place] == row["at_risk"]
        assert curve.survival[place] == pytest.approx(row["survival"], **EXACT)
        found = survival_at(curve, row["time"])
        if found.std_error is not None:
            assert found.std_error == pytest.approx(row["std_error"], **EXACT)
            assert (found.low, found.high) == pytest.approx((row["low"], row["high"]), **EXACT)
            compared += 1
    assert compared > 0


@pytest.mark.parametrize("name", CASES)
def test_median_of_kaplan_meier(name):
    expected, found = CASES[name]["kaplan_meier"]["median"], median_survival(kaplan_meier(cells_of(name)))
    assert found.estimate == expected["estimate"]
    if found.estimate is not None:
        assert (found.low, found.high) == (expected["low"], expected["high"])


@pytest.mark.parametrize("name", COMPARED)
def test_log_rank(name):
    found = log_rank(cells_of(name, 1), cells_of(name, 0))
    assert found.statistic == pytest.approx(CASES[name]["log_rank"]["statistic"], **EXACT)
    assert found.p_value == pytest.approx(CASES[name]["log_rank"]["p_value"], **EXACT)

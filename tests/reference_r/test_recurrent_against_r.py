"""Mean numbers of events equal R's on patients: Nelson-Aalen by survfit, Ghosh-Lin by definition."""

import json
from pathlib import Path

import numpy as np
import pytest

from transforms.cells import Cells
from transforms.recurrent import Recurrences, mean_events_at

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("recurrent.json").read_text())["cases"]}


def counted(patients: np.ndarray, events: np.ndarray) -> Recurrences:
    """Counts from patients (entry, time, status) and events (patient, time)."""
    cells, cell_of, n = np.unique(patients, axis=0, return_inverse=True, return_counts=True)
    singles, single_n = np.unique(
        np.stack([events[:, 1], cell_of.ravel()[events[:, 0]]], axis=1), axis=0, return_counts=True
    )
    pairs = [(u, v) for p, u in events for other, v in events if p == other and u <= v]
    ordered, pair_n = np.unique(np.array(pairs).reshape(-1, 2), axis=0, return_counts=True)
    return Recurrences(Cells(*cells.T, n), *singles.T, single_n, *ordered.T, pair_n)


def recurrences(name: str) -> Recurrences:
    patients = np.array([CASES[name]["patients"][key] for key in ("entry", "time", "status")], dtype=np.int64).T
    events = np.array([CASES[name]["events"][key] for key in ("patient", "time")], dtype=np.int64).T
    return counted(patients, events - np.array([1, 0]))


@pytest.mark.parametrize("name", CASES)
def test_mean_and_error_with_death(name):
    counts = recurrences(name)
    for figure in CASES[name]["figures"]:
        found = mean_events_at(counts, figure["horizon"])
        assert found.estimate == pytest.approx(figure["estimate"], rel=1e-9)
        assert found.std_error == pytest.approx(figure["std_error"], rel=1e-6)


def test_without_death_it_is_the_nelson_aalen_estimate_of_survfit():
    expected, counts = CASES["cgd"]["nelson_aalen"], recurrences("cgd")
    horizons = [figure["horizon"] for figure in CASES["cgd"]["figures"]]
    found = [mean_events_at(counts, horizon) for horizon in horizons]
    assert [interval.estimate for interval in found] == pytest.approx(expected["estimate"], rel=1e-9)
    assert [interval.std_error for interval in found] == pytest.approx(expected["std_error"], rel=1e-9)

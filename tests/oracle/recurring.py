"""Patients with recurrent events in few words, and the counts that they make."""

import numpy as np
from hypothesis import strategies as st

from transforms.cells import Cells
from transforms.recurrent import Recurrences

Patient = tuple[int, int, int, list[int]]  # entry, end, status (0 or 2), times of events


@st.composite
def _patient(draw: st.DrawFn) -> Patient:
    end = draw(st.integers(0, 8))
    entry = draw(st.integers(-1, end - 1))
    events = draw(st.lists(st.integers(entry + 1, end), max_size=4))
    return entry, end, draw(st.sampled_from([0, 2])), events


COHORT = st.lists(_patient(), min_size=1, max_size=20)


def counts_of(patients: list[Patient], times: int = 1) -> Recurrences:
    """Every patient ``times`` over."""
    rows = np.array([patient[:3] for patient in patients], dtype=np.int64).reshape(-1, 3)
    cells, place, n = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    singles = [(event, cell) for patient, cell in zip(patients, place.ravel(), strict=True) for event in patient[3]]
    pairs = [(u, v) for *_, events in patients for u in events for v in events if u <= v]
    (event, cell), event_n = _counted(singles)
    (first, second), pair_n = _counted(pairs)
    return Recurrences(Cells(*cells.T, n * times), event, cell, event_n * times, first, second, pair_n * times)


def _counted(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    distinct, n = np.unique(np.array(pairs, dtype=np.int64).reshape(-1, 2), axis=0, return_counts=True)
    return distinct.T, n

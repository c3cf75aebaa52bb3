"""Sums over tied events in few places equal those over every single one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.cells import Cells
from transforms.cox import cox
from transforms.ties import tied_events


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=4), st.floats(0, 3), st.integers(0, 2), st.integers(0, 2))
def test_sums_of_what_efron_adds_up(number, left_over, power, pole):
    """The risk set of the last event of m is as small as 1 / m of the first one's."""
    counts = np.array(number)
    at, left, weight = tied_events(counts)
    size = 1 + left_over
    found = np.bincount(at, weight * left**power / (size - left) ** pole)
    expected = [(c**power / (size - c) ** pole).sum() for m in number for c in [np.arange(m) / m]]
    assert found == pytest.approx(expected, rel=1e-11)
    assert np.bincount(at, weight * np.log(size - left)) == pytest.approx(
        [np.log(size - np.arange(m) / m).sum() for m in number], rel=1e-11, abs=1e-9
    )


def test_the_places_grow_with_the_logarithm_of_the_events():
    assert [len(tied_events(np.array([m]))[0]) for m in (1, 64, 1_000, 1_000_000)] == [1, 64, 92, 212]


@pytest.mark.parametrize("times", [50, 1000])
def test_a_model_of_many_tied_events_is_that_of_their_likelihood_event_by_event(times, monkeypatch):
    cells = Cells(*np.array([(-1, time, status, times) for time in range(4) for status in (0, 1)] * 2).T)
    after = np.repeat([0.0, 1.0], 8)[:, None]
    cells.n[8:] += np.arange(8) * 7
    found = cox(cells, after)
    monkeypatch.setattr("transforms.ties.FEW", 10**9)
    single = cox(cells, after)
    assert found.coefficients == pytest.approx(single.coefficients, rel=1e-10)
    assert found.robust == pytest.approx(single.robust, rel=1e-10)
    assert found.log_likelihood == pytest.approx(single.log_likelihood, rel=1e-12)

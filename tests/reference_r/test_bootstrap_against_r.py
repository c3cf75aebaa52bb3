"""Resampling counts does what R's ``boot`` does with patients; percentile limits of the same replicates are R's."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from transforms.bootstrap import Stream, median_difference, percentile_limits, replicate_medians
from transforms.cells import Cells

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("bootstrap.json").read_text())["cases"]}
STREAM = Stream(1999, 20231231, ("reference", "overall", "median_time"))


def groups(name: str) -> tuple[Cells, Cells]:
    frame = pl.DataFrame(CASES[name]["cells"])
    return Cells.of(frame.filter(group=1)), Cells.of(frame.filter(group=0))


@pytest.mark.parametrize("name", CASES)
def test_the_limits_of_given_replicates_are_those_of_boot_ci(name):
    given = np.repeat(np.asarray(CASES[name]["replicates"]["value"], float), CASES[name]["replicates"]["times"])
    assert len(given) == 1999
    shuffled = np.random.default_rng(1).permutation(given)
    assert percentile_limits(shuffled) == (CASES[name]["low"], CASES[name]["high"])


@pytest.mark.parametrize("name", CASES)
def test_counts_resampled_are_patients_resampled(name):
    """Within the error of two simulations: an SD of 1,999 normal draws has a relative error of 1.6 %."""
    found, expected = median_difference(*groups(name), STREAM), CASES[name]
    assert found.estimate == expected["estimate"]
    assert found.std_error == pytest.approx(expected["std_error"], rel=0.1)
    assert (found.low, found.high) == (
        pytest.approx(expected["low"], abs=expected["std_error"] / 3),
        pytest.approx(expected["high"], abs=expected["std_error"] / 3),
    )


@pytest.mark.parametrize("name", CASES)
def test_replicates_follow_the_law_of_those_of_patients(name):
    """Kolmogorov and Smirnov's largest gap, below its 0.1 % point for two samples of 1,999."""
    there, then = replicate_medians(*groups(name), STREAM).T
    values = np.asarray(CASES[name]["replicates"]["value"], float)
    theirs = np.cumsum(CASES[name]["replicates"]["times"]) / 1999
    ours = np.searchsorted(np.sort(there - then), values, "right") / 1999
    assert np.abs(ours - theirs).max() < 1.95 * np.sqrt(2 / 1999)

"""Areas under the incidence and restricted means equal R's, patients against cells."""

import json
from pathlib import Path

import polars as pl
import pytest

from transforms import areas
from transforms.cells import Cells

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("areas.json").read_text())["cases"]}
MEASURES = {
    "area_under_incidence": (areas.area_under_incidence, areas.area_difference),
    "restricted_mean": (areas.restricted_mean, areas.restricted_mean_difference),
}
FIGURES = [(name, measure) for name, case in CASES.items() for measure in MEASURES if measure in case]
EXACT = {"rel": 1e-8, "abs": 1e-11}


@pytest.mark.parametrize(("name", "measure"), FIGURES)
def test_area_error_and_difference(name, measure):
    expected, tau, frame = CASES[name][measure], CASES[name]["tau"], pl.DataFrame(CASES[name]["cells"])
    single, difference = MEASURES[measure]
    found = single(Cells.of(frame), tau)
    assert (found.estimate, found.std_error) == pytest.approx((expected["estimate"], expected["std_error"]), **EXACT)
    contrast = difference(*(Cells.of(frame.filter(pl.col("group") == group)) for group in (1, 0)), tau)
    for figure, value in expected["difference"].items():
        assert getattr(contrast, figure) == pytest.approx(value, **EXACT)


def test_both_measures_are_compared_on_enough_data():
    assert len(FIGURES) == 16

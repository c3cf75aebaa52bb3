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
EVENT_FREE = [name for name, case in CASES.items() if "event_free" in case]
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


@pytest.mark.parametrize("name", EVENT_FREE)
def test_area_of_a_group_without_event_and_the_difference_from_it(name):
    """The ways to both limits are squared and added: exact on one side, 1.96 errors on the other."""
    expected, tau, frame = CASES[name]["event_free"], CASES[name]["tau"], pl.DataFrame(CASES[name]["cells"])
    single, difference = MEASURES[expected["measure"]]
    groups = [Cells.of(frame.filter(pl.col("group") == group)) for group in (1, 0)]
    for cells, numbers in zip(groups, expected["groups"], strict=True):
        found = single(cells, tau)
        assert (found.std_error is None) == (numbers["std_error"] is None)
        for figure, value in numbers.items():
            assert value is None or getattr(found, figure) == pytest.approx(value, **EXACT)
    contrast = difference(*groups, tau)
    for figure, value in expected["difference"].items():
        assert getattr(contrast, figure) == pytest.approx(value, **EXACT)


def test_both_measures_are_compared_on_enough_data():
    assert len(FIGURES) == 16
    exact = [group["std_error"] for name in EVENT_FREE for group in CASES[name]["event_free"]["groups"]]
    assert (exact.count(None), len(exact)) == (8, 14)

"""Adjusted p-values equal R's p.adjust; interactions equal Q by hand; so do detectable differences."""

import json
from pathlib import Path

import polars as pl
import pytest

from transforms.cells import Cells
from transforms.detectable import minimum_detectable
from transforms.inference import adjust
from transforms.interactions import equal_contrasts
from transforms.survival import incidence_difference

(CASES,) = json.loads(Path(__file__).with_name("inference.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES["adjusted"], ids=lambda case: case["name"])
def test_adjusted_p_values(case):
    assert adjust(case["p_values"], "holm") == pytest.approx(case["holm"], rel=1e-12)
    assert adjust(case["p_values"], "fdr_bh") == pytest.approx(case["bh"], rel=1e-12)
    if case["holm_of_five"]:
        assert adjust(case["p_values"], "holm", planned=5) == pytest.approx(case["holm_of_five"], rel=1e-12)


@pytest.mark.parametrize("case", CASES["interactions"], ids=lambda case: case["name"])
def test_interaction_of_levels(case):
    found = equal_contrasts(case["estimate"], case["std_error"])
    assert found.statistic == pytest.approx(case["statistic"], rel=1e-10)
    assert found.p_value == pytest.approx(case["p_value"], rel=1e-10)
    assert found.degrees_of_freedom == case["degrees_of_freedom"]


def test_interaction_from_the_cells_of_the_levels():
    (case,) = (one for one in CASES["interactions"] if "cells" in one)
    frame = pl.DataFrame(case["cells"])
    levels = [frame.filter(level=level) for level in sorted(frame["level"].unique())]
    found = [
        incidence_difference(Cells.of(level.filter(group=1)), Cells.of(level.filter(group=0)), case["horizon"])
        for level in levels
    ]
    test = equal_contrasts([one.estimate for one in found], [one.std_error for one in found])
    assert test.statistic == pytest.approx(case["statistic"], rel=1e-6)


@pytest.mark.parametrize("case", CASES["detectable"], ids=lambda case: case["name"])
def test_detectable_differences(case):
    """By the formula, and where the power that R works out for a difference is 0.8."""
    found = minimum_detectable(case["std_error"], case["alpha"])
    assert found == pytest.approx(case["unpooled"], rel=1e-9)
    assert found == pytest.approx(case["where_power_is_enough"], rel=1e-9)

"""Shares, their differences and means equal R's prop.test, binom.test and t.test."""

import json
from pathlib import Path

import numpy as np
import pytest

from transforms.intervals import largest_share_without_event
from transforms.proportions import newcombe, wilson
from transforms.scores import mean_difference, mean_of

CASES = json.loads(Path(__file__).with_name("proportions.json").read_text())["cases"]
EXACT = {"rel": 1e-9, "abs": 1e-12}


def compare(found, expected, *figures):
    assert [getattr(found, figure) for figure in figures] == pytest.approx([expected[f] for f in figures], **EXACT)


@pytest.mark.parametrize("case", CASES["wilson"], ids=lambda case: f"{case['k']} of {case['n']}")
def test_wilson(case):
    compare(wilson(case["k"], case["n"]), case, "estimate", "low", "high")


@pytest.mark.parametrize("case", CASES["newcombe"], ids=lambda case: f"{case['k1']} of {case['n1']}")
def test_newcombe(case):
    found = newcombe(case["k1"], case["n1"], case["k0"], case["n0"])
    compare(found, case, "estimate", "low", "high", "z")
    if case["std_error"] is None:
        assert found.std_error is None
    else:
        compare(found, case, "std_error")
    assert found.p_value == pytest.approx(case["p_value"], rel=1e-9)


def test_newcombe_is_compared_where_nobody_or_everybody_had_it():
    assert sum(0 in (case["k1"], case["k0"]) for case in CASES["newcombe"]) == 5
    assert sum(case["k1"] == case["n1"] for case in CASES["newcombe"]) == 2


def test_newcombe_as_printed_in_his_paper():
    found = newcombe(56, 70, 48, 80)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize("case", CASES["exact"], ids=lambda case: str(case["n"]))
def test_bound_where_nobody_had_the_event(case):
    assert largest_share_without_event(case["n"]) == pytest.approx(case["high"], **EXACT)


@pytest.mark.parametrize("case", CASES["means"], ids=lambda case: case["name"])
def test_mean_and_welch(case):
    cells = {name: np.array(column, dtype=float) for name, column in case["cells"].items()}
    after, before = (cells["group"] == group for group in (1, 0))
    groups = [(cells["value"][chosen], cells["n"][chosen].astype(np.int64)) for chosen in (after, before)]
    compare(mean_of(*groups[0]), case["mean"], "estimate", "std_error", "low", "high")
    compare(mean_difference(*groups[0], *groups[1]), case["difference"], *case["difference"])

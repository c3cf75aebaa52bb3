"""Exact limits where nobody, or everybody, had the event equal R's, alone and in differences."""

import json
from pathlib import Path

import polars as pl
import pytest

from transforms.intervals import largest_share_without_event
from transforms.kaplan_meier import effectively_followed
from transforms.survival import (
    Cells,
    aalen_johansen,
    complement_of_survival,
    incidence_at,
    incidence_difference,
    kaplan_meier,
    survival_at,
)

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("event_free.json").read_text())["cases"]}
ALONE = [name for name, case in CASES.items() if not case["competes"]]
EXACT = {"rel": 1e-9, "abs": 1e-12}


def groups_of(name: str) -> list[tuple[Cells, dict]]:
    frame = pl.DataFrame(CASES[name]["cells"])
    return [(Cells.of(frame.filter(group=group)), CASES[name]["groups"][1 - group]) for group in (1, 0)]


def compare(found, expected):
    assert (found.estimate, found.low, found.high) == pytest.approx(
        [expected[f] for f in ("estimate", "low", "high")], **EXACT
    )
    assert (found.std_error is None) == expected["exact"]


@pytest.mark.parametrize("name", CASES)
def test_incidence_with_its_exact_limit(name):
    horizon = CASES[name]["horizon"]
    for cells, expected in groups_of(name):
        curve = aalen_johansen(cells) if CASES[name]["competes"] else complement_of_survival(cells)
        assert cells.total == expected["n"]
        assert effectively_followed(curve, horizon) == expected["followed"]
        compare(incidence_at(curve, horizon, as_survival=not CASES[name]["competes"]), expected)


@pytest.mark.parametrize("name", ALONE)
def test_survival_with_its_exact_limit(name):
    horizon = CASES[name]["horizon"]
    for cells, expected in groups_of(name):
        curve = kaplan_meier(cells)
        assert effectively_followed(curve, horizon) == expected["followed"]
        compare(survival_at(curve, horizon).complement(), expected)


@pytest.mark.parametrize("name", CASES)
def test_difference_from_a_group_without_an_error(name):
    expected, (after, before) = CASES[name]["difference"], (cells for cells, _ in groups_of(name))
    found = incidence_difference(after, before, CASES[name]["horizon"], as_survival=not CASES[name]["competes"])
    for figure in ("estimate", "std_error", "low", "high", "z"):
        assert getattr(found, figure) == pytest.approx(expected[figure], **EXACT)
    assert found.p_value == pytest.approx(expected["p_value"], rel=1e-9)


def test_the_exact_limit_at_any_deviate():
    """At the z that R finds, the limit of the difference towards 0 is 0: that of an event-free group moved with it."""
    exact = [group for case in CASES.values() for group in case["groups"] if group["exact"]]
    assert len(exact) == len(CASES) + 1  # in one case both groups are
    assert sum(group["followed"] < group["n"] for group in exact) > 5  # somebody was censored before the horizon
    tested = [case["difference"]["z"] for case in CASES.values() if case["difference"]["z"]]
    assert len(tested) > 3
    assert largest_share_without_event(21, 0.0) == pytest.approx(1 - 0.5 ** (1 / 21), rel=1e-12)

"""Control charts, run rules and funnel limits equal the formulae written by hand in R, point by point."""

import json
from pathlib import Path

import numpy as np
import pytest

from transforms.control_charts import individuals, rates, shares, special_causes
from transforms.funnel import rate_limits, share_limits, spread_of_rate, spread_of_share
from transforms.run_rules import runs

CASES = json.loads(Path(__file__).with_name("control_charts.json").read_text())["cases"]
CODES = {"outside": 1, "trend": 2, "near_limit": 3, "shift": 4}
EXACT = {"rel": 1e-10, "abs": 1e-12}


def codes(values, limits):
    found = special_causes(values, limits)
    return [0 if signal is None else CODES[signal.rule] * signal.direction for signal in found]


@pytest.mark.parametrize("screened", [False, True], ids=["unscreened", "screened"])
@pytest.mark.parametrize("case", CASES["series"], ids=lambda case: case["name"])
def test_individuals(case, screened):
    limits = individuals(case["values"], case["baseline"], screened=screened)
    expected = case["charts"][screened]
    assert expected["screened"] is screened
    first = limits[0]
    assert (first.centre, first.lower, first.upper) == pytest.approx(
        (expected["centre"], expected["lower"], expected["upper"]), **EXACT
    )
    assert set(limits) == {first}
    assert codes(case["values"], limits) == expected["rules"]


def test_every_rule_and_direction_occurs_in_the_reference():
    seen = {code for case in CASES["series"] for chart in case["charts"] for code in chart["rules"]}
    assert seen == {0, *CODES.values(), *(-code for code in CODES.values())}


@pytest.mark.parametrize("prime", [False, True], ids=["by chance", "prime"])
@pytest.mark.parametrize("case", CASES["counted"], ids=lambda case: case["name"])
def test_shares_and_rates(case, prime):
    chart = {"u": rates, "p": shares}[case["chart"]]
    limits = chart(case["numerators"], case["sizes"], case["baseline"], prime=prime)
    expected = case["charts"][prime]
    assert [at.lower for at in limits] == pytest.approx(expected["lower"], **EXACT)
    assert [at.upper for at in limits] == pytest.approx(expected["upper"], **EXACT)
    assert [at.centre for at in limits] == pytest.approx([expected["centre"]] * len(limits), **EXACT)
    values = [events / size for events, size in zip(case["numerators"], case["sizes"], strict=True)]
    assert codes(values, limits) == expected["rules"]


@pytest.mark.parametrize("case", CASES["series"], ids=lambda case: case["name"])
def test_run_rules(case):
    found, expected = runs(case["values"]), case["runs"]
    assert vars(found) == expected


@pytest.mark.parametrize("case", CASES["funnels"], ids=lambda case: f"{case['law']} {case['size']} {case['level']}")
def test_funnel_limits(case):
    limits = share_limits if case["law"] == "binomial" else rate_limits
    found = limits(case["value"], case["size"], case["level"])
    assert found == pytest.approx((case["low"], case["high"]), rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("case", CASES["spreads"], ids=lambda case: case["name"])
def test_how_many_times_wider_funnel_limits_are(case):
    if "cells" in case:
        events, exposure, n = (np.array(case["cells"][name]) for name in ("events", "exposure", "n"))
        found = spread_of_rate(events, exposure.astype(float), n)
    else:
        found = spread_of_share(case["share"], case["std_error"], case["n"])
    assert found == pytest.approx(case["spread"], rel=1e-10)


def test_some_limits_are_wider_and_some_are_not():
    spreads = [case["spread"] for case in CASES["spreads"]]
    assert min(spreads) == 1 or min(spreads) < 1.01
    assert max(spreads) > 1.2

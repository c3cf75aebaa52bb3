"""Standardised differences of a case mix equal those worked out in R."""

import json
from pathlib import Path

import pytest

from transforms.threats_to_groups import standardised_difference

CASES = json.loads(Path(__file__).with_name("threats.json").read_text())["cases"]["standardised"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_standardised_difference(case):
    found = standardised_difference(case["k1"] / case["n1"], case["k0"] / case["n0"])
    assert found == pytest.approx(case["standardised"], rel=1e-12, abs=1e-14)

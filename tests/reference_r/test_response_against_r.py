"""Shares weighted for response equal R's glm and the sandwich of the stacked equations, person by person."""

import json
from pathlib import Path

import numpy as np
import pytest

from transforms.response import ResponseCells, weighted_share

CASES = json.loads(Path(__file__).with_name("response.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_weighted_share(case):
    column = {name: np.array(values) for name, values in case["cells"].items()}
    covariates = np.stack([column[name] for name in case["covariates"]], axis=1).astype(float)
    found = weighted_share(ResponseCells(covariates, column["successes"], column["answered"], column["eligible"]))
    assert found.estimate == pytest.approx(case["weighted"]["estimate"], rel=1e-8)
    assert found.std_error == pytest.approx(case["weighted"]["std_error"], rel=1e-7)

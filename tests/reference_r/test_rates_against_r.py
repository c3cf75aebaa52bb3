"""Exact rates and negative binomial models equal R's poisson.test, glm.nb and sandwich, pathway by pathway."""

import json
from pathlib import Path

import numpy as np
import pytest

from transforms.rates import exact_rate, exact_rate_ratio, negative_binomial

CASES = json.loads(Path(__file__).with_name("rates.json").read_text())["cases"]
EXACT = {"rel": 1e-8, "abs": 1e-11}
OPTIMISED = {"rel": 1e-6, "abs": 1e-8}


@pytest.mark.parametrize("case", CASES["rates"], ids=lambda case: str(case["events"]))
def test_exact_rate(case):
    found = exact_rate(case["events"], case["exposure"])
    assert (found.low, found.high) == pytest.approx((case["low"], case["high"]), **EXACT)


@pytest.mark.parametrize("case", CASES["ratios"], ids=lambda case: str(case["counts"]))
def test_exact_rate_ratio(case):
    found = exact_rate_ratio(int(case["counts"][0]), case["counts"][1], int(case["counts"][2]), case["counts"][3])
    expected = (case["estimate"], case["low"], case["high"])
    assert (found.estimate, found.low, found.high) == pytest.approx(expected, **EXACT)


def column_of(case):
    column = {name: np.array(values, dtype=float) for name, values in case["cells"].items()}
    constant = np.ones(len(column["n"]))
    return column, np.stack([constant, *(column[name] for name in case["covariates"])], axis=1)


@pytest.mark.parametrize("case", CASES["models"], ids=lambda case: case["name"])
def test_negative_binomial_from_cells(case):
    (column, covariates), expected = column_of(case), case["negative_binomial"]
    found = negative_binomial(column["events"], column["exposure"], column["n"], covariates)
    assert found.dispersion == pytest.approx(expected["dispersion"], **OPTIMISED)
    assert found.coefficients == pytest.approx(expected["coefficients"], **OPTIMISED)
    for errors in ("covariance", "robust"):
        name = {"covariance": "model"}.get(errors, errors)
        assert np.sqrt(np.diag(getattr(found, errors))) == pytest.approx(expected[name], **OPTIMISED)

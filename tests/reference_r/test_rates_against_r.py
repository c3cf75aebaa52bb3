"""Exact rates, Poisson and negative binomial models equal R's glm, glm.nb and sandwich, pathway by pathway."""

import json
from pathlib import Path

import numpy as np
import pytest

from transforms.rates import RateSums, exact_rate, exact_rate_ratio, negative_binomial, poisson, standardised_difference

CASES = json.loads(Path(__file__).with_name("rates.json").read_text())["cases"]
EXACT = {"rel": 1e-8, "abs": 1e-11}
OPTIMISED = {"rel": 1e-6, "abs": 1e-8}


@pytest.mark.parametrize("case", CASES["rates"], ids=lambda case: str(case["events"]))
def test_exact_rate(case):
    found = exact_rate(case["events"], case["exposure"])
    assert (found.low, found.high) == pytest.approx((case["low"], case["high"]), **EXACT)


@pytest.mark.parametrize("case", CASES["ratios"], ids=lambda case: str(case["counts"]))
def test_exact_rate_ratio(case):
    found, test = exact_rate_ratio(int(case["counts"][0]), case["counts"][1], int(case["counts"][2]), case["counts"][3])
    expected = (case["estimate"], case["low"], case["high"])
    assert (found.estimate, found.low, found.high) == pytest.approx(expected, **EXACT)
    assert test.p_value == pytest.approx(case["p_value"], **EXACT)


def column_of(case):
    column = {name: np.array(values, dtype=float) for name, values in case["cells"].items()}
    constant = np.ones(len(column["n"]))
    return column, np.stack([constant, *(column[name] for name in case["covariates"])], axis=1)


def compare(found, expected, covariates, exposure, tolerance):
    assert found.coefficients == pytest.approx(expected["coefficients"], **tolerance)
    for errors in ("model", "robust", "clustered"):
        assert np.sqrt(np.diag(found.errors(errors))) == pytest.approx(expected[errors], **tolerance)
    exposed, unexposed = covariates.copy(), covariates.copy()
    exposed[:, 1], unexposed[:, 1] = 1, 0
    difference = standardised_difference(found, exposed, unexposed, exposure)
    assert difference.estimate == pytest.approx(expected["standardised"]["estimate"], **tolerance)
    assert difference.std_error == pytest.approx(expected["standardised"]["std_error"], **tolerance)


@pytest.mark.parametrize("case", CASES["models"], ids=lambda case: case["name"])
def test_poisson_from_sums(case):
    column, _ = column_of(case)
    keys = np.stack([column["cluster"], *(column[name] for name in case["covariates"])], axis=1)
    patterns, place = np.unique(keys, axis=0, return_inverse=True)
    n, y, m = column["n"], column["events"], column["exposure"]
    sums = RateSums(*(np.bincount(place.ravel(), n * term) for term in (1, y, m, y * y, y * m, m * m)))
    design = np.concatenate([np.ones((len(patterns), 1)), patterns[:, 1:]], axis=1)
    compare(poisson(sums, design, patterns[:, 0]), case["poisson"], design, sums.exposure, OPTIMISED)


@pytest.mark.parametrize("case", CASES["models"], ids=lambda case: case["name"])
def test_negative_binomial_from_cells(case):
    column, covariates = column_of(case)
    found = negative_binomial(column["events"], column["exposure"], column["n"], covariates, column["cluster"])
    assert found.dispersion == pytest.approx(case["negative_binomial"]["dispersion"], **OPTIMISED)
    compare(found, case["negative_binomial"], covariates, column["n"] * column["exposure"], OPTIMISED)

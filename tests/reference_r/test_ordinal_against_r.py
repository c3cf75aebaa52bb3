"""Superiority, Mann-Whitney, Brunner-Munzel and proportional odds equal R's and scipy's on patients."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from transforms.ordinal import probability_of_superiority, proportional_odds

CASES = json.loads(Path(__file__).with_name("ordinal.json").read_text())["cases"]
EXACT = {"rel": 1e-9, "abs": 1e-12}
OPTIMISED = {"rel": 1e-6, "abs": 0}


def columns(case):
    return {name: np.array(values, dtype=float) for name, values in case["cells"].items()}


def groups(case):
    cells = columns(case)
    chosen = [cells["group"] == group for group in (1, 0)]
    return [(cells["value"][rows], cells["n"][rows].astype(np.int64)) for rows in chosen]


@pytest.mark.parametrize("case", CASES["superiority"], ids=lambda case: case["name"])
def test_superiority_against_r(case):
    after, before = groups(case)
    found, expected = probability_of_superiority(*after, *before), case["brunner_munzel"]
    for figure in ("estimate", "std_error", "low", "high"):
        assert getattr(found.probability, figure) == pytest.approx(expected[figure], **EXACT)
    assert found.brunner_munzel.statistic == pytest.approx(expected["statistic"], **EXACT)
    assert found.brunner_munzel.p_value == pytest.approx(expected["p_value"], **EXACT)
    pairs = after[1].sum() * before[1].sum()
    assert found.probability.estimate * pairs == pytest.approx(case["mann_whitney"]["statistic"], **EXACT)


@pytest.mark.parametrize("case", CASES["superiority"], ids=lambda case: case["name"])
def test_brunner_munzel_against_scipy(case):
    after, before = groups(case)
    people = [np.repeat(values, n) for values, n in (before, after)]
    found, expected = probability_of_superiority(*after, *before), stats.brunnermunzel(*people)
    assert found.brunner_munzel.statistic == pytest.approx(expected.statistic, **EXACT)
    assert found.brunner_munzel.p_value == pytest.approx(expected.pvalue, **EXACT)


@pytest.mark.parametrize("case", CASES["proportional_odds"], ids=lambda case: case["name"])
def test_proportional_odds_against_polr(case):
    cells = columns(case)
    covariates = np.stack([cells[name] for name in case["covariates"]], axis=1)
    found = proportional_odds(cells["value"], cells["n"].astype(np.int64), covariates)
    assert found.log_likelihood == pytest.approx(case["log_likelihood"], rel=1e-9)
    assert found.log_likelihood >= case["log_likelihood"] - 1e-9
    assert found.coefficients == pytest.approx(case["coefficients"], **OPTIMISED)
    assert found.thresholds == pytest.approx(case["thresholds"], **OPTIMISED)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(case["std_error"], **OPTIMISED)


@pytest.mark.parametrize("case", CASES["proportional_odds"], ids=lambda case: case["name"])
def test_proportional_odds_at_the_maximum_with_the_sandwich_of_people(case):
    """polr stops early; from there R goes on by Newton's steps, with scores of single people."""
    cells = columns(case)
    covariates = np.stack([cells[name] for name in case["covariates"]], axis=1)
    found = proportional_odds(cells["value"], cells["n"].astype(np.int64), covariates)
    for figure, values in case["maximum"].items():
        assert getattr(found, figure) == pytest.approx(np.array(values), **EXACT)
    errors = [np.sqrt(np.diag(covariance)) for covariance in (found.robust, found.covariance)]
    assert np.abs(errors[0] / errors[1] - 1).max() > 1e-3

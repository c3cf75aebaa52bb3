"""Cox models from cells equal R's coxph and cox.zph on patients, both causes, ties, strata and clusters."""

import json
from pathlib import Path

import numpy as np
import pytest

from transforms.cells import Cells
from transforms.cox import cox, proportional_hazards_test

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("cox.json").read_text())["cases"]}
MODELS = [(name, number) for name, case in CASES.items() for number in range(len(case["models"]))]
CLOSE = {"rel": 1e-6, "abs": 1e-9}


@pytest.mark.parametrize(("name", "number"), MODELS)
def test_model_errors_and_proportionality(name, number):
    case, expected = CASES[name], CASES[name]["models"][number]
    column = {key: np.array(values) for key, values in case["cells"].items()}
    cells = Cells(*(column[key].astype(np.int64) for key in ("entry", "time", "status", "n")))
    cells = cells.for_competing_event() if expected["cause"] == 2 else cells
    covariates = np.stack([column[key] for key in case["covariates"]], axis=1).astype(float)
    stratum = column["stratum"] if expected["stratified"] else None
    found = cox(cells, covariates, ties=expected["ties"], cluster=column["cluster"], stratum=stratum)
    assert found.coefficients == pytest.approx(expected["coefficients"], **CLOSE)
    assert found.log_likelihood == pytest.approx(expected["log_likelihood"], **CLOSE)
    for errors, covariance in (("model", found.covariance), ("robust", found.robust), ("clustered", found.clustered)):
        assert np.sqrt(np.diag(covariance)) == pytest.approx(expected[errors], **CLOSE)
    tests = proportional_hazards_test(cells, covariates, ties=expected["ties"], stratum=stratum)
    assert [test.statistic for test in tests] == pytest.approx(expected["zph_statistics"], **CLOSE)
    assert [test.p_value for test in tests] == pytest.approx(expected["zph_p_values"], **CLOSE)


def test_fifty_models_on_eight_data_sets_are_compared():
    assert len(CASES) == 8
    assert len(MODELS) == 48

"""Log-rank and Gray tests equal R's survdiff, coxph and cuminc, and Gray's paper by hand in R for late entries."""

import json
from pathlib import Path

import polars as pl
import pytest

from transforms.cells import Cells
from transforms.group_tests import gray_test, stratified_log_rank

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("group_tests.json").read_text())["cases"]}
TESTS = {"gray": gray_test, "log_rank": stratified_log_rank}


def strata_of(name: str, stratified: bool) -> list[list[Cells]]:
    frame = pl.DataFrame(CASES[name]["cells"])
    frame = frame if stratified else frame.with_columns(stratum=pl.lit(0))
    strata, groups = (sorted(frame[column].unique()) for column in ("stratum", "group"))
    return [
        [Cells.of(frame.filter((pl.col("stratum") == stratum) & (pl.col("group") == group))) for group in groups]
        for stratum in strata
    ]


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("name", CASES)
def test_statistic_and_degrees_of_freedom(name, test, stratified):
    expected = CASES[name][f"stratified_{test}" if stratified else test]
    found = TESTS[test](strata_of(name, stratified))
    assert found.statistic == pytest.approx(expected["statistic"], rel=1e-8)
    assert found.p_value == pytest.approx(expected["p_value"], rel=1e-7)
    assert found.degrees_of_freedom == expected["degrees_of_freedom"]
    assert found.method.startswith("stratified") == (stratified and len(strata_of(name, stratified)) > 1)

"""Shares weighted for response, whole scales and what the silent could change equal R's, person by person.

The last tests go through the front door: people become counts, and ``estimate`` makes the figures.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from oracle.builders import SATISFACTION, estimated, programme

from transforms.response import ResponseCells, weighted_difference, weighted_share
from transforms.tallies import merge
from warehouse.schemas import ANSWERED, ELIGIBLE, LEVEL_SEPARATOR, SCORE_TALLY, SCORE_UNIT

ALL = json.loads(Path(__file__).with_name("response.json").read_text())["cases"]
CASES, FIGURES = ALL["weighted"], {case["name"]: case for case in ALL["figures"]}
EXACT, FITTED = 1e-9, 1e-6  # the second where R's own optimiser stops early


def response_cells(cells: dict[str, list[int]], names: list[str]) -> ResponseCells:
    column = {name: np.array(values) for name, values in cells.items()}
    covariates = np.stack([column[name] for name in names], axis=1).astype(float)
    certain = np.full(len(covariates), bool((column["answered"] == column["eligible"]).all()))
    return ResponseCells(covariates, column["successes"], column["answered"], column["eligible"], certain)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_weighted_share(case):
    found = weighted_share(response_cells(case["cells"], case["covariates"]))
    for figure, value in case["weighted"].items():
        assert getattr(found, figure) == pytest.approx(value, rel=EXACT)


@pytest.mark.parametrize("case", ALL["differences"], ids=lambda case: case["name"])
def test_weighted_difference(case):
    """Where all answers of a period are alike its limits are Wilson's, and it has no error."""
    groups = [response_cells(group["cells"], case["covariates"]) for group in case["groups"]]
    for cells, group in zip(groups, case["groups"], strict=True):
        found, expected = weighted_share(cells), group["weighted"]
        assert (found.std_error is None) == (expected["std_error"] is None)
        for figure, value in expected.items():
            assert value is None or getattr(found, figure) == pytest.approx(value, rel=EXACT)
    found = weighted_difference(*groups)
    for figure, value in case["difference"].items():
        assert getattr(found, figure) == pytest.approx(value, rel=EXACT)


def test_in_two_differences_a_period_has_no_error():
    errors = [group["weighted"]["std_error"] for case in ALL["differences"] for group in case["groups"]]
    assert (errors.count(None), len(errors)) == (2, 6)


# ---------------------------------------------------------------- through the front door


@cache
def made(name: str) -> Callable[..., dict[str, Any]]:
    """Every figure that the main job makes of the people, found by what it is."""
    case = FIGURES[name]
    rows = pl.DataFrame(case["patients"]).with_columns(
        period=pl.when(pl.col("after") == 1).then(pl.lit("after")).otherwise(pl.lit("before")),
        arm=pl.lit("circuit"),
        stage=pl.when(pl.col("value").is_null()).then(ELIGIBLE).otherwise(ANSWERED),
        followed=pl.lit(1),
        value=pl.col("value").cast(pl.Int64) * SCORE_UNIT,
        pattern=pl.concat_str(case["covariates"], separator=LEVEL_SEPARATOR),
        **{key: pl.lit(value) for key, value in {"indicator_id": "answers", "variant": "main", "n": 1}.items()},
        site=pl.lit(None, pl.String),
    )
    views = [rows.with_columns(view=pl.lit("overall"), stratum=pl.lit(None, pl.String))]
    views.append(rows.with_columns(view=pl.lit("adjust"), stratum="pattern"))
    cells = pl.concat(views).select(SCORE_TALLY.names()).cast(SCORE_TALLY)
    declared = programme(
        indicators={"answers": {**SATISFACTION, "top_box": case["threshold"], "strata": ()}},
        adjust_for=tuple(case["covariates"]),
        strata=dict.fromkeys(case["covariates"], True),
    )
    figures = estimated(merge(replace(merge(), score=cells)), declared).figures.filter(scope_type="overall")

    def find(measure: str, period: str, sensitivity: str | None = None) -> dict[str, Any]:
        questions = pl.col("analysis").str.starts_with("sensitivity:")
        wanted = pl.col("analysis") == f"sensitivity:{sensitivity}" if sensitivity else ~questions
        return figures.filter(wanted, measure=measure, period=period).row(0, named=True)

    return find


@pytest.mark.parametrize("name", FIGURES)
def test_whole_scales(name: str) -> None:
    case, find = FIGURES[name], made(name)
    found, expected = find("probability_of_superiority", "after/before"), case["probability_of_superiority"]
    numbers = [found[key] for key in ("estimate", "std_error", "ci_low", "ci_high")]
    assert numbers == pytest.approx([expected[key] for key in ("estimate", "std_error", "low", "high")], rel=EXACT)
    test = find("brunner_munzel", "after-before")
    assert (test["estimate"], test["p_value"]) == pytest.approx(tuple(case["brunner_munzel"].values()), rel=EXACT)
    for sensitivity, key in ((None, "odds_ratio"), ("adjusted", "odds_ratio_adjusted")):
        odds = find("odds_ratio", "after/before", sensitivity)
        assert (odds["estimate"], odds["std_error"]) == pytest.approx(tuple(case[key].values()), rel=FITTED)


@pytest.mark.parametrize("name", FIGURES)
def test_weights_for_response(name: str) -> None:
    case, find = FIGURES[name], made(name)
    expected = case["response_weighted"] | {"after-before": case["difference_weighted"]}
    columns = {"low": "ci_low", "high": "ci_high"}
    for period, numbers in expected.items():
        found = find("top_box", period, "response_weighted")
        assert ("p_value" in numbers) == (found["p_value"] is not None) == (period == "after-before")
        for figure, value in numbers.items():
            assert found[columns.get(figure, figure)] == pytest.approx(value, rel=EXACT)


@pytest.mark.parametrize("name", FIGURES)
def test_what_the_silent_could_change(name: str) -> None:
    case, find = FIGURES[name], made(name)
    for bound in ("lowest", "highest"):
        for period in ("before", "after"):
            found = find("top_box", period, f"non_response_{bound}")
            numbers = [found[key] for key in ("estimate", "ci_low", "ci_high")]
            assert numbers == pytest.approx(case["bounds"][period][bound], rel=EXACT)
        found = find("top_box", "after-before", f"non_response_{bound}")
        numbers = [found[key] for key in ("estimate", "ci_low", "ci_high")]
        assert numbers == pytest.approx(list(case[bound].values()), rel=EXACT)
        assert found["p_value"] is None
    share, found = case["tipping_point"], find("tipping_point", "after/before")
    if 0 <= share <= 1:
        assert found["estimate"] == pytest.approx(share, rel=EXACT)
    else:
        assert found["null_reason"] == "no_share_nullifies"

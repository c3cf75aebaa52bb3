"""Recurrent events equal R's on patients: means by survfit and by definition, ratios by coxph and glm.nb.

The last tests go through the front door: patients become counts, and ``estimate`` makes the figures.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from oracle.builders import VISITS, estimated, programme

from transforms.andersen_gill import andersen_gill
from transforms.cells import Cells
from transforms.figure import RATIO
from transforms.outcomes import Courses
from transforms.recurrences import tally_recurrences
from transforms.recurrent import Recurrences, mean_events_at
from transforms.tallies import merge
from warehouse.schemas import COUNT_TALLY, LEVEL_SEPARATOR

ALL = json.loads(Path(__file__).with_name("recurrent.json").read_text())["cases"]
CASES, HAZARDS, FIGURES, WITHOUT_EVENT = (
    {case["name"]: case for case in ALL[kind]}
    for kind in ("mean_cumulative", "andersen_gill", "figures", "without_event")
)
EXACT = 1e-6


def counted(patients: np.ndarray, events: np.ndarray) -> Recurrences:
    """Counts from patients (entry, time, status) and events (patient, time)."""
    cells, cell_of, n = np.unique(patients, axis=0, return_inverse=True, return_counts=True)
    singles, single_n = np.unique(
        np.stack([events[:, 1], cell_of.ravel()[events[:, 0]]], axis=1), axis=0, return_counts=True
    )
    pairs = [(u, v) for p, u in events for other, v in events if p == other and u <= v]
    ordered, pair_n = np.unique(np.array(pairs).reshape(-1, 2), axis=0, return_counts=True)
    return Recurrences(Cells(*cells.T, n), *singles.T, single_n, *ordered.T, pair_n)


def recurrences(name: str) -> Recurrences:
    patients = np.array([CASES[name]["patients"][key] for key in ("entry", "time", "status")], dtype=np.int64).T
    events = np.array([CASES[name]["events"][key] for key in ("patient", "time")], dtype=np.int64).T
    return counted(patients, events - np.array([1, 0]))


@pytest.mark.parametrize("name", CASES)
def test_mean_and_error_with_death(name):
    counts = recurrences(name)
    for figure in CASES[name]["figures"]:
        found = mean_events_at(counts, figure["horizon"])
        assert found.estimate == pytest.approx(figure["estimate"], rel=1e-9)
        assert found.std_error == pytest.approx(figure["std_error"], rel=1e-6)


def test_without_death_it_is_the_nelson_aalen_estimate_of_survfit():
    expected, counts = CASES["cgd"]["nelson_aalen"], recurrences("cgd")
    horizons = [figure["horizon"] for figure in CASES["cgd"]["figures"]]
    found = [mean_events_at(counts, horizon) for horizon in horizons]
    assert [interval.estimate for interval in found] == pytest.approx(expected["estimate"], rel=1e-9)
    assert [interval.std_error for interval in found] == pytest.approx(expected["std_error"], rel=1e-9)


@pytest.mark.parametrize("name", HAZARDS)
def test_andersen_gill_equals_coxph_with_clusters(name: str) -> None:
    case = HAZARDS[name]
    patients = {key: np.array(values) for key, values in case["patients"].items()}
    rows = np.stack([np.zeros_like(patients["time"]), patients["time"], patients["status"]], axis=1).astype(np.int64)
    events = np.array([case["events"]["patient"], case["events"]["time"]], dtype=np.int64).T - np.array([1, 0])
    design = np.stack([patients[name] for name in case["covariates"]], axis=1).astype(float)
    patterns, of = np.unique(design, axis=0, return_inverse=True)
    groups = []
    for pattern in range(len(patterns)):
        chosen = np.flatnonzero(of.ravel() == pattern)
        own = events[np.isin(events[:, 0], chosen)]
        groups.append(counted(rows[chosen], np.stack([np.searchsorted(chosen, own[:, 0]), own[:, 1]], axis=1)))
    found = andersen_gill(groups, patterns)
    assert found.coefficients == pytest.approx(case["coefficients"], rel=EXACT)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(np.atleast_1d(case["model"]), rel=EXACT)
    assert np.sqrt(np.diag(found.robust)) == pytest.approx(np.atleast_1d(case["robust"]), rel=EXACT)


# ---------------------------------------------------------------- through the front door


def figures_of(case: dict[str, Any], window: int, factors: tuple[str, ...] = ()) -> pl.DataFrame:
    """Every figure that the main job makes of the patients."""
    rows = pl.DataFrame(case["patients"]).with_row_index("pathway").cast({"pathway": pl.Int64})
    rows = rows.with_columns(
        period=pl.when(pl.col("after") == 1).then(pl.lit("after")).otherwise(pl.lit("before")),
        arm=pl.lit("circuit"),
        excluded=pl.lit(None, pl.String),
        last=pl.col("time"),
        died=pl.col("status") == 2,
        pattern=pl.concat_str(factors or [pl.lit("")], separator=LEVEL_SEPARATOR),
    )
    days = {name: pl.Series(case["events"][name], dtype=pl.Int64) for name in ("patient", "time")}
    episodes = pl.DataFrame({"pathway": days["patient"] - 1, "offset": days["time"]})
    number = episodes.group_by("pathway").agg(events=pl.len().cast(pl.Int64))
    rows = rows.join(number, on="pathway", how="left").with_columns(pl.col("events").fill_null(0), exposure="time")
    visits = {**VISITS, "window": (1, window), "strata": ()}
    declared = programme(indicators={"visits": visits}, adjust_for=factors, strata=dict.fromkeys(factors, True))
    recurring = tally_recurrences(Courses(rows, episodes), declared, indicator_id="visits", variant="main")
    views = [rows.with_columns(view=pl.lit("overall"), stratum=pl.lit(None, pl.String))]
    views += [rows.with_columns(view=pl.lit("adjust"), stratum="pattern")] if factors else []
    keyed = pl.concat(views).with_columns(
        indicator_id=pl.lit("visits"), variant=pl.lit("main"), site=pl.lit(None, pl.String), n=pl.lit(1)
    )
    tallies = merge(recurring, type(recurring)(**{**vars(merge()), "count": keyed.select(COUNT_TALLY.names())}))
    return estimated(tallies, declared).figures.filter(scope_type="overall")


@cache
def made(name: str) -> Callable[..., dict[str, Any]]:
    """The figures of a case, found by what they are."""
    case = FIGURES[name]
    figures = figures_of(case, max(case["horizons"]) + 1, tuple(case["covariates"]))

    def find(measure: str, period: str, sensitivity: str | None = None, horizon: int | None = None) -> dict[str, Any]:
        questions = pl.col("analysis").str.starts_with("sensitivity:")
        wanted = pl.col("analysis") == f"sensitivity:{sensitivity}" if sensitivity else ~questions
        chosen = figures.filter(wanted, pl.col("horizon").eq_missing(horizon), measure=measure, period=period)
        return chosen.row(0, named=True)

    return find


def assert_equal(found: dict[str, Any], expected: dict[str, float], rel: float = EXACT) -> None:
    assert found["estimate"] == pytest.approx(expected["estimate"], rel=rel)
    assert found["std_error"] == pytest.approx(expected["std_error"], rel=rel)


@pytest.mark.parametrize("name", FIGURES)
def test_mean_numbers_of_events(name: str) -> None:
    case = FIGURES[name]
    for period in ("before", "after"):
        for expected in case["mean_cumulative_count"][period]:
            assert_equal(made(name)("mean_cumulative_count", period, horizon=expected["horizon"]), expected)
    for then, there in zip(*(case["mean_cumulative_count"][period] for period in ("before", "after")), strict=True):
        found = made(name)("mean_cumulative_count", "after-before", horizon=there["horizon"])
        error = np.hypot(then["std_error"], there["std_error"])
        assert_equal(found, {"estimate": there["estimate"] - then["estimate"], "std_error": error})


@pytest.mark.parametrize("name", FIGURES)
def test_ratios_of_rates(name: str) -> None:
    case, find = FIGURES[name], made(name)
    assert_equal(find("rate_ratio", "after/before"), case["rate_ratio"])
    assert_equal(find("rate_ratio", "after/before", "adjusted"), case["rate_ratio_adjusted"])
    assert_equal(find("rate_ratio_negative_binomial", "after/before"), case["rate_ratio_negative_binomial"])


@pytest.mark.parametrize("name", FIGURES)
def test_rates_at_equal_follow_up_and_events_avoided(name: str) -> None:
    case, find = FIGURES[name], made(name)
    assert_equal(find("rate", "after-before"), case["rate"])
    assert_equal(find("events_avoided", "after-before"), case["events_avoided"])


@pytest.mark.parametrize("name", FIGURES)
def test_rates_at_one_mix_of_cases(name: str) -> None:
    expected, find = FIGURES[name]["rate_adjusted"], made(name)
    for period in ("before", "after"):
        found = find("rate", period, "adjusted")
        assert_equal(found, expected[period])
        assert (found["ci_low"], found["ci_high"]) == pytest.approx(
            (expected[period]["low"], expected[period]["high"]), rel=EXACT
        )
    assert_equal(find("rate", "after-before", "adjusted"), expected["difference"])


@pytest.mark.parametrize("name", WITHOUT_EVENT)
def test_a_period_without_events_has_exact_limits(name: str) -> None:
    case = WITHOUT_EVENT[name]
    figures = figures_of(case, max(case["patients"]["time"]) + 1).filter(
        pl.col("period").is_in(["after-before", RATIO])
    )
    found = {row["measure"]: row for row in figures.to_dicts()}
    difference, ratio = found["rate"], found["rate_ratio"]
    for key, of in (("estimate", "estimate"), ("ci_low", "low"), ("ci_high", "high"), ("p_value", "p_value")):
        assert difference[key] == pytest.approx(case["rate"][of], rel=EXACT)
    if case["rate_ratio"] is None:  # infinite
        assert ratio["null_reason"] == "no_event_in_a_group"
        return
    for key, of in (("estimate", "estimate"), ("ci_low", "low"), ("ci_high", "high")):
        assert ratio[key] == pytest.approx(case["rate_ratio"][of], rel=EXACT)

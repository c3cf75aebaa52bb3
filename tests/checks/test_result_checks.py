"""Every result check meets results that keep it and results that break it, without Great Expectations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from checks.coverage import Measured
from checks.results import RESULT_CHECKS, Results
from checks.tables import TableCheck

Broken = Callable[[Results], Results]
BY_ID: dict[str, TableCheck[Results]] = {check.id: check for check in RESULT_CHECKS}
FIRST = {"indicator_id": "referral", "period": "before"}


def estimate(where: dict[str, Any] | None = None, **changed: Any) -> Broken:
    """Change the figures that are equal in these columns, by default one primary figure of before."""
    here = pl.lit(value=True)
    for name, value in (where or FIRST).items():
        here &= pl.col(name) == value

    def broken(results: Results) -> Results:
        columns = {name: pl.when(here).then(pl.lit(value)).otherwise(name) for name, value in changed.items()}
        return replace(results, estimates=results.estimates.with_columns(**columns))

    return broken


def twice(results: Results) -> Results:
    return replace(results, estimates=pl.concat([results.estimates, results.estimates.head(1)]))


def one_pathway_lost(results: Results) -> Results:
    attrition = results.attrition
    lost = (pl.col("variant") == "pain") & (pl.col("reason") == "analysed") & (pl.col("period") == "before")
    return replace(results, attrition=attrition.with_columns(n=pl.when(lost).then(pl.col("n") - 1).otherwise("n")))


def fewer_analysed(results: Results) -> Results:
    number = pl.when(pl.col("reason") == "analysed").then(pl.col("n") - 1).otherwise("n")
    return replace(results, attrition=results.attrition.with_columns(n=number))


def without_indicator(results: Results) -> Results:
    return replace(results, estimates=results.estimates.filter(pl.col("indicator_id") != "distress"))


CONTRAST = {"indicator_id": "satisfaction", "period": "after-before"}
CASES: dict[str, tuple[Broken, Measured]] = {
    "estimates_finite": (estimate(std_error=float("nan")), Measured(1, 16)),
    "estimates_explained": (estimate(estimate=None), Measured(1, 16)),
    "estimates_unique": (twice, Measured(2, 17)),
    "shares_within_bounds": (estimate(ci_high=1.01), Measured(1, 15)),
    "intervals_hold_estimates": (estimate(ci_low=0.45), Measured(1, 15)),
    "events_within_n": (estimate(n_events=101), Measured(1, 10)),
    "errors_possible": (estimate(CONTRAST, p_value=1.5), Measured(1, 16)),
    "attrition_adds_up": (one_pathway_lost, Measured(1, 20)),
    "analysed_are_the_n": (fewer_analysed, Measured(4, 4)),
    "indicators_estimated": (without_indicator, Measured(1, 5)),
    "primary_contrasts_estimated": (estimate(CONTRAST, estimate=None, null_reason="small"), Measured(1, 2)),
}


def test_the_checks_are_these() -> None:
    assert list(BY_ID) == list(CASES)


@pytest.mark.parametrize("check_id", CASES)
def test_results_that_keep_the_check_and_results_that_break_it(check_id: str, results: Results) -> None:
    check = BY_ID[check_id]
    kept = check.measure(results)
    assert kept is not None
    assert kept.violated == 0
    assert kept.denominator > 0
    broken, expected = CASES[check_id]
    assert check.measure(broken(results)) == expected


@pytest.mark.parametrize(
    ("check_id", "broken"),
    [
        ("estimates_finite", estimate(ci_high=float("inf"))),
        ("estimates_finite", estimate(exposure=float("-inf"))),
        ("estimates_explained", estimate(null_reason="but_there_is_one")),
        ("shares_within_bounds", estimate(ci_low=-0.01)),
        ("shares_within_bounds", estimate(CONTRAST, estimate=-1.01)),
        ("intervals_hold_estimates", estimate(ci_high=0.35)),
        ("intervals_hold_estimates", estimate(ci_low=None, ci_high=0.35)),
        ("intervals_hold_estimates", estimate(ci_low=0.45, ci_high=None)),
        ("events_within_n", estimate(n_events=-1)),
        ("errors_possible", estimate(std_error=-0.1)),
        ("errors_possible", estimate(CONTRAST, p_adjusted=-0.1)),
    ],
)
def test_other_ways_to_break_them(check_id: str, broken: Broken, results: Results) -> None:
    found = BY_ID[check_id].measure(broken(results))
    assert found is not None
    assert found.violated == 1


@pytest.mark.parametrize(
    ("check_id", "lawful"),
    [
        ("shares_within_bounds", estimate(CONTRAST, estimate=-0.2, ci_low=-0.4, ci_high=0.0)),
        ("shares_within_bounds", estimate({"measure": "log_rank"}, estimate=17.3)),
        ("intervals_hold_estimates", estimate(ci_low=0.4, ci_high=0.4)),
        ("intervals_hold_estimates", estimate(ci_low=0.4 + 1e-12)),
        ("intervals_hold_estimates", estimate(ci_high=None)),
        ("estimates_finite", estimate(ci_low=None, ci_high=None, estimate=None)),
        ("events_within_n", estimate(n_events=100)),
        ("analysed_are_the_n", estimate(n=None)),
    ],
)
def test_what_is_lawful_though_unusual(check_id: str, lawful: Broken, results: Results) -> None:
    found = BY_ID[check_id].measure(lawful(results))
    assert found is not None
    assert found.violated == 0


def test_a_variant_without_its_indicator_accounts_for_nothing(results: Results) -> None:
    alone = replace(results, attrition=results.attrition.filter(pl.col("variant") == "pain"))
    assert BY_ID["attrition_adds_up"].measure(alone) == Measured(3, 3)


def test_a_group_that_nobody_was_analysed_in_has_n_zero(results: Results) -> None:
    nobody = results.attrition.filter(pl.col("reason") != "analysed")
    assert BY_ID["analysed_are_the_n"].measure(replace(results, attrition=nobody)) == Measured(4, 4)
    emptied = replace(results, attrition=nobody, estimates=results.estimates.with_columns(n=pl.lit(0, pl.Int64)))
    assert BY_ID["analysed_are_the_n"].measure(emptied) == Measured(0, 4)

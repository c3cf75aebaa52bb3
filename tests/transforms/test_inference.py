"""What was planned at which level, families of p-values, interactions, and the smallest detectable difference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from oracle.builders import (
    REFERRAL,
    RETURN,
    VISITS,
    Happening,
    estimated,
    event_frame,
    log,
    patient_frame,
    programme,
    referred_after,
    tallied,
)
from polars.testing import assert_frame_equal

from transforms.detectable import POWER, minimum_detectable
from transforms.figure import Figure
from transforms.inference import adjusted, labelled
from transforms.interactions import TOO_FEW_LEVELS, equal_contrasts, interactions
from warehouse.programme import Programme
from warehouse.schemas import ESTIMATE

TITLE = {"fr": "x", "en": "x"}


def analysis(declared: Programme, **own: Any) -> Programme:
    """The programme with keys of its plan replaced."""
    plan = declared.analysis.model_validate({**dict(declared.analysis), **own})
    return declared.model_copy(update={"analysis": plan})


def rows_of(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of ESTIMATE of the primary measure of the circuit sites, unless they say otherwise."""
    shared = {
        "indicator_id": "time_to_referral", "variant": "main", "kind": "time_to_event", "period": "after-before",
        "measure": "cumulative_incidence", "scope_type": "overall", "scope": "all", "horizon": 30, "unit": "day",
    }  # fmt: skip
    return pl.DataFrame([{**shared, **row} for row in rows], schema=ESTIMATE)


def levels(declared: Programme, *rows: dict[str, Any]) -> list[str]:
    return labelled(rows_of(*rows), declared)["analysis"].to_list()


# ---------------------------------------------------------------- labels


def test_only_the_declared_measure_and_horizon_of_the_circuit_is_primary() -> None:
    rows: list[dict[str, Any]] = [
        {}, {"period": "before"}, {"horizon": 60}, {"measure": "median_time"}, {"period": "2023-05"},
        {"scope_type": "site", "scope": "north"}, {"variant": "short"},
    ]  # fmt: skip
    assert levels(programme(), *rows) == ["primary", "primary", "secondary", *["exploratory"] * 4]


def test_what_the_plan_names_is_secondary() -> None:
    short = {"short": {"title": TITLE, "window": (0, 61), "horizons": (14, 30)}}
    declared = analysis(
        programme(indicators={"time_to_referral": {**REFERRAL, "variants": short}}, strata={"de_novo": True}),
        subgroups=("de_novo",),
        planned={
            "measures": ("median_time",), "views": ("site", "month", "comparator"),
            "variants": {"time_to_referral": ("short",)},
        },
    )  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"measure": "median_time"}, {"period": "2023-05"}, {"period": "2023-Q2"}, {"variant": "short"},
        {"scope_type": "site", "scope": "north"}, {"scope_type": "arm", "scope": "comparator"},
        {"scope_type": "de_novo", "scope": "true"}, {"measure": "interaction", "scope_type": "de_novo"},
    ]  # fmt: skip
    assert levels(declared, *rows) == ["secondary"] * len(rows)
    others: list[dict[str, Any]] = [
        {"measure": "gray_test"}, {"scope_type": "arm", "scope": "not_started"}, {"scope_type": "age_band"},
        {"measure": "interaction", "scope_type": "age_band"}, {"variant": "long"},
    ]  # fmt: skip
    assert levels(declared, *others) == ["exploratory"] * len(others)


def test_an_estimators_own_word_stays() -> None:
    assert levels(programme(), {"analysis": "sensitivity:adjusted"}) == ["sensitivity:adjusted"]
    assert Figure("rate", "after").analysis is None


# ---------------------------------------------------------------- families


def three() -> Programme:
    return programme(indicators={name: {**REFERRAL, "goal": "coordination"} for name in ("a", "b", "c")})


def test_the_primary_outcomes_are_adjusted_together_by_holm() -> None:
    rows = rows_of(*({"indicator_id": name, "p_value": p} for name, p in zip("abc", (0.011, 0.04, 0.2), strict=True)))
    found = adjusted(labelled(rows, three()), three())
    assert found["p_adjusted"].to_list() == pytest.approx([0.033, 0.08, 0.2])
    assert found.columns == ESTIMATE.names()


def test_a_primary_outcome_without_a_p_value_still_counts() -> None:
    rows = rows_of({"indicator_id": "a", "p_value": 0.01}, {"indicator_id": "b"}, {"indicator_id": "c"})
    assert adjusted(labelled(rows, three()), three())["p_adjusted"].to_list() == [pytest.approx(0.03), None, None]


def test_secondary_p_values_are_adjusted_within_the_goal_and_exploratory_ones_not_at_all() -> None:
    kinds: dict[str, Any] = {
        "a": {**REFERRAL, "goal": "coordination"}, "b": {**REFERRAL, "goal": "coordination"},
        "c": {**REFERRAL, "goal": "emergency"},
    }  # fmt: skip
    declared = analysis(programme(indicators=kinds), primary=())
    rows = rows_of(
        {"indicator_id": "a", "p_value": 0.02}, {"indicator_id": "b", "p_value": 0.04},
        {"indicator_id": "c", "p_value": 0.04}, {"indicator_id": "c", "measure": "gray_test", "p_value": 0.04},
        {"indicator_id": "c", "analysis": "sensitivity:x", "p_value": 0.04},
        {"indicator_id": "a", "scope_type": "arm", "scope": "comparator", "p_value": 0.001},
    )  # fmt: skip
    found = adjusted(labelled(rows, declared), declared)
    assert found["p_adjusted"].to_list() == [pytest.approx(0.04), pytest.approx(0.04), 0.04, None, None, None]


def test_each_goal_is_a_family_of_its_own() -> None:
    """In one family of three the smallest would be multiplied by three."""
    goals = {"a": "coordination", "b": "coordination", "c": "emergency"}
    kinds: dict[str, Any] = {name: {**REFERRAL, "goal": goal} for name, goal in goals.items()}
    declared = analysis(programme(indicators=kinds), primary=())
    rows = rows_of(*({"indicator_id": name, "p_value": p} for name, p in (("a", 0.01), ("b", 0.04), ("c", 0.04))))
    assert adjusted(labelled(rows, declared), declared)["p_adjusted"].to_list() == pytest.approx([0.02, 0.04, 0.04])


# ---------------------------------------------------------------- interactions


def two_levels(
    true: tuple[int, int], false: tuple[int, int], n: int = 60, event: str = "referral"
) -> tuple[list[Happening], list[dict[str, Any]]]:
    """``n`` patients per level and period; of each, so many before and after have the event on day 10."""
    rows: list[tuple[Any, ...]] = []
    people = []
    for level, counts in (("true", true), ("false", false)):
        for year, seen in zip((2021, 2023), counts, strict=True):
            for k in range(n):
                patient = len(people) + 1
                people.append({"patient": patient, "de_novo": level})
                rows.append((patient, "announcement", f"{year}-03-01"))
                if k < seen:
                    rows.append((patient, event, f"{year}-03-11"))
    return log(*rows), people


def interaction(rows: list[Happening], people: list[dict[str, Any]], declared: Programme) -> dict[str, Any]:
    patients = patient_frame(people, de_novo=pl.String)
    found = estimated(tallied(event_frame(rows, declared.zone), patients, declared), declared).figures
    return found.filter(measure="interaction").to_dicts()[0]


def by_level(kind: dict[str, Any], **own: Any) -> Programme:
    return analysis(programme(indicators={"it": kind}, strata={"de_novo": True}, **own), subgroups=("de_novo",))


@pytest.mark.parametrize(("kind", "event"), [(REFERRAL, "referral"), (RETURN, "emergency_visit")])
def test_one_test_per_factor_equals_q_by_hand(kind: dict[str, Any], event: str) -> None:
    """True: 20 to 40 of 60. False: 30 to 33 of 60. Nobody is censored: errors are binomial."""
    found = interaction(*two_levels((20, 40), (30, 33), event=event), by_level(kind))
    variances = [sum(k / 60 * (1 - k / 60) / 60 for k in pair) for pair in ((20, 40), (30, 33))]
    statistic = (20 / 60 - 3 / 60) ** 2 / sum(
        variances
    )  # with two levels Q is the squared difference over its variance
    assert found["estimate"] == pytest.approx(statistic)
    assert found["p_value"] == pytest.approx(math.erfc(math.sqrt(statistic / 2)))
    assert (found["scope_type"], found["scope"], found["analysis"]) == ("de_novo", "all", "secondary")
    assert found["p_adjusted"] == found["p_value"]  # one factor alone


def test_rates_are_compared_on_the_scale_of_the_logarithm() -> None:
    found = interaction(*two_levels((20, 40), (20, 40), event="emergency_visit"), by_level(VISITS))
    assert found["estimate"] == pytest.approx(0, abs=1e-12)
    found = interaction(*two_levels((20, 40), (40, 20), event="emergency_visit"), by_level(VISITS))
    # Robust errors of counts 0 and 1 with equal exposure: var of log rate is (1 - p) / (n p).
    variance = 2 * ((1 - 20 / 60) / 20 + (1 - 40 / 60) / 40)
    assert found["estimate"] == pytest.approx((2 * math.log(2)) ** 2 / variance)


def test_levels_that_are_withheld_take_no_part() -> None:
    """With ten events in one period a level is small (the smallest count is 11): one level cannot be compared."""
    found = interaction(*two_levels((20, 40), (10, 33)), by_level(REFERRAL))
    assert (found["estimate"], found["p_value"], found["null_reason"]) == (None, None, TOO_FEW_LEVELS)
    assert found["method"].endswith("1 levels")


def test_a_variant_takes_no_part_in_the_test_of_its_indicator() -> None:
    rows, people = two_levels((20, 40), (30, 33))
    declared = by_level(REFERRAL)
    figures = estimated(
        tallied(event_frame(rows), patient_frame(people, de_novo=pl.String), declared), declared
    ).figures
    own = figures.filter(pl.col("measure") != "interaction").with_columns(analysis=pl.lit(None, pl.String))
    other = own.with_columns(variant=pl.lit("short"), estimate=pl.col("estimate") / 2)
    alone, together = (interactions(frame, declared) for frame in (own, pl.concat([own, other])))
    assert_frame_equal(together, alone)
    assert alone["estimate"][0] is not None


def test_a_missing_level_is_no_level() -> None:
    """Sixty more in either period whose level is unknown, with quite another difference."""
    rows, people = two_levels((20, 40), (30, 33))
    known = interaction(rows, people, by_level(REFERRAL))
    unknown: list[tuple[Any, ...]] = []
    for year, seen in ((2021, 45), (2023, 15)):
        for k in range(60):
            patient = 1000 + year + 3000 * k
            people.append({"patient": patient, "de_novo": None})
            unknown.append((patient, "announcement", f"{year}-03-01"))
            unknown += [(patient, "referral", f"{year}-03-11")] if k < seen else []
    found = interaction([*rows, *log(*unknown)], people, by_level(REFERRAL))
    assert found["estimate"] == pytest.approx(known["estimate"])
    assert found["method"].endswith("2 levels")


def test_pathways_of_one_patient_are_no_independent_levels() -> None:
    declared = by_level({**REFERRAL, "time_zero": {"event": "announcement", "which": "each"}})
    found = interaction(*two_levels((20, 40), (30, 33)), declared)
    assert (found["p_value"], found["null_reason"]) == (None, "several_pathways_per_patient")


def test_a_factor_that_is_not_planned_is_tested_and_exploratory() -> None:
    found = interaction(
        *two_levels((20, 40), (30, 33)), programme(indicators={"it": REFERRAL}, strata={"de_novo": True})
    )
    assert (found["analysis"], found["p_adjusted"]) == ("exploratory", None)
    assert found["p_value"] is not None


def test_no_level_has_a_p_value() -> None:
    rows, people = two_levels((20, 40), (30, 33))
    declared = by_level(REFERRAL)
    patients = patient_frame(people, de_novo=pl.String)
    found = estimated(tallied(event_frame(rows, declared.zone), patients, declared), declared).figures
    within = found.filter(pl.col("scope_type") == "de_novo", pl.col("scope") != "all")
    assert within.height > 4
    assert within["p_value"].is_null().all()


def test_equal_contrasts_give_no_statistic_and_swapped_ones_the_same() -> None:
    assert equal_contrasts([0.1, 0.1, 0.1], [0.05, 0.07, 0.2]).p_value == 1
    one, other = equal_contrasts([0.1, 0.3], [0.05, 0.1]), equal_contrasts([-0.3, -0.1], [0.1, 0.05])
    assert (one.statistic, one.p_value) == pytest.approx((other.statistic, other.p_value))


# ---------------------------------------------------------------- smallest detectable difference


def test_the_detectable_difference_is_of_the_error_that_was_estimated() -> None:
    rows = referred_after([5] * 20 + [None] * 20, "2021-03-01") + referred_after(
        [5] * 30 + [None] * 10, "2023-03-01", 100
    )
    declared = programme()
    found = estimated(tallied(event_frame(rows, declared.zone), patient_frame(), declared), declared).figures
    contrast = found.filter(measure="cumulative_incidence", period="after-before", horizon=30).to_dicts()[0]
    row = found.filter(measure="minimum_detectable").to_dicts()[0]
    assert row["estimate"] == pytest.approx(contrast["std_error"] * 2.801585, rel=1e-6)
    assert (row["horizon"], row["unit"], row["period"], row["p_value"]) == (30, "day", "after-before", None)
    stricter = analysis(declared, alpha=0.01)
    again = estimated(tallied(event_frame(rows, declared.zone), patient_frame(), stricter), stricter).figures
    assert again.filter(measure="minimum_detectable")["estimate"][0] == pytest.approx(contrast["std_error"] * 3.417451)


def test_a_difference_of_that_size_is_found_with_the_power_stated() -> None:
    """Two groups of 400, shares .4 and .4 plus the detectable difference: 80 % of tests reject, within 3 errors."""
    rng, n, share = np.random.default_rng(7), 400, 0.4
    size = 0.0
    for _ in range(20):  # the error depends on the share after: a fixed point
        size = minimum_detectable(math.sqrt((share * (1 - share) + (share + size) * (1 - share - size)) / n), 0.05)
    before, after = rng.binomial(n, share, 20_000) / n, rng.binomial(n, share + size, 20_000) / n
    z = (after - before) / np.sqrt((before * (1 - before) + after * (1 - after)) / n)
    assert np.mean(np.abs(z) > 1.959964) == pytest.approx(POWER, abs=0.012)


def test_without_an_error_there_is_a_reason() -> None:
    rows = referred_after([5] * 20, "2021-03-01")
    declared = programme()
    found = estimated(tallied(event_frame(rows, declared.zone), patient_frame(), declared), declared).figures
    row = found.filter(measure="minimum_detectable").to_dicts()[0]
    assert (row["estimate"], row["null_reason"]) == (None, "period_absent")

"""Figures by scope, period and month: labels, reasons where there is no number, edges."""

from __future__ import annotations

import math
from datetime import date
from statistics import NormalDist
from typing import Any

import polars as pl
import pytest
from oracle.builders import (
    REFERRAL,
    RETURN,
    SATISFACTION,
    Happening,
    estimated,
    event_frame,
    log,
    patient_frame,
    programme,
    referred_after,
    tallied,
)

from transforms.figure import figure_of
from transforms.intervals import Difference
from warehouse.programme import Programme
from warehouse.schemas import CURVE, ESTIMATE, Estimates

BEFORE = referred_after([5, 12, 40, None, None], announced="2021-03-01", first=1)
AFTER = referred_after([3, 8, 12, 20, None], announced="2023-03-01", first=11)


def computed(rows: list[Happening], declared: Programme, people: Any = (), **covariates: Any) -> Estimates:
    return estimated(tallied(event_frame(rows, declared.zone), patient_frame(people, **covariates), declared), declared)


def figures(rows: list[Happening], declared: Programme | None = None, **of: Any) -> list[dict[str, Any]]:
    return computed(rows, declared or programme()).figures.filter(**of).to_dicts()


def only(rows: list[Happening], declared: Programme | None = None, **of: Any) -> dict[str, Any]:
    (found,) = figures(rows, declared, **of)
    return found


def values(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


# ---------------------------------------------------------------- times


def test_incidence_by_each_horizon_that_day_included() -> None:
    found = figures(AFTER, period="after", measure="cumulative_incidence", scope="all")
    assert [values(row, "horizon", "n", "n_events") for row in found] == [
        (14, 5, 3),
        (30, 5, 4),
        (60, 5, 4),
        (90, 5, 4),
    ]
    assert [row["estimate"] for row in found] == pytest.approx([0.6, 0.8, 0.8, 0.8])
    assert {row["unit"] for row in found} == {"day"}


def log_log(share: float, error: float, deviate: float = 1.959964) -> tuple[float, float]:
    width = deviate * error / (share * math.log(share))
    return share ** math.exp(-width), share ** math.exp(width)


def test_the_difference_is_after_less_before_with_limits_from_both_and_their_inversion_as_test() -> None:
    found = only(BEFORE + AFTER, period="after-before", measure="cumulative_incidence", horizon=30)
    error = math.sqrt(0.8 * 0.2 / 5 + 0.4 * 0.6 / 5)  # nobody censored: binomial
    assert values(found, "estimate", "std_error") == pytest.approx((0.4, error))
    (low, high), (low_before, high_before) = (
        log_log(share, math.sqrt(share * (1 - share) / 5)) for share in (0.8, 0.4)
    )
    below, above = math.hypot(0.8 - low, high_before - 0.4), math.hypot(high - 0.8, 0.4 - low_before)
    assert values(found, "ci_low", "ci_high") == pytest.approx((0.4 - below, 0.4 + above), abs=1e-6)
    at = NormalDist().inv_cdf(1 - found["p_value"] / 2)  # the deviate at which 0 becomes the lower limit
    (low, _), (_, high_before) = (log_log(share, math.sqrt(share * (1 - share) / 5), at) for share in (0.8, 0.4))
    assert math.hypot(0.8 - low, high_before - 0.4) == pytest.approx(0.4)
    assert values(found, "n", "n_events") == (None, None)


def test_the_median_is_among_all_pathways_not_among_the_referred() -> None:
    assert only(AFTER, period="after", measure="median_time")["estimate"] == 12
    missed = only(BEFORE, period="before", measure="median_time")
    assert values(missed, "estimate", "null_reason", "n", "n_events") == (40, None, 5, 3)
    never = referred_after([5, None, None], announced="2023-03-01")
    assert values(only(never, period="after", measure="median_time"), "estimate", "null_reason") == (
        None,
        "not_reached",
    )


def test_minutes_are_counted_in_seconds_and_told_in_minutes() -> None:
    minutes = {
        **REFERRAL, "competing": (), "unit": "minute", "window": (0, 600), "horizons": (60,),
        "primary": {"measure": "survival", "horizon": 60},
    }  # fmt: skip
    rows = log(
        (1, "announcement", "2023-05-01 10:00"), (1, "referral", "2023-05-01 10:30:30"),
        (2, "announcement", "2023-05-01 10:00"), (2, "referral", "2023-05-01 11:00"),
        (3, "announcement", "2023-05-01 10:00"),
    )  # fmt: skip
    declared = programme(indicators={"time": minutes})
    assert only(rows, declared, period="after", measure="survival")["estimate"] == pytest.approx(1 / 3)
    assert only(rows, declared, period="after", measure="cumulative_incidence")["estimate"] == pytest.approx(2 / 3)
    assert only(rows, declared, period="after", measure="median_time")["estimate"] == 60
    curve = computed(rows, declared).curves
    assert curve["time"].to_list() == [0.0, 30.5, 60.0, 600.0 - 1 / 60]
    assert curve["unit"].unique().to_list() == ["minute"]


def test_survival_stands_only_where_nothing_competes_grays_test_and_the_hazard_of_death_only_where_it_does() -> None:
    alone = {**REFERRAL, "competing": (), "primary": {"measure": "survival", "horizon": 30}}
    measures = {row["measure"] for row in figures(BEFORE + AFTER, programme(indicators={"time": alone}))}
    both = {"cumulative_incidence", "median_time", "log_rank", "hazard_ratio", "proportional_hazards"}
    both |= {"minimum_detectable"}
    assert measures == both | {"survival", "restricted_mean"}
    of_death = {"hazard_ratio_competing", "proportional_hazards_competing"}
    competing = {row["measure"] for row in figures(BEFORE + AFTER)}
    assert competing == both | of_death | {"area_under_incidence", "gray_test"}


def test_areas_reach_to_the_last_horizon_in_the_unit_of_the_indicator() -> None:
    """One of eight is referred on day 10 and has 80 days behind it by day 90: ten days for each of the eight."""
    found = only(referred_after([10] + [None] * 7, "2023-03-01"), period="after", measure="area_under_incidence")
    assert values(found, "horizon", "unit", "estimate") == (90, "day", 10.0)


def test_a_log_rank_test_without_event_says_so() -> None:
    alone = {**REFERRAL, "competing": (), "primary": {"measure": "survival", "horizon": 30}}
    rows = referred_after([None, None], "2021-03-01") + referred_after([None], "2023-03-01", first=5)
    found = only(rows, programme(indicators={"time": alone}), measure="log_rank")
    assert values(found, "estimate", "p_value", "null_reason") == (None, None, "no_event")


def test_a_horizon_that_nobody_reached_is_null_with_its_reason() -> None:
    declared = programme(data_lock=date(2023, 3, 21))  # twenty days of follow-up
    found = {row["horizon"]: row for row in figures(AFTER, declared, period="after", measure="cumulative_incidence")}
    assert values(found[14], "estimate", "null_reason") == (pytest.approx(0.6), None)
    assert values(found[30], "estimate", "ci_low", "std_error", "null_reason") == (
        None, None, None, "horizon_beyond_follow_up",
    )  # fmt: skip


def test_unless_nobody_was_left_to_reach_it() -> None:
    declared = programme(data_lock=date(2023, 3, 21))
    found = only(
        referred_after([3, 8], "2023-03-01"), declared, period="after", horizon=90, measure="cumulative_incidence"
    )
    assert values(found, "estimate", "null_reason") == (1.0, None)


def test_a_contrast_has_no_number_where_a_period_has_none() -> None:
    late = programme(data_lock=date(2023, 3, 21))
    found = only(BEFORE + AFTER, late, period="after-before", horizon=90, measure="cumulative_incidence")
    assert values(found, "estimate", "p_value", "null_reason") == (None, None, "horizon_beyond_follow_up")


def test_a_group_without_event_has_an_exact_upper_limit_and_never_nan() -> None:
    found = only(referred_after([None] * 8, "2023-03-01"), period="after", horizon=30)
    assert values(found, "estimate", "ci_low", "std_error") == (0.0, 0.0, None)
    assert found["ci_high"] == pytest.approx(1 - 0.025 ** (1 / 8))


def test_curves_start_at_zero_with_everybody_at_risk() -> None:
    curve = computed(AFTER, programme()).curves
    assert curve.schema == CURVE
    assert curve.select("time", "at_risk", "n_events", "n").rows() == [
        (0.0, 5, 0, 5), (3.0, 5, 1, 5), (8.0, 4, 2, 5), (12.0, 3, 3, 5), (20.0, 2, 4, 5), (90.0, 1, 4, 5),
    ]  # fmt: skip


def test_a_curve_with_an_event_on_day_0_starts_there() -> None:
    curve = computed(referred_after([0, 4], "2023-03-01"), programme()).curves
    assert curve.select("time", "n_events").rows() == [(0.0, 1), (4.0, 2)]


# ---------------------------------------------------------------- absence


def test_a_period_without_pathways_is_null_with_zero_pathways() -> None:
    found = only(AFTER, period="before")
    assert values(found, "measure", "horizon", "n", "n_events", "estimate", "null_reason") == (
        "cumulative_incidence", 30, 0, 0, None, "no_pathway",
    )  # fmt: skip
    contrast = only(AFTER, period="after-before", measure="cumulative_incidence")
    assert values(contrast, "estimate", "null_reason") == (None, "period_absent")


def test_no_data_at_all_still_says_why_for_every_indicator() -> None:
    declared = programme(indicators={"time": REFERRAL, "share": RETURN, "score": SATISFACTION})
    estimates = computed([], declared)
    assert estimates.figures.schema == ESTIMATE
    assert set(estimates.figures["indicator_id"]) == {"time", "share", "score"}
    assert estimates.figures["estimate"].is_null().all()
    assert set(estimates.figures["null_reason"]) == {"time_zero_not_recorded"}
    assert estimates.curves.is_empty()


def test_the_transition_is_shown_and_never_contrasted() -> None:
    rows = AFTER + BEFORE + referred_after([4, None], "2022-05-01", first=50)
    assert only(rows, period="transition", horizon=30)["estimate"] == pytest.approx(0.5)
    assert {row["period"] for row in figures(rows) if "-before" in row["period"]} == {"after-before"}


def test_a_programme_may_have_no_transition() -> None:
    periods = {"before": {"from": date(2021, 1, 1), "until": date(2022, 1, 1)}}
    periods["after"] = {"from": date(2023, 1, 1), "until": date(2024, 1, 1)}
    found = {row["period"] for row in figures(AFTER + BEFORE, programme(periods=periods))}
    assert "transition" not in found
    assert {"before", "after", "after-before"} <= found


# ---------------------------------------------------------------- scopes


SITES = (
    {"id": "north"},
    {"id": "south", "starts": date(2023, 6, 1)},
    {"id": "east", "arm": "comparator"},
)


def placed(site: str, first: int, announced: str = "2023-03-01") -> list[Happening]:
    return log(
        (first, "announcement", announced, {"site": site}),
        (first, "referral", announced[:8] + "20", {"site": site}),
        (first + 1, "announcement", announced, {"site": site}),
    )


def scopes(found: Estimates) -> set[tuple[str, str]]:
    return set(found.figures.select("scope_type", "scope").iter_rows())


def test_one_site_has_no_site_figures_and_no_comparator() -> None:
    assert scopes(computed(AFTER, programme())) == {("overall", "all")}


def test_arms_are_shown_apart_and_sites_each() -> None:
    declared = programme(sites=SITES)
    rows = placed("north", 1) + placed("south", 3) + placed("east", 5) + placed("north", 7, "2021-03-01")
    assert scopes(computed(rows, declared)) == {
        ("overall", "all"), ("arm", "comparator"), ("arm", "not_started"),
        ("site", "north"), ("site", "south"), ("site", "east"),
    }  # fmt: skip
    assert only(rows, declared, scope="all", period="after", horizon=30)["n"] == 2  # north alone


def test_a_pathway_of_a_site_that_waits_is_shown_and_outside_every_contrast() -> None:
    declared = programme(sites=SITES)
    rows = placed("south", 3) + placed("north", 7, "2021-03-01")
    assert only(rows, declared, scope="not_started", period="after", horizon=30)["n"] == 2
    assert figures(rows, declared, scope="not_started", period="after-before") == []
    contrast = only(rows, declared, scope="all", period="after-before", measure="cumulative_incidence")
    assert contrast["null_reason"] == "period_absent"
    assert only(rows, declared, scope="south", period="after")["null_reason"] == "no_pathway"


def test_a_stratum_has_its_own_figures_of_the_circuit() -> None:
    declared = programme(strata={"de_novo": True})
    people = ({"patient": 11, "de_novo": "yes"}, {"patient": 12, "de_novo": "yes"})
    found = computed(AFTER, declared, people, de_novo=pl.String).figures.filter(scope_type="de_novo", horizon=30)
    assert set(found.filter(period="after").select("scope", "n").iter_rows()) == {("yes", 2), ("missing", 3)}


def test_sites_and_strata_get_intervals_and_no_p_values() -> None:
    declared = programme(sites=SITES, strata={"de_novo": True})
    rows = placed("north", 1) + placed("north", 7, "2021-03-01")
    found = computed(rows, declared, de_novo=pl.String).figures.filter(
        period="after-before", horizon=30, measure="cumulative_incidence"
    )
    tested = {
        row["scope_type"]: row["p_value"] is not None
        for row in found.iter_rows(named=True)
        if row["estimate"] is not None
    }
    assert tested == {"overall": True, "site": False, "de_novo": False}
    assert found.filter(scope="north")["ci_low"].item() is not None


# ---------------------------------------------------------------- shares and scores


def test_a_share_has_its_wilson_interval() -> None:
    rows = log(
        *((patient, "announcement", "2023-05-01") for patient in range(1, 11)), (1, "emergency_visit", "2023-05-03")
    )
    found = only(rows, programme(indicators={"share": RETURN}), period="after", measure="proportion")
    assert values(found, "n", "n_events", "estimate") == (10, 1, 0.1)
    assert values(found, "ci_low", "ci_high") == pytest.approx((0.017876, 0.404150), abs=1e-6)


def test_a_score_has_its_top_box_response_rate_and_mean() -> None:
    answers = ((1, 90.0), (2, 100.0), (3, 50.0))
    rows = log(
        *((patient, "announcement", "2023-05-01") for patient in (1, 2, 3, 4)),
        *((patient, "questionnaire", "2023-07-30", {"code": "overall", "value": value}) for patient, value in answers),
        (3, "death", "2023-08-01"),
    )
    found = {
        row["measure"]: row
        for row in figures(rows, programme(indicators={"score": SATISFACTION}), period="after")
        if not row["analysis"].startswith("sensitivity:")
    }
    assert values(found["top_box"], "n", "n_events", "estimate", "unit") == (3, 2, pytest.approx(2 / 3), "point")
    assert values(found["response_rate"], "n", "n_events", "estimate") == (3, 2, pytest.approx(2 / 3))
    assert values(found["mean"], "n", "estimate") == (3, 80.0)


def test_pathways_without_any_answer_have_a_response_rate_and_no_top_box() -> None:
    rows = log(*((patient, "announcement", "2023-05-01") for patient in (1, 2)))
    found = {
        row["measure"]: row
        for row in figures(rows, programme(indicators={"score": SATISFACTION}), period="after")
        if not row["analysis"].startswith("sensitivity:")
    }
    assert values(found["response_rate"], "n", "estimate") == (2, 0.0)
    assert found["top_box"]["estimate"] is None
    assert found["top_box"]["null_reason"] is not None
    assert found["mean"]["null_reason"] is not None


def test_one_answer_has_a_mean_and_no_interval() -> None:
    rows = log(
        (1, "announcement", "2023-05-01"), (1, "questionnaire", "2023-07-30", {"code": "overall", "value": 70.0})
    )
    found = only(rows, programme(indicators={"score": SATISFACTION}), period="after", measure="mean")
    assert values(found, "estimate", "std_error", "ci_low", "ci_high", "null_reason") == (70.0, None, None, None, None)


# ---------------------------------------------------------------- months


def test_months_and_quarters_of_time_zero_carry_the_primary_measure_alone() -> None:
    rows = AFTER + referred_after([4, None], "2023-02-01", first=50) + referred_after([None], "2023-04-01", first=60)
    found = computed(rows, programme()).figures.filter(pl.col("period").str.starts_with("2023"))
    assert found.select("period", "measure", "horizon", "n").rows() == [
        ("2023-02", "cumulative_incidence", 30, 2), ("2023-03", "cumulative_incidence", 30, 5),
        ("2023-04", "cumulative_incidence", 30, 1), ("2023-Q1", "cumulative_incidence", 30, 7),
        ("2023-Q2", "cumulative_incidence", 30, 1),
    ]  # fmt: skip


def test_a_missing_month_is_not_a_month_with_zero() -> None:
    rows = AFTER + referred_after([None], "2023-05-01", first=60)
    assert {row["period"] for row in figures(rows)} & {"2023-04"} == set()


# ---------------------------------------------------------------- labels


def test_the_planned_figure_is_primary_and_the_rest_secondary() -> None:
    declared = programme(sites=SITES)
    rows = placed("north", 1) + placed("north", 7, "2021-03-01") + placed("east", 9)
    primary = computed(rows, declared).figures.filter(analysis="primary")
    assert set(primary.select("scope", "measure", "horizon").iter_rows()) == {("all", "cumulative_incidence", 30)}
    assert {"before", "transition", "after", "after-before"} <= set(primary["period"])
    assert not set(primary["period"]) & {"2023-03", "2023-Q1"}


def test_an_indicator_that_is_not_planned_as_primary_has_no_primary_figure() -> None:
    declared = programme(analysis={"indicators": ("time_to_referral",), "primary": ()})
    assert "primary" not in computed(AFTER, declared).figures["analysis"]


def test_variants_are_exploratory_unless_planned() -> None:
    short = {"short": {"title": {"fr": "x", "en": "x"}, "window": (0, 61), "horizons": (14, 30)}}
    declared = programme(indicators={"time": {**REFERRAL, "variants": short}})
    found = computed(AFTER + BEFORE, declared).figures
    assert set(found.filter(variant="short")["analysis"]) == {"exploratory"}
    assert not found.filter(variant="main", analysis="primary").is_empty()


def test_every_row_says_whose_it_is() -> None:
    found = computed(AFTER, programme()).figures
    assert set(found.select("programme_id", "run_id", "plan_hash", "kind").iter_rows()) == {
        ("small", "run", "plan", "time_to_event"),
    }  # fmt: skip


def test_a_figure_of_a_difference_carries_its_test() -> None:
    found = figure_of(Difference.normal(0.2, 0.1), "proportion", "after-before", method="m")
    assert values(vars(found), "estimate", "std_error", "method") == (0.2, 0.1, "m")
    assert found.p_value == pytest.approx(0.0455, abs=1e-4)

"""What leaves: small cells withheld, counts rounded, contrasts with their groups, one rule each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
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

from transforms.disclosure import release, require_no_small_count
from warehouse.errors import DisclosureRefused
from warehouse.programme import Programme
from warehouse.schemas import (
    CHECK,
    LEDGER,
    RELEASED_ATTRITION,
    RELEASED_CURVE,
    RELEASED_FIGURE,
    RELEASED_FILE,
    Provenance,
    Release,
)

PROVENANCE = Provenance("1.0", "abc", "plan", date(2024, 4, 1), ("hash",), "pass", 0, 0)
READING = {"current": 1234, "superseded": 3}
NO_CHECKS, NO_FILES = pl.DataFrame(schema=CHECK), pl.DataFrame(schema=LEDGER)
SHARE = programme(indicators={"share": RETURN})


def released(
    rows: list[Happening],
    declared: Programme | None = None,
    checks: pl.DataFrame = NO_CHECKS,
    files: pl.DataFrame = NO_FILES,
    run: str = "run",
    provenance: Provenance = PROVENANCE,
) -> Release:
    declared = declared or programme()
    tallies = tallied(event_frame(rows, declared.zone), patient_frame(), declared)
    estimates = estimated(tallies, declared)
    renamed = replace(estimates, figures=estimates.figures.with_columns(run_id=pl.lit(run)))
    return release(renamed, tallies, checks, files, READING, declared, provenance)


def visits(events: int, n: int, announced: str = "2023-03-01", first: int = 1) -> list[Happening]:
    """``n`` pathways of one day, of which ``events`` came back to an emergency room on the third day after."""
    back = announced[:8] + "04"
    return log(
        *((patient, "announcement", announced) for patient in range(first, first + n)),
        *((patient, "emergency_visit", back) for patient in range(first, first + events)),
    )


def delays(referred: int, never: int, announced: str, first: int = 1) -> list[Happening]:
    return referred_after([*(3 + number % 20 for number in range(referred)), *[None] * never], announced, first)


def only(found: Release, **of: Any) -> dict[str, Any]:
    (row,) = found.figures.filter(**of).to_dicts()
    return row


def values(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


# ---------------------------------------------------------------- one group


@pytest.mark.parametrize(("events", "n"), [(0, 40), (1, 40), (10, 40), (30, 40), (40, 40), (5, 8)])
def test_a_count_or_a_complement_from_0_to_10_withholds_what_is_derived(events: int, n: int) -> None:
    row = only(released(visits(events, n), SHARE), period="after")
    assert values(row, "withheld", "n_events", "estimate", "ci_low", "ci_high") == ("small_count", *[None] * 4)
    assert row["n"] == (40 if n == 40 else None)


@pytest.mark.parametrize(("events", "n", "shown"), [(13, 40, (15, 40)), (12, 31, (10, 30)), (29, 43, (30, 45))])
def test_shares_are_computed_again_from_rounded_counts_in_whole_percent(events: int, n: int, shown: Any) -> None:
    row = only(released(visits(events, n), SHARE), period="after")
    assert values(row, "n_events", "n", "withheld") == (*shown, None)
    assert row["estimate"] == pytest.approx(round(shown[0] / shown[1], 2))
    assert all(row[name] == pytest.approx(round(row[name], 2)) for name in ("ci_low", "ci_high"))


def test_the_programme_sets_the_threshold_and_the_rounding() -> None:
    strict = {"purpose": "tests", "retention_until": date(2030, 1, 1), "smallest_count": 20, "round_to": 10}
    declared = programme(indicators={"share": RETURN}, privacy=strict)
    found = released(visits(19, 60), declared)
    assert only(found, period="after")["withheld"] == "small_count"
    assert (found.smallest_count, found.round_to) == (20, 10)
    assert values(only(released(visits(24, 58), declared), period="after"), "n_events", "n") == (20, 60)


def test_fitted_shares_are_whole_percentages_and_times_whole_days() -> None:
    found = released(delays(30, 20, "2023-03-01"))
    share = only(found, period="after", measure="cumulative_incidence", horizon=30)
    assert values(share, "n", "n_events", "estimate", "withheld") == (50, 30, 0.6, None)
    assert share["ci_low"] == pytest.approx(round(share["ci_low"], 2))
    median = only(found, period="after", measure="median_time")
    assert values(median, "estimate", "withheld") == (17.0, None)  # the 25th of 50


@pytest.mark.parametrize(
    ("before", "withheld"),
    [((40, 20), None), ((55, 5), "small_count"), ((20, 40), "not_reached"), ((0, 0), "period_absent")],
)
def test_a_difference_of_medians_is_in_whole_days_and_withheld_with_either_group(before: Any, withheld: Any) -> None:
    rows = delays(45, 15, "2023-03-01", first=101) + delays(*before, "2021-03-01")
    found = released(rows).figures.filter(period="after-before", measure="median_time").to_dicts()
    if withheld == "period_absent":
        assert found == []
        return
    (row,) = found
    assert row["withheld"] == withheld
    shown = [row[name] for name in ("estimate", "ci_low", "ci_high")]
    assert all(number is None if withheld else number % 1 == 0 for number in shown)


def test_a_fitted_share_needs_eleven_with_and_eleven_without_by_its_horizon() -> None:
    found = released(referred_after([5] * 9 + [40] * 20 + [None] * 20, "2023-03-01"))
    reasons = {
        row["horizon"]: row["withheld"]
        for row in found.figures.filter(period="after", measure="cumulative_incidence").iter_rows(named=True)
    }
    assert reasons == {14: "small_count", 30: "small_count", 60: None, 90: None}


def test_a_number_that_does_not_exist_keeps_its_reason() -> None:
    found = released(delays(30, 20, "2023-03-01"), programme(data_lock=date(2023, 4, 10)))
    last = only(found, period="after", horizon=90, measure="cumulative_incidence")
    assert last["withheld"] == "horizon_beyond_follow_up"


def test_only_the_released_columns_leave() -> None:
    found = released(delays(30, 20, "2023-03-01"))
    assert found.figures.schema == RELEASED_FIGURE
    assert found.curves.schema == RELEASED_CURVE
    assert found.attrition.schema == RELEASED_ATTRITION
    assert found.checks.schema == CHECK
    assert found.files.schema == RELEASED_FILE


# ---------------------------------------------------------------- contrasts


def test_a_contrast_is_computed_before_rounding_and_shown_in_whole_percent() -> None:
    rows = visits(13, 40, "2021-03-01") + visits(22, 41, "2023-03-01", first=100)
    row = only(released(rows, SHARE), period="after-before", measure="proportion")
    assert row["estimate"] == pytest.approx(round(22 / 41 - 13 / 40, 2))
    assert values(row, "n", "n_events", "withheld") == (None, None, None)
    assert row["p_value"] == pytest.approx(round(row["p_value"], 2))


@pytest.mark.parametrize(("before", "after"), [(5, 20), (20, 5)])
def test_a_contrast_is_withheld_with_either_of_its_groups(before: int, after: int) -> None:
    rows = visits(before, 40, "2021-03-01") + visits(after, 40, "2023-03-01", first=100)
    for row in released(rows, SHARE).figures.filter(period="after-before").to_dicts():
        assert values(row, "withheld", "estimate", "ci_low", "ci_high", "p_value") == ("small_count", *[None] * 4)
        assert row["p_adjusted"] is None


def test_a_log_rank_test_is_withheld_with_the_groups_it_compares() -> None:
    alone = {**REFERRAL, "competing": (), "primary": {"measure": "survival", "horizon": 30}}
    declared = programme(indicators={"time": alone})
    large, small = delays(30, 30, "2021-03-01"), delays(5, 30, "2023-03-01", first=100)
    shown = only(released(large + delays(25, 30, "2023-03-01", first=100), declared), measure="log_rank")
    assert shown["withheld"] is None
    assert shown["p_value"] is not None
    hidden = only(released(large + small, declared), measure="log_rank")
    assert values(hidden, "withheld", "estimate", "p_value") == ("small_count", None, None)


def test_no_contrast_without_both_periods() -> None:
    row = only(released(visits(20, 40), SHARE), period="after-before", measure="proportion")
    assert row["withheld"] is not None
    assert row["estimate"] is None


# ---------------------------------------------------------------- months and curves


def months(found: Release) -> list[str]:
    series = found.figures.filter(pl.col("period").str.contains(r"^\d{4}-"))
    return sorted(series["period"].unique())


def test_months_that_may_be_shown_are_shown_and_no_quarter_beside_them() -> None:
    rows = visits(12, 30, "2023-01-01") + visits(14, 30, "2023-02-01", first=100)
    assert months(released(rows, SHARE)) == ["2023-01", "2023-02"]


def test_one_small_month_turns_the_series_into_quarters() -> None:
    rows = (
        visits(12, 30, "2023-01-01") + visits(6, 30, "2023-02-01", first=100) + visits(13, 30, "2023-04-01", first=200)
    )
    found = released(rows, SHARE)
    assert months(found) == ["2023-Q1", "2023-Q2"]
    assert values(only(found, period="2023-Q1"), "n", "n_events", "withheld") == (60, 20, None)


def test_a_quarter_that_is_small_too_is_withheld() -> None:
    found = released(visits(3, 30, "2023-01-01"), SHARE)
    assert values(only(found, period="2023-Q1"), "withheld", "estimate") == ("small_count", None)


def test_curves_are_thinned_to_weeks_and_horizons() -> None:
    curve = released(delays(60, 40, "2023-03-01")).curves
    assert curve["time"].to_list() == sorted({*range(0, 91, 7), 14, 30, 60, 90})
    counts = pl.concat([curve[name] for name in ("n", "at_risk", "n_events")]).drop_nulls()
    assert (counts % 5 == 0).all()
    assert ((curve["estimate"] - curve["estimate"].round(2)).abs().drop_nulls() < 1e-12).all()


def test_curves_are_cut_before_eleven_events_and_where_few_are_left() -> None:
    curve = released(referred_after([2] * 5 + [10] * 20 + [20] * 30 + [None] * 8, "2023-03-01")).curves
    shown = dict(curve.select("time", pl.col("estimate").is_not_null()).iter_rows())
    assert not shown[0.0]
    assert not shown[7.0]  # five events
    assert shown[14.0]
    assert not shown[21.0]  # eight without the event
    assert curve.filter(~pl.Series(list(shown.values())))["n_events"].is_null().all()


def test_at_risk_is_the_number_just_before_the_published_day() -> None:
    """Twenty left on day 8: forty are at risk on day 7, twenty on day 14, though nothing happened between."""
    rows = referred_after([2] * 20 + [8] * 20 + [60] * 20 + [None] * 20, "2023-03-01")
    at_risk = dict(released(rows).curves.select("time", "at_risk").iter_rows())
    assert [at_risk[float(day)] for day in (0, 7, 14, 56, 63, 90)] == [80, 60, 40, 40, 20, 20]


def test_a_curve_is_not_carried_beyond_its_follow_up() -> None:
    found = released(delays(30, 30, "2023-03-01"), programme(data_lock=date(2023, 4, 10)))  # forty days
    shown = dict(found.curves.select("time", pl.col("estimate").is_not_null()).iter_rows())
    assert shown[35.0]
    assert not shown[42.0]
    assert not shown[90.0]


def test_minutes_have_about_sixteen_points() -> None:
    minutes = {
        **REFERRAL, "competing": (), "unit": "minute", "window": (0, 600), "horizons": (60, 320),
        "primary": {"measure": "survival", "horizon": 60},
    }  # fmt: skip
    rows = log(
        *((patient, "announcement", "2023-05-01 10:00") for patient in range(40)),
        *((patient, "referral", f"2023-05-01 11:{patient:02}") for patient in range(20)),
    )
    curve = released(rows, programme(indicators={"time": minutes})).curves
    assert curve["time"].to_list() == [*range(0, 60, 20), 60, *range(80, 321, 20)]


def test_indicators_without_a_curve_release_none() -> None:
    found = released(visits(20, 40), SHARE)
    assert found.curves.schema == RELEASED_CURVE
    assert found.curves.is_empty()


# ---------------------------------------------------------------- attrition, checks, files


def test_attrition_is_rounded_and_its_small_counts_withheld() -> None:
    early = log(*((patient, "announcement", "2020-03-01") for patient in range(500, 513)))
    excluded = log(
        *(
            (patient, kind, day)
            for patient in (600, 601)
            for kind, day in (("announcement", "2023-03-03"), ("referral", "2023-03-01"))
        )
    )
    found = released(delays(20, 21, "2023-03-01") + early + excluded).attrition
    assert set(found.select("period", "reason", "n", "withheld").iter_rows()) == {
        ("after", "analysed", 40, None),
        ("after", "earlier_event", None, "small_count"),
        ("outside", "prevalent", 15, None),
    }  # fmt: skip


def test_pathways_of_other_arms_stand_in_the_attrition_under_their_arm() -> None:
    sites = ({"id": "north"}, {"id": "south", "starts": date(2023, 6, 1)}, {"id": "east", "arm": "comparator"})
    rows = [
        replace(one, site=site, patient=one.patient + 100 * number)
        for number, site in enumerate(("north", "south", "east"))
        for one in delays(20, 20, "2023-03-01")
    ]
    found = released(rows, programme(sites=sites)).attrition
    assert set(found.select("reason", "n").iter_rows()) == {("analysed", 40), ("not_started", 40), ("comparator", 40)}


def test_checks_keep_their_verdict_and_round_their_counts() -> None:
    def check(name: str, violated: int, denominator: int) -> dict[str, Any]:
        known = {"check_id": name, "category": "conformance", "severity": "warning", "scope": "ehr", "status": "fail"}
        share = violated / denominator
        return known | {"violated": violated, "denominator": denominator, "share": share, "threshold": 0.0}

    checks = pl.DataFrame([check("b", 123, 1017), check("a", 4, 1017), check("c", 0, 7)], schema=CHECK)
    found = released(visits(20, 40), SHARE, checks=checks).checks
    assert found.select("check_id", "violated", "denominator", "share", "status").rows() == [
        ("a", None, 1015, None, "fail"), ("b", 125, 1015, 0.12, "fail"), ("c", None, None, None, "fail"),
    ]  # fmt: skip


def test_files_are_told_by_source_in_rounded_rows() -> None:
    files = pl.DataFrame(
        [
            ("ehr", "a.csv", "x", 103, 98, 2, 3),
            ("ehr", "b.csv", "y", 100, 89, 10, 1),
            ("lab", "c.csv", "z", 4, 4, 0, 0),
        ],
        schema=LEDGER,
        orient="row",
    )
    found = released(visits(20, 40), SHARE, files=files).files
    assert found.rows() == [("ehr", 205, 185, 10, None), ("lab", None, None, None, None)]


# ---------------------------------------------------------------- the seal


def test_the_id_depends_on_the_content_and_not_on_the_run() -> None:
    rows = visits(20, 40)
    first = released(rows, SHARE, run="monday")
    assert first.id == released(rows, SHARE, run="tuesday").id
    assert first.id == released(list(reversed(rows)), SHARE).id
    assert len(first.id) == 16


def test_the_id_changes_with_figures_declarations_or_provenance() -> None:
    first = released(visits(20, 40), SHARE)
    assert released(visits(30, 50), SHARE).id != first.id
    retitled = programme(indicators={"share": RETURN}, title={"fr": "Autre", "en": "Other"})
    assert released(visits(20, 40), retitled).id != first.id
    other = replace(PROVENANCE, input_hashes=("other",))
    assert released(visits(20, 40), SHARE, provenance=other).id != first.id


def test_the_provenance_counts_what_was_shown_and_withheld() -> None:
    found = released(visits(20, 40), SHARE)
    shown = found.figures.filter(pl.col("withheld").is_null()).height
    small = found.figures.filter(withheld="small_count").height
    assert (found.provenance.released_cells, found.provenance.withheld_cells) == (shown, small)
    assert shown > 0


def test_no_data_can_be_released_too() -> None:
    declared = programme(indicators={"time": REFERRAL, "share": RETURN, "score": SATISFACTION})
    found = released([], declared)
    assert found.figures["estimate"].is_null().all()
    assert found.figures["withheld"].is_not_null().all()
    assert found.curves.is_empty()
    assert found.attrition.is_empty()


def test_what_became_of_the_loaded_rows_is_rounded() -> None:
    assert set(released(visits(20, 40), SHARE).reading.iter_rows()) == {("current", 1235), ("superseded", None)}


def test_all_periods_together_are_not_released() -> None:
    assert "all" not in set(released(visits(20, 40), SHARE).figures["period"])


@pytest.mark.parametrize(("table", "count"), [("figures", "n"), ("figures", "n_events"), ("attrition", "n")])
def test_a_count_that_no_rule_withheld_stops_the_release(table: str, count: str) -> None:
    """As if one of the rules had forgotten it; the message holds no count but the smallest that may leave."""
    sealed = released(visits(20, 60), SHARE)
    require_no_small_count(sealed)
    forgotten = getattr(sealed, table).with_columns(pl.when(pl.col(count) > 0).then(4).alias(count))
    with pytest.raises(DisclosureRefused, match=f"rows of {table} would show a count below .* 11: nothing is") as told:
        require_no_small_count(replace(sealed, **{table: forgotten}))
    assert told.value.exit_code == 6

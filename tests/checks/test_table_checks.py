"""Every table check meets evidence that keeps it and evidence that breaks it, without Great Expectations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import coverage
from checks.coverage import Measured, months
from checks.rules import row_rules
from checks.tables import COUNTS, Evidence, TableCheck, table_checks
from warehouse.programme import Period, Programme

Broken = Callable[[Evidence], Evidence]
BEFORE, AFTER = ("2021-06", "2021-12"), ("2023-01", "2023-12")


def counts(**changed: int) -> Broken:
    return lambda evidence: replace(evidence, counts={**evidence.counts, **changed})


def without(first: str = "", last: str = "9999", **equal: Any) -> Broken:
    """The evidence without the volumes of these months that are equal in these columns."""
    gone = pl.col("month").is_between(pl.lit(first), pl.lit(last))
    for name, value in equal.items():
        gone &= pl.col(name) == value
    return lambda evidence: replace(evidence, volumes=evidence.volumes.filter(~gone))


def multiplied(by: int, first: str, last: str) -> Broken:
    inside = (pl.col("site") == "north") & pl.col("month").is_between(pl.lit(first), pl.lit(last))
    number = pl.when(inside).then(pl.col("n") * by).otherwise("n")
    return lambda evidence: replace(evidence, volumes=evidence.volumes.with_columns(n=number))


def in_ledger(row: int, **changed: int) -> Broken:
    def broken(evidence: Evidence) -> Evidence:
        here = pl.int_range(pl.len()) == row
        columns = {name: pl.when(here).then(pl.lit(value)).otherwise(name) for name, value in changed.items()}
        return replace(evidence, ledger=evidence.ledger.with_columns(**columns))

    return broken


def without_rule(evidence: Evidence) -> Evidence:
    return replace(evidence, rule_results=evidence.rule_results.slice(1))


def dated(**changed: float) -> Broken:
    """The evidence with these counts of its summer visits."""
    summer = pl.col("utc_offset") == 7200
    columns = {name: pl.when(summer).then(pl.lit(value)).otherwise(name) for name, value in changed.items()}
    return lambda evidence: replace(evidence, dating=evidence.dating.with_columns(**columns))


def without_late_days(evidence: Evidence) -> Evidence:
    return replace(evidence, dating=evidence.dating.with_columns(after_twelfth=pl.lit(0, pl.Int64)))


EVENTS = 2 * 34 * 5 * 20  # sites x months x types x events a month
LOADED = EVENTS + 15
EVALUATED = 34  # months of June 2021 to March 2024
# id -> (how it is broken, what the broken evidence measures)
CASES: dict[str, tuple[Broken, Measured]] = {
    "every_rule_was_evaluated": (without_rule, Measured(1, 52)),
    "rows_of_files_add_up": (in_ledger(0, quarantined=2), Measured(1, 2)),
    "loaded_rows_add_up": (counts(cancelled_rows=1), Measured(1, LOADED)),
    "monthly_events_add_up": (without(site="north", month="2023-05", event_type="referral"), Measured(20, EVENTS)),
    "sources_have_rows": (in_ledger(0, loaded=0), Measured(1, 1)),
    "optional_sources_have_rows": (in_ledger(1, loaded=0), Measured(1, 1)),
    "few_rows_quarantined": (in_ledger(0, quarantined=EVENTS // 2), Measured(EVENTS // 2, EVENTS + 22)),
    "few_rows_duplicated": (in_ledger(0, duplicates=EVENTS // 2), Measured(EVENTS // 2, EVENTS + 22)),
    "few_rows_after_lock": (counts(set_aside_rows=4000), Measured(4000, LOADED)),
    "few_rows_superseded": (counts(superseded_rows=4000), Measured(4000, LOADED)),
    "few_rows_cancelled": (counts(cancelled_rows=4000), Measured(4000, LOADED)),
    "events_in_order": (counts(out_of_order_rows=4000), Measured(4000, EVENTS)),
    "few_shared_instants": (counts(same_instant_groups=4000), Measured(4000, EVENTS)),
    "no_events_after_death": (counts(events_after_death=10), Measured(10, EVENTS)),
    "days_not_imputed": (dated(fifteenth=400), Measured(1, 1)),
    "times_not_dates": (dated(at_midnight=300), Measured(1, 1)),
    "days_after_the_twelfth": (without_late_days, Measured(1, 1)),
    "same_hours_all_year": (
        dated(seconds=48_600 * 1000, seconds_squared=1000 * (48_600.0**2 + 14_400.0**2)),
        Measured(1, 1),
    ),
    "patients_die_once": (counts(patients_with_several_deaths=3), Measured(3, 2000)),
    "patients_have_time_zero": (counts(patients_without_time_zero=401), Measured(401, 2000)),
    "covariates_known": (counts(patients_without_covariates=201), Measured(201, 2000)),
    "plausible_age": (counts(patients_of_implausible_age=11), Measured(11, 2000)),
    "measured_events_present": (without(event_type="questionnaire"), Measured(1, 4)),
    "sites_have_events": (without(site="south"), Measured(1, 2)),
    "periods_have_time_zeros": (without(*BEFORE, event_type="announcement"), Measured(1, 2)),
    "no_missing_month": (without(site="north", month="2022-05"), Measured(1, 2 * 31)),
    "time_zero_every_month": (
        without("2023-01", "2023-10", event_type="announcement"),
        Measured(2 * 10, 2 * 19),
    ),
    "emergency_coverage_stable": (
        without(*BEFORE, site="north", event_type="emergency_visit"),
        Measured(1, 2),
    ),
    "event_coverage_stable": (without(*AFTER, site="north", event_type="referral"), Measured(1, 6)),
    "data_fresh": (without("2023-12", "2024-03", site="south"), Measured(1, 2)),
    "monthly_volume_plausible": (multiplied(4, "2023-01", "2023-04"), Measured(4, 2 * 19)),
}


@pytest.fixture
def by_id(programme: Programme) -> dict[str, TableCheck[Evidence]]:
    return {check.id: check for check in table_checks(row_rules(programme))}


def test_the_checks_are_these(by_id: dict[str, TableCheck[Evidence]]) -> None:
    assert list(by_id) == list(CASES)


@pytest.mark.parametrize("check_id", CASES)
def test_evidence_that_keeps_the_check_and_evidence_that_breaks_it(
    check_id: str, by_id: dict[str, TableCheck[Evidence]], clean: Evidence
) -> None:
    check = by_id[check_id]
    kept = check.measure(clean)
    assert kept is not None
    assert kept.denominator > 0
    assert kept.violated / kept.denominator <= check.threshold
    broken, expected = CASES[check_id]
    found = check.measure(broken(clean))
    assert found == expected
    assert found.violated / found.denominator > check.threshold


def test_clean_evidence_violates_next_to_nothing(by_id: dict[str, TableCheck[Evidence]], clean: Evidence) -> None:
    violated = {id: found.violated for id, check in by_id.items() if (found := check.measure(clean)) and found.violated}
    assert violated == {"few_rows_quarantined": 3, "few_rows_duplicated": 4, "few_rows_after_lock": 15}


NEEDED = {
    "loaded_rows_add_up": "superseded_rows",
    "monthly_events_add_up": "events",
    "few_rows_after_lock": "set_aside_rows",
    "few_rows_superseded": "superseded_rows",
    "few_rows_cancelled": "cancelled_rows",
    "events_in_order": "out_of_order_rows",
    "few_shared_instants": "same_instant_groups",
    "no_events_after_death": "events_after_death",
    "patients_die_once": "patients_with_several_deaths",
    "patients_have_time_zero": "patients_without_time_zero",
    "covariates_known": "patients_without_covariates",
    "plausible_age": "patients_of_implausible_age",
}


@pytest.mark.parametrize(("check_id", "count"), NEEDED.items())
def test_a_count_that_was_not_handed_over_measures_nothing(
    check_id: str, count: str, by_id: dict[str, TableCheck[Evidence]], clean: Evidence
) -> None:
    left = {name: n for name, n in clean.counts.items() if name != count}
    assert by_id[check_id].measure(replace(clean, counts=left)) is None


def test_every_count_is_needed() -> None:
    assert set(NEEDED.values()) | {"events", "patients"} == set(COUNTS)


def test_without_declared_covariates_nothing_is_asked_of_them(
    by_id: dict[str, TableCheck[Evidence]], clean: Evidence
) -> None:
    bare = clean.programme.model_copy(update={"strata": {}})
    assert by_id["covariates_known"].measure(replace(clean, programme=bare, counts={})) == Measured(0, 0)


def test_a_programme_that_measures_no_emergency_is_not_judged_by_them(
    by_id: dict[str, TableCheck[Evidence]], clean: Evidence
) -> None:
    indicators = {name: each for name, each in clean.programme.indicators.items() if name != "emergency"}
    quiet = clean.programme.model_copy(update={"indicators": indicators})
    assert by_id["emergency_coverage_stable"].measure(replace(clean, programme=quiet)) == Measured(0, 0)


def test_a_few_events_more_are_chance_and_not_coverage(by_id: dict[str, TableCheck[Evidence]], clean: Evidence) -> None:
    """7 months before at one a month lead to expect 12 after; at five in seven months, 8.6."""
    rare = clean.volumes.filter(pl.col("event_type") != "emergency_visit")

    def judged(n: int) -> Measured | None:
        visits = pl.DataFrame([("north", "2021-07", "emergency_visit", n)], schema=coverage.VOLUME, orient="row")
        return by_id["emergency_coverage_stable"].measure(replace(clean, volumes=pl.concat([rare, visits])))

    assert judged(5) == Measured(0, 1)
    assert judged(6) == Measured(1, 1)


def test_sites_without_name_are_nobodys(clean: Evidence) -> None:
    nameless = clean.volumes.with_columns(site=pl.lit(None, pl.String))
    assert coverage.silent_sites(nameless, clean.programme) == Measured(2, 2)
    assert coverage.missing_months(nameless, clean.programme) == Measured(0, 0)
    assert coverage.stale_sites(nameless, clean.programme) == Measured(0, 0)


def test_no_volumes_at_all(clean: Evidence, by_id: dict[str, TableCheck[Evidence]]) -> None:
    empty = replace(clean, volumes=clean.volumes.clear(), counts=dict.fromkeys(COUNTS, 0))
    assert by_id["periods_have_time_zeros"].measure(empty) == Measured(2, 2)
    assert by_id["time_zero_every_month"].measure(empty) == Measured(0, 0)
    assert by_id["monthly_volume_plausible"].measure(empty) == Measured(0, 0)
    assert by_id["monthly_events_add_up"].measure(empty) == Measured(0, 0)


def test_small_sites_have_no_outlying_months(clean: Evidence) -> None:
    small = clean.volumes.filter(pl.col("event_type") == "referral").with_columns(n=pl.lit(9, pl.Int64))
    assert coverage.outlying_months(small, clean.programme) == Measured(0, 0)


@pytest.mark.parametrize(
    ("start", "until", "lock", "expected"),
    [
        (date(2023, 1, 1), date(2023, 4, 1), date(2024, 1, 1), ["2023-01", "2023-02", "2023-03"]),
        (date(2023, 1, 2), date(2023, 3, 31), date(2024, 1, 1), ["2023-02"]),
        (date(2022, 12, 1), date(2023, 4, 1), date(2023, 2, 15), ["2022-12", "2023-01"]),
        (date(2023, 1, 2), date(2023, 1, 20), date(2024, 1, 1), []),
        (date(2023, 1, 1), date(2023, 4, 1), date(2022, 1, 1), []),
    ],
)
def test_whole_months(start: date, until: date, lock: date, expected: list[str]) -> None:
    assert Period.model_validate({"from": start, "until": until}).whole_months(lock) == expected


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(1, 2000))
def test_the_months_of_a_period_are_those_of_its_days(start: date, days: int) -> None:
    until = date.fromordinal(start.toordinal() + days)
    every_day = (date.fromordinal(day) for day in range(start.toordinal(), until.toordinal()))
    assert months(start, until) == sorted({day.strftime("%Y-%m") for day in every_day})


def test_sentences_say_their_denominator_in_both_languages(by_id: dict[str, TableCheck[Evidence]]) -> None:
    for check in by_id.values():
        assert ": " in check.sentence_en, check.id
        assert "\u00a0: " in check.sentence_fr, check.id
        assert "'" not in check.sentence_fr, check.id
        assert 0 <= check.threshold <= 0.25, check.id

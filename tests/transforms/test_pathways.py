"""Time zero, period, arm and strata: one rule each."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from oracle.builders import Happening, event_frame, log, patient_frame, programme

from transforms.pathways import band_labels, pathways
from warehouse.kinds import TimeZero
from warehouse.programme import Programme
from warehouse.schemas import PATHWAY, WORD

ANNOUNCED = programme()
SITES = (
    {"id": "north", "starts": date(2023, 3, 1)},
    {"id": "south", "starts": date(2022, 6, 1)},
    {"id": "east", "arm": "comparator", "starts": date(2023, 3, 1)},
)


def found(
    happenings: list[Happening],
    declared: Programme = ANNOUNCED,
    people: tuple[dict[str, Any], ...] = (),
    zero: TimeZero | None = None,
    **covariates: Any,
) -> list[dict[str, Any]]:
    events = event_frame(happenings, declared.zone)
    return pathways(events, patient_frame(people, **covariates), declared, zero or declared.time_zero).to_dicts()


def one(*rows: Any, **known: Any) -> dict[str, Any]:
    (only,) = found(log(*rows), **known)
    return only


def test_a_pathway_is_a_patient_with_the_event_of_time_zero() -> None:
    rows = found(
        log((7, "announcement", "2023-05-01"), (8, "referral", "2023-05-01"), (9, "announcement", "2023-05-02"))
    )
    assert [(row["pathway"], row["patient"]) for row in rows] == [(0, 7), (1, 9)]


def test_the_columns_are_those_of_the_schema_then_one_per_stratum() -> None:
    declared = programme(strata={"age_band": (50,), "stage": True})
    frame = pathways(event_frame([]), patient_frame(), declared, declared.time_zero)
    assert frame.schema == pl.Schema({**PATHWAY, "age_band": WORD, "stage": WORD})
    assert frame.is_empty()


def test_the_first_announcement_in_all_loaded_history_is_time_zero() -> None:
    row = one((1, "announcement", "2023-05-01"), (1, "announcement", "2021-06-01"), (1, "announcement", "2022-02-02"))
    assert (row["index_on"], row["index_month"], row["period"]) == (date(2021, 6, 1), date(2021, 6, 1), "before")


def test_or_the_last_where_the_programme_says_so() -> None:
    last = TimeZero(event="discharge", which="last")
    row = one((1, "discharge", "2023-05-01"), (1, "discharge", "2021-06-01"), zero=last)
    assert (row["index_on"], row["period"], row["excluded"]) == (date(2023, 5, 1), "after", None)


def test_only_the_declared_codes_start_a_pathway() -> None:
    coded = TimeZero(event="announcement", code=("metastatic",))
    row = one(
        (1, "announcement", "2021-06-01", {"code": "local"}), (1, "announcement", "2023-06-01", {"code": "metastatic"}),
        zero=coded,
    )  # fmt: skip
    assert row["index_on"] == date(2023, 6, 1)


@pytest.mark.parametrize(("which", "site"), [("first", "south"), ("last", "east")])
def test_of_one_day_a_day_only_value_comes_before_timed_ones(which: Any, site: str) -> None:
    row = one(
        (1, "announcement", "2023-05-01 00:00", {"site": "east"}), (1, "announcement", "2023-05-01", {"site": "south"}),
        zero=TimeZero(event="announcement", which=which), declared=programme(sites=SITES),
    )  # fmt: skip
    assert row["site"] == site


def test_of_one_instant_the_earlier_row_is_taken() -> None:
    row = one((1, "announcement", "2023-05-01 09:00"), (1, "announcement", "2023-05-01 09:00", {"site": "south"}))
    assert row["site"] == "north"


def test_a_first_announcement_before_the_before_period_is_prevalent() -> None:
    """Excluded, and kept so that the attrition adds up, although the patient was announced again later."""
    row = one((1, "announcement", "2020-12-31"), (1, "announcement", "2021-06-01"))
    assert (row["excluded"], row["period"]) == ("prevalent", None)


def test_a_last_one_there_is_only_outside() -> None:
    row = one((1, "announcement", "2020-12-31"), zero=TimeZero(event="announcement", which="last"))
    assert row["excluded"] == "outside_periods"


@pytest.mark.parametrize(
    ("day", "period", "excluded"),
    [
        ("2021-01-01", "before", None),
        ("2021-12-31", "before", None),
        ("2022-01-01", "transition", None),
        ("2022-12-31", "transition", None),
        ("2023-01-01", "after", None),
        ("2023-12-31", "after", None),
        ("2024-01-01", None, "outside_periods"),
    ],
)
def test_periods_are_half_open(day: str, period: str | None, excluded: str | None) -> None:
    row = one((1, "announcement", day))
    assert (row["period"], row["excluded"]) == (period, excluded)


def test_days_between_two_periods_lie_outside() -> None:
    gap = programme(
        periods={
            "before": {"from": date(2021, 1, 1), "until": date(2021, 7, 1)},
            "after": {"from": date(2023, 1, 1), "until": date(2024, 1, 1)},
        }
    )
    assert one((1, "announcement", "2022-02-02"), declared=gap)["excluded"] == "outside_periods"


def test_the_calendar_is_local() -> None:
    """Half past midnight in Paris on New Year's Day is still the old year in UTC."""
    row = one((1, "announcement", "2023-01-01 00:30"))
    assert row["index_at"].isoformat() == "2022-12-31T23:30:00"
    assert (row["index_on"], row["index_month"], row["period"]) == (date(2023, 1, 1), date(2023, 1, 1), "after")


@pytest.mark.parametrize(
    ("day", "site", "arm"),
    [
        ("2023-02-28", "north", "not_started"),
        ("2023-03-01", "north", "circuit"),
        ("2021-05-01", "north", "circuit"),  # before: the arm is the site's
        ("2022-05-01", "north", "circuit"),  # transition: neither contrasted nor waiting
        ("2023-01-01", "south", "circuit"),  # started within the transition
        ("2023-01-01", "east", "comparator"),  # a comparator has nothing to start
    ],
)
def test_the_arm_is_that_of_the_site_and_its_start(day: str, site: str, arm: str) -> None:
    assert one((1, "announcement", day, {"site": site}), declared=programme(sites=SITES))["arm"] == arm


def test_pathways_belong_to_the_site_of_their_time_zero() -> None:
    row = one(
        (1, "referral", "2021-01-05", {"site": "south"}), (1, "announcement", "2023-05-01"),
        (1, "announcement", "2023-06-01", {"site": "south"}), declared=programme(sites=SITES),
    )  # fmt: skip
    assert row["site"] == "north"


def test_a_pathway_without_a_site_is_excluded_and_counted() -> None:
    assert one((1, "announcement", "2023-05-01", {"site": None}))["excluded"] == "site_unknown"


@pytest.mark.parametrize(
    ("born", "band"), [(2006, "<18"), (2005, "18-49"), (1974, "18-49"), (1973, "50+"), (None, "missing")]
)
def test_age_is_the_year_of_time_zero_less_the_year_of_birth(born: int | None, band: str) -> None:
    declared = programme(strata={"age_band": (18, 50)})
    row = one((1, "announcement", "2023-12-31"), declared=declared, people=({"patient": 1, "birth_year": born},))
    assert row["age_band"] == band


def test_a_factor_stands_as_it_is_and_missing_is_a_level() -> None:
    declared = programme(strata={"stage": True})
    people = ({"patient": 1, "stage": 4}, {"patient": 2, "stage": None})
    announced = log(*((patient, "announcement", "2023-05-01") for patient in (1, 2, 3)))
    assert [row["stage"] for row in found(announced, declared, people, stage=pl.Int64)] == ["4", "missing", "missing"]


def test_a_factor_that_no_file_brings_is_missing_for_all() -> None:
    declared = programme(strata={"stage": True, "age_band": (50,)})
    events = event_frame(log((1, "announcement", "2023-05-01")))
    row = pathways(events, pl.DataFrame({"patient": [1]}), declared, declared.time_zero).to_dicts()[0]
    assert (row["stage"], row["age_band"]) == ("missing", "missing")


def test_labels_of_bands_are_half_open_in_whole_years() -> None:
    assert band_labels((18, 50, 65)) == ["<18", "18-49", "50-64", "65+"]

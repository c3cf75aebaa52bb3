# ruff: noqa: DTZ001 - instants are stored without a zone, in UTC
"""Instants in UTC and days in the programme's zone, against Python's own calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

PARIS = ZoneInfo("Europe/Paris")


def read(desk: Any, *moments: str) -> list[tuple[Any, ...]]:
    """``occurred_at, occurred_on, precision`` of each text."""
    rows = [f"P{number},consultation,{moment},north" for number, moment in enumerate(moments)]
    desk.load("\n".join(["patient_id,event_type,occurred_at,site", *rows]) + "\n")
    return desk.events().select("occurred_at", "occurred_on", "precision").rows()


@pytest.mark.parametrize(
    ("written", "instant", "day", "precision"),
    [
        ("2023-01-05", datetime(2023, 1, 4, 23), date(2023, 1, 5), "day"),
        ("2023-07-05", datetime(2023, 7, 4, 22), date(2023, 7, 5), "day"),
        ("2024-02-29", datetime(2024, 2, 28, 23), date(2024, 2, 29), "day"),
        ("2023-01-05T00:00", datetime(2023, 1, 4, 23), date(2023, 1, 5), "minute"),
        ("2023-01-05 23:59:59", datetime(2023, 1, 5, 22, 59, 59), date(2023, 1, 5), "second"),
        ("2023-01-05T10:00:00.250", datetime(2023, 1, 5, 9, 0, 0, 250_000), date(2023, 1, 5), "second"),
        ("2023-01-05T23:30Z", datetime(2023, 1, 5, 23, 30), date(2023, 1, 6), "minute"),
        ("2023-01-05T23:30:00Z", datetime(2023, 1, 5, 23, 30), date(2023, 1, 6), "second"),
        ("2023-07-05T23:30:00.000+02:00", datetime(2023, 7, 5, 21, 30), date(2023, 7, 5), "second"),
        ("2023-07-05T23:30+0200", datetime(2023, 7, 5, 21, 30), date(2023, 7, 5), "minute"),
        ("2023-07-05T23:30+02", datetime(2023, 7, 5, 21, 30), date(2023, 7, 5), "minute"),
        ("2023-07-05 23:30:10-05:30", datetime(2023, 7, 6, 5, 0, 10), date(2023, 7, 6), "second"),
        # The clock goes forward at 02:00 on 26 March: 02:30 never was, and is read with the offset before.
        ("2023-03-26T01:59", datetime(2023, 3, 26, 0, 59), date(2023, 3, 26), "minute"),
        ("2023-03-26T02:30", datetime(2023, 3, 26, 1, 30), date(2023, 3, 26), "minute"),
        ("2023-03-26T03:00", datetime(2023, 3, 26, 1, 0), date(2023, 3, 26), "minute"),
        # It goes back at 03:00 on 29 October: 02:30 is twice, and is read as the first.
        ("2023-10-29T02:30", datetime(2023, 10, 29, 0, 30), date(2023, 10, 29), "minute"),
        ("2023-10-29T02:30+01:00", datetime(2023, 10, 29, 1, 30), date(2023, 10, 29), "minute"),
        ("2023-10-29T03:00", datetime(2023, 10, 29, 2, 0), date(2023, 10, 29), "minute"),
    ],
)
def test_iso_texts(desk: Any, written: str, instant: datetime, day: date, precision: str) -> None:
    assert read(desk, written) == [(instant, day, precision)]


@pytest.mark.parametrize(
    "written",
    ["2023-1-5", "20230105", "2023-01-05T9:30", "2023-01-05T10", "2023-01-05+02:00", "2023-01-05T25:00", "2023-02-29",
     "2023-01-05T10:00+15:00", "2023-01-05T10:00 Europe/Paris", "2023-01-05 10:00:60", "now", "2023-01-05 (BC)"],
)  # fmt: skip
def test_what_is_not_iso_is_kept_out(desk: Any, written: str) -> None:
    assert read(desk, written) == []
    assert desk.quarantine() == [(2, "occurred_at", "bad_date")]


@pytest.mark.parametrize(
    ("date_format", "written", "instant", "precision"),
    [
        ("%d/%m/%Y", "03/04/2023", datetime(2023, 4, 2, 22), "day"),
        ("%d/%m/%Y %H:%M", "03/04/2023 10:15", datetime(2023, 4, 3, 8, 15), "minute"),
        ("%d/%m/%Y %H:%M:%S", "03/04/2023 10:15:20", datetime(2023, 4, 3, 8, 15, 20), "second"),
        ("%Y%m%d%H%M", "202304031015", datetime(2023, 4, 3, 8, 15), "minute"),
        ("%d/%m/%y", "03/04/23", datetime(2023, 4, 2, 22), "day"),
        ("%d/%m/%Y %H:%M %z", "03/04/2023 10:15 +0500", datetime(2023, 4, 3, 5, 15), "minute"),
    ],
)
def test_declared_formats(desk: Any, date_format: str, written: str, instant: datetime, precision: str) -> None:
    desk.declare(date_format=date_format)
    ((found, _, how),) = read(desk, written)
    assert (found, how) == (instant, precision)


def test_the_source_may_keep_another_clock_than_the_programme(desk: Any) -> None:
    desk.declare(timezone="America/Martinique")
    moments = read(desk, "2023-07-05T20:00", "2023-07-05")
    assert moments[0] == (datetime(2023, 7, 6, 0), date(2023, 7, 6), "minute")
    # A day is a day of the programme: nothing says at what time it was.
    assert moments[1] == (datetime(2023, 7, 4, 22), date(2023, 7, 5), "day")


def test_recorded_at_is_read_like_occurred_at(desk: Any) -> None:
    desk.load(
        "patient_id,event_type,occurred_at,event_id,recorded_at\n"
        "P1,death,2023-01-05,e,2023-01-07T10:00+01:00\nP1,death,2023-01-06,e,2023-01-07T09:30Z\n"
    )
    assert desk.events()["occurred_on"].to_list() == [date(2023, 1, 6)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(st.datetimes(datetime(1902, 1, 1), datetime(2099, 12, 31)), min_size=1, max_size=40),
    zone=st.sampled_from(
        ["Europe/Paris", "America/Martinique", "Pacific/Noumea", "America/St_Johns", "Asia/Kolkata", "UTC"]
    ),
)
@example(moments=[datetime(2022, 10, 30, hour, 30) for hour in range(5)], zone="Europe/Paris")
def test_local_times_are_what_the_standard_library_says(
    tmp_path_factory: pytest.TempPathFactory, desk: Any, moments: list[datetime], zone: str
) -> None:
    desk = type(desk)(tmp_path_factory.mktemp("zone"))
    desk.declare(timezone=zone, duplicates="keep", data_lock=date(2150, 1, 1))
    moments = [moment.replace(microsecond=0) for moment in moments]
    instants = [moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for moment in moments]
    same_zone = zone == "Europe/Paris"
    days = [
        moment.date() if same_zone else instant.astimezone(PARIS).date()
        for moment, instant in zip(moments, instants, strict=True)
    ]
    found = read(desk, *(moment.isoformat(" ") for moment in moments))
    # Far-away zones of a century ago have offsets of odd seconds, which both keep.
    assert found == [(i.replace(tzinfo=None), d, "second") for i, d in zip(instants, days, strict=True)]


def test_days_across_a_whole_year_of_hours(desk: Any) -> None:
    start = datetime(2023, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=number) for number in range(365 * 24)]
    found = read(desk, *(hour.strftime("%Y-%m-%dT%H:%M:%SZ") for hour in hours))
    assert [day for _, day, _ in found] == [hour.astimezone(PARIS).date() for hour in hours]

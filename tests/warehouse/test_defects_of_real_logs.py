# ruff: noqa: E501, DTZ001 - one case a line; local times are the subject
"""The catalogue of what real event logs have wrong: one file that passes and one that fails for each defect.

Every row is accounted for: loaded, a duplicate, or kept out with its line, column and rule. What is loaded is
asserted as it is read, and what is only counted by its rule. Where the same rows can stand in a Parquet file,
they must become the same events there.
"""

from __future__ import annotations

import codecs
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from checks.coverage import Measured
from checks.rules import row_rules
from checks.tables import table_checks
from flows.evidence import evidence
from transforms.follow_up import History
from transforms.outcomes import outcomes
from transforms.pathways import pathways
from warehouse.declarations import load
from warehouse.errors import DeclarationError
from warehouse.store import Store

PARIS = ZoneInfo("Europe/Paris")
CARE = ["patient_id", "event_type", "occurred_at", "site", "code"]
ANSWER = ["patient_id", "event_type", "occurred_at", "site", "value"]
VERSION = ["patient_id", "event_type", "occurred_at", "site", "event_id", "status", "recorded_at"]
NARROW, NO_BREAK = "\u202f", "\u00a0"


@dataclass(frozen=True)
class File:
    """A file of texts as it is sent, how it is declared, and what must become of each of its rows."""

    header: list[str]
    rows: list[str]  # fields between semicolons
    loaded: list[str] = field(default_factory=list)  # current events as read, in their order
    kept_out: list[tuple[int, str | None, str]] = field(default_factory=list)  # line, column, rule
    duplicates: int = 0
    not_current: int = 0  # loaded, and superseded or cancelled
    counted: dict[str, int] = field(default_factory=dict)  # rule -> rows that violate it and stay
    declared: dict[str, Any] = field(default_factory=dict)
    only_text: bool = False  # its rows cannot stand in a Parquet file


@dataclass(frozen=True)
class Refused:
    """A file that is not what was declared, and words of the message."""

    content: bytes
    words: tuple[str, ...]
    declared: dict[str, Any] = field(default_factory=dict)


def answers(*values: str, loaded: list[str], unreadable: tuple[int, ...] = (), **declared: Any) -> File:
    """Questionnaires of one patient on successive days, with these values."""
    rows = [f"P1;questionnaire;2023-01-{day:02d};north;{value}" for day, value in enumerate(values, start=1)]
    kept_out: list[tuple[int, str | None, str]] = [(line, "value", "unreadable_number") for line in unreadable]
    return File(ANSWER, rows, [f"2023-01-{one}" for one in loaded], kept_out, declared=declared)


def visits(*moments: str, loaded: list[str], **more: Any) -> File:
    """Emergency visits of as many patients at these moments."""
    rows = [f"P{number};emergency_visit;{moment};north;" for number, moment in enumerate(moments)]
    return File(CARE, rows, loaded, **more)


def text(*rows: str, end: str = "\n") -> bytes:
    return (end.join([";".join(CARE), *rows]) + end).encode()


CONTACT = "P1;nurse_contact;2023-01-05;north;pain"
GOOD = "P1;death;2023-01-05;north;"
# defect -> (a file that passes, a file that fails)
DEFECTS: dict[str, tuple[File, File | Refused]] = {
    "decimal commas": (
        answers("87,5", "60", loaded=["01 87.5", "02 60.0"], decimal=","),
        answers("87,5", "60", loaded=["02 60.0"], unreadable=(2,)),
    ),
    "decimal points where commas are declared": (
        answers("87.5", loaded=["01 87.5"]),
        answers("87.5", "60,0", loaded=["02 60.0"], unreadable=(2,), decimal=","),
    ),
    "thousands separated by narrow no-break spaces": (
        answers(f"1{NARROW}234,5", f"12{NARROW}345{NARROW}678", "999", loaded=["01 1234.5", "02 12345678.0", "03 999.0"], decimal=",", thousands=NARROW),
        answers(f"1{NARROW}234,5", "999", loaded=["02 999.0"], unreadable=(2,), decimal=","),
    ),
    "thousands separated by blanks that look alike": (
        answers(f"1{NO_BREAK}234", "1 234", f"1{NARROW}234", loaded=["01 1234.0", "02 1234.0", "03 1234.0"], thousands=" "),
        answers(f"1{NO_BREAK}234", "1 234", "5", loaded=["03 5.0"], unreadable=(2, 3)),
    ),
    "thousands separated by points": (
        answers("1.234,5", "1234,5", loaded=["01 1234.5", "02 1234.5"], decimal=",", thousands="."),
        answers("1.234", "1.234,5", loaded=[], unreadable=(2, 3), decimal=","),
    ),
    "thousands separated by apostrophes": (
        answers("1'234.5", loaded=["01 1234.5"], thousands="'"),
        answers("1'234.5", "1\u2019234.5", loaded=[], unreadable=(2, 3)),
    ),
    "thousands separated by commas": (
        answers("1,234.5", loaded=["01 1234.5"], thousands=","),
        answers("1,234", loaded=[], unreadable=(2,)),
    ),
    "groups that are not of three digits": (
        answers("1 234 567", loaded=["01 1234567.0"], thousands=" "),
        answers("12 34", "1 2345", "1234 567", " 123", "1  234", loaded=[], unreadable=(2, 3, 4, 5, 6), thousands=" "),
    ),
    "local time labelled +00:00": (
        visits("2023-07-05T23:30:00+00:00", "2023-01-05T23:30Z", loaded=["2023-07-05 23:30", "2023-01-05 23:30"], declared={"offset": "ignore"}),
        visits("2023-07-05T23:30:00+00:00", "2023-01-05T23:30Z", loaded=["2023-07-06 01:30", "2023-01-06 00:30"]),
    ),
    "a time that the clocks skipped": (
        visits("2023-03-26T01:59", "2023-03-26T03:00", "2023-03-25T02:30", loaded=["2023-03-26 01:59", "2023-03-26 03:00", "2023-03-25 02:30"]),
        visits("2023-03-26T02:30", loaded=["2023-03-26 03:30"], counted={"time_skipped_by_clock": 1}),
    ),
    "a time that the clocks showed twice": (
        visits("2023-10-29T02:30+01:00", "2023-10-29T02:30+02:00", "2023-10-29T03:00", loaded=["2023-10-29 02:30 +1", "2023-10-29 02:30 +2", "2023-10-29 03:00"]),
        visits("2023-10-29T02:30", "2023-10-29T02:00", loaded=["2023-10-29 02:30 +2", "2023-10-29 02:00 +2"], counted={"time_repeated_by_clock": 2}),
    ),
    "dates dressed as times, an hour later in summer": (
        visits("05/01/2023 00:00", "05/07/2023 01:00", loaded=["2023-01-05", "2023-07-05"], declared={"date_format": "%d/%m/%Y %H:%M", "precision": "day"}),
        visits("05/01/2023 00:00", "05/07/2023 01:00", loaded=["2023-01-05 00:00", "2023-07-05 01:00"], declared={"date_format": "%d/%m/%Y %H:%M"}),
    ),
    "local midnight exported as UTC": (
        visits("2023-01-04T23:00:00Z", "2023-07-04T22:00:00Z", loaded=["2023-01-05", "2023-07-05"], declared={"precision": "day"}),
        visits("2023-01-04T23:00:00Z", "2023-07-04T22:00:00Z", loaded=["2023-01-05 00:00", "2023-07-05 00:00"]),
    ),
    "day and month reversed": (
        visits("25/04/2023", "03/04/2023", loaded=["2023-04-25", "2023-04-03"], declared={"date_format": "%d/%m/%Y"}),
        visits("25/04/2023", "03/04/2023", loaded=["2023-03-04"], kept_out=[(2, "occurred_at", "unreadable_date")], declared={"date_format": "%m/%d/%Y"}),
    ),
    "years of two digits": (
        visits("25/04/23", loaded=["2023-04-25"], declared={"date_format": "%d/%m/%y"}),
        visits("25/04/23", "25/04/2023", loaded=["2023-04-25"], kept_out=[(2, "occurred_at", "unreadable_date")], declared={"date_format": "%d/%m/%Y"}),
    ),
    "legitimate repeats and true duplicates": (
        File([*CARE, "dose"], [f"{CONTACT};1", f"{CONTACT};2"], ["2023-01-05", "2023-01-05"]),
        File(CARE, [CONTACT, CONTACT, CONTACT], ["2023-01-05"], duplicates=2),
    ),
    "repeats in a log that numbers nothing": (
        File(CARE, [CONTACT, CONTACT], ["2023-01-05", "2023-01-05"], declared={"duplicates": "keep"}),
        File(CARE, [CONTACT, CONTACT], ["2023-01-05"], duplicates=1),
    ),
    "the same event in two slots of a wide log": (
        File([*CARE, "slot"], [f"{CONTACT};1", f"{CONTACT};2"], ["2023-01-05"], duplicates=1, declared={"natural_key": ("patient_id", "event_type", "occurred_at", "code")}),
        File([*CARE, "slot"], [f"{CONTACT};1", f"{CONTACT};2"], ["2023-01-05", "2023-01-05"]),
    ),
    "reversals": (
        File(VERSION, ["P1;consultation;2023-01-05;north;e1;active;2023-01-06", "P1;consultation;2023-01-05;north;e1;cancelled;2023-01-07", "P1;consultation;2023-01-09;north;e2;active;2023-01-10"], ["2023-01-09"], not_current=2),
        File(VERSION, ["P1;consultation;2023-01-05;north;;active;2023-01-06", "P1;consultation;2023-01-05;north;;cancelled;2023-01-07"], ["2023-01-05"], kept_out=[(3, "event_id", "change_without_event_id")]),
    ),
    "reversals that stand before what they reverse": (
        File(VERSION, ["P1;consultation;2023-01-05;north;e1;cancelled;2023-01-07", "P1;consultation;2023-01-05;north;e1;active;2023-01-06"], [], not_current=2),
        File(VERSION, ["P1;consultation;2023-01-05;north;e1;cancelled;", "P1;consultation;2023-01-05;north;e1;active;"], ["2023-01-05"], not_current=1, counted={"change_without_recorded_at": 1}),
    ),
    "missing sites": (
        File(CARE, ["P1;announcement;2023-01-05;;"], ["2023-01-05"], declared={"site": "north"}),
        File(CARE, ["P1;announcement;2023-01-05;;", "P2;death;2023-01-05;;"], ["2023-01-05", "2023-01-05"], counted={"missing_site": 1}),
    ),
    "blank codes": (
        File(CARE, [CONTACT], ["2023-01-05"]),
        File(CARE, ["P1;referral;2023-01-05;north;", "P1;referral;2023-01-06;north;  "], ["2023-01-05", "2023-01-06"], counted={"missing_care": 1, "unknown_care": 1}),
    ),
    "blank identifiers, types and dates": (
        File(CARE, [" P1;death;2023-01-05;north;"], ["2023-01-05"]),
        File(CARE, ["  ;death;2023-01-05;north;", "P1; ;2023-01-05;north;", "P1;death;  ;north;", "P1;death;2023-01-05; ;"], [], [(2, "patient_id", "missing_patient"), (3, "event_type", "unknown_event_type"), (4, "occurred_at", "unreadable_date"), (5, "site", "unknown_site")]),
    ),
    "prose below the table": (
        File(CARE, [GOOD], ["2023-01-05"]),
        File(CARE, [GOOD, "Total : 1 ligne", "Extraction du 06/01/2023 ; service DIM ; ne pas diffuser ; ; "], ["2023-01-05"], [(3, "row", "wrong_field_count"), (4, "event_type", "unknown_event_type"), (4, "site", "unknown_site"), (4, "occurred_at", "unreadable_date")], only_text=True),
    ),
    "byte order mark": (
        File(["\ufeffpatient_id", *CARE[1:]], [GOOD], ["2023-01-05"], only_text=True),
        Refused(codecs.BOM_UTF16_LE + ";".join(CARE).encode("utf-16-le"), ("line 1", "utf-16")),
    ),
    "letters of a French Windows": (
        File(CARE, ["Élodie;death;2023-01-05;north;"], ["2023-01-05"], declared={"encoding": "cp1252"}, only_text=True),
        Refused(text(GOOD, "Élodie;death;2023-01-05;north;").decode().encode("cp1252"), ("line 3", "cp1252")),
    ),
    "line ends of two systems": (
        File(CARE, [GOOD + "\r", "P2;death;2023-01-05;north;"], ["2023-01-05", "2023-01-05"], only_text=True),
        File(CARE, ["P\r1;death;2023-01-05;north;", "P2;death;2023-01-05;north;"], ["2023-01-05"], [(2, "patient_id", "control_character")], only_text=True),
    ),
    "columns that move": (
        File(["note", *reversed(CARE)], [f"x;{';'.join(reversed(GOOD.split(';')))}"], ["2023-01-05"]),
        Refused(text(GOOD).replace(b"occurred_at", b"date_evt"), ("line 1", "no column 'occurred_at'")),
    ),
}  # fmt: skip
CASES = [(name, kind) for name in DEFECTS for kind in ("passes", "fails")]


def the_file(name: str, kind: str) -> File | Refused:
    return DEFECTS[name][kind == "fails"]


def declare(desk: Any, **declared: Any) -> None:
    desk.declare(**declared)
    desk.rules = row_rules(desk.programme)


def content_of(file: File) -> bytes:
    encoding = file.declared.get("encoding", "utf-8")
    return ("\n".join([";".join(file.header), *file.rows]) + "\n").encode(encoding)


def told(events: pl.DataFrame) -> list[str]:
    """The current events: their local time as finely as it is known, the offset where a time is twice, their value."""

    def one(occurred_at: datetime, precision: str, value: float | None) -> str:
        local = occurred_at.replace(tzinfo=ZoneInfo("UTC")).astimezone(PARIS)
        offset = local.utcoffset() or timedelta()
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        shown = local.strftime("%Y-%m-%d" if precision == "day" else "%Y-%m-%d %H:%M")
        return shown + f" +{offset.seconds // 3600}" * twice + ("" if value is None else f" {value}")

    return [one(*row) for row in events.select("occurred_at", "precision", "value").iter_rows()]


def expect(desk: Any, file: File, path: Path, first_line: int) -> None:
    """Load the file; compare ledger, quarantine, counts of the rules and the warehouse with what must be there."""
    with Store.open(desk.home) as store:
        row = desk.load_into(store, path)
        refused = store.quarantine().select("line", "column", "rule").rows()
        results = store.rule_results().filter(pl.col("violated") > 0).select("rule", "violated").rows()
        events = store.events(desk.programme, desk.programme.vocabulary)
    loaded = len(file.loaded) + file.not_current
    assert (row.loaded, row.duplicates, row.quarantined) == (loaded, file.duplicates, len({r[0] for r in refused}))
    assert row.rows_in == len(file.rows) == row.loaded + row.duplicates + row.quarantined
    assert refused == [(line - 2 + first_line, column, rule) for line, column, rule in file.kept_out]
    assert told(events) == file.loaded
    quarantining = {rule.id for rule in desk.rules if rule.quarantines}
    assert {rule: n for rule, n in results if rule not in quarantining} == file.counted


@pytest.mark.parametrize(("name", "kind"), CASES, ids=[" ".join(case) for case in CASES])
def test_a_defect_in_csv(desk: Any, name: str, kind: str) -> None:
    file = the_file(name, kind)
    declare(desk, delimiter=";", **file.declared)
    if isinstance(file, Refused):
        with pytest.raises(DeclarationError) as caught:
            desk.load(file.content)
        assert all(word in str(caught.value) for word in ("events.csv", *file.words)), caught.value
        assert desk.read(lambda store: store.ledger().height) == 0
        return
    expect(desk, file, desk.file("events.csv", content_of(file)), first_line=2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [case for case in CASES if isinstance(file := the_file(*case), File) and not file.only_text],
)
def test_the_same_defect_in_parquet(desk: Any, name: str, kind: str) -> None:
    file = the_file(name, kind)
    assert isinstance(file, File)
    declare(desk, format="parquet", **file.declared)
    texts = [[one or None for one in row.split(";")] for row in file.rows]
    path = desk.folder / "events.parquet"
    pl.DataFrame(texts, schema=dict.fromkeys(file.header, pl.String), orient="row").write_parquet(path)
    expect(desk, file, path, first_line=1)


def test_out_of_order_and_same_instant_events_stay_in_the_order_of_the_file(desk: Any) -> None:
    declare(desk, delimiter=";")
    desk.load(text("P1;death;2023-03-01;north;", "P1;announcement;2023-01-05;north;", "P1;consultation;2023-01-05;north;", "P1;biopsy;2023-01-05;north;"))  # fmt: skip
    assert desk.events()["event_type"].to_list() == ["death", "announcement", "consultation", "biopsy"]
    totals = desk.read(lambda store: store.totals(desk.programme))
    assert (totals["out_of_order"], totals["same_instant_groups"]) == (1, 1)


def test_a_file_in_order_is_said_to_be(desk: Any) -> None:
    declare(desk, delimiter=";")
    desk.load(text("P1;announcement;2023-01-05;north;", "P1;death;2023-03-01;north;"))
    totals = desk.read(lambda store: store.totals(desk.programme))
    assert (totals["out_of_order"], totals["same_instant_groups"]) == (0, 0)


def test_an_event_before_time_zero_is_never_as_long_after_it(desk: Any) -> None:
    """Nine days before are not nine days after: the pathway leaves the indicator, with its reason."""
    declare(desk, delimiter=";")
    desk.load(text("P1;announcement;2023-01-15;north;", "P1;referral;2023-01-06;north;pain", "P2;announcement;2023-01-15;north;", "P2;referral;2023-01-24;north;pain"))  # fmt: skip
    indicator = load("pacosme").indicators["time_to_referral"]
    programme = desk.programme.model_copy(update={"strata": {}})
    zeros = programme.zero_of(indicator)
    events = desk.events()
    started = pathways(events.filter(pl.col("event_type") == "announcement"), desk.read(lambda s: s.patients(programme)), programme, zeros)  # fmt: skip
    history = History(events, desk.read(lambda store: store.last_events(programme)))
    found = outcomes(started, history, programme, indicator).sort("pathway")
    by_patient = started.select("pathway", "patient").join(found, on="pathway").sort("patient")
    first_patient = events["patient"][0]
    early, later = (by_patient.filter((pl.col("patient") == first_patient) == own) for own in (True, False))
    assert early.select("time", "excluded").rows() == [(None, "earlier_event")]
    assert later.select("time", "excluded").rows() == [(9, None)]


# What only a large file shows. Each check meets a file that passes and one that fails.


def worked(rows: int, seed: int = 3) -> Iterator[datetime]:
    """Local times in working hours of the days of two years."""
    draw = random.Random(seed)
    for _ in range(rows):
        day = datetime(2021, 6, 1) + timedelta(days=draw.randrange(730))
        yield day + timedelta(minutes=draw.randrange(8 * 60, 18 * 60), seconds=draw.randrange(60))


def imputed(share: float) -> list[str]:
    draw = random.Random(5)
    return [
        f"{moment.year}-{moment.month:02d}-15" if draw.random() < share else moment.date().isoformat()
        for moment in worked(400)
    ]


def new_years(share: float) -> list[str]:
    draw = random.Random(5)
    return [f"{moment.year}-01-01" if draw.random() < share else moment.date().isoformat() for moment in worked(400)]


def dressed(share: float, *, hour_in_summer: int) -> list[str]:
    draw, found = random.Random(5), []
    for moment in worked(400):
        hour = hour_in_summer if PARIS.dst(moment) else 0
        moved = moment.replace(hour=hour, minute=0, second=0) if draw.random() < share else moment
        found.append(moved.isoformat(" "))
    return found


def labelled(label: str) -> list[str]:
    """Local times, each followed by what the exporting program believes of their offset."""
    return [moment.isoformat() + label for moment in worked(3000)]


def utc() -> list[str]:
    return [
        moment.replace(tzinfo=PARIS).astimezone(ZoneInfo("UTC")).replace(tzinfo=None).isoformat()
        for moment in worked(3000)
    ]


def swapped() -> list[str]:
    """Days and months that a spreadsheet has exchanged wherever it could."""
    return [moment.strftime("%Y-%d-%m") for moment in worked(400) if moment.day <= 12]


LARGE: dict[str, tuple[str, Callable[[], list[str]], dict[str, Any], int]] = {
    "days as they come": ("days_not_imputed", lambda: imputed(0.0), {}, 0),
    "some days unknown": ("days_not_imputed", lambda: imputed(0.05), {}, 0),
    "every fifth day unknown, on the 15th": ("days_not_imputed", lambda: imputed(0.2), {}, 1),
    "years alone, on 1 January": ("days_not_imputed", lambda: new_years(0.06), {}, 1),
    "times as they come": ("times_not_dates", lambda: dressed(0.0, hour_in_summer=0), {}, 0),
    "dates at midnight": ("times_not_dates", lambda: dressed(0.2, hour_in_summer=0), {}, 1),
    "dates at 00:00 in winter and 01:00 in summer": ("times_not_dates", lambda: dressed(1.0, hour_in_summer=1), {}, 1),
    "days in any half of a month": ("days_after_the_twelfth", lambda: imputed(0.0), {}, 0),
    "days and months exchanged": ("days_after_the_twelfth", swapped, {}, 1),
    "local times": ("same_hours_all_year", lambda: labelled(""), {}, 0),
    "local times labelled +00:00": ("same_hours_all_year", lambda: labelled("+00:00"), {}, 1),
    "the same, declared": ("same_hours_all_year", lambda: labelled("+00:00"), {"offset": "ignore"}, 0),
    "UTC declared local": ("same_hours_all_year", utc, {}, 1),
    "UTC declared UTC": ("same_hours_all_year", utc, {"timezone": "UTC"}, 0),
}  # fmt: skip


@pytest.mark.parametrize("case", LARGE)
def test_what_only_a_large_file_shows(desk: Any, case: str) -> None:
    check_id, moments, declared, violated = LARGE[case]
    declare(desk, delimiter=";", data_lock=date(2024, 4, 1), duplicates="keep", **declared)
    rows = [f"P{number};consultation;{moment};north;" for number, moment in enumerate(moments())]
    assert desk.load(text(*rows)).loaded == len(rows)
    found = desk.read(lambda store: evidence(store, desk.programme))
    (check,) = [check for check in table_checks(desk.rules) if check.id == check_id]
    assert check.measure(found) == Measured(violated, 1)


def test_dates_dressed_as_times_are_no_longer_suspect_once_they_are_declared(desk: Any) -> None:
    declare(desk, delimiter=";", precision="day")
    desk.load(text(*(f"P{n};consultation;{moment};north;" for n, moment in enumerate(dressed(1.0, hour_in_summer=1)))))
    found = desk.read(lambda store: evidence(store, desk.programme))
    (check,) = [check for check in table_checks(desk.rules) if check.id == "times_not_dates"]
    assert check.measure(found) == Measured(0, 0)
    assert set(desk.events()["precision"]) == {"day"}

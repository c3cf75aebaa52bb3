"""Event logs: what is read, what is refused, and a real one with known figures."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from warehouse.errors import DeclarationError
from warehouse.home import pseudonym_key
from warehouse.sources.pseudonyms import pseudonyms

HEAD = '<?xml version="1.0" encoding="UTF-8" ?>\n<log xes.version="1.0" xmlns="http://www.xes-standard.org/">\n'
TRACE = """<trace>
  <string key="concept:name" value="{case}"/><string key="ward" value="north"/>
  <event>
    <string key="concept:name" value="Death"><string key="concept:name" value="nested"/></string>
    <date key="time:timestamp" value="2023-07-05T23:30:00.000+02:00"/>
    <float key="score" value="87.5"/><string key="lifecycle:transition" value="complete"/>
    <list key="many"><string key="score" value="1"/></list>
  </event>
  <event><string key="concept:name" value="Death"/></event>
</trace>
"""
LOG = (
    HEAD
    + '<global scope="event"><string key="concept:name" value="DEFAULT"/></global>\n'
    + '<event><string key="concept:name" value="Death"/></event>\n'
    + TRACE.format(case="NA")
    + TRACE.format(case="&lt;1&gt;")
    + "</log>\n"
)
COLUMNS = {"site": "case:ward", "value": "score", "code": "lifecycle:transition"}


@pytest.fixture
def log_desk(desk: Any) -> Any:
    desk.declare(format="xes", columns=COLUMNS, event_types={"Death": "death"})
    return desk


@pytest.mark.parametrize("packed", [False, True])
def test_events_under_traces_are_read_with_their_own_attributes(log_desk: Any, packed: bool) -> None:
    row = log_desk.load(gzip.compress(LOG.encode()) if packed else LOG, "log.xes")
    assert (row.rows_in, row.loaded, row.duplicates, row.quarantined) == (4, 2, 0, 2)
    events = log_desk.events().select("event_type", "code", "occurred_on", "precision", "site", "value").rows()
    assert events == [("death", "complete", date(2023, 7, 5), "second", "north", 87.5)] * 2


def test_an_event_is_placed_by_its_ordinal(log_desk: Any) -> None:
    log_desk.load(LOG, "log.xes")
    rows = log_desk.read(lambda s: s.quarantine().select("source_row", "line", "rule").rows())
    assert rows == [(2, None, "bad_date"), (4, None, "bad_date")]


def test_equal_events_are_events_of_their_own_unless_declared(log_desk: Any) -> None:
    twice = LOG.replace(TRACE.format(case="NA"), TRACE.format(case="NA") * 2)
    assert log_desk.load(twice, "log.xes").loaded == 3
    log_desk.declare(format="xes", columns=COLUMNS, event_types={"Death": "death"}, duplicates="drop")
    assert log_desk.load(twice, "log.xes").duplicates == 2


COMMENT = HEAD + "<!-- " + " " * 50_000_000 + "-->\n</log>"
BOMB = HEAD + '<string key="a" value="a"/>' * 300_000 + "</log>"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LOG[:-30], "line"),
        ("patient_id,event_type\n", "not well-formed"),
        (b"", "not well-formed"),
        ('<?xml version="1.0"?><!DOCTYPE log [<!ENTITY a "CANARY">]><log>&a;</log>', "entities"),
        ('<?xml version="1.0"?><!DOCTYPE log SYSTEM "file:///etc/passwd"><log/>', "entities"),
        (gzip.compress(LOG.encode())[:-20], "damaged"),
        (gzip.compress(LOG.encode())[:60] + b"CANARY" + gzip.compress(LOG.encode())[66:], ""),
        (gzip.compress(COMMENT.encode()), "without an element"),
    ],
    ids=["cut", "csv", "empty", "entity", "outside", "cut gzip", "damaged gzip", "endless comment"],
)
def test_what_is_not_a_sound_log_is_refused(log_desk: Any, content: str | bytes, words: str) -> None:
    with pytest.raises(DeclarationError, match=r"log\.xes") as caught:
        log_desk.load(content, "log.xes")
    assert words in str(caught.value)
    assert "CANARY" not in str(caught.value)
    assert log_desk.read(lambda s: s.ledger().height) == 0


def test_a_gzip_bomb_is_refused(log_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert log_desk.load(gzip.compress(BOMB.encode()), "small.xes").rows_in == 0
    monkeypatch.setattr("warehouse.sources.xes._SWOLLEN", 1_000_000)
    with pytest.raises(DeclarationError, match="bomb"):
        log_desk.load(gzip.compress(BOMB.encode() + b" "), "large.xes")


SEPSIS = {
    "ER Registration": "registration", "ER Triage": "triage", "ER Sepsis Triage": "triage", "IV Antibiotics": "drug",
    "IV Liquid": "drug", "LacticAcid": "laboratory", "CRP": "laboratory", "Leucocytes": "laboratory",
    "Admission NC": "admission", "Admission IC": "icu_admission", "Return ER": "emergency_visit",
} | {f"Release {letter}": "discharge" for letter in "ABCDE"}  # fmt: skip


def test_the_sepsis_log_is_read_whole(desk: Any, shared_data: Path) -> None:
    log = shared_data / "sepsis" / "sepsis_cases.xes.gz"
    if not log.exists():
        pytest.skip(f"real data not found: {log}")
    desk.declare(
        format="xes", event_types=SEPSIS, timezone="Europe/Amsterdam", site="north", data_lock=date(2016, 1, 1)
    )
    desk.programme = desk.programme.model_copy(
        update={"event_types": ("registration", "triage", "drug", "laboratory"), "timezone": "Europe/Amsterdam"}
    )
    row = desk.load(log.read_bytes(), log.name)
    assert (row.rows_in, row.loaded, row.duplicates, row.quarantined) == (15_214, 15_214, 0, 0)
    events = desk.events()
    assert events["patient"].n_unique() == 1050
    assert events.filter(pl.col("event_type") == "emergency_visit").height == 294
    assert events.filter(pl.col("occurred_at").dt.date() != pl.col("occurred_on")).height == 434
    assert desk.read(lambda s: s.totals(desk.programme))["same_instant_groups"] == 3079
    (known,) = pseudonyms(pseudonym_key(desk.home), ["NA"])
    assert known in desk.home.warehouse.read_bytes()

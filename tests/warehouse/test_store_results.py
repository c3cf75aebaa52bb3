"""What the store hands over: typed frames, covariates, facts, and tables of results."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from warehouse.errors import DeclarationError, ParcoursError, StorageError, WarehouseBusy
from warehouse.home import pseudonym_key
from warehouse.schemas import EVENT, LEDGER, PATIENT
from warehouse.store import Store

EVENTS = """patient_id,event_type,occurred_at,site,code,value
P1,announcement,2023-01-05,north,,
P1,referral,2023-01-02T10:00,north,pain,
P2,announcement,2023-02-05,south,,
P2,questionnaire,2023-02-05,south,eortc,87.5
P2,death,2023-02-07,south,,
P2,consultation,2023-02-09,,,
P3,announcement,2024-04-01,north,,
"""
PATIENTS = {"path": "patients.csv"}


def test_events_are_typed_sorted_and_chosen_by_type(desk: Any) -> None:
    desk.load(EVENTS)
    events = desk.read(lambda s: s.events(desk.programme, ["referral", "questionnaire", "announcement"]))
    assert events.schema == EVENT
    assert events["sequence"].is_sorted()
    assert events.select("event_type", "code", "site", "value").rows() == [
        ("announcement", None, "north", None),
        ("referral", "pain", "north", None),
        ("announcement", None, "south", None),
        ("questionnaire", "eortc", "south", 87.5),
    ]
    assert desk.read(lambda s: s.events(desk.programme, [])).schema == EVENT


def test_facts_and_totals(desk: Any) -> None:
    desk.load(EVENTS)
    facts = desk.read(lambda s: s.facts(desk.programme))
    assert facts.columns == ["site", "month", "event_type", "n"]
    assert ("north", "2023-01", "referral", 1) in facts.rows()
    assert facts["n"].sum() == 6
    assert desk.read(lambda s: s.totals(desk.programme)) == {
        "events": 6, "patients": 2, "first_on": date(2023, 1, 2), "last_on": date(2023, 2, 9),
        "same_instant_groups": 1, "out_of_order": 1, "after_death": 1, "patients_with_two_deaths": 0,
    }  # fmt: skip


def test_last_events(desk: Any) -> None:
    desk.load(EVENTS)
    last = desk.read(lambda s: s.last_events(desk.programme))
    assert last.schema == {"patient": pl.Int64, "last_at": pl.Datetime("us"), "last_on": pl.Date, "first_on": pl.Date}
    assert sorted(last["last_on"]) == [date(2023, 1, 5), date(2023, 2, 9)]
    assert datetime(2023, 2, 8, 23) in last["last_at"].to_list()  # noqa: DTZ001 - UTC without a zone


def test_the_ledger_is_typed(desk: Any) -> None:
    desk.load(EVENTS)
    ledger = desk.read(lambda s: s.ledger())
    assert ledger.schema == LEDGER
    assert ledger.row(0)[3:] == (7, 7, 0, 0)


def load_patients(desk: Any, content: str, name: str = "patients.csv") -> Any:
    path = desk.file(name, content)
    with Store.open(desk.home) as store:
        return store.ingest_patients(desk.programme, path, pseudonym_key(desk.home), "run-1")


def covariates(desk: Any) -> list[tuple[Any, ...]]:
    frame = desk.read(lambda s: s.patients(desk.programme))
    assert dict(frame.schema) == {**PATIENT, "sex": pl.String}
    return sorted(frame.drop("patient").rows(), key=str)


def test_covariates_belong_to_the_patients_of_the_events(desk: Any) -> None:
    desk.declare(patients=PATIENTS)
    desk.load(EVENTS)
    row = load_patients(desk, "patient_id,birth_year,sex,name\nP1,1950,f,CANARY\nP4,,m,CANARY\n")
    assert (row.source, row.loaded) == ("patients", 2)
    assert covariates(desk) == [(1950, "f"), (None, "m"), (None, None), (None, None)]
    assert b"CANARY" not in desk.home.warehouse.read_bytes()


def test_the_last_word_on_a_patient_stays(desk: Any) -> None:
    desk.declare(patients=PATIENTS)
    first = load_patients(desk, "patient_id,birth_year,sex\nP1,1950,f\nP1,1951,f\nP2,1960,m\n", "1.csv")
    assert (first.rows_in, first.loaded, first.duplicates) == (3, 2, 1)
    load_patients(desk, "patient_id,birth_year,sex\nP2,1961,\n", "2.csv")
    assert covariates(desk) == [(1951, "f"), (1961, None)]
    assert load_patients(desk, "patient_id,birth_year,sex\nP2,1961,\n", "3.csv").already_loaded


def test_bad_rows_of_covariates_are_kept_out(desk: Any) -> None:
    desk.declare(patients=PATIENTS)
    row = load_patients(desk, "patient_id,birth_year,sex\nP1,50,f\n,1950,m\nP2,1950\nP3,1950,m\n")
    assert (row.loaded, row.quarantined) == (1, 3)
    assert desk.quarantine() == [
        (2, "birth_year", "invalid_birth_year"),
        (3, "patient_id", "missing_patient_id"),
        (4, None, "unreadable_row"),
    ]


def test_declared_covariates_must_be_there(desk: Any) -> None:
    desk.declare(patients={**PATIENTS, "columns": {"patient_id": "ipp", "sex": "sexe"}})
    with pytest.raises(DeclarationError, match="'sexe'"):
        load_patients(desk, "ipp,genre\nP1,f\n")
    desk.declare()
    with pytest.raises(DeclarationError, match="no \\[patients\\]"):
        load_patients(desk, "patient_id\nP1\n")


def test_results_are_replaced_together(desk: Any) -> None:
    one = pl.DataFrame({"n": [1, 2], "share": [0.5, None], "on": [date(2023, 1, 5), None], "status": ["a", None]})
    with Store.open(desk.home) as store:
        store.write("out_check", one)
        assert store.read("out_check").equals(one)
        store.write_tables({"out_check": one.head(1), "core_tally_time": one})
        assert store.read("out_check").height == 1
        with pytest.raises(ParcoursError):
            store.write_tables({"out_check": one, "raw_batch": one})
        assert store.read("out_check").height == 1
    with Store.open(desk.home, read_only=True) as store:
        assert store.read("core_tally_time").equals(one)
        with pytest.raises(ParcoursError, match="evaluate first"):
            store.read("out_estimate")


@pytest.mark.parametrize("table", ["raw_batch", "out_x; DROP TABLE raw_batch", "core_event_coded", "out_", "OUT_X"])
def test_only_tables_of_results_may_be_written(desk: Any, table: str) -> None:
    with Store.open(desk.home) as store, pytest.raises(ParcoursError, match="expected a table"):
        store.write(table, pl.DataFrame({"n": [1]}))


def test_reading_needs_a_warehouse_and_two_doors_are_one_too_many(desk: Any) -> None:
    with pytest.raises(StorageError, match="no warehouse yet"):
        Store.open(desk.home, read_only=True)
    with Store.open(desk.home), pytest.raises(WarehouseBusy):
        Store.open(desk.home, read_only=True)


@pytest.mark.parametrize("change", ["DELETE FROM raw_setting", "UPDATE raw_setting SET value = '1'"])
def test_a_warehouse_of_another_version_is_refused_in_words(desk: Any, change: str) -> None:
    desk.read(lambda store: store._database.execute(change + " WHERE setting = 'shape'"))
    with pytest.raises(StorageError, match="another version"):
        desk.read(lambda store: store.ledger())


def test_files_that_are_not_there(desk: Any) -> None:
    with Store.open(desk.home) as store:
        with pytest.raises(DeclarationError, match="no such file"):
            desk.load_into(store, desk.folder / "nowhere.csv")
        with pytest.raises(DeclarationError, match="not a file"):
            desk.load_into(store, desk.folder)


def test_the_engine_stays_in_its_folder(desk: Any) -> None:
    outside = desk.file("outside.csv", "a\nCANARY\n")
    with Store.open(desk.home) as store, pytest.raises(ParcoursError) as caught:
        store._database.rows(f"SELECT * FROM read_csv('{outside}')")
    assert "CANARY" not in str(caught.value)


def test_errors_of_the_engine_lose_their_text(desk: Any) -> None:
    with Store.open(desk.home) as store, pytest.raises(ParcoursError) as caught:
        store._database.rows("SELECT CAST('CANARY' AS INTEGER)")
    assert "CANARY" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None

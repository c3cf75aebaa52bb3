# ruff: noqa: E501 - one case a line
"""Files as hospitals send them: nothing is lost in silence, and no error quotes a patient.

Every case asserts ``rows_in = loaded + duplicates + quarantined`` and the exact lines kept out.
"""

from __future__ import annotations

import codecs
import traceback
from typing import Any

import pytest

from warehouse.errors import DeclarationError

CANARY = "CANARY-4711"
HEADER = "patient_id,event_type,occurred_at,site"
GOOD = f"{CANARY},announcement,2023-01-05,north"
OTHER = "P2,referral,2023-02-06T10:30,south"


def lines(*rows: str, end: str = "\n", header: str = HEADER) -> bytes:
    return (end.join([header, *rows]) + end).encode()


# name -> (content, changes to the declaration, loaded, duplicates, [(line, rule)])
ACCEPTED: dict[str, tuple[bytes, dict[str, Any], int, int, list[tuple[int, str]]]] = {
    "plain": (lines(GOOD, OTHER), {}, 2, 0, []),
    "no line end at the end": (lines(GOOD, OTHER)[:-1], {}, 2, 0, []),
    "header alone": (lines(), {}, 0, 0, []),
    "windows line ends": (lines(GOOD, OTHER, end="\r\n"), {}, 2, 0, []),
    "old mac line ends": (lines(GOOD, OTHER, end="\r"), {}, 2, 0, []),
    "old mac without the last one": (lines(GOOD, OTHER, end="\r")[:-1], {}, 2, 0, []),
    "mixed line ends": (lines(GOOD) + OTHER.encode() + b"\r\n" + b"P3,death,2023-03-01,north\n", {}, 3, 0, []),
    "byte order mark": (codecs.BOM_UTF8 + lines(GOOD, OTHER), {}, 2, 0, []),
    "byte order mark and a quoted header": (codecs.BOM_UTF8 + lines(GOOD, header=HEADER.replace("patient_id", '"patient_id"')), {}, 1, 0, []),
    "blank lines": (lines("", GOOD, "", "", OTHER, ""), {}, 2, 0, []),
    "blank lines and a bad row keep true lines": (lines("", GOOD, "", "P3,death,never,north"), {}, 1, 0, [(5, "bad_date")]),
    "columns in another order": (b"site,occurred_at,event_type,patient_id\nnorth,2023-01-05,death,P1\n", {}, 1, 0, []),
    "more columns": (lines(GOOD + ",x,y", header=HEADER + ",colour,note"), {}, 1, 0, []),
    "quoted fields": (b'"patient_id","event_type","occurred_at","site"\n"P1","death","2023-01-05","north"\n', {}, 1, 0, []),
    "quoted delimiter": (lines('"P1, Jr",death,2023-01-05,north', OTHER), {}, 2, 0, []),
    "doubled quotes": (lines('"P""1",death,2023-01-05,north', OTHER), {}, 2, 0, []),
    "quote inside a field is text": (lines('P"1,death,2023-01-05,north', OTHER), {}, 2, 0, []),
    "line end in quotes": (lines('"P1\nJr",death,2023-01-05,north', "P3,death,never,north"), {}, 1, 0, [(4, "bad_date")]),
    "short row": (lines(GOOD, "P3,death", OTHER), {}, 2, 0, [(3, "broken_row")]),
    "long row": (lines(GOOD, OTHER + ",x", OTHER), {}, 2, 0, [(3, "broken_row")]),
    "row with one delimiter too many": (lines(GOOD, "P3,death,2023-01-05,north,", OTHER), {}, 2, 0, [(3, "broken_row")]),
    "the same, quoted": (lines(GOOD, '"P3",death,2023-01-05,north,', OTHER), {}, 2, 0, [(3, "broken_row")]),
    "the same, last field empty": (lines('"P3",death,2023-01-05,,', OTHER), {}, 1, 0, [(2, "broken_row")]),
    "unclosed quote": (lines(GOOD, '"P3,death,2023-01-05,north', OTHER), {}, 2, 0, [(3, "broken_row")]),
    "unclosed quote on the last line": (lines(GOOD, OTHER, 'P3,"death'), {}, 2, 0, [(4, "broken_row")]),
    "two unclosed quotes": (lines('"P3,death', GOOD, 'P4,"death', OTHER), {}, 2, 0, [(2, "broken_row"), (4, "broken_row")]),
    "text after a quote": (lines('"P3"x,death,2023-01-05,north', GOOD), {}, 1, 0, [(2, "broken_row")]),
    "blanks beside quotes are text": (lines(' "P1" ,death,2023-01-05,north', OTHER), {}, 2, 0, []),
    "nul": (lines(GOOD, "P\x003,death,2023-01-05,north"), {}, 1, 0, [(3, "broken_row")]),
    "escape": (lines(GOOD, "P3,death,2023-01-05,no\x1brth"), {}, 1, 0, [(3, "broken_row")]),
    "carriage return inside a row": (lines(GOOD, "P\r3,death,2023-01-05,north", OTHER), {}, 2, 0, [(3, "broken_row")]),
    "field of 5 MB": (lines(GOOD, "P" * 5_000_000 + ",death,2023-01-05,north", OTHER), {}, 2, 0, [(3, "broken_row")]),
    "field just too long": (lines(GOOD, "P" * 10_001 + ",death,2023-01-05,north"), {}, 1, 0, [(3, "broken_row")]),
    "field just short enough": (lines(GOOD, "P" * 10_000 + ",death,2023-01-05,north"), {}, 2, 0, []),
    "date out of the calendar": (lines(GOOD, "P3,death,2023-02-30,north"), {}, 1, 0, [(3, "bad_date")]),
    "date in words": (lines(GOOD, "P3,death,epoch,north", "P4,death,infinity,north"), {}, 1, 0, [(3, "bad_date"), (4, "bad_date")]),
    "date with slashes is not iso": (lines(GOOD, "P3,death,2023/01/05,north"), {}, 1, 0, [(3, "bad_date")]),
    "day and month are not guessed": (lines("P1,death,03/04/2023,north"), {"date_format": "%d/%m/%Y"}, 1, 0, []),
    "year of two digits": (lines(GOOD.replace("2023-01-05", "05/01/2023"), "P3,death,05/01/23,north"), {"date_format": "%d/%m/%Y"}, 1, 0, [(3, "bad_date")]),
    "empty patient": (lines(GOOD, ",death,2023-01-05,north"), {}, 1, 0, [(3, "missing_patient")]),
    "row of nothing but delimiters": (lines(GOOD, ",,,"), {}, 1, 0, [(3, "bad_date"), (3, "missing_patient"), (3, "unknown_type")]),
    "ids are opaque": (lines("NA,death,2023-01-05,north", "000123,death,2023-01-05,north", "123,death,2023-01-05,north", " 123,death,2023-01-05,north"), {}, 4, 0, []),
    "injections are data": (lines("P'; DROP TABLE raw_batch; --,death,2023-01-05,north", "<img onerror=x>,death,2023-01-05,north", "=HYPERLINK(1),death,2023-01-05,north"), {}, 3, 0, []),
    "semicolons": (lines(GOOD, OTHER).replace(b",", b";"), {"delimiter": ";"}, 2, 0, []),
    "tabs": (lines(GOOD, OTHER).replace(b",", b"\t"), {"delimiter": "\t"}, 2, 0, []),
    "another quote": (lines("'P1, Jr',death,2023-01-05,north"), {"quote": "'"}, 1, 0, []),
    "utf-8 letters": ("patient_id,event_type,occurred_at,site\nÉlodie,death,2023-01-05,north\n".encode(), {}, 1, 0, []),
    "cp1252 letters": ("patient_id,event_type,occurred_at,site\nÉlodie’,death,2023-01-05,north\n".encode("cp1252"), {"encoding": "cp1252"}, 1, 0, []),
    "latin-1 letters": ("patient_id,event_type,occurred_at,site\nÉlodie,death,2023-01-05,north\n".encode("latin-1"), {"encoding": "latin-1"}, 1, 0, []),
    "latin-1 declared, plain letters": (lines(GOOD), {"encoding": "latin-1"}, 1, 0, []),
    "utf-16": ("\r\n".join([HEADER, GOOD, OTHER]).encode("utf-16"), {"encoding": "utf-16"}, 2, 0, []),
    "equal rows": (lines(GOOD, OTHER, GOOD, GOOD), {}, 2, 2, []),
    "equal rows that are refused": (lines("P3,death,never,north", "P3,death,never,north"), {}, 0, 1, [(2, "bad_date")]),
    "rows that differ in a column nobody declared": (lines(GOOD + ",1", GOOD + ",2", header=HEADER + ",n"), {}, 2, 0, []),
    "equal rows, kept": (lines(GOOD, GOOD), {"duplicates": "keep"}, 2, 0, []),
    "equal rows among broken ones": (lines(GOOD, "x", "x", GOOD), {}, 1, 1, [(3, "broken_row"), (4, "broken_row")]),
    "unknown type": (lines(GOOD, "P3,abduction,2023-01-05,north"), {}, 1, 0, [(3, "unknown_type")]),
    "decimal comma": (b"patient_id;event_type;occurred_at;site;value\nP1;questionnaire;2023-01-05;north;87,5\nP2;questionnaire;2023-01-05;north;87.5\n", {"delimiter": ";", "decimal": ","}, 1, 0, [(3, "bad_value")]),
    "numbers that are none": (lines(*(f"P{n},questionnaire,2023-01-05,north,{v}" for n, v in enumerate(["1e2", "nan", "inf", "1_000", "0x10", "١", "+5.", " 5"])), header=HEADER + ",value"), {}, 2, 0, [(n, "bad_value") for n in (3, 4, 5, 6, 7, 9)]),
}  # fmt: skip

# name -> (content, changes to the declaration, words of the message)
REFUSED: dict[str, tuple[bytes, dict[str, Any], tuple[str, ...]]] = {
    "empty file": (b"", {}, ("is empty",)),
    "no header": (lines(GOOD, OTHER)[len(HEADER) + 1 :], {}, ("line 1", "'patient_id'", "'occurred_at'")),
    "missing column": (lines(GOOD, header="patient_id,event_type,day,site"), {}, ("line 1", "'occurred_at'")),
    "missing declared column": (
        lines(GOOD),
        {"columns": {"patient_id": "patient_id", "event_type": "event_type", "occurred_at": "occurred_at", "site": "uf"}},
        ("'uf'", "declared for site"),
    ),
    "column twice": (lines(GOOD + ",x", header=HEADER + ",site"), {}, ("line 1", "'site'", "twice")),
    "other delimiter": (lines(GOOD).replace(b",", b";"), {}, ("line 1", "delimiter")),
    "latin-1 undeclared": (lines(GOOD, "P\u00e9,death,2023-01-05,north").decode().encode("latin-1"), {}, ("line 3", "cp1252")),
    "cut utf-8": (lines(GOOD)[:-1] + "é".encode()[:1], {}, ("line 2", "UTF-8")),
    "utf-8 declared cp1252": ("patient_id,event_type,occurred_at,site\nÉ,death,2023-01-05,north\n".encode(), {"encoding": "cp1252"}, ("utf-8",)),
    "bytes that cp1252 has not": (lines(GOOD)[:-1] + b"\x81\xff\n", {"encoding": "cp1252"}, ("cp1252",)),
    "utf-16 undeclared": ("\n".join([HEADER, GOOD]).encode("utf-16"), {}, ("utf-16",)),
    "utf-16 without mark": ("\n".join([HEADER, GOOD]).encode("utf-16-le"), {}, ("utf-16",)),
    "utf-8 declared utf-16": (lines(GOOD)[:-1], {"encoding": "utf-16"}, ()),
    "workbook": (b"PK\x03\x04" + bytes(200), {}, ("spreadsheet",)),
    "gzip": (b"\x1f\x8b" + bytes(200), {}, ("compressed",)),
    "binary": (bytes(range(256)) * 40, {}, ()),
    "unclosed header": (b'patient_id,"event_type\n', {}, ("quotes of the header",)),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_every_row_is_accounted_for(desk: Any, case: str) -> None:
    content, declared, loaded, duplicates, kept_out = ACCEPTED[case]
    desk.declare(**declared)
    row = desk.load(content)
    assert (row.loaded, row.duplicates, row.quarantined) == (loaded, duplicates, len({line for line, _ in kept_out}))
    assert row.rows_in == row.loaded + row.duplicates + row.quarantined
    assert [(line, name) for line, _, name in desk.quarantine()] == kept_out
    assert desk.events().height == loaded


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_not_what_was_declared_is_refused_in_words(desk: Any, case: str) -> None:
    content, declared, words = REFUSED[case]
    desk.declare(**declared)
    with pytest.raises(DeclarationError) as caught:
        desk.load(content)
    message = str(caught.value)
    assert "events.csv" in message
    assert all(word in message for word in words), message
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None or CANARY not in str(caught.value.__context__)
    assert desk.read(lambda store: store.ledger().height) == 0


def test_a_quarantined_row_names_the_column_of_the_file(desk: Any) -> None:
    desk.declare(columns={"patient_id": "ipp", "event_type": "type", "occurred_at": "quand"})
    desk.load("ipp,type,quand\nP1,death,hier\nP\x01,death,2023-01-05\n")
    assert desk.quarantine() == [(2, "quand", "bad_date"), (3, "ipp", "broken_row")]


def test_rows_that_no_rule_names_and_no_table_can_hold_are_kept_out(desk: Any) -> None:
    desk.rules = ()
    row = desk.load(lines(GOOD, "P3,abduction,2023-01-05,north", "x"))
    assert (row.loaded, row.quarantined) == (1, 2)
    assert [name for _, _, name in desk.quarantine()] == ["unreadable_row", "unreadable_row"]


def test_rules_are_counted_over_their_denominators(desk: Any) -> None:
    desk.load(lines(GOOD, "P3,death,never,elsewhere", "x"))
    results = {rule: (violated, of) for _, rule, violated, of in desk.read(lambda s: s.rule_results().rows())}
    assert results["broken_row"] == (1, 3)
    assert results["bad_date"] == (1, 2)
    assert results["no_site"] == (1, 2)
    assert results["bad_value"] == (0, 0)


def test_nothing_of_a_file_is_left_behind(desk: Any) -> None:
    desk.load(lines(GOOD, "x").replace(b"\n", b"\r"))
    assert [path.suffix for path in desk.home.raw.iterdir()] == [""]

"""Event logs in Parquet: declared columns by name, typed values as the texts that say the same.

A column of text is read as the source declares, like a field of a delimited file. Typed values are taken
as typed: a day is a day, a time stamp without a zone is local in the source's, one with a zone is an
instant, a number is that number. The line of a row is its number in the file, from 1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.database import Database, name, text
from warehouse.errors import DeclarationError
from warehouse.sources.delimited import Relation, Request
from warehouse.sources.records import CONTROL_CHARACTER, CONTROL_CHARACTERS, OVERSIZED_FIELD
from warehouse.sources.scan import LONGEST_FIELD

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_SMALLEST = 12  # bytes: the magic twice, and the length of the footer
_MANY_ROWS, _MOST_ROWS_PER_BYTE = 10_000_000, 20  # a file beyond both is a bomb: no log packs so well
_ROW_NUMBER = "file_row_number"
_TEXT, _INSTANT = "VARCHAR", "TIMESTAMP WITH TIME ZONE"
_NOTHING = '"NULL"'  # the type of a column without a value
_WHOLE = r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)"
_WORDS = re.compile(rf"{_TEXT}|{_NOTHING}|UUID|{_WHOLE}")
_MOMENTS = re.compile(rf"{_TEXT}|{_NOTHING}|DATE|{_INSTANT}|TIMESTAMP(_S|_MS|_NS)?")
_NUMBERS = re.compile(rf"{_TEXT}|{_NOTHING}|{_WHOLE}|FLOAT|DOUBLE|DECIMAL\(.*\)")
_LAWFUL = {
    "occurred_at": (_MOMENTS, "text, DATE or TIMESTAMP"),
    "recorded_at": (_MOMENTS, "text, DATE or TIMESTAMP"),
    "value": (_NUMBERS, "text or a number"),
}
_LAWFUL_WORDS = (_WORDS, "text or whole numbers")


@dataclass(frozen=True)
class Column:
    """A column of the file: its name there, and its type and name in SQL."""

    name: str
    type: str
    sql: str


@dataclass(frozen=True)
class Contents:
    """A file as a relation of texts, its number of rows, and our columns whose texts were made of typed values."""

    relation: Relation
    rows: int
    plain: frozenset[str]


def open_file(database: Database, request: Request) -> Contents:
    """What the footer of the file says of it, checked against the declaration.

    Raises ``DeclarationError`` for what is damaged, encrypted, or not what the source declares.
    """
    _refuse_other_formats(request.file, request.shown)
    columns, rows = _described(database, request)
    faults = list(_faults(columns, request))
    if faults:
        raise DeclarationError(faults)
    known = {column.name: column for column in columns}
    declared = {ours: known[header] for ours, header in request.names.items() if header in known}
    plain = {ours for ours, column in declared.items() if ours in _LAWFUL and column.type != _TEXT}
    return Contents(_relation(request.file, columns, declared), rows, frozenset(plain))


def stage(database: Database, contents: Contents, sql: str, shown: str) -> None:
    """Run the statement that makes ``staged_rows`` of the relation. Raises ``DeclarationError`` for damaged pages."""
    if not database.accepts(sql) or database.row("SELECT count(*) FROM staged_rows") != (contents.rows,):
        raise _damaged(shown)


def _refuse_other_formats(file: Path, shown: str) -> None:
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(len(_MAGIC))
        stream.seek(max(size - len(_MAGIC), 0))
        tail = stream.read()
    if _ENCRYPTED in (head, tail):
        raise DeclarationError(f"{shown}: is encrypted Parquet; export it without encryption")
    if head != _MAGIC:
        raise DeclarationError(f"{shown}: is not Parquet; declare its format")
    if tail != _MAGIC or size < _SMALLEST:
        raise DeclarationError(f"{shown}: is Parquet that was cut short; copy or export it again")


def _damaged(shown: str) -> DeclarationError:
    return DeclarationError(f"{shown}: is damaged Parquet; copy or export it again")


def _described(database: Database, request: Request) -> tuple[list[Column], int]:
    """The columns of the file in their order, and its number of rows."""
    file = text(str(request.file))
    nodes = _answer(database, f"SELECT name, type, coalesce(num_children, 0) FROM parquet_schema({file})", request)
    ((rows,),) = _answer(database, f"SELECT num_rows::BIGINT FROM parquet_file_metadata({file})", request)
    if rows > _MANY_ROWS and rows > _MOST_ROWS_PER_BYTE * request.file.stat().st_size:
        raise DeclarationError(f"{request.shown}: unpacks to far more rows than its size allows; refused")
    described = _answer(database, f"SELECT column_name, column_type FROM (DESCRIBE FROM {_scan(file)})", request)
    top = list(_top_level(nodes))
    if len(top) != len(described):
        raise _damaged(request.shown)
    return [
        # The engine takes INT96 for a local time; those who write it mean an instant, or do not say.
        Column(header, "INT96" if physical == "INT96" else found, sql)
        for (header, physical), (sql, found) in zip(top, described, strict=True)
    ], rows


def _answer(database: Database, query: str, request: Request) -> list[tuple[Any, ...]]:
    """The rows of a query that reads the footer, which may be damaged."""
    if not database.accepts(f"CREATE OR REPLACE TEMP TABLE footer AS {query}"):
        raise _damaged(request.shown)
    try:
        return database.rows("SELECT * FROM footer")
    finally:
        database.execute("DROP TABLE footer")


def _scan(file: str, *, numbered: bool = False) -> str:
    return f"read_parquet({file}, hive_partitioning = false, {_ROW_NUMBER} = {str(numbered).lower()})"


def _top_level(nodes: list[tuple[str, str, int]]) -> Iterator[tuple[str, str]]:
    """Name and physical type of the columns, of a schema written as a tree: every node before its children."""
    inside = 0  # nodes still to come below the column at hand
    for header, physical, children in nodes[1:]:
        if inside:
            inside += children - 1
        else:
            yield header, physical
            inside = children


def _faults(columns: list[Column], request: Request) -> Iterator[str]:
    names, shown = request.names, request.shown
    times = Counter(column.name for column in columns)
    for ours in sorted(request.required):
        if names[ours] not in times:
            yield f"{shown}: no column {names[ours]!r}, declared for {ours}"
    for header in sorted(header for header, number in times.items() if number > 1):
        yield f"{shown}: column {header!r} stands there twice"
    if _ROW_NUMBER in {header.lower() for header in times}:
        yield f"{shown}: column {_ROW_NUMBER!r} has the name that the reader gives to the number of a row; rename it"
    ours_of = {header: ours for ours, header in names.items()}
    for column in columns:
        role = ours_of.get(column.name, "")
        lawful, expected = _LAWFUL.get(role, _LAWFUL_WORDS)
        if role and not lawful.fullmatch(column.type):
            yield f"{shown}: column {column.name!r}, declared for {role}: expected {expected}, got {_told(column.type)}"


def _told(found: str) -> str:
    """A type in words that hold no name of a nested field, which may be data."""
    if found == "INT96":
        return "INT96, which does not say whether it is local: write TIMESTAMP"
    if found.endswith("]"):
        return "a list"
    kind = found.split("(")[0]
    return "nested values" if kind in ("STRUCT", "MAP", "UNION") else kind


def _relation(file: Path, columns: list[Column], declared: Mapping[str, Column]) -> Relation:
    """Texts under names of ours; a row whose texts cannot be taken is a fault without texts."""
    ours_of = {column.name: ours for ours, column in declared.items()}
    named = {column.name: f"c{position}" for position, column in enumerate(columns)}
    texts = ", ".join(f"{_text_of(column, ours_of.get(column.name))} AS {named[column.name]}" for column in columns)
    checked = {named[column.name]: column for column in declared.values() if column.type == _TEXT}
    fault, column_at_fault = _fault_sql(checked)
    kept = [
        f"CASE WHEN fault IS NULL THEN {label} END AS {label}" if header in ours_of else label
        for header, label in named.items()
    ]
    numbered = f"SELECT {_ROW_NUMBER} + 1 AS line, {texts} FROM {_scan(text(str(file)), numbered=True)}"
    judged = f"SELECT *, {fault} AS fault, {column_at_fault} AS fault_column FROM ({numbered})"
    return Relation(f"(SELECT line, fault, fault_column, {', '.join(kept)} FROM ({judged}))", named, is_careful=True)


def _text_of(column: Column, ours: str | None) -> str:
    """SQL for a value as a text: what the source declares for text, ISO days and times, numbers with a point."""
    value = name(column.sql)
    if column.type == _TEXT:
        return f"nullif({value}, '')"
    if ours in ("occurred_at", "recorded_at") and column.type.startswith("TIMESTAMP"):
        return f"{value}::TIMESTAMP::VARCHAR" + (" || '+00:00'" if column.type == _INSTANT else "")
    return f"{value}::VARCHAR"


def _fault_sql(texts: Mapping[str, Column]) -> tuple[str, str]:
    """SQL for the fault of a row and for the name of the column at fault, of the first text that has one."""
    faults, places = [], []
    for label, column in texts.items():
        tests = (
            (OVERSIZED_FIELD, f"strlen({label}) > {LONGEST_FIELD} AND length({label}) > {LONGEST_FIELD}"),
            (CONTROL_CHARACTER, f"regexp_matches({label}, {text(CONTROL_CHARACTERS)})"),
        )
        faults += [f"WHEN {test} THEN {text(fault)}" for fault, test in tests]
        places.append(f"WHEN {' OR '.join(f'({test})' for _, test in tests)} THEN {text(column.name)}")
    if not faults:
        return "NULL::VARCHAR", "NULL::VARCHAR"
    return f"CASE {' '.join(faults)} END", f"CASE {' '.join(places)} END"

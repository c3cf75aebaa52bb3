"""Delimited text, as declared and never sniffed, into one relation of texts with true line numbers.

Two readers give the same relation. The fast one is DuckDB's, trusted only when the bytes hold nothing
that it would mend in silence and its rows are as many as the lines. The careful one is Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from warehouse.database import Database, text
from warehouse.errors import DeclarationError
from warehouse.implementation import ActivityFile
from warehouse.programme import REQUIRED_COLUMNS, PatientFile, Source
from warehouse.sources.records import Dialect, Record, read_records, split
from warehouse.sources.scan import LONGEST_LINE, Scan, chunks_of

_BATCH = 20_000  # records handed to the database at a time
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES = {b"PK\x03\x04": "a spreadsheet or a zip archive", b"\x1f\x8b": "compressed", b"PAR1": "a Parquet file"}

Declaration = Source | PatientFile | ActivityFile  # how a file is written: delimiter, quote, encoding


@dataclass(frozen=True)
class Relation:
    """Rows of a file as SQL to select from, and the SQL identifier of each column by the file's name."""

    sql: str
    columns: Mapping[str, str]
    is_careful: bool  # carries line, fault and fault_column of its own


@dataclass(frozen=True)
class Request:
    """A kept file to read as a source declares it. ``names``: our column -> the file's; some are required."""

    file: Path
    shown: str  # the name that messages use
    source: Declaration
    names: Mapping[str, str]
    required: frozenset[str]


def columns_of(source: Source) -> tuple[dict[str, str], frozenset[str]]:
    """Our column -> the file's, and the ones of ours that the file must have."""
    required = frozenset(source.columns) if source.columns else frozenset(REQUIRED_COLUMNS)
    return source.column_names, required


def new_scan(source: Declaration) -> Scan:
    """An empty scan for a file of this source."""
    if source.delimiter == source.quote or (
        not (source.delimiter + source.quote).isprintable() and source.delimiter != "\t"
    ):
        raise DeclarationError("expected delimiter and quote to be two different printable characters")
    return Scan(delimiter=source.delimiter.encode(), quote=source.quote.encode())


def text_copy(request: Request, scan: Scan, copy: Path) -> tuple[Path, Scan]:
    """The file itself if it is UTF-8 with one kind of line end, else a copy at ``copy`` that is.

    Raises ``DeclarationError`` for a file in another encoding.
    """
    source, shown, file = request.source, request.shown, request.file
    _refuse_other_formats(scan, source.encoding, shown)
    is_utf8 = source.encoding == "utf-8" or (scan.is_ascii and source.encoding != "utf-16")
    if is_utf8 and scan.broken_line is not None:
        raise DeclarationError(
            f'{shown}, line {scan.broken_line}: is not UTF-8; declare its encoding, such as encoding = "cp1252"'
        )
    if is_utf8 and (scan.newline or (scan.line_feeds and scan.has_bare_return)):
        return file, scan
    _rewrite(file, "utf-8" if is_utf8 else source.encoding, shown, copy)
    rewritten = new_scan(source)
    rewritten.read(copy)
    return copy, rewritten


def _refuse_other_formats(scan: Scan, encoding: str, shown: str) -> None:
    for magic, what in _ARCHIVES.items():
        if scan.head.startswith(magic):
            raise DeclarationError(f"{shown}: is {what}; export it as plain CSV")
    if encoding == "utf-16":
        return
    if scan.head.startswith(_UTF16_MARKS) or scan.head.count(0) > len(scan.head) // 4:
        raise DeclarationError(f'{shown}, line 1: is UTF-16 or binary; if it is text, declare encoding = "utf-16"')
    if encoding != "utf-8" and not scan.is_ascii and scan.broken_line is None:
        raise DeclarationError(f'{shown}: is UTF-8, not {encoding}; declare encoding = "utf-8"')


def _rewrite(file: Path, encoding: str, shown: str, copy: Path) -> None:
    r"""Write ``file`` as UTF-8 with ``\n`` at line ends; where there is no ``\n``, ``\r`` ends lines."""
    line = 1
    try:
        has_line_feed = any("\n" in piece for piece in chunks_of(file, encoding))
        with copy.open("wb") as stream:
            held = ""
            for piece in chunks_of(file, encoding):
                content = held + piece
                held = "\r" if content.endswith("\r") else ""
                content = content[: len(content) - len(held)].replace("\r\n", "\n")
                content = content if has_line_feed else content.replace("\r", "\n")
                line += content.count("\n")
                stream.write(content.encode())
            stream.write(held.encode() if has_line_feed else b"\n" * len(held))
    except UnicodeError:
        raise DeclarationError(f"{shown}, near line {line}: is not {encoding}; declare its encoding") from None


def header_of(file: Path, request: Request) -> list[str]:
    """The names in the first line, checked against the declared ones. Never quoted: it may be data."""
    source, names, shown = request.source, request.names, request.shown
    with file.open("rb") as stream:
        first = stream.readline(LONGEST_LINE).removeprefix(_UTF8_MARK).rstrip(b"\r\n").decode("utf-8", errors="replace")
    if not first:
        raise DeclarationError(f"{shown}: is empty; a file without events still has a header")
    found = split(first, Dialect(source.delimiter, source.quote))
    if isinstance(found, str):
        raise DeclarationError(f"{shown}, line 1: the quotes of the header are not closed")
    if len(found) == 1:
        raise DeclarationError(f"{shown}, line 1: no {source.delimiter!r} in the header; declare the file's delimiter")
    faults = [
        f"{shown}, line 1: no column {names[ours]!r}, declared for {ours}"
        for ours in sorted(request.required)
        if names[ours] not in found
    ]
    if not faults:  # now it is known to be a header and may be named
        faults = [
            f"{shown}, line 1: column {name!r} stands there twice"
            for name in sorted(set(found))
            if found.count(name) > 1
        ]
    if faults:
        raise DeclarationError(faults)
    return list(found)


def stage_file(database: Database, request: Request, create: Callable[[Relation], str]) -> Relation:
    """Run ``create(relation)``, which must make the table ``staged_rows``, over the rows of the file.

    Raises ``DeclarationError`` if the file is not what the source declares.
    """
    scan = new_scan(request.source)
    scan.read(request.file)
    copy = request.file.with_suffix(".text.tmp")
    try:
        file, scan = text_copy(request, scan, copy)
        return _stage_text(database, file, scan, request, create)
    finally:
        copy.unlink(missing_ok=True)


def _stage_text(
    database: Database, file: Path, scan: Scan, request: Request, create: Callable[[Relation], str]
) -> Relation:
    source, header = request.source, header_of(file, request)
    if _may_be_read_fast(scan):
        relation = _fast_relation(file, scan, source, header)
        if database.accepts(create(relation)):
            if _is_complete(database, scan, source, relation):
                return relation
            database.execute("DROP TABLE staged_rows")
    records = read_records(file, Dialect(source.delimiter, source.quote), len(header))
    careful = fill_records(database, records, header)
    database.execute(create(careful))
    database.execute("DROP TABLE records")
    return careful


def _may_be_read_fast(scan: Scan) -> bool:
    odd = scan.controls or scan.has_bare_return or scan.has_long_run or scan.has_padded_quote
    return not odd and scan.newline is not None


def _fast_relation(file: Path, scan: Scan, source: Declaration, header: list[str]) -> Relation:
    columns = {name: f"c{position}" for position, name in enumerate(header)}
    types = ", ".join(f"{column}: 'VARCHAR'" for column in columns.values())
    line_end = "\\r\\n" if scan.newline == "\r\n" else "\\n"
    sql = (
        f"read_csv({text(str(file))}, header = true, auto_detect = false, strict_mode = true, "
        f"delim = {text(source.delimiter)}, quote = {text(source.quote)}, escape = {text(source.quote)}, "
        f"new_line = '{line_end}', columns = {{{types}}})"
    )
    return Relation(sql, columns, is_careful=False)


def _is_complete(database: Database, scan: Scan, source: Declaration, relation: Relation) -> bool:
    """Every line is a row, and no delimiter was overlooked (the parser drops one at a line's end)."""
    (rows,) = database.row("SELECT count(*) FROM staged_rows")
    if rows != scan.lines - 1:
        return False
    expected = scan.lines * (len(relation.columns) - 1)
    if scan.quotes and scan.delimiters != expected:
        mark = text(source.delimiter)
        inside = " + ".join(
            f"coalesce(strlen({c}) - strlen(replace({c}, {mark}, '')), 0)" for c in relation.columns.values()
        )
        expected += database.row(f"SELECT coalesce(sum({inside}), 0) FROM {relation.sql}")[0]
    return bool(scan.delimiters == expected)


def fill_records(database: Database, records: Iterator[Record], header: list[str]) -> Relation:
    """Put records into the temporary table ``records``, faults in columns beside the texts."""
    import polars as pl

    columns = {name: f"c{position}" for position, name in enumerate(header)}
    schema = {"line": pl.Int64, "fault": pl.String, "fault_column": pl.String} | dict.fromkeys(
        columns.values(), pl.String
    )
    empty = (None,) * len(header)
    typed = ", ".join(f"{column} VARCHAR" for column in columns.values())
    database.execute(f"CREATE TEMP TABLE records (line BIGINT, fault VARCHAR, fault_column VARCHAR, {typed})")
    while batch := list(islice(records, _BATCH)):
        rows = [
            (
                r.line,
                r.fault,
                None if r.column is None else header[r.column],
                *(tuple(f or None for f in r.fields) or empty),
            )
            for r in batch
        ]
        with database.lend("batch", pl.DataFrame(rows, schema=schema, orient="row")):
            database.execute("INSERT INTO records SELECT * FROM batch")
    return Relation("records", columns, is_careful=True)

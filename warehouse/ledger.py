"""The ledger: one row per file read, and what must hold of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from warehouse.database import Database, statement
from warehouse.errors import ParcoursError, StorageError
from warehouse.receive import Received

_PLACES = ("core_event_coded", "core_covariate", "core_activity", "raw_quarantine", "raw_rule", "raw_batch")
_TEMPORARY = (
    "staged_rows", "records", "identified", "dropped", "judged", "offending", "refused", "candidates",
    "contenders", "used_event_type", "used_code", "used_site",
)  # fmt: skip


@dataclass(frozen=True)
class LedgerRow:
    """What became of one file. ``rows_in = loaded + duplicates + quarantined``."""

    source: str
    file: str
    sha256: str
    rows_in: int
    loaded: int
    duplicates: int
    quarantined: int
    already_loaded: bool = False


Stage = Callable[[Received], str]
Load = Callable[[Received], LedgerRow]


@dataclass(frozen=True)
class Batch:
    """One file being read: its number, and the source, contract and run it is read under."""

    number: int
    source: str
    contract: str
    received: Received
    run_id: str
    base: int = 0  # the sequence of an event is this and the number of its row


def known_row(database: Database, source: str, contract: str, sha256: str) -> LedgerRow | None:
    """The ledger row of a file that was read under this very contract."""
    found = database.rows(
        "SELECT source, file, sha256, rows_in, loaded, duplicates, quarantined FROM raw_batch "
        "WHERE source = ? AND contract = ? AND sha256 = ?",
        [source, contract, sha256],
    )
    return replace(LedgerRow(*found[0]), already_loaded=True) if found else None


def has_rows(database: Database, source: str) -> bool:
    """Whether some file of the source has loaded rows."""
    return bool(database.row("SELECT count(*) FROM raw_batch WHERE source = ? AND loaded > 0", [source])[0])


def next_batch(database: Database) -> int:
    """The number of the batch to come."""
    (last,) = database.row("SELECT coalesce(max(batch), 0) FROM raw_batch")
    return int(last) + 1


def stale_files(database: Database, source: str, contract: str, raw: Path) -> list[Received]:
    """The files of a source that were read under another contract, in the order they were read."""
    stale = database.rows(
        "SELECT file, sha256, size FROM raw_batch WHERE source = ? AND contract <> ? ORDER BY batch",
        [source, contract],
    )
    kept = [Received(file, sha256, size, raw / sha256) for file, sha256, size in stale]
    for lost in (file for file in kept if not file.file.exists()):
        raise StorageError(f"{lost.file}: the kept copy of {lost.shown} is missing; {source} cannot be read again")
    return kept


def forget_stale(database: Database, source: str, contract: str) -> None:
    """Take out the batches of a source that were read under another contract."""
    batches = database.rows("SELECT batch FROM raw_batch WHERE source = ? AND contract <> ?", [source, contract])
    _forget(database, [batch for (batch,) in batches])


def forget_source(database: Database, source: str) -> None:
    """Take out every batch of a source whose files replace each other."""
    _forget(database, [batch for (batch,) in database.rows("SELECT batch FROM raw_batch WHERE source = ?", [source])])


def _forget(database: Database, batches: Sequence[int]) -> None:
    for batch in batches:
        for table in _PLACES:
            database.execute(f"DELETE FROM {table} WHERE batch = ?", [batch])


def read_files(
    database: Database, source: str, contract: str, files: Sequence[Received], stage: Stage, load: Load
) -> LedgerRow:
    """Stage every file, then load them all in one transaction; the ledger row of the last one.

    ``stage(file)`` makes the temporary table ``staged_rows`` and returns the statement of the view
    ``staged``. It runs before the transaction: a parser that gives up would end it, and rows of a table
    made inside have no row numbers yet.
    """
    try:
        views = [_aside(database, slot, stage(file)) for slot, file in enumerate(files)]
        with database.transaction():
            forget_stale(database, source, contract)
            for slot, (file, view) in enumerate(zip(files, views, strict=True)):
                database.execute(f"ALTER TABLE staged_{slot} RENAME TO staged_rows")
                database.execute(view)
                row = load(file)
                clear(database, slot)
    except BaseException:
        with suppress(ParcoursError):  # the reason of the failure is the one to hear
            clear(database, *range(len(files)))
        raise
    return row


def _aside(database: Database, slot: int, view: str) -> str:
    database.execute(f"ALTER TABLE staged_rows RENAME TO staged_{slot}")
    return view


def account(database: Database, batch: Batch, loaded: int, span: Sequence[date | None]) -> LedgerRow:
    """Write the ledger row, after seeing that every row of the file went to one place."""
    (rows_in,) = database.row("SELECT count(*) FROM staged_rows")
    (duplicates,) = database.row("SELECT count(*) FROM dropped")
    (quarantined,) = database.row(
        "SELECT count(DISTINCT source_row) FROM raw_quarantine WHERE batch = ?", [batch.number]
    )
    received = batch.received
    row = LedgerRow(batch.source, received.shown, received.sha256, rows_in, loaded, duplicates, quarantined)
    if rows_in != loaded + duplicates + quarantined:
        raise ParcoursError(f"{received.shown}: rows do not add up: {asdict(row)}")
    counts = [rows_in, loaded, duplicates, quarantined]
    place = [batch.number, batch.source, received.sha256, received.shown, received.size, batch.contract]
    database.execute(statement("insert_batch"), [*place, *counts, batch.base, *span, batch.run_id])
    return row


def clear(database: Database, *slots: int) -> None:
    """Drop what staging made."""
    database.execute("DROP VIEW IF EXISTS staged")
    for table in (*_TEMPORARY, *(f"staged_{slot}" for slot in slots)):
        database.execute(f"DROP TABLE IF EXISTS temp.{table}")

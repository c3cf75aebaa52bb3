"""The ledger: one row per file read, and what must hold of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from warehouse.database import Database, statement
from warehouse.errors import ParcoursError, StorageError
from warehouse.receive import Received

_PLACES = ("core_event_coded", "core_covariate", "raw_quarantine", "raw_rule", "raw_batch")
_TEMPORARY = ("staged_rows", "records", "identified", "dropped", "offending", "refused", "candidates", "repeated")


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


@dataclass(frozen=True)
class Batch:
    """One file being read: its number, and the source, contract and run it is read under."""

    number: int
    source: str
    contract: str
    received: Received
    run_id: str


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


def forget_stale(database: Database, source: str, contract: str, raw: Path) -> list[Received]:
    """Take out the batches of a source that were read under another contract; their files, in order."""
    stale = database.rows(
        "SELECT batch, file, sha256, size FROM raw_batch WHERE source = ? AND contract <> ? ORDER BY batch",
        [source, contract],
    )
    for batch, *_ in stale:
        for table in _PLACES:
            database.execute(f"DELETE FROM {table} WHERE batch = ?", [batch])
    kept = [Received(file, sha256, size, raw / sha256) for _, file, sha256, size in stale]
    for lost in (file for file in kept if not file.file.exists()):
        raise StorageError(f"{lost.file}: the kept copy of {lost.shown} is missing; {source} cannot be read again")
    return kept


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
    database.execute(statement("insert_batch"), [*place, *counts, *span, batch.run_id])
    return row


def clear(database: Database) -> None:
    """Drop what staging made."""
    database.execute("DROP VIEW IF EXISTS staged")
    for table in _TEMPORARY:
        database.execute(f"DROP TABLE IF EXISTS temp.{table}")

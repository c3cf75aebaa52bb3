"""One file into the warehouse, all of it or nothing of it.

Reading order: rows equal in every column are repeats; rules quarantine; repeats of the natural key
go. Versions, cancellations and the data lock are left to the reader: those rows are loaded.
A row that was quarantined was never loaded: its repeat in a later file is quarantined again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from warehouse.database import Database, statement
from warehouse.home import Home
from warehouse.identities import identify
from warehouse.ledger import Batch, LedgerRow, account, has_rows, known_row, next_batch, read_files, stale_files
from warehouse.programme import Programme, Source
from warehouse.receive import Received
from warehouse.schemas import Rule
from warehouse.sources import parquet, xes
from warehouse.sources.delimited import Request, columns_of, fill_records, stage_file
from warehouse.sources.pseudonyms import derived_secret
from warehouse.staging import RAW, Staging
from warehouse.verdicts import UNREADABLE_EVENT, Place, judge

_TYPED_KEY = {ours: ours for ours in RAW} | {"patient_id": "patient"}
# Keyed, so that nobody can find the identifier behind it by trying; it is no proof of integrity.
_KEYED_HASH = "(hash(md5(concat($row_secret, {row_hash}))) >> 32)::UINTEGER"


@dataclass(frozen=True)
class Reading:
    """What one source is read under: its declaration, the rules and the key."""

    source: Source
    programme: Programme
    rules: tuple[Rule, ...]
    key: bytes

    @property
    def contract(self) -> str:
        """A hash of all that decides what a file's rows become."""
        parts = {
            "source": self.source.model_dump(mode="json", exclude={"path", "optional"}),
            "timezone": self.programme.timezone,
            "sites": [site.id for site in self.programme.sites],
            "vocabulary": self.programme.vocabulary,
            "rules": [[r.id, r.column, r.predicate, r.denominator, r.quarantines] for r in self.rules],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def names(self) -> dict[str, str]:
        """Our column -> the name under which the reader hands it over."""
        if self.source.format == "xes":
            return {ours: ours for ours in xes.keys_of(self.source)}
        return self.source.column_names

    def parameters(self, batch: int) -> dict[str, object]:
        """What statements bind. The secrets are derived from the key, which stays outside."""
        return {
            "row_secret": derived_secret(self.key, "row hashes"),
            "event_secret": derived_secret(self.key, f"event ids of {self.source.id}"),
            "source": self.source.id,
            "batch": batch,
        }


def ingest_file(database: Database, home: Home, reading: Reading, received: Received, run_id: str) -> LedgerRow:
    """Load one file of a source, in one transaction; one that is in the ledger already changes nothing.

    When the declaration or the rules have changed since, every file of the source is read again from
    its kept copy, in the order of the first time.
    """
    source, contract = reading.source.id, reading.contract
    known = known_row(database, source, contract, received.sha256)
    if known:
        return known
    again = [file for file in stale_files(database, source, contract, home.raw) if file.sha256 != received.sha256]
    return read_files(
        database,
        source,
        contract,
        [*again, received],
        stage=lambda file: _stage(database, reading, file),
        load=lambda file: _load(database, reading, file, run_id),
    )


def _stage(database: Database, reading: Reading, received: Received) -> str:
    """Make the table ``staged_rows``; returns the statement of the view ``staged``."""
    staging = Staging(reading.source, reading.programme, reading.names)
    if reading.source.format == "xes":
        events = xes.read_events(received.file, reading.source, received.shown)
        relation = fill_records(database, events, [*xes.keys_of(reading.source), xes.ALL_ATTRIBUTES])
        database.execute(staging.table_sql(relation))
        database.execute("DROP TABLE records")
        return staging.view_sql(relation)
    request = Request(received.file, received.shown, reading.source, *columns_of(reading.source))
    if reading.source.format == "parquet":
        contents = parquet.open_file(database, request)
        staging, relation = replace(staging, plain=contents.plain), contents.relation
        parquet.stage(database, contents, staging.table_sql(relation), received.shown)
    else:
        relation = stage_file(database, request, staging.table_sql)
    return staging.view_sql(relation)


def _load(database: Database, reading: Reading, received: Received, run_id: str) -> LedgerRow:
    batch = Batch(next_batch(database), reading.source.id, reading.contract, received, run_id)
    parameters = reading.parameters(batch.number)
    identify(database, reading.key)
    _drop_repeats(database, reading, parameters)
    place = Place(batch.number, reading.names, rows_are_lines=reading.source.format != "xes")
    judge(database, reading.rules, UNREADABLE_EVENT, place)
    _Insertion(database, reading, parameters).run()
    loaded, *span = database.row(statement("span_of_batch"), parameters)
    return account(database, batch, loaded, span)


def _drop_repeats(database: Database, reading: Reading, parameters: Mapping[str, object]) -> None:
    """Find the rows that are equal to an earlier one in every column, in this file or in another."""
    database.execute(statement("dropped"))
    if not reading.source.drops_duplicates:
        return
    if _find_repeated(database, statement("row_hashes")):
        database.execute(statement("repeated_rows"))
    if has_rows(database, reading.source.id):
        keyed_hash = _KEYED_HASH.format(row_hash="staged.row_hash")
        database.execute(statement("rows_of_earlier_files", keyed_hash=keyed_hash), parameters)


def _find_repeated(database: Database, sql: str) -> bool:
    """Make the table ``repeated`` of the values of ``key_hash`` that the query gives more than once.

    Sorting ten million integers here takes a tenth of what grouping them takes there. False if none is.
    """
    import numpy as np
    import polars as pl

    hashes = np.sort(database.frame(sql)["key_hash"].to_numpy())
    repeated = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    with database.lend("lent", pl.DataFrame({"key_hash": repeated})):
        database.execute("CREATE OR REPLACE TEMP TABLE repeated AS SELECT * FROM lent")
    return bool(repeated.size)


@dataclass(frozen=True)
class _Insertion:
    """The accepted rows of the staged file into the warehouse."""

    database: Database
    reading: Reading
    parameters: Mapping[str, object]

    def run(self) -> None:
        """Drop the repeats of the natural key, then insert events and the patients first seen in them."""
        (base,) = self.database.row("SELECT coalesce(max(sequence), 0) FROM core_event_coded")
        if self.reading.source.natural_key:
            self._drop_repeated_keys(str(base))
        row_hash = _KEYED_HASH.format(row_hash="row_hash") if self.reading.source.drops_duplicates else "NULL"
        self._execute("insert_labels")
        self._execute("insert_events", base=str(base), accepted=self._accepted, row_hash=row_hash)
        self._execute("insert_patients")

    @property
    def _accepted(self) -> str:
        event_key = "NULL::UUID"
        if "event_id" in self.reading.names:
            keyed = "left(sha256(concat($event_secret, staged.event_id)), 32)::UUID"
            event_key = f"CASE WHEN staged.event_id IS NOT NULL THEN {keyed} END"
        return statement("accepted", event_key=event_key)

    def _drop_repeated_keys(self, base: str) -> None:
        ours = self.reading.source.natural_key or ()
        raw_key = ", ".join("raw_patient_id" if column == "patient_id" else column for column in ours)
        key = [_TYPED_KEY[column] for column in ours]
        same_key = " AND ".join(f"accepted.{column} IS NOT DISTINCT FROM loaded.{column}" for column in key)
        parts = {"accepted": self._accepted, "same_key": same_key, "key": ", ".join(key), "base": base}
        _find_repeated(self.database, statement("key_hashes", raw_key=raw_key))
        self._execute("candidates_in_file", raw_key=raw_key)
        if has_rows(self.database, self.reading.source.id):
            self._execute("candidates_in_warehouse", **parts)
        self._execute("repeated_keys", **parts)

    def _execute(self, name: str, **parts: str) -> None:
        self.database.execute(statement(name, **parts), self.parameters)

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
from functools import cached_property

from warehouse.database import Database, statement, text
from warehouse.home import Home
from warehouse.identities import identify
from warehouse.ledger import Batch, LedgerRow, account, has_rows, known_row, next_batch, read_files, stale_files
from warehouse.programme import Programme, Source
from warehouse.receive import Received
from warehouse.repeats import find_candidates
from warehouse.schemas import Rule
from warehouse.sources import parquet, xes
from warehouse.sources.delimited import Request, columns_of, fill_records, stage_file
from warehouse.sources.pseudonyms import derived_secret
from warehouse.staging import RAW, Staging
from warehouse.verdicts import UNREADABLE_EVENT, Judgement, Place, settle

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

    @cached_property
    def judgement(self) -> Judgement:
        """What the rules say of a row."""
        return Judgement(self.rules, UNREADABLE_EVENT)

    @property
    def refused(self) -> str:
        """SQL over the staged rows: whether a row is kept out."""
        return self.judgement.holds(self.judgement.refusals)

    @property
    def names(self) -> dict[str, str]:
        """Our column -> the name under which the reader hands it over."""
        if self.source.format == "xes":
            return {ours: ours for ours in xes.keys_of(self.source)}
        return self.source.column_names

    def parameters(self, batch: Batch) -> dict[str, object]:
        """What statements bind. The secrets are derived from the key, which stays outside."""
        return {
            "row_secret": derived_secret(self.key, "row hashes"),
            "event_secret": derived_secret(self.key, f"event ids of {self.source.id}"),
            "source": self.source.id,
            "batch": batch.number,
            "base": batch.base,
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
    staging = Staging(reading.source, reading.programme, reading.names, reading.judgement)
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
    (base,) = database.row("SELECT coalesce(max(sequence), 0) FROM core_event_coded")
    batch = Batch(next_batch(database), reading.source.id, reading.contract, received, run_id, base)
    parameters = reading.parameters(batch)
    identify(database, reading.key)
    _drop_repeats(database, reading, parameters)
    place = Place(batch.number, reading.names, rows_are_lines=reading.source.format != "xes")
    settle(database, reading.judgement, "staged", place)
    _Insertion(database, reading, parameters).run()
    loaded, *span = database.row(statement("span_of_batch"), parameters)
    return account(database, batch, loaded, span)


def _drop_repeats(database: Database, reading: Reading, parameters: Mapping[str, object]) -> None:
    """Find the rows that are equal to an earlier one in every column, in this file or in another."""
    database.execute(statement("dropped"))
    if not reading.source.drops_duplicates:
        return
    if find_candidates(database, "row_hash"):
        database.execute(statement("repeated_rows"))
    if has_rows(database, reading.source.id):
        keyed_hash = _KEYED_HASH.format(row_hash="staged.row_hash")
        database.execute(statement("rows_of_earlier_files", keyed_hash=keyed_hash), parameters)


@dataclass(frozen=True)
class _Insertion:
    """The accepted rows of the staged file into the warehouse."""

    database: Database
    reading: Reading
    parameters: Mapping[str, object]

    def run(self) -> None:
        """Drop the repeats of the natural key, then insert events and the patients first seen in them."""
        if self.reading.source.natural_key:
            self._drop_repeated_keys()
        refused, drops = self.reading.refused, self.reading.source.drops_duplicates
        for column in ("event_type", "code", "site"):
            self._execute("used_words", refused=refused, column=column)
        self._execute("insert_labels")
        self._execute(
            "insert_events",
            refused=refused,
            event_type=self._label("event_type"),
            site=self._label("site"),
            event_key=self._event_key,
            row_hash=_KEYED_HASH.format(row_hash="row_hash") if drops else "NULL",
        )
        self._execute("insert_patients", refused=refused)

    def _label(self, column: str) -> str:
        """SQL for the label of the word in a column of few words."""
        labels = self.database.rows(statement("labels", column=column))
        cases = " ".join(f"WHEN {text(word)} THEN {label}" for word, label in labels)
        return f"CASE {column} {cases} END" if cases else "NULL::INTEGER"

    @property
    def _event_key(self) -> str:
        if "event_id" not in self.reading.names:
            return "NULL::UUID"
        keyed = "left(sha256(concat($event_secret, accepted.event_id)), 32)::UUID"
        return f"CASE WHEN accepted.event_id IS NOT NULL THEN {keyed} END"

    def _accepted(self, rows: str) -> str:
        return statement("accepted", rows=rows, refused=self.reading.refused, event_key=self._event_key)

    def _drop_repeated_keys(self) -> None:
        ours = self.reading.source.natural_key or ()
        raw_key = ", ".join("raw_patient_id" if column == "patient_id" else column for column in ours)
        key = [_TYPED_KEY[column] for column in ours]
        same_key = " AND ".join(f"accepted.{column} IS NOT DISTINCT FROM loaded.{column}" for column in key)
        parts = {"same_key": same_key, "key": ", ".join(key)}
        find_candidates(self.database, raw_key)
        if has_rows(self.database, self.reading.source.id):
            self._execute("candidates_in_warehouse", accepted=self._accepted("staged"), **parts)
        self._execute("contenders")
        self._execute("repeated_keys", contenders=self._accepted("contenders"), **parts)

    def _execute(self, name: str, **parts: str) -> None:
        self.database.execute(statement(name, **parts), self.parameters)

"""The warehouse of one home: what was read, what is current, what was computed.

``Store`` is the only way to it. Opening one for writing holds the home's lock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from warehouse.activity import ActivityReading, ingest_activity_file
from warehouse.covariates import PatientReading, declared_covariates, ingest_patient_file
from warehouse.database import Database, name, statement, text
from warehouse.errors import DeclarationError, ParcoursError, StorageError
from warehouse.home import Home, hold
from warehouse.ingest import Reading, ingest_file
from warehouse.instants import PRECISIONS, standard_offset, zone_offset_sql
from warehouse.ledger import LedgerRow
from warehouse.programme import Programme, Source
from warehouse.receive import receive, sweep
from warehouse.schemas import ACTIVITY, EVENT, LEDGER, WORD, Rule
from warehouse.sources.pseudonyms import derived_secret

if TYPE_CHECKING:
    import polars as pl

TABLES = (
    "raw_setting", "raw_batch", "raw_rule", "raw_quarantine", "core_patient", "core_covariate", "core_label",
    "core_event_coded", "core_event", "core_activity",
)  # fmt: skip
SHAPE = "2"  # of the tables; a warehouse of another one is refused
_RESULTS = re.compile(r"(out|core_tally)_[a-z][a-z0-9_]{0,40}")


class Store:
    """One warehouse, open. Use as a context manager: ``with Store.open(home) as store``."""

    def __init__(self, home: Home, database: Database, held: ExitStack) -> None:
        self._home, self._database, self._held = home, database, held
        self._knows_set_aside = False

    @classmethod
    def open(cls, home: Home, *, read_only: bool = False) -> Self:
        """Open the warehouse of ``home``; made when it is not there yet.

        Raises ``WarehouseBusy`` when another process has it, ``StorageError`` when it cannot be used.
        """
        with ExitStack() as held:
            if read_only and not home.warehouse.exists():
                raise StorageError(f"{home.warehouse}: there is no warehouse yet; run ingest first")
            if not read_only:
                held.enter_context(hold(home, "store"))
                sweep(home)
            database = Database(home.warehouse, read_only=read_only)
            held.callback(database.close)
            _expect_shape(database, home.warehouse)
            if not read_only:
                _make_tables(database)
            return cls(home, database, held.pop_all())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the warehouse and let go of the lock."""
        self._held.close()

    def ingest(
        self, source: Source, path: Path, programme: Programme, rules: Sequence[Rule], key: bytes, run_id: str
    ) -> LedgerRow:
        """Read one file of a source in one transaction: all of it or nothing.

        A file that was read before under the same declaration and rules changes nothing. Raises
        ``DeclarationError`` for a file that is not what the source declares, ``StorageError``.
        """
        self._check_key(key)
        self._knows_set_aside = False
        reading = Reading(source, programme, tuple(rules), key)
        return ingest_file(self._database, self._home, reading, receive(self._home, path), run_id)

    def ingest_patients(self, programme: Programme, path: Path, key: bytes, run_id: str) -> LedgerRow:
        """Read the file of covariates; what it says of a patient replaces what earlier files said."""
        self._check_key(key)
        reading = PatientReading.of(programme, key)
        return ingest_patient_file(self._database, self._home, reading, receive(self._home, path), run_id)

    def ingest_activity(self, programme: Programme, path: Path, run_id: str) -> LedgerRow:
        """Read the file of activity, a full statement: it replaces the one in force as a whole."""
        reading = ActivityReading.of(programme)
        return ingest_activity_file(self._database, reading, receive(self._home, path), run_id)

    def _check_key(self, key: bytes) -> None:
        """One warehouse, one key: under another one every patient would be new."""
        mark = derived_secret(key, "fingerprint of the key")
        known = self._database.rows("SELECT value FROM raw_setting WHERE setting = 'key'")
        if not known:
            self._database.execute("INSERT INTO raw_setting VALUES ('key', ?)", [mark])
        elif known[0][0] != mark:
            raise DeclarationError(
                "the pseudonym key is not the one that this warehouse was filled with; put that one back"
            )

    def ledger(self) -> pl.DataFrame:
        """One row per file read (``LEDGER``), in reading order."""
        import polars as pl

        return self._database.frame(statement("ledger")).select(pl.col(c).cast(t) for c, t in LEDGER.items())

    def rule_results(self) -> pl.DataFrame:
        """One row per source and rule: ``source, rule, violated, denominator`` over all its files."""
        return self._database.frame(statement("rule_results"))

    def quarantine(self) -> pl.DataFrame:
        """One row per row kept out and rule: ``source, file, source_row, line, column, rule``. Confidential."""
        return self._database.frame(statement("quarantine"))

    def reading(self, programme: Programme) -> dict[str, int]:
        """Rows of the programme by what became of them.

        ``loaded = superseded + cancelled + on_or_after_lock + current``.
        """
        return dict(self._read("reading", programme).row(0, named=True))

    def events(self, programme: Programme, event_types: Sequence[str], *, in_order: bool = True) -> pl.DataFrame:
        """The current events of these types before the data lock (``EVENT``), by ``sequence`` if so wished."""
        import polars as pl

        frame = self._read("events", programme, event_types=list(event_types))
        # Words are looked up here: the engine would spell them out and hand over a text for each row.
        words = dict.fromkeys(("event_type", "code", "site"), self._words())
        words["precision"] = pl.Series([None, *PRECISIONS], dtype=EVENT["precision"])
        spelt = frame.with_columns(word.gather(frame[column]).alias(column) for column, word in words.items())
        events = spelt.select(pl.col(column).cast(dtype) for column, dtype in EVENT.items())
        # The engine hands rows over in the order they were written, usually; it does not promise to.
        return events if not in_order or events["sequence"].is_sorted() else events.sort("sequence")

    def _words(self) -> pl.Series:
        """The words of all events, each at the place of its label."""
        import polars as pl

        words = dict(self._database.rows("SELECT label, word FROM core_label"))
        return pl.Series([words.get(label) for label in range(max(words, default=0) + 1)], dtype=WORD)

    def last_events(self, programme: Programme) -> pl.DataFrame:
        """Per patient: ``last_at`` (UTC) and ``last_on`` of the last current event, ``first_on`` of the first."""
        return self._read("last_events", programme)

    def facts(self, programme: Programme) -> pl.DataFrame:
        """One row per site, month and event type with current events: ``site, month, event_type, n``."""
        return self._read("coverage", programme)

    def dating(self, programme: Programme) -> pl.DataFrame:
        """One row per source, event type and offset of the local clock: on which days and times events lie.

        Counts and sums only: ``events, first_of_month, fifteenth, new_year, after_twelfth, timed, at_midnight,
        seconds, seconds_squared`` (local seconds since midnight of the timed ones).
        """
        zone = programme.timezone
        parts = {
            "offset": zone_offset_sql(zone, "occurred_at", local=False),
            "standard": str(standard_offset(zone, programme.data_lock.year)),
        }
        return self._read("dating", programme, parts)

    def totals(self, programme: Programme) -> dict[str, int | date | None]:
        """Facts about the current events as a whole.

        ``events, patients, first_on, last_on, same_instant_groups, out_of_order`` (rows earlier than the
        patient's row before, in their file), ``after_death, patients_with_two_deaths``.
        """
        return dict(self._read("totals", programme).row(0, named=True))

    def patients(self, programme: Programme) -> pl.DataFrame:
        """One row per patient (``PATIENT``) and one text column per declared covariate, null if unknown."""
        columns = ["max(value) FILTER (covariate = 'birth_year')::BIGINT AS birth_year"]
        for covariate in declared_covariates(programme):
            if covariate != "birth_year":
                columns.append(f"max(value) FILTER (covariate = {text(covariate)}) AS {name(covariate)}")
        return self._database.frame(statement("patients", covariates=", ".join(columns)))

    def activity(self, programme: Programme) -> pl.DataFrame:
        """What the file of activity states of months before the data lock (``ACTIVITY``), as read."""
        import polars as pl

        frame = self._database.frame(statement("activity"), {"data_lock": programme.data_lock})
        return frame.select(pl.col(column).cast(dtype) for column, dtype in ACTIVITY.items())

    def _read(
        self, query: str, programme: Programme, parts: Mapping[str, str] | None = None, **parameters: object
    ) -> pl.DataFrame:
        if not self._knows_set_aside:
            self._database.execute(statement("set_aside"))
            self._knows_set_aside = True
        sources = [source.id for source in programme.sources]
        sql = statement(query, current_events=statement("current_events"), **(parts or {}))
        return self._database.frame(sql, {"sources": sources, "data_lock": programme.data_lock, **parameters})

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """Replace one table of results, in one transaction."""
        self.write_tables({table: frame})

    def write_tables(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """Replace tables of results (``core_tally_*``, ``out_*``), all of them or none."""
        for table in frames:
            _expect_results(table)
        with self._database.transaction():
            for table, frame in frames.items():
                with self._database.lend("lent", frame):
                    self._database.execute(f"CREATE OR REPLACE TABLE {name(table)} AS SELECT * FROM lent")

    def read(self, table: str) -> pl.DataFrame:
        """A table of results as it was written."""
        _expect_results(table)
        if not self._database.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [table]):
            raise DeclarationError("nothing was computed yet: run parcours evaluate first")
        return self._database.frame(f"SELECT * FROM {name(table)}")


def _expect_shape(database: Database, warehouse: Path) -> None:
    """Refuse a warehouse whose tables are those of another version."""
    if database.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'raw_setting'"):
        shape = database.rows("SELECT value FROM raw_setting WHERE setting = 'shape'")
        if shape != [(SHAPE,)]:
            raise StorageError(
                f"{warehouse}: was filled by another version of Parcours; move it away and ingest the raw files again"
            )


def _make_tables(database: Database) -> None:
    with database.transaction():
        for table in TABLES:
            database.execute(statement(f"tables/{table}"))
        if not database.rows("SELECT 1 FROM raw_setting WHERE setting = 'shape'"):
            database.execute("INSERT INTO raw_setting VALUES ('shape', ?)", [SHAPE])


def _expect_results(table: str) -> None:
    if not _RESULTS.fullmatch(table):
        raise ParcoursError("expected a table of results: out_... or core_tally_...")

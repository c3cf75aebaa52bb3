"""The file of covariates: one row per patient, known by the same pseudonym as in the events.

What a later file, or a later row, says of a patient replaces what was said before. Only declared
covariates are read; what else stands in the file stays in the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warehouse.database import Database, name, statement, text
from warehouse.errors import DeclarationError
from warehouse.home import Home
from warehouse.identities import identify
from warehouse.ledger import Batch, LedgerRow, account, known_row, next_batch, read_files, stale_files
from warehouse.programme import PatientFile, Programme
from warehouse.receive import Received
from warehouse.schemas import Rule
from warehouse.sources.delimited import Relation, Request, stage_file
from warehouse.verdicts import Place, judge

SOURCE = "patients"  # the file's name in the ledger
_AGE_BAND = "age_band"  # worked out from birth_year
_UNREADABLE = "fault IS NOT NULL OR raw_patient_id IS NULL"
_MISSING_PATIENT = Rule(
    id="missing_patient_id",
    category="completeness",
    severity="warning",
    column="patient_id",
    predicate="raw_patient_id IS NULL",
    denominator="fault IS NULL",
    sentence_fr="Lignes du fichier des patients\u00a0: le patient y est identifié.",
    sentence_en="Rows of the file of patients: the patient is identified.",
)
_INVALID_BIRTH_YEAR = Rule(
    id="invalid_birth_year",
    category="conformance",
    severity="warning",
    column="birth_year",
    predicate=r"NOT regexp_full_match(birth_year, '(18|19|20)\d\d')",
    denominator="birth_year IS NOT NULL",
    sentence_fr="Années de naissance renseignées\u00a0: ce sont des années à quatre chiffres.",
    sentence_en="Birth years given: they are years of four digits.",
)
PATIENT_RULES = (_MISSING_PATIENT, _INVALID_BIRTH_YEAR)


def declared_covariates(programme: Programme) -> list[str]:
    """The covariates that a programme names, ``birth_year`` first where it has one."""
    if programme.patients is None:
        return []
    if programme.patients.columns:
        return sorted(set(programme.patients.columns) - {"patient_id"}, key=lambda c: (c != "birth_year", c))
    named = {*programme.strata, *programme.analysis.adjust_for} - {_AGE_BAND, "birth_year", "site", "period", "arm"}
    return ["birth_year", *sorted(named)]


@dataclass(frozen=True)
class PatientReading:
    """What the file of covariates is read under."""

    file: PatientFile
    covariates: tuple[str, ...]
    key: bytes

    @classmethod
    def of(cls, programme: Programme, key: bytes) -> PatientReading:
        """The reading that a programme declares."""
        if programme.patients is None:
            raise DeclarationError(f"{programme.id}: declares no [patients] file")
        return cls(programme.patients, tuple(declared_covariates(programme)), key)

    @property
    def names(self) -> dict[str, str]:
        """Our column -> the file's."""
        return dict(self.file.columns) or {ours: ours for ours in ("patient_id", *self.covariates)}

    @property
    def required(self) -> frozenset[str]:
        """Columns that the file must have: the declared ones, or the patient alone."""
        return frozenset(self.file.columns) | {"patient_id"}

    @property
    def contract(self) -> str:
        """A hash of all that decides what the file's rows become."""
        parts = [self.file.model_dump(mode="json", exclude={"path", "optional"}), self.covariates]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def ingest_patient_file(
    database: Database, home: Home, reading: PatientReading, received: Received, run_id: str
) -> LedgerRow:
    """Load one file of covariates in one transaction; one that is in the ledger already changes nothing."""
    contract = reading.contract
    known = known_row(database, SOURCE, contract, received.sha256)
    if known:
        return known
    again = [file for file in stale_files(database, SOURCE, contract, home.raw) if file.sha256 != received.sha256]
    return read_files(
        database,
        SOURCE,
        contract,
        [*again, received],
        stage=lambda file: _stage(database, reading, file),
        load=lambda file: _load(database, reading, file, run_id),
    )


def _stage(database: Database, reading: PatientReading, received: Received) -> str:
    """Make the table ``staged_rows``; returns the statement of the view ``staged``."""
    request = Request(received.file, received.shown, reading.file, reading.names, reading.required)

    def create(relation: Relation) -> str:
        known = _identifiers(reading, relation.columns)
        texts = [f"{column} AS {_staged_name(ours)}" for ours, column in known.items()]
        texts += ["line", "fault", "fault_column"] if relation.is_careful else []
        return f"CREATE TEMP TABLE staged_rows AS SELECT {', '.join(texts)} FROM {relation.sql}"

    relation = stage_file(database, request, create)
    absent = [ours for ours in reading.covariates if ours not in _identifiers(reading, relation.columns)]
    more = [f"NULL::VARCHAR AS {name(ours)}" for ours in absent]
    if relation.is_careful:
        more.append("line AS source_row")
    else:
        more += ["rowid + 2 AS source_row", "NULL::VARCHAR AS fault", "NULL::VARCHAR AS fault_column"]
    return statement("stage_view", more=", ".join(more))


def _load(database: Database, reading: PatientReading, received: Received, run_id: str) -> LedgerRow:
    batch = Batch(next_batch(database), SOURCE, reading.contract, received, run_id)
    database.execute(statement("dropped"))
    rules = [_MISSING_PATIENT, *([_INVALID_BIRTH_YEAR] if "birth_year" in reading.covariates else [])]
    judge(database, rules, _UNREADABLE, Place(batch.number, reading.names, rows_are_lines=True))
    identify(database, reading.key)
    database.execute(statement("earlier_covariate_rows"))
    return account(database, batch, _insert(database, reading.covariates, batch.number), (None, None))


def _identifiers(reading: PatientReading, columns: Mapping[str, str]) -> dict[str, str]:
    return {ours: columns[theirs] for ours, theirs in reading.names.items() if theirs in columns}


def _staged_name(ours: str) -> str:
    return "raw_patient_id" if ours == "patient_id" else name(ours)


def _insert(database: Database, covariates: Sequence[str], batch: int) -> int:
    database.execute(statement("covariate_rows"))
    database.execute("DELETE FROM core_covariate WHERE patient IN (SELECT patient FROM covariate_rows)")
    for covariate in covariates:
        sql = statement("insert_covariate", covariate=text(covariate), column=name(covariate))
        database.execute(sql, {"batch": batch})
    database.execute(statement("insert_patients_of_covariates"))
    (loaded,) = database.row("SELECT count(*) FROM covariate_rows")
    database.execute("DROP TABLE covariate_rows")
    return int(loaded)

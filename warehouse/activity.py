"""The file of activity: what the programme did by site and month, without any patient.

It is a full statement, replaced as a whole: the file that was read last is the one in force, alone in
the ledger and in ``core_activity``. What it corrects is corrected and what it leaves out is gone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date

from warehouse.database import Database, name, statement, text
from warehouse.errors import DeclarationError
from warehouse.implementation import ACTIVITY_COLUMNS, ActivityFile
from warehouse.ledger import Batch, LedgerRow, account, forget_source, known_row, next_batch, read_files
from warehouse.programme import Programme
from warehouse.receive import Received
from warehouse.schemas import Rule
from warehouse.sources.delimited import Relation, Request, stage_file
from warehouse.verdicts import Place, judge

SOURCE = "activity"  # the file's name in the ledger
_UNREADABLE = "fault IS NOT NULL OR site IS NULL OR month IS NULL OR activity IS NULL OR n IS NULL"
_READ = "fault IS NULL"
_KEYED = "fault IS NULL AND site IS NOT NULL AND month IS NOT NULL AND activity IS NOT NULL"
_NOBODY = "''"  # no kind and no item is called so: a list of SQL may not be empty


def _rule(
    id: str, column: str, predicate: str, fr: str, en: str, *, denominator: str = _READ, quarantines: bool = True
) -> Rule:
    return Rule(
        id=id,
        category="plausibility" if denominator == _KEYED else "conformance",
        severity="warning" if quarantines else "info",
        column=column,
        predicate=predicate,
        denominator=denominator,
        sentence_fr=f"Lignes du fichier d’activité\u00a0: {fr}.",
        sentence_en=f"Rows of the file of activity: {en}.",
        quarantines=quarantines,
    )


ACTIVITY_RULES = (
    _rule("activity_site_known", "site", "site IS NULL", "le site est déclaré", "the site is declared"),
    _rule("activity_month_readable", "month", "month IS NULL", "le mois s’écrit 2022-03", "the month reads 2022-03"),
    _rule("activity_kind_known", "activity", "activity IS NULL", "l’activité est déclarée", "the activity is declared"),
    _rule(
        "activity_item_known", "item", "activity IS NOT NULL AND NOT knows_item",
        "la réponse est déclarée pour cette activité", "the item is declared for this activity",
    ),
    _rule(
        "activity_number_whole", "n", "n IS NULL",
        "le nombre est un entier, nul ou positif", "the number is whole and not negative",
    ),
    _rule(
        "activity_stated_once", "activity", "times > 1",
        "chaque site, mois, activité et réponse n’y figure qu’une fois",
        "each site, month, activity and item stands there once",
        denominator=_KEYED,
    ),
    _rule(
        "activity_answers_complete", "n", "item IS NOT NULL AND coalesce(n > people, true)",
        "les oui à une réponse ne dépassent pas le nombre de personnes, lui-même renseigné",
        "those who said yes to an item are no more than the people counted, who are stated too",
        denominator=_KEYED,
    ),
    _rule(
        "activity_before_lock", "month", "is_after_lock",
        "le mois précède la date de gel\u00a0; les autres sont mis de côté",
        "the month is before the data lock; the others are set aside",
        denominator=_KEYED, quarantines=False,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ActivityReading:
    """What the file of activity is read under."""

    file: ActivityFile
    sites: tuple[str, ...]
    data_lock: date

    @classmethod
    def of(cls, programme: Programme) -> ActivityReading:
        """The reading that a programme declares."""
        if programme.activity is None:
            raise DeclarationError(f"{programme.id}: declares no [activity] file")
        return cls(programme.activity, tuple(site.id for site in programme.sites), programme.data_lock)

    @property
    def contract(self) -> str:
        """A hash of all that decides what the file's rows become."""
        rules = [[r.id, r.column, r.predicate, r.denominator, r.quarantines] for r in ACTIVITY_RULES]
        declared = self.file.model_dump(mode="json", exclude={"path", "optional"})
        parts = [declared, self.sites, str(self.data_lock), rules]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def ingest_activity_file(database: Database, reading: ActivityReading, received: Received, run_id: str) -> LedgerRow:
    """Replace the statement in force, in one transaction; the same file again changes nothing."""
    contract = reading.contract
    known = known_row(database, SOURCE, contract, received.sha256)
    if known:
        return known
    return read_files(
        database,
        SOURCE,
        contract,
        [received],
        stage=lambda file: _stage(database, reading, file),
        load=lambda file: _load(database, reading, file, run_id),
    )


def _stage(database: Database, reading: ActivityReading, received: Received) -> str:
    """Make the table ``staged_rows`` of raw texts; returns the statement of the view ``staged``."""
    names = reading.file.column_names
    request = Request(received.file, received.shown, reading.file, names, reading.file.required)

    def create(relation: Relation) -> str:
        columns = {ours: relation.columns.get(names.get(ours, ours), "NULL::VARCHAR") for ours in ACTIVITY_COLUMNS}
        texts = [f"{column} AS {name(f'raw_{ours}')}" for ours, column in columns.items()]
        texts += ["line", "fault", "fault_column"] if relation.is_careful else []
        return f"CREATE TEMP TABLE staged_rows AS SELECT {', '.join(texts)} FROM {relation.sql}"

    relation = stage_file(database, request, create)
    places = "line AS source_row, fault, fault_column"
    if not relation.is_careful:
        places = "rowid + 2 AS source_row, NULL::VARCHAR AS fault, NULL::VARCHAR AS fault_column"
    return statement(
        "activity_view",
        places=places,
        sites=_site(reading),
        activities=", ".join(text(kind.id) for kind in reading.file.kinds),
        items=_items(reading.file),
        data_lock=text(str(reading.data_lock)),
    )


def _site(reading: ActivityReading) -> str:
    """SQL for the declared site that the file's text stands for, null where for none."""
    known = reading.file.sites or {site: site for site in reading.sites}
    return f"CASE raw_site {' '.join(f'WHEN {text(raw)} THEN {text(site)}' for raw, site in known.items())} END"


def _items(file: ActivityFile) -> str:
    """SQL for every pair of activity and item that may stand together."""
    pairs = [f"({text(kind.id)}, {text(item.id)})" for kind in file.kinds for item in kind.items]
    return ", ".join(pairs) or f"({_NOBODY}, {_NOBODY})"


def _load(database: Database, reading: ActivityReading, received: Received, run_id: str) -> LedgerRow:
    forget_source(database, SOURCE)
    batch = Batch(next_batch(database), SOURCE, reading.contract, received, run_id)
    database.execute(statement("dropped"))
    judge(database, ACTIVITY_RULES, _UNREADABLE, Place(batch.number, reading.file.column_names, rows_are_lines=True))
    database.execute(statement("insert_activity"), {"batch": batch.number})
    (loaded,) = database.row("SELECT count(*) FROM core_activity WHERE batch = ?", [batch.number])
    return account(database, batch, int(loaded), (None, None))

"""From the texts of a file to typed columns, and to the verdict of the rules on each row.

The door between readers and warehouse is ``Relation``: whoever reads a format hands over SQL to select
the texts of its rows from, and this module makes the table ``staged_rows`` of them in one reading.

Rules see one row per row of the file. Raw texts are null where empty and never trimmed. Typed columns are
null where the text could not be read: a rule, not this module, says what that means.

``fault, fault_column, raw_patient_id, raw_event_type, raw_occurred_at, raw_site, raw_code, raw_value,
raw_status, raw_recorded_at, event_id, event_type, code, occurred_at, occurred_on, precision, clock_change,
site, value, status, recorded_at``

Of these are kept what is loaded, the identifiers, and the verdicts: the view ``staged`` has no other texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.database import statement, text
from warehouse.instants import Clock
from warehouse.programme import BLANKS, Programme, Source
from warehouse.sources.delimited import Relation
from warehouse.verdicts import Judgement

RAW = {
    "patient_id": "raw_patient_id", "event_type": "raw_event_type", "occurred_at": "raw_occurred_at",
    "site": "raw_site", "code": "raw_code", "value": "raw_value", "status": "raw_status",
    "recorded_at": "raw_recorded_at", "event_id": "event_id",
}  # fmt: skip
STATUSES = ("active", "corrected", "cancelled")
_LOADED = ("occurred_at", "occurred_on", "precision", "event_type", "code", "site", "value", "status", "recorded_at")
_PLACES = ("fault", "fault_column")
_FIRST_DATA_LINE = 2  # the header is line 1, and a table's rowid starts at 0


@dataclass(frozen=True)
class Staging:
    """Builds the statements that stage one source of a programme. ``names``: our column -> the file's.

    ``plain``: our columns whose texts were made of typed values: ISO days and times, numbers with a point.
    """

    source: Source
    programme: Programme
    names: Mapping[str, str]
    judgement: Judgement
    plain: frozenset[str] = frozenset()

    def table_sql(self, relation: Relation) -> str:
        """The statement that makes ``staged_rows`` from the rows of a file."""
        present = self._present(relation)
        texts = [f"{column} AS {RAW[ours]}" for ours, column in present.items()]
        if self.source.drops_duplicates:
            ordered = ", ".join(relation.columns[name] for name in sorted(relation.columns))
            texts.append(f"hash({ordered}) AS row_hash")
        if relation.is_careful:
            texts += ["line", "fault", "fault_column"]
        return statement(
            "stage_rows",
            texts=", ".join(texts),
            relation=relation.sql,
            read=_listed(self._read(present)),
            usual=_listed(self._usual(present)),
            written=_listed(self._written(present)),
            aligned=self._aligned(present),
            instants=_listed(self._instants(present)),
            typed=_listed(self._typed(present)),
            absent=_listed(self._absent(present, relation)),
            kept=", ".join(self._kept(present, relation)),
            verdicts=self.judgement.sql(),
        )

    def _kept(self, present: Mapping[str, str], relation: Relation) -> list[str]:
        """The columns of ``staged_rows`` beside the verdicts: none that is null or one constant throughout."""
        typed = {**self._instants(present), **self._typed(present)}
        texts = [RAW[ours] for ours in ("patient_id", "event_id") if ours in present]
        hashed = ["row_hash"] if self.source.drops_duplicates else []
        places = ["line", "fault", "fault_column"] if relation.is_careful else []
        return [*texts, *(column for column in _LOADED if column in typed), *hashed, *places]

    def view_sql(self, relation: Relation) -> str:
        """The statement that makes the view ``staged`` over ``staged_rows``."""
        absent = self._absent(self._present(relation), relation)
        more = {column: sql for column, sql in absent.items() if column in (*_LOADED, *_PLACES, "event_id")}
        more["source_row"] = "line" if relation.is_careful else f"rowid + {_FIRST_DATA_LINE}"
        return statement("stage_view", more=_listed(more))

    def _absent(self, present: Mapping[str, str], relation: Relation) -> dict[str, str]:
        """Columns that rules may read and this file has not: constants."""
        columns = {raw: "NULL::VARCHAR" for ours, raw in RAW.items() if ours not in present}
        if not relation.is_careful:
            columns |= dict.fromkeys(_PLACES, "NULL::VARCHAR")
        typed = {**self._instants(present), **self._typed(present)}
        return columns | {column: sql for column, sql in self._constants().items() if column not in typed}

    def _present(self, relation: Relation) -> dict[str, str]:
        """Our columns that the file has -> their SQL identifier."""
        return {ours: relation.columns[self.names[ours]] for ours in RAW if self.names.get(ours) in relation.columns}

    def _clock(self, moment: str = "occurred") -> Clock:
        """How the column of this moment writes time."""
        zone = self.source.timezone or self.programme.timezone
        return Clock(
            "iso" if f"{moment}_at" in self.plain else self.source.date_format,
            zone,
            self.programme.timezone,
            ignores_offset=self.source.offset == "ignore",
            days_only=self.source.precision == "day" and moment == "occurred",
        )

    def _moments(self, present: Mapping[str, str]) -> list[str]:
        return [moment for moment in ("occurred", "recorded") if f"{moment}_at" in present]

    def _read(self, present: Mapping[str, str]) -> dict[str, str]:
        """Time stamps as the engine reads them."""
        return {f"{moment}_read": self._clock(moment).read_sql(f"raw_{moment}_at") for moment in self._moments(present)}

    def _usual(self, present: Mapping[str, str]) -> dict[str, str]:
        """Whether they have the usual shape."""
        return {
            f"{moment}_usual": self._clock(moment).usual_sql(f"raw_{moment}_at", f"{moment}_read")
            for moment in self._moments(present)
        }

    def _written(self, present: Mapping[str, str]) -> dict[str, str]:
        """Time stamps as the file writes them."""
        columns = {}
        for moment in self._moments(present):
            clock, raw = self._clock(moment), f"raw_{moment}_at"
            usual = f"{moment}_usual"
            columns[f"{moment}_written"] = clock.written_sql(raw, f"{moment}_read", usual)
            columns[f"{moment}_offset"] = clock.offset_sql(raw, usual)
            columns[f"{moment}_precision"] = clock.precision_sql(raw, usual)
        return columns

    def _aligned(self, present: Mapping[str, str]) -> str:
        """Times of day that are not real give way to the day they fall on."""
        if self.source.precision != "day" or "occurred_at" not in present:
            return ""
        day = self._clock().day_alone_sql("occurred_written", "occurred_offset")
        return f"REPLACE ({day} AS occurred_written, NULL::INTEGER AS occurred_offset)"

    def _instants(self, present: Mapping[str, str]) -> dict[str, str]:
        """The same as instants in UTC."""
        return {
            f"{moment}_at": self._clock(moment).instant_sql(
                f"{moment}_written", f"{moment}_offset", f"{moment}_precision"
            )
            for moment in self._moments(present)
        }

    def _typed(self, present: Mapping[str, str]) -> dict[str, str]:
        """Columns that differ from row to row."""
        clock, mappings = self._clock(), self.source.mappings()
        types = {raw: mapping.type for raw, mapping in mappings.items()} or {t: t for t in self.programme.vocabulary}
        codes = {raw: mapping.code for raw, mapping in mappings.items() if mapping.code}
        columns = {
            "event_type": _mapped("raw_event_type", types),
            "precision": "occurred_precision",
            "occurred_on": clock.day_sql("occurred_written", "occurred_offset", "occurred_precision", "occurred_at"),
        }
        change = clock.clock_change_sql("occurred_written", "occurred_offset", "occurred_precision")
        if change:
            columns["clock_change"] = change
        if codes:
            otherwise = "raw_code" if "code" in present else "NULL"
            columns["code"] = _worded("raw_event_type", codes, otherwise)
        elif "code" in present:
            columns["code"] = "raw_code"
        if "site" in present:
            columns["site"] = self._site()
        if "value" in present:
            marks = (".", None) if "value" in self.plain else (self.source.decimal, self.source.thousands)
            columns["value"] = _number("raw_value", *marks)
        if "status" in present:
            columns["status"] = _status()
        return columns

    def _constants(self) -> dict[str, str]:
        """What stands in columns that the file has not."""
        return {
            "clock_change": "NULL::VARCHAR",
            "code": "NULL::VARCHAR",
            "site": self._constant_site(),
            "value": "NULL::DOUBLE",
            "status": "'active'",
            "recorded_at": "NULL::TIMESTAMP",
        }

    def _constant_site(self) -> str:
        return text(self.source.site) if self.source.site else "NULL::VARCHAR"

    def _site(self) -> str:
        sites = dict(self.source.sites) or {site.id: site.id for site in self.programme.sites}
        return _mapped("raw_site", sites, absent=self.source.site)


def _listed(columns: Mapping[str, str]) -> str:
    return ",\n  ".join(f"{sql} AS {column}" for column, sql in columns.items())


def _mapped(raw: str, targets: Mapping[str, str], *, absent: str | None = None) -> str:
    """SQL for the word that a text stands for, null where for none: a number that is shown as the word.

    ``absent``: the word where there is no text.
    """
    words = ", ".join(text(word) for word in sorted({*targets.values(), *([absent] if absent else [])}))
    kind = f"ENUM ({words})" if words else "VARCHAR"
    missing = f"WHEN {raw} IS NULL THEN {text(absent)}::{kind} " if absent else ""
    cases = " ".join(f"WHEN {raw} = {text(known)} THEN {text(target)}::{kind}" for known, target in targets.items())
    return f"CASE {missing}{cases} ELSE NULL::{kind} END" if missing or cases else "NULL::VARCHAR"


def _worded(raw: str, targets: Mapping[str, str], otherwise: str) -> str:
    """SQL for the word that a text stands for, as a text."""
    cases = " ".join(f"WHEN {text(known)} THEN {text(target)}" for known, target in targets.items())
    return f"CASE {raw} {cases} ELSE {otherwise}::VARCHAR END"


def _status() -> str:
    return _mapped("raw_status", {status: status for status in STATUSES}, absent="active")


def _number(raw: str, decimal: str, thousands: str | None) -> str:
    """A finite number: the cast alone takes "nan", "inf" and "1_000". Groups are of three digits, or there are none."""
    point, whole, number = "[.]" if decimal == "." else ",", r"\d+", raw
    if thousands:
        marks = BLANKS if thousands in BLANKS else (thousands,)
        whole = rf"(\d+|\d{{1,3}}([{''.join(marks)}]\d{{3}})+)".replace("'", "''")
        number = f"translate({raw}, {text(''.join(marks))}, '')"
    shape = rf"[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d\d?)?"
    number = number if decimal == "." else f"replace({number}, ',', '.')"
    return f"CASE WHEN regexp_full_match({raw}, '{shape}') THEN TRY_CAST({number} AS DOUBLE) END"

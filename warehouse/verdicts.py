"""Row rules over the staged rows: counted in one pass, and the rows they refuse set down by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warehouse.database import Database, statement
from warehouse.schemas import Rule

_LIVE = "staged ANTI JOIN dropped USING (source_row)"
UNREADABLE = "unreadable_row"  # the rule of rows that no rule named and that cannot be loaded
UNREADABLE_EVENT = (
    "fault IS NOT NULL OR raw_patient_id IS NULL OR event_type IS NULL OR occurred_at IS NULL "
    "OR occurred_on IS NULL OR status IS NULL"
)


@dataclass(frozen=True)
class Place:
    """Where refused rows stand. ``names``: our column -> the file's."""

    batch: int
    names: Mapping[str, str]
    rows_are_lines: bool


@dataclass(frozen=True)
class Verdict:
    """How many of the rows a rule speaks of violate it."""

    rule: Rule
    violated: int
    denominator: int


def judge(database: Database, batch: int, rules: Sequence[Rule]) -> list[Verdict]:
    """Count every rule over the staged rows that are not repeats, in one pass; keep the counts."""
    if not rules:
        return []
    counts = []
    for rule in rules:
        counts += [f"count(*) FILTER (WHERE {_violates(rule)})", f"count(*) FILTER (WHERE {rule.denominator})"]
    row = database.row(f"SELECT {', '.join(counts)} FROM {_LIVE}")
    verdicts = [Verdict(rule, row[2 * place], row[2 * place + 1]) for place, rule in enumerate(rules)]
    for verdict in verdicts:
        counted = [batch, verdict.rule.id, verdict.violated, verdict.denominator]
        database.execute("INSERT INTO raw_rule VALUES (?, ?, ?, ?)", counted)
    return verdicts


def _violates(rule: Rule) -> str:
    return f"coalesce(({rule.predicate}) AND ({rule.denominator}), false)"


def refuse(database: Database, place: Place, verdicts: Sequence[Verdict], unreadable: str) -> None:
    """Make the table ``refused`` of rows to keep out, and note where they stand in ``raw_quarantine``.

    ``unreadable`` is SQL for rows that cannot be loaded, whatever the rules say.
    """
    refusing = [verdict.rule for verdict in verdicts if verdict.rule.quarantines and verdict.violated]
    flags = {f"violates_{number}": rule for number, rule in enumerate(refusing)}
    columns = [f"{_violates(rule)} AS {flag}" for flag, rule in flags.items()]
    database.execute(
        statement(
            "offending",
            live=_LIVE,
            flags=", ".join([*columns, f"coalesce({unreadable}, false) AS unreadable"]),
            refused=" OR ".join([*flags, "unreadable"]),
        )
    )
    for flag, rule in flags.items():
        _note(database, place, rule.id, rule.column, flag)
    _note(database, place, UNREADABLE, None, " AND ".join(["unreadable", *(f"NOT {flag}" for flag in flags)]))
    database.execute("CREATE TEMP TABLE refused AS SELECT source_row FROM offending")


def _note(database: Database, place: Place, rule: str, column: str | None, violates: str) -> None:
    ours = column.removeprefix("raw_") if column else None
    parameters = {"batch": place.batch, "rule": rule, "column": place.names.get(ours, ours) if ours else None}
    line = "source_row" if place.rows_are_lines else "NULL"
    database.execute(statement("insert_quarantine", line=line, violates=violates), parameters)

"""Row rules over the staged rows: counted in one pass, and the rows they refuse set down by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warehouse.database import Database, statement
from warehouse.schemas import Rule

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


def judge(database: Database, rules: Sequence[Rule], unreadable: str, place: Place) -> None:
    """Evaluate all rules over the staged rows that are not repeats, in one pass.

    Keeps the counts in ``raw_rule``, notes the rows to keep out in ``raw_quarantine`` and lists them in
    the table ``refused``. ``unreadable`` is SQL for rows that cannot be loaded, whatever the rules say.
    """
    flags = {f"violates_{number}": rule for number, rule in enumerate(rules)}
    columns = [f"{_violates(rule)} AS {flag}" for flag, rule in flags.items()]
    every = [*columns, f"coalesce({unreadable}, false) AS unreadable"]
    database.execute(statement("offending", flags=", ".join(every), any_flag=" OR ".join([*flags, "unreadable"])))
    _count(database, place.batch, flags)
    refusing = {flag: rule for flag, rule in flags.items() if rule.quarantines}
    for flag, rule in refusing.items():
        _note(database, place, rule.id, rule.column, flag)
    unnamed = " AND ".join(["unreadable", *(f"NOT {flag}" for flag in refusing)])
    _note(database, place, UNREADABLE, None, unnamed)
    any_refusal = " OR ".join([*refusing, "unreadable"])
    database.execute(f"CREATE TEMP TABLE refused AS SELECT source_row FROM offending WHERE {any_refusal}")


def _violates(rule: Rule) -> str:
    return f"coalesce(({rule.predicate}) AND ({rule.denominator}), false)"


def _count(database: Database, batch: int, flags: Mapping[str, Rule]) -> None:
    """Keep how many rows each rule speaks of and how many of them violate it."""
    if not flags:
        return
    violated = database.row(f"SELECT {', '.join(f'count(*) FILTER (WHERE {flag})' for flag in flags)} FROM offending")
    spoken_of = list(dict.fromkeys(rule.denominator for rule in flags.values()))
    counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in spoken_of)
    denominators = dict(zip(spoken_of, database.row(statement("denominators", counts=counts)), strict=True))
    for rule, number in zip(flags.values(), violated, strict=True):
        counted = [batch, rule.id, number, denominators[rule.denominator]]
        database.execute("INSERT INTO raw_rule VALUES (?, ?, ?, ?)", counted)


def _note(database: Database, place: Place, rule: str, column: str | None, violates: str) -> None:
    ours = column.removeprefix("raw_") if column else None
    parameters = {"batch": place.batch, "rule": rule, "column": place.names.get(ours, ours) if ours else None}
    line = "source_row" if place.rows_are_lines else "NULL"
    database.execute(statement("insert_quarantine", line=line, violates=violates), parameters)

"""A row rule from the rows it speaks of and what violates it: SQL and sentences put together alike."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.schemas import Category, Rule, Severity


@dataclass(frozen=True)
class Rows:
    """The rows that a rule speaks of, its denominator: in SQL, and in words before the colon."""

    sql: str
    fr: str
    en: str


READ = Rows("true", "Lignes lues", "Rows read")
SPLIT = Rows("fault IS NULL", "Lignes bien formées", "Well-formed rows")
CHANGES = Rows(
    "fault IS NULL AND status IN ('corrected', 'cancelled')",
    "Corrections et annulations",
    "Corrections and cancellations",
)


def row_rule(
    id: str,
    rows: Rows,
    violated_when: str,
    *,
    column: str,
    fr: str,
    en: str,
    category: Category,
    severity: Severity,
    threshold: float = 0.0,
    quarantines: bool = True,
) -> Rule:
    """The rule of these rows, never null and never true outside them. The words follow those of the rows."""
    return Rule(
        id=id,
        category=category,
        severity=severity,
        column=column,
        predicate=f"coalesce(({rows.sql}) AND ({violated_when}), false)",
        sentence_fr=f"{rows.fr}\u00a0: {fr}",
        sentence_en=f"{rows.en}: {en}",
        threshold=threshold,
        denominator=f"coalesce({rows.sql}, false)",
        quarantines=quarantines,
    )

"""Words for the terminal and a table for the quality artifact. Counts only."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from checks.gate import Verdict, told

ORDER = ("error", "fail", "pass_with_failures", "not_applicable", "pass")
WORDS = {
    "pass": "passed",
    "pass_with_failures": "passed with failures under the threshold",
    "fail": "failed",
    "error": "could not be judged",
    "not_applicable": "had nothing to judge",
}
OUTCOMES = {
    "pass": "Quality: passed.",
    "warning": "Quality: passed with warnings.",
    "fail": "Quality: failed, nothing is published.",
}


def summary(verdict: Verdict) -> str:
    """A line for the verdict, one for the number of checks by status, and one for each check that fell."""
    statuses = verdict.checks["status"]
    counted = [f"{int((statuses == status).sum())} {WORDS[status]}" for status in reversed(ORDER) if status in statuses]
    lines = [OUTCOMES[verdict.outcome], f"{verdict.checks.height} checks: {', '.join(counted)}."]
    return "\n".join([*lines, *(f"- {row['severity']}: {told(row)}" for row in _fallen(verdict.checks))])


def _fallen(checks: pl.DataFrame) -> Iterable[dict[str, object]]:
    return _worst_first(checks).filter(pl.col("status").is_in(["fail", "error"])).iter_rows(named=True)


def _worst_first(checks: pl.DataFrame) -> pl.DataFrame:
    statuses, severities = pl.Enum(ORDER), pl.Enum(["fatal", "warning", "info"])
    return checks.sort(pl.col("status").cast(statuses), pl.col("severity").cast(severities), maintain_order=True)


def as_markdown(checks: pl.DataFrame) -> str:
    """A table of CHECK, what fell first: rows and percent, for a share of 0.00 % may hide a hundred rows."""
    head = "| check | scope | severity | status | violated | of | share | threshold | what must hold |"
    rule = "|---|---|---|---|---:|---:|---:|---:|---|"
    return "\n".join([head, rule, *(_line(row) for row in _worst_first(checks).iter_rows(named=True))])


def _line(row: dict[str, object]) -> str:
    cells = (
        row["check_id"], row["scope"], row["severity"], WORDS[str(row["status"])],
        _number(row["violated"]), _number(row["denominator"]), _percent(row["share"]), _percent(row["threshold"]),
        row["sentence_en"],
    )  # fmt: skip
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _number(count: object) -> str:
    return f"{count:,}" if isinstance(count, int) else "–"


def _percent(share: object) -> str:
    return f"{share:.2%}" if isinstance(share, float) else "–"

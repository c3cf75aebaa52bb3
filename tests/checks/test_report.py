"""Words about a verdict: the terminal's and the artifact's."""

from __future__ import annotations

import polars as pl

from checks.gate import Verdict
from checks.report import as_markdown, summary
from warehouse.schemas import CHECK

ROWS = [
    ("missing_date", "completeness", "fatal", "ehr", 0, 1000, 0.0, 0.01, "pass"),
    ("unknown_site", "conformance", "warning", "ehr", 100, 1_000_000, 0.0001, 0.01, "pass_with_failures"),
    ("missing_answer", "completeness", "warning", "ehr", 0, 0, None, 0.05, "not_applicable"),
    ("few_rows_duplicated", "plausibility", "warning", "all", 60, 1000, 0.06, 0.05, "fail"),
    ("events_in_order", "plausibility", "info", "all", None, None, None, 0.1, "error"),
]
CHECKS = pl.DataFrame([(*row, "fr", "Rows: a|b.") for row in ROWS], schema=CHECK, orient="row")


def test_the_terminal_reads_the_outcome_the_numbers_and_what_fell() -> None:
    assert summary(Verdict(CHECKS, "warning")).splitlines() == [
        "Quality: passed with warnings.",
        "5 checks: 1 passed, 1 had nothing to judge, 1 passed with failures under the threshold, 1 failed, "
        "1 could not be judged.",
        "- info: events_in_order (all): could not be judged. Rows: a|b.",
        "- warning: few_rows_duplicated (all): 60 of 1000 violate. Rows: a|b.",
    ]


def test_what_passed_is_told_in_two_lines() -> None:
    told = summary(Verdict(CHECKS.head(1), "pass"))
    assert told == "Quality: passed.\n1 checks: 1 passed."


def test_the_table_shows_rows_and_percent_what_fell_first() -> None:
    lines = as_markdown(CHECKS).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == [
        "events_in_order", "few_rows_duplicated", "unknown_site", "missing_answer", "missing_date",
    ]  # fmt: skip
    assert lines[4] == (
        "| unknown_site | ehr | warning | passed with failures under the threshold | 100 | 1,000,000 | 0.01% | 1.00% "
        "| Rows: a\\|b. |"
    )
    assert lines[5].count("–") == 1
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1

"""The gate: one verdict from all checks. A fatal failure stops, a warning goes on and is shown.

A check is never silently absent: a denominator of nothing is ``not_applicable``, and what could not
be judged is an ``error``, which counts as a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import polars as pl

from checks import expectations
from checks.coverage import Measured
from checks.expectations import Judgement, Suite
from checks.results import RESULT_CHECKS, Results
from checks.tables import Evidence, TableCheck, table_checks
from warehouse.errors import ValidationFailed
from warehouse.programme import Programme
from warehouse.schemas import CHECK, Category, Rule, Severity

Outcome = Literal["pass", "warning", "fail"]
Status = Literal["pass", "pass_with_failures", "fail", "error", "not_applicable"]
ALL = "all"
SHARES = "shares"
E = TypeVar("E")


@dataclass(frozen=True)
class Verdict:
    """What became of every check (CHECK), and what follows: pass, go on with a warning, or stop."""

    checks: pl.DataFrame
    outcome: Outcome


@dataclass(frozen=True)
class Counted:
    """One check of one scope before the verdict. ``measured`` is None where it could not be counted."""

    check_id: str
    category: Category
    severity: Severity
    threshold: float
    sentence_fr: str
    sentence_en: str
    scope: str
    measured: Measured | None

    @property
    def key(self) -> str:
        """Unique in a run: the check and its scope."""
        return f"{self.check_id}@{self.scope}"


def judge(rules: Sequence[Rule], evidence: Evidence, other_rules: Sequence[Rule] = ()) -> Verdict:
    """Judge what was loaded: every row rule of every source, every table check, and the hand-overs themselves.

    ``rules`` are those of ``row_rules``, whose counts stand in the evidence; ``other_rules`` those of
    the files of covariates and of activity. Where a hand-over lacks its columns nothing is computed from it:
    the checks of tables are then errors.
    """
    sites = [site.id for site in evidence.programme.sites]
    suites = [
        expectations.rule_results(evidence.rule_results),
        expectations.ledger(evidence.ledger),
        expectations.volumes(evidence.volumes, evidence.programme.vocabulary, sites),
        expectations.dating(evidence.dating),
    ]
    judged = expectations.judgements(suites)
    readable = all(judged[suite.name, "columns"] == "met" for suite in suites)
    counted = [*_conformity(suites, judged), *_counted(table_checks(tuple(rules)), evidence, readable=readable)]
    return _verdict([*counted, *_rule_counts([*rules, *other_rules], evidence.rule_results)] if readable else counted)


def judge_results(estimates: pl.DataFrame, attrition: pl.DataFrame, programme: Programme) -> Verdict:
    """Judge what is about to be published: ``estimates`` is ESTIMATE, ``attrition`` ATTRITION_TALLY."""
    suites = [expectations.estimates(estimates), expectations.attrition(attrition)]
    judged = expectations.judgements(suites)
    readable = all(judged[suite.name, "columns"] == "met" for suite in suites)
    results = Results(programme, estimates, attrition)
    return _verdict([*_conformity(suites, judged), *_counted(RESULT_CHECKS, results, readable=readable)])


def combine(*verdicts: Verdict) -> Verdict:
    """The checks of all verdicts in one table; the worst outcome counts."""
    checks = pl.concat([verdict.checks for verdict in verdicts]) if verdicts else pl.DataFrame(schema=CHECK)
    return verdict_of(checks)


def verdict_of(checks: pl.DataFrame) -> Verdict:
    """The verdict that stored checks (CHECK) amount to."""
    return Verdict(checks, _outcome(checks))


def require_no_failure(verdict: Verdict) -> None:
    """Stop before anything is published where a fatal check failed.

    Raises ValidationFailed, naming the checks, how many violate and of how many.
    """
    if verdict.outcome != "fail":
        return
    fatal = verdict.checks.filter(pl.col("severity") == "fatal", pl.col("status").is_in(["fail", "error"]))
    raise ValidationFailed(
        "\n".join(
            ["Nothing is published: these checks failed.", *(f"- {told(row)}" for row in fatal.iter_rows(named=True))]
        )
    )


def told(row: dict[str, object]) -> str:
    """One row of CHECK in words: the check, its scope, what must hold, and what was found."""
    found = "could not be judged" if row["status"] == "error" else f"{row['violated']} of {row['denominator']} violate"
    return f"{row['check_id']} ({row['scope']}): {found}. {row['sentence_en']}"


def _rule_counts(rules: Sequence[Rule], results: pl.DataFrame) -> Iterable[Counted]:
    by_id = {rule.id: rule for rule in rules}
    for source, rule_id, violated, denominator in results.sort("source", maintain_order=True).iter_rows():
        rule = by_id.get(rule_id)
        if rule is None:
            raise ValueError(f"the results name a rule that is not declared: {rule_id}")
        yield Counted(
            rule.id,
            rule.category,
            rule.severity,
            rule.threshold,
            rule.sentence_fr,
            rule.sentence_en,
            source,
            _known(violated, denominator),
        )


def _known(violated: int | None, denominator: int | None) -> Measured | None:
    return None if violated is None or denominator is None else Measured(violated, denominator)


def _counted(checks: Iterable[TableCheck[E]], evidence: E, *, readable: bool) -> Iterable[Counted]:
    for check in checks:
        yield Counted(
            check.id,
            check.category,
            check.severity,
            check.threshold,
            check.sentence_fr,
            check.sentence_en,
            ALL,
            check.measure(evidence) if readable else None,
        )


def _conformity(suites: Iterable[Suite], judged: dict[tuple[str, str], Judgement]) -> Iterable[Counted]:
    """One check per hand-over: how many of its expectations were not met."""
    for suite in suites:
        found = [judged[suite.name, one.key] for one in suite.expected]
        name = suite.name.replace("_", " ")
        yield Counted(
            f"{suite.name}_conform",
            "conformance",
            "fatal",
            0.0,
            f"Attentes sur la table {suite.name}\u00a0: toutes sont satisfaites.",
            f"Expectations on the table of {name}: all are met.",
            ALL,
            None if "error" in found else Measured(found.count("unmet"), len(found)),
        )


def _verdict(counted: Sequence[Counted]) -> Verdict:
    """Let a checkpoint judge the share of every check that speaks of something."""
    shares = {c.key: c.measured.violated / c.measured.denominator for c in counted if c.measured and c.measured[1] > 0}
    limits: dict[str, tuple[float, Severity]] = {c.key: (c.threshold, c.severity) for c in counted}
    judged = expectations.judgements([expectations.thresholds(SHARES, shares, limits)]) if shares else {}
    rows = [_row(c, shares.get(c.key), _status(c, judged.get((SHARES, c.key)))) for c in counted]
    checks = pl.DataFrame(rows, schema=CHECK)
    return Verdict(checks, _outcome(checks))


def _status(counted: Counted, judgement: Judgement | None) -> Status:
    if counted.measured is None or judgement == "error":
        return "error"
    if judgement is None:  # nothing was asked of an empty denominator
        return "not_applicable" if counted.measured.denominator == 0 else "error"
    if judgement == "unmet":
        return "fail"
    return "pass" if counted.measured.violated == 0 else "pass_with_failures"


def _row(counted: Counted, share: float | None, status: Status) -> dict[str, object]:
    measured = counted.measured
    return {
        "check_id": counted.check_id,
        "category": counted.category,
        "severity": counted.severity,
        "scope": counted.scope,
        "violated": measured.violated if measured else None,
        "denominator": measured.denominator if measured else None,
        "share": share,
        "threshold": counted.threshold,
        "status": status,
        "sentence_fr": counted.sentence_fr,
        "sentence_en": counted.sentence_en,
    }


def _outcome(checks: pl.DataFrame) -> Outcome:
    """Fatal failures stop. An error is never quiet, not even that of a check for information."""
    fallen = checks.filter(pl.col("status").is_in(["fail", "error"]))
    if "fatal" in fallen["severity"]:
        return "fail"
    loud = fallen.filter((pl.col("severity") == "warning") | (pl.col("status") == "error"))
    return "pass" if loud.is_empty() else "warning"

"""The verdict, by real Great Expectations checkpoints."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from checks import expectations, gate
from checks.coverage import Measured
from checks.expectations import Expected, Suite
from checks.gate import Counted, Verdict, combine, judge, judge_results, require_no_failure
from checks.results import RESULT_CHECKS, Results
from checks.rules import row_rules
from checks.tables import Evidence, table_checks
from warehouse.errors import ValidationFailed
from warehouse.programme import EVENT_TYPES
from warehouse.schemas import CHECK, Severity

CANARY = "CANARY-1f0e9"


def status_of(verdict: Verdict, check_id: str, scope: str = "all") -> str:
    return str(
        verdict.checks.row(by_predicate=(pl.col("check_id") == check_id) & (pl.col("scope") == scope), named=True)[
            "status"
        ]
    )


def with_rule(evidence: Evidence, rule: str, violated: int | None, denominator: int | None) -> Evidence:
    here = (pl.col("rule") == rule) & (pl.col("source") == "ehr")
    counted = {"violated": violated, "denominator": denominator}
    columns = {name: pl.when(here).then(pl.lit(n, pl.Int64)).otherwise(name) for name, n in counted.items()}
    return replace(evidence, rule_results=evidence.rule_results.with_columns(**columns))


def judged(evidence: Evidence) -> Verdict:
    return judge(row_rules(evidence.programme), evidence)


def test_clean_evidence_passes_and_every_check_is_told(clean: Evidence) -> None:
    verdict = judged(clean)
    assert verdict.outcome == "pass"
    assert verdict.checks.schema == CHECK
    rules = {(rule.id, source) for rule in row_rules(clean.programme) for source in ("ehr", "survey")}
    tables = {(check.id, "all") for check in table_checks(row_rules(clean.programme))}
    hand_overs = {(f"{name}_conform", "all") for name in ("rule_results", "ledger", "volumes", "dating")}
    assert set(verdict.checks.select("check_id", "scope").iter_rows()) == rules | tables | hand_overs
    assert set(verdict.checks["status"]) == {"pass", "pass_with_failures"}
    assert verdict.checks.null_count().sum_horizontal().sum() == 0


def test_each_rule_is_judged_by_its_own_threshold_and_source(clean: Evidence) -> None:
    """Within the threshold, above it, nothing to judge, not counted: one run of the checkpoint."""
    planted: dict[str, tuple[int | None, int | None, str]] = {
        "missing_date": (1, 100, "pass_with_failures"),
        "unreadable_date": (2, 100, "fail"),
        "unknown_site": (2, 100, "fail"),
        "change_without_recorded_at": (6, 100, "fail"),
        "missing_answer": (0, 0, "not_applicable"),
        "missing_patient": (None, 100, "error"),
        "unknown_care": (3, None, "error"),
        "missing_care": (0, 100, "pass"),
    }
    evidence = clean
    for rule, (violated, denominator, _) in planted.items():
        evidence = with_rule(evidence, rule, violated, denominator)
    verdict = judged(evidence)
    assert verdict.outcome == "fail"
    for rule, (_, _, status) in planted.items():
        assert status_of(verdict, rule, "ehr") == status, rule
        assert status_of(verdict, rule, "survey") == "pass", rule


def test_a_warning_goes_on_and_is_shown(clean: Evidence) -> None:
    assert judged(with_rule(clean, "unknown_site", 2, 100)).outcome == "warning"


def test_a_count_that_was_not_handed_over_is_an_error(clean: Evidence) -> None:
    less = {name: n for name, n in clean.counts.items() if name != "out_of_order_rows"}
    verdict = judged(replace(clean, counts=less))
    assert status_of(verdict, "events_in_order") == "error"
    assert verdict.outcome == "warning"  # a check for information, but an error is never quiet


@pytest.mark.parametrize(
    ("unmet", "suite"),
    [
        ("rows_in counts", lambda e: expectations.ledger(e.ledger.with_columns(rows_in=-1))),
        ("a file was read", lambda e: expectations.ledger(e.ledger.clear())),
        ("keys", lambda e: expectations.ledger(pl.concat([e.ledger, e.ledger]))),
        ("months", lambda e: volumes(e.volumes.with_columns(month=pl.lit("2023-13")))),
        ("sites", lambda e: volumes(e.volumes.with_columns(site=pl.lit("elsewhere")))),
        ("types", lambda e: volumes(e.volumes.with_columns(event_type=pl.lit("teleportation")))),
        ("columns", lambda e: volumes(e.volumes.rename({"n": "number"}))),
        ("keys", lambda e: expectations.rule_results(pl.concat([e.rule_results, e.rule_results]))),
        ("source is known", lambda e: expectations.rule_results(e.rule_results.with_columns(source=None))),
    ],
)
def test_a_hand_over_that_is_not_what_it_should_be(
    unmet: str, suite: Callable[[Evidence], Suite], clean: Evidence
) -> None:
    found = {key for (_, key), judgement in expectations.judgements([suite(clean)]).items() if judgement == "unmet"}
    assert unmet in found


def volumes(frame: pl.DataFrame) -> Suite:
    return expectations.volumes(frame, EVENT_TYPES, ["north", "south"])


def test_hand_overs_that_are_what_they_should_be(clean: Evidence) -> None:
    suites = [volumes(clean.volumes), expectations.ledger(clean.ledger), expectations.rule_results(clean.rule_results)]
    assert set(expectations.judgements(suites).values()) == {"met"}


def test_from_a_hand_over_without_its_columns_nothing_is_computed(clean: Evidence) -> None:
    verdict = judged(replace(clean, volumes=clean.volumes.drop("month")))
    assert status_of(verdict, "volumes_conform") == "error"
    assert status_of(verdict, "ledger_conform") == "pass"
    assert status_of(verdict, "no_missing_month") == "error"
    assert verdict.outcome == "fail"


def test_a_result_of_a_rule_that_is_not_declared_is_refused(clean: Evidence) -> None:
    with pytest.raises(ValueError, match="unknown_site"):
        judge([rule for rule in row_rules(clean.programme) if rule.id != "unknown_site"], clean)


def test_sound_results_pass(results: Results) -> None:
    verdict = judge_results(results.estimates, results.attrition, results.programme)
    assert verdict.outcome == "pass"
    assert [*verdict.checks["check_id"]] == [
        "estimates_conform", "attrition_conform", *(check.id for check in RESULT_CHECKS),
    ]  # fmt: skip
    assert set(verdict.checks["status"]) == {"pass"}


def test_unsound_results_stop(results: Results) -> None:
    undefined = results.estimates.with_columns(ci_low=float("nan"))
    verdict = judge_results(undefined, results.attrition, results.programme)
    assert status_of(verdict, "estimates_finite") == "fail"
    assert verdict.outcome == "fail"


def test_results_without_rows_or_columns_stop(results: Results) -> None:
    empty = judge_results(results.estimates.clear(), results.attrition, results.programme)
    assert status_of(empty, "estimates_conform") == "fail"
    assert status_of(empty, "estimates_finite") == "not_applicable"
    assert empty.outcome == "fail"
    shapeless = judge_results(results.estimates.drop("ci_low"), results.attrition, results.programme)
    assert status_of(shapeless, "estimates_finite") == "error"
    assert shapeless.outcome == "fail"


def test_verdicts_combine_to_the_worst() -> None:
    one = Counted("one", "conformance", "warning", 0.0, "fr", "en", "all", Measured(0, 2))
    good, poor = gate._verdict([one]), gate._verdict([replace(one, measured=Measured(1, 2))])
    assert (good.outcome, poor.outcome) == ("pass", "warning")
    assert combine(good, poor, good).outcome == "warning"
    assert combine(good, poor).checks["status"].to_list() == ["pass", "fail"]
    assert combine().outcome == "pass"


def test_a_fatal_failure_stops_in_words() -> None:
    one = Counted("unreadable_date", "conformance", "fatal", 0.01, "fr", "Rows: readable.", "ehr", Measured(50, 100))
    with pytest.raises(ValidationFailed) as stopped:
        require_no_failure(gate._verdict([one, replace(one, check_id="missing_date", measured=None)]))
    assert stopped.value.exit_code == 3
    assert str(stopped.value).splitlines() == [
        "Nothing is published: these checks failed.",
        "- unreadable_date (ehr): 50 of 100 violate. Rows: readable.",
        "- missing_date (ehr): could not be judged. Rows: readable.",
    ]
    require_no_failure(gate._verdict([replace(one, severity="warning")]))


@pytest.mark.parametrize(("severity", "outcome"), [("fatal", "fail"), ("warning", "warning"), ("info", "pass")])
def test_the_severity_decides_what_a_failure_does(severity: Severity, outcome: str) -> None:
    counted = Counted("one", "conformance", severity, 0.0, "fr", "en", "all", Measured(1, 2))
    assert gate._verdict([counted]).outcome == outcome


def test_a_share_equal_to_its_threshold_passes() -> None:
    counted = Counted("one", "conformance", "fatal", 0.1, "fr", "en", "all", Measured(1, 10))
    assert gate._verdict([counted]).checks["status"].to_list() == ["pass_with_failures"]
    assert gate._verdict([replace(counted, measured=Measured(100_001, 1_000_000))]).outcome == "fail"


def test_an_expectation_that_raises_is_an_error() -> None:
    broken = Suite(
        "s", pl.DataFrame({"a": [1]}), (Expected("k", "ExpectColumnMaxToBeBetween", {"column": "b", "max_value": 1}),)
    )
    assert expectations.judgements([broken]) == {("s", "k"): "error"}


def test_no_value_reaches_a_result_of_great_expectations() -> None:
    """Were an identifier to stand in a hand-over by mistake, no result document would repeat it."""
    frame = pl.DataFrame(
        {"site": [f"{CANARY}-{i}" for i in range(40)], "month": CANARY, "event_type": f"{CANARY}-x", "n": -1}
    )
    suite = expectations.volumes(frame, ["referral"], ["north"])
    (result,) = expectations.run_checkpoints([suite])
    document = json.dumps(result.describe_dict(), default=str)
    whole = "".join(repr(validation.to_json_dict()) for validation in result.run_results.values())
    for text in (document, whole):
        assert "expect_column_values_to_be_in_set" in text
        assert CANARY not in text
        assert base64.b64encode(CANARY.encode()).decode() not in text
    assert not result.success


class Heard(logging.Handler):
    """A handler of the root logger that keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.name)


def test_great_expectations_is_quiet_writes_nothing_and_calls_nobody(
    clean: Evidence,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level(logging.DEBUG)  # of the root logger, where the flows listen
    heard = Heard()
    monkeypatch.setattr(logging.getLogger(), "handlers", [heard])
    assert judged(with_rule(clean, "unreadable_date", 50, 100)).outcome == "fail"
    assert capfd.readouterr() == ("", "")
    assert heard.records == []
    assert list(tmp_path.iterdir()) == []


def test_a_verdict_may_be_asked_for_from_another_thread() -> None:
    """Flows judge from worker threads; the current context of Great Expectations is one per process."""
    outcomes: list[str] = []
    one = Counted("one", "conformance", "fatal", 0.0, "fr", "en", "all", Measured(1, 2))
    thread = threading.Thread(target=lambda: outcomes.append(gate._verdict([one]).outcome))
    thread.start()
    thread.join()
    assert outcomes == ["fail"]

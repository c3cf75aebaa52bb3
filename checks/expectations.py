"""Expectations: what Great Expectations judges, and the checkpoint that judges it.

Rows are judged where they lie, by SQL; only counts come here. A share of violated rows is one
column of a one-row frame, its threshold one expectation; the hand-overs are judged as they stand.
Results are asked for as booleans, no file is written, nothing is sent. The library takes three
seconds to import and is loaded when a verdict is asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from checks.coverage import VOLUME
from checks.dating import DATING
from checks.tables import RULE_RESULT
from warehouse.schemas import ATTRITION_TALLY, ESTIMATE, LEDGER, Severity

if TYPE_CHECKING:
    from great_expectations.checkpoint.checkpoint import CheckpointResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.pandas_datasource import PandasDatasource

Judgement = Literal["met", "unmet", "error"]
BOOLEANS_ONLY = {"result_format": "BOOLEAN_ONLY"}  # the other formats quote values
GX_SEVERITY = {"fatal": "critical", "warning": "warning", "info": "info"}


@dataclass(frozen=True)
class Expected:
    """One expectation: the name of its class in Great Expectations, and its arguments."""

    key: str  # told back with the judgement; unique in its suite
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "fatal"


@dataclass(frozen=True)
class Suite:
    """A small frame, and what is expected of it."""

    name: str
    frame: pl.DataFrame
    expected: tuple[Expected, ...]


def thresholds(name: str, shares: Mapping[str, float], limits: Mapping[str, tuple[float, Severity]]) -> Suite:
    """One column per share; each is expected to be at most its limit, and not to be negative."""
    return Suite(
        name,
        pl.DataFrame({key: [share] for key, share in shares.items()}, schema=dict.fromkeys(shares, pl.Float64)),
        tuple(
            Expected(
                key,
                "ExpectColumnMaxToBeBetween",
                {"column": key, "min_value": 0.0, "max_value": limits[key][0]},
                limits[key][1],
            )
            for key in shares
        ),
    )


def hand_over(name: str, frame: pl.DataFrame, schema: pl.Schema, *, keys: Sequence[str], whole: Sequence[str]) -> Suite:
    """What every hand-over must be: its columns in order, no key twice, no null among ``whole``, no negative count."""
    counts = [column for column in whole if schema[column] == pl.Int64]
    return Suite(
        name,
        frame,
        (
            Expected("columns", "ExpectTableColumnsToMatchOrderedList", {"column_list": schema.names()}),
            Expected("keys", "ExpectCompoundColumnsToBeUnique", {"column_list": list(keys), "ignore_row_if": "never"}),
            *(Expected(f"{c} is known", "ExpectColumnValuesToNotBeNull", {"column": c}) for c in whole),
            *(Expected(f"{c} counts", "ExpectColumnValuesToBeBetween", {"column": c, "min_value": 0}) for c in counts),
        ),
    )


def rule_results(frame: pl.DataFrame) -> Suite:
    """RULE_RESULT as it was handed over."""
    return hand_over(
        "rule_results", frame, RULE_RESULT, keys=["source", "rule"], whole=["source", "rule", "violated", "denominator"]
    )


def ledger(frame: pl.DataFrame) -> Suite:
    """LEDGER as it was handed over, with at least one file."""
    suite = hand_over("ledger", frame, LEDGER, keys=["source", "sha256"], whole=LEDGER.names())
    filled = Expected("a file was read", "ExpectTableRowCountToBeBetween", {"min_value": 1})
    return Suite(suite.name, suite.frame, (*suite.expected, filled))


def volumes(frame: pl.DataFrame, vocabulary: Sequence[str], sites: Sequence[str]) -> Suite:
    """VOLUME as it was handed over: declared sites, known types of event, months as ``2023-05``."""
    suite = hand_over(
        "volumes", frame, VOLUME, keys=["site", "month", "event_type"], whole=["month", "event_type", "n"]
    )
    inside = (
        Expected("types", "ExpectColumnValuesToBeInSet", {"column": "event_type", "value_set": list(vocabulary)}),
        Expected("sites", "ExpectColumnValuesToBeInSet", {"column": "site", "value_set": list(sites)}),
        Expected(
            "months", "ExpectColumnValuesToMatchRegex", {"column": "month", "regex": r"^\d{4}-(?:0[1-9]|1[0-2])$"}
        ),
    )
    return Suite(suite.name, suite.frame, (*suite.expected, *inside))


def dating(frame: pl.DataFrame) -> Suite:
    """DATING as it was handed over."""
    return hand_over("dating", frame, DATING, keys=["source", "event_type", "utc_offset"], whole=DATING.names())


def estimates(frame: pl.DataFrame) -> Suite:
    """ESTIMATE before publication: its columns, the words that every figure needs, and at least one figure."""
    words = ("indicator_id", "variant", "kind", "measure", "analysis", "scope_type", "scope", "period", "plan_hash")
    return Suite(
        "estimates",
        frame,
        (
            Expected("columns", "ExpectTableColumnsToMatchOrderedList", {"column_list": ESTIMATE.names()}),
            Expected("a figure was made", "ExpectTableRowCountToBeBetween", {"min_value": 1}),
            *(Expected(f"{w} is known", "ExpectColumnValuesToNotBeNull", {"column": w}) for w in words),
        ),
    )


def attrition(frame: pl.DataFrame) -> Suite:
    """ATTRITION_TALLY before publication."""
    keys = [name for name in ATTRITION_TALLY if name != "n"]
    return hand_over(
        "attrition", frame, ATTRITION_TALLY, keys=keys, whole=["indicator_id", "variant", "view", "reason", "n"]
    )


def judgements(suites: Sequence[Suite]) -> dict[tuple[str, str], Judgement]:
    """(suite, key) -> judgement of every expectation, by one run of a checkpoint per suite."""
    found: dict[tuple[str, str], Judgement] = {}
    for suite, result in zip(suites, run_checkpoints(suites), strict=True):
        for validation in result.run_results.values():
            for one in validation.results:
                key = str((one.expectation_config.meta or {})["key"]) if one.expectation_config else ""
                found[suite.name, key] = _judgement(success=bool(one.success), exceptions=one.exception_info)
    unjudged = {(suite.name, one.key) for suite in suites for one in suite.expected} - found.keys()
    return found | dict.fromkeys(unjudged, "error")


def _judgement(*, success: bool, exceptions: Mapping[str, Any] | None) -> Judgement:
    """What became of one expectation. Great Expectations tells exceptions flat, or by metric."""
    told = exceptions or {}
    by_metric = [value for value in told.values() if isinstance(value, Mapping)]
    if any(value.get("raised_exception") for value in (told, *by_metric)):
        return "error"
    return "met" if success else "unmet"


def run_checkpoints(suites: Sequence[Suite]) -> list[CheckpointResult]:
    """Judge every suite by a checkpoint of one ephemeral context: no file, no progress bar, no analytics.

    A checkpoint takes one frame for all of its validations, so each suite has its own.
    """
    import great_expectations as gx
    from great_expectations.data_context.types import base

    _quiet()
    config = base.DataContextConfig(
        store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=base.ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    source = context.data_sources.add_pandas("counts")
    return [_run(context, source, suite) for suite in suites]


def _run(context: EphemeralDataContext, source: PandasDatasource, suite: Suite) -> CheckpointResult:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    expectations = [
        getattr(gxe, one.kind)(**one.arguments, meta={"key": one.key}, severity=GX_SEVERITY[one.severity])
        for one in suite.expected
    ]
    whole = source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("whole")
    validation = gx.ValidationDefinition(
        name=suite.name,
        data=whole,
        suite=context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=expectations)),
    )
    checkpoint = gx.Checkpoint(
        name=suite.name,
        validation_definitions=[context.validation_definitions.add(validation)],
        result_format=BOOLEANS_ONLY,
    )
    return context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": suite.frame.to_pandas()})


def _quiet() -> None:
    """What Great Expectations has to say stands in its results; its log would only repeat it on stderr."""
    log = logging.getLogger("great_expectations")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())

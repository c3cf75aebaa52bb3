"""What the data never hold is excluded with its reason; one event of the kind anywhere is enough to count."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from transforms.recorded import NO_TIME_ZERO, NOT_RECORDED, excluded_as_unrecorded, is_recorded, told_why_absent
from warehouse.declarations import load
from warehouse.schemas import ATTRITION_TALLY, ESTIMATE, EVENT, OUTCOME_COUNT, OUTCOME_SCORE, OUTCOME_TIME

PACOSME = load("pacosme")


def events(*kinds: tuple[str, str | None]) -> pl.DataFrame:
    day = datetime(2023, 5, 1)  # noqa: DTZ001 - naive UTC, as the hand-over is
    rows = [(i, i, kind, code, day, day.date(), "day", None, None) for i, (kind, code) in enumerate(kinds)]
    return pl.DataFrame(rows, schema=EVENT, orient="row")


CENSORED = pl.DataFrame([(0, -1, 90, 0, None), (1, None, None, None, "prevalent")], schema=OUTCOME_TIME, orient="row")


@pytest.mark.parametrize(
    ("found", "indicator"),
    [
        (CENSORED, "trial_inclusion"),
        (pl.DataFrame([(0, 0, 90, None)], schema=OUTCOME_COUNT, orient="row"), "emergency_visit_rate"),
        (pl.DataFrame([(0, 2, 1, 0, None)], schema=OUTCOME_SCORE, orient="row"), "needs_assessment"),
        (pl.DataFrame([(0, 0, 1, None, None)], schema=OUTCOME_SCORE, orient="row"), "satisfaction"),
        (CENSORED, "pathway_break"),
    ],
)
def test_each_kind_looks_for_its_own_events(found: pl.DataFrame, indicator: str) -> None:
    declared = PACOSME.indicators[indicator]
    selected = sorted(declared.selected)[0]
    code = next(iter(getattr(getattr(declared, "event", None), "code", None) or [None]))
    assert not is_recorded(found, events(("announcement", None)), declared)
    assert is_recorded(found, events(("announcement", None), (selected, code)), declared)


def test_a_code_that_is_never_used_is_not_recorded() -> None:
    declared = PACOSME.indicators["satisfaction"]
    assert not is_recorded(pl.DataFrame(schema=OUTCOME_SCORE), events(("questionnaire", "another_scale")), declared)


def test_who_was_excluded_for_another_reason_stays_so() -> None:
    assert excluded_as_unrecorded(CENSORED)["excluded"].to_list() == [NOT_RECORDED, "prevalent"]


def figures(*rows: tuple[str, float | None, str | None]) -> pl.DataFrame:
    columns = ("indicator_id", "estimate", "null_reason")
    return pl.DataFrame([dict(zip(columns, row, strict=True)) | {"variant": "main"} for row in rows], schema=ESTIMATE)


def test_figures_say_why_an_indicator_is_absent() -> None:
    attrition = pl.DataFrame(
        [
            {"indicator_id": "unseen", "variant": "main", "reason": NOT_RECORDED, "n": 9},
            {"indicator_id": "seen", "variant": "main", "reason": "analysed", "n": 9},
        ],
        schema=ATTRITION_TALLY,
    )
    told = told_why_absent(
        figures(
            ("unseen", None, "no_pathway"),
            ("seen", 0.5, None),
            ("seen", None, "no_event"),
            ("unbegun", None, "no_pathway"),
        ),
        attrition,
    )
    assert told["null_reason"].to_list() == [NOT_RECORDED, None, "no_event", NO_TIME_ZERO]
    assert told.columns == ESTIMATE.names()

"""Sensitivity analyses stand beside what they question, and never in its place; when response is doubtful."""

from __future__ import annotations

from types import ModuleType

import pytest

from dashboards import words
from dashboards.language import language
from dashboards.selection import Comparison, Row, comparison, comparisons, response_is_doubtful

SCOPE = {"scope_type": "overall", "scope": "all"}


def row(builder: ModuleType, estimate: float | None, **keys: object) -> Row:
    return Row(**builder.figure(measure="top_box", horizon=None, estimate=estimate, **SCOPE, **keys))


@pytest.mark.parametrize("step", [1, -1])
def test_what_was_planned_is_found_whatever_stands_beside_it(builder: ModuleType, step: int) -> None:
    planned = row(builder, 0.12, analysis="primary", period="after-before")
    weighted = row(builder, 0.08, analysis="sensitivity:response_weighted", period="after-before")
    rows = [planned, weighted][::step]
    assert comparison(rows, "top_box", None, "overall", "all").difference == planned
    found = {one.sensitivity: one.difference for one in comparisons(rows, "overall", "all")}
    assert found == {None: planned, "response_weighted": weighted}


@pytest.mark.parametrize(
    ("code", "expected"),
    [("fr", "réponses pondérées par la chance de répondre"), ("en", "answers weighted for response")],
)
def test_its_name_says_what_it_is(code: str, expected: str) -> None:
    assert words.in_analysis("X", "response_weighted", language(code)) == f"X, {expected}"
    assert words.in_analysis("X", None, language(code)) == "X"


@pytest.mark.parametrize(
    ("before", "after", "doubtful"),
    [
        (0.60, 0.50, False),
        (0.55, 0.49, True),
        (0.60, 0.71, True),
        (0.60, 0.70, False),
        (0.60, None, True),
        (None, None, True),
    ],
)
def test_response_under_half_or_ten_points_apart_is_doubtful(
    builder: ModuleType, before: float | None, after: float | None, doubtful: bool
) -> None:
    then, there = (row(builder, share, period=period) for period, share in (("before", before), ("after", after)))
    rates = Comparison("response_rate", None, "overall", "all", then, None, there, None)
    assert response_is_doubtful(rates) is doubtful

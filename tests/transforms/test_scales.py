"""Items make a score: at least half of them, their mean, stretched to 100; then the answer nearest the day."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from oracle.builders import SATISFACTION, log, outcome_rows, programme

from warehouse.schemas import ANSWERED, ELIGIBLE, SCORE_UNIT

ZERO = (1, "announcement", "2023-05-01")
DAY_90 = "2023-07-30"
EMOTIONAL = ("q21", "q22", "q23", "q24")
FUNCTIONAL = {"lowest": 1, "highest": 4, "reversed": True}
OF_QUALITY = {"lowest": 1, "highest": 7}
FIVE_LEVELS = {"lowest": 1, "highest": 5}


def answer(rows: list[Any], items: tuple[str, ...] = EMOTIONAL, scale: dict[str, Any] | None = None) -> Any:
    """The score of the only pathway, or None where it gave no answer."""
    declared = {**SATISFACTION, "event": {"type": "questionnaire", "code": items}, "scale": scale or FUNCTIONAL}
    (row,) = outcome_rows(log(ZERO, *rows), programme(indicators={"score": declared}))
    if row["stage"] == ELIGIBLE:
        return None
    assert row["stage"] == ANSWERED
    return row["value"] / SCORE_UNIT


def items(*values: float | None, day: str = DAY_90, names: tuple[str, ...] = EMOTIONAL) -> list[Any]:
    """One event per answered item."""
    return [
        (1, "questionnaire", day, {"code": name, "value": value})
        for name, value in zip(names, values, strict=False)
        if value is not None
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 1, 1, 1), 100),
        ((4, 4, 4, 4), 0),
        ((2, 2, 2, 2), 100 * (1 - 1 / 3)),
        ((1, 2, 3, 4), 50),
        ((2, None, 3, None), 50),  # half of them
        ((2, None, None, None), None),  # less than half
    ],
)
def test_a_functional_scale_of_qlq_c30(values: tuple[float | None, ...], expected: float | None) -> None:
    assert answer(items(*values)) == (None if expected is None else pytest.approx(expected, abs=1e-6))


@pytest.mark.parametrize(("values", "expected"), [((1, 1), 0), ((7, 7), 100), ((5, 6), 75), ((4, None), 50)])
def test_the_scale_of_quality_of_life_has_seven_levels_and_is_not_reversed(values: Any, expected: float) -> None:
    assert answer(items(*values, names=("q29", "q30")), ("q29", "q30"), OF_QUALITY) == pytest.approx(expected)


def test_satisfaction_in_five_levels_of_which_two_of_three_items_are_enough_and_one_is_not() -> None:
    names = ("p1", "p2", "p3")
    assert answer(items(5, 4, None, names=names), names, FIVE_LEVELS) == pytest.approx(87.5)
    assert answer(items(5, None, None, names=names), names, FIVE_LEVELS) is None


@pytest.mark.parametrize("unlawful", [0, 5, 2.5, float("nan")])
def test_what_is_no_level_was_not_answered(unlawful: float) -> None:
    assert answer(items(2, 2, unlawful, unlawful)) == pytest.approx(100 * 2 / 3, abs=1e-6)
    assert answer(items(2, unlawful, unlawful, unlawful)) is None


def test_items_of_two_days_are_two_questionnaires_of_which_the_nearer_counts() -> None:
    assert answer([*items(1, 1, day="2023-07-29"), *items(4, 4, 4, 4, day="2023-08-10")]) == 100
    assert answer([*items(1, day="2023-07-29"), *items(None, 1, day=DAY_90)]) is None  # half, but not on one day
    assert answer([*items(1, day="2023-07-29"), *items(4, 4, 4, 4, day="2023-08-10")]) == 0  # the nearer has no score


def test_of_two_answers_to_one_item_on_a_day_the_earlier_counts() -> None:
    at = [f"{DAY_90} 10:00", f"{DAY_90} 11:00"]
    twice = [
        (1, "questionnaire", when, {"code": "q21", "value": value}) for when, value in zip(at, (1, 4), strict=True)
    ]
    assert answer([*twice, *items(None, 1, day=f"{DAY_90} 10:30")]) == 100


def test_any_answers_give_what_the_formula_gives() -> None:
    levels = (None, 1, 2, 3, 4)
    for values in product(levels, repeat=3):
        given = [value for value in values if value is not None]
        raw = sum(given) / len(given) if len(given) * 2 >= 3 else None
        expected = None if raw is None else pytest.approx((1 - (raw - 1) / 3) * 100, abs=1e-6)
        assert answer(items(*values, names=("a", "b", "c")), ("a", "b", "c")) == expected


def test_a_scale_without_items_or_without_levels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected the items as event\.code"):
        programme(indicators={"score": {**SATISFACTION, "event": {"type": "questionnaire"}, "scale": FUNCTIONAL}})
    with pytest.raises(ValueError, match="expected more than lowest"):
        programme(indicators={"score": {**SATISFACTION, "scale": {"lowest": 4, "highest": 4}}})

"""Proportions and questionnaires: who is in the denominator and which answer counts, one rule each."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from oracle.builders import REFERRAL, RETURN, SATISFACTION, log, outcome_rows, programme

from transforms.outcomes import event_types
from warehouse.schemas import ANSWERED, ELIGIBLE, INVITED

ZERO = (1, "announcement", "2023-05-01")
VISIT = (1, "emergency_visit", "2023-05-11")


def told(indicator: dict[str, Any], *rows: Any, lock: date = date(2024, 4, 1)) -> Any:
    """(stage, followed, value) of the only pathway, or its reason."""
    declared = programme(indicators={"share": indicator}, data_lock=lock, event_types=("invitation",))
    (row,) = outcome_rows(log(*rows), declared)
    return row["excluded"] or (row["stage"], row["followed"], row["value"])


def returned(*rows: Any, lock: date = date(2024, 4, 1), **changed: Any) -> Any:
    return told({**RETURN, **changed}, *rows, lock=lock)


def answered(*rows: Any, lock: date = date(2024, 4, 1), **changed: Any) -> Any:
    return told({**SATISFACTION, **changed}, *rows, lock=lock)


def answer(day: str, value: float | None, code: str = "overall") -> tuple[Any, ...]:
    return (1, "questionnaire", day, {"value": value, "code": code})


# ---------------------------------------------------------------- proportions


def test_one_event_in_the_window_is_enough_unless_more_are_declared() -> None:
    assert returned(ZERO) == (ANSWERED, 1, 0)
    assert returned(ZERO, VISIT) == (ANSWERED, 1, 1)
    assert returned(ZERO, VISIT, at_least=2) == (ANSWERED, 1, 0)
    assert returned(ZERO, VISIT, (1, "emergency_visit", "2023-05-31"), at_least=2) == (ANSWERED, 1, 1)


@pytest.mark.parametrize(("day", "value"), [("2023-05-01", 0), ("2023-05-02", 1), ("2023-05-31", 1), ("2023-06-01", 0)])
def test_the_window_is_half_open(day: str, value: int) -> None:
    assert returned(ZERO, (1, "emergency_visit", day)) == (ANSWERED, 1, value)


@pytest.mark.parametrize(("lock", "expected"), [(date(2023, 6, 1), (ANSWERED, 1, 1)), (date(2023, 5, 31), "immature")])
def test_a_window_that_the_lock_leaves_incomplete_is_immature_whatever_happened(lock: date, expected: Any) -> None:
    assert returned(ZERO, VISIT, lock=lock) == expected


def test_so_is_one_that_the_cut_leaves_incomplete() -> None:
    late = ((1, "announcement", "2021-12-15"), (1, "emergency_visit", "2021-12-20"))
    assert returned(*late) == "immature"
    assert returned(*late, spill_over="keep") == (ANSWERED, 1, 1)
    assert returned((1, "announcement", "2021-12-01")) == (ANSWERED, 1, 0)  # its window ends with the year


def test_who_died_or_left_stays_in_the_denominator() -> None:
    for leaving in ("death", "transfer_out", "last_news"):
        assert returned(ZERO, (1, leaving, "2023-05-20")) == (ANSWERED, 0, 0)
        assert returned(ZERO, VISIT, (1, leaving, "2023-05-20")) == (ANSWERED, 0, 1)


def test_events_after_the_end_of_follow_up_do_not_count() -> None:
    assert returned(ZERO, VISIT, (1, "transfer_out", "2023-05-10")) == (ANSWERED, 0, 0)
    assert returned(ZERO, VISIT, (1, "transfer_out", "2023-05-11")) == (ANSWERED, 0, 1)


def test_followed_to_the_last_event_where_only_events_tell() -> None:
    assert returned(ZERO, VISIT, alive_until="last_event") == (ANSWERED, 0, 1)


def test_an_earlier_event_is_ignored_unless_declared() -> None:
    earlier = (1, "emergency_visit", "2023-04-01")
    assert returned(ZERO, earlier) == (ANSWERED, 1, 0)
    assert returned(ZERO, earlier, earlier_event="exclude") == "earlier_event"


def test_twenty_eight_days_by_the_clock_are_not_twenty_eight_days_of_the_calendar() -> None:
    """Back 27 days and 22 hours later, on the 28th local day: within by elapsed time, not by local days."""
    rows = ((1, "announcement", "2023-05-01 12:00"), (1, "emergency_visit", "2023-05-29 10:00"))
    assert returned(*rows, window=(0, 28)) == (ANSWERED, 1, 0)
    assert returned(*rows, unit="hour", window=(0, 28 * 24)) == (ANSWERED, 1, 1)


# ---------------------------------------------------------------- questionnaires


def test_the_answer_nearest_the_declared_day_counts_in_millionths() -> None:
    rows = (answer("2023-07-10", 50), answer("2023-08-03", 89.9), answer("2023-08-20", 10))  # days 70, 94 and 111
    assert answered(ZERO, *rows) == (ANSWERED, 1, 89_900_000)


def test_the_earlier_on_a_tie_of_days() -> None:
    assert answered(ZERO, answer("2023-08-04", 20), answer("2023-07-26", 80)) == (ANSWERED, 1, 80_000_000)  # 95 and 86


def test_the_earlier_on_a_tie_of_hours_whatever_the_order_of_rows() -> None:
    rows = (answer("2023-07-30 17:00", 20), answer("2023-07-30 08:00", 80))
    assert answered(ZERO, *rows) == (ANSWERED, 1, 80_000_000)
    assert answered(ZERO, *rows, answer("2023-07-30", 50)) == (ANSWERED, 1, 50_000_000)  # the day alone comes first


@pytest.mark.parametrize(("day", "stage"), [("2023-06-29", 0), ("2023-06-30", 2), ("2023-08-29", 2), ("2023-08-30", 0)])
def test_answers_lie_in_a_half_open_window(day: str, stage: int) -> None:
    assert answered(ZERO, answer(day, 90))[0] == stage  # days 59, 60, 120 and 121


@pytest.mark.parametrize("value", [None, -0.5, 100.5])
def test_a_value_outside_the_range_is_no_answer(value: float | None) -> None:
    assert answered(ZERO, answer("2023-07-30", value)) == (ELIGIBLE, 1, None)
    assert answered(ZERO, answer("2023-07-30", value), answer("2023-07-01", 40)) == (ANSWERED, 1, 40_000_000)


def test_the_ends_of_the_range_are_answers() -> None:
    assert answered(ZERO, answer("2023-07-30", 0)) == (ANSWERED, 1, 0)
    assert answered(ZERO, answer("2023-07-30", 100)) == (ANSWERED, 1, 100_000_000)


def test_another_scale_is_no_answer() -> None:
    assert answered(ZERO, answer("2023-07-30", 90, code="pain")) == (ELIGIBLE, 1, None)


def test_answers_count_also_of_people_who_later_died_or_left() -> None:
    assert answered(ZERO, answer("2023-07-30", 90), (1, "death", "2023-08-01")) == (ANSWERED, 0, 90_000_000)


@pytest.mark.parametrize(("day", "followed"), [("2023-08-29", 0), ("2023-08-30", 1)])
def test_followed_means_alive_and_known_at_the_end_of_the_window(day: str, followed: int) -> None:
    assert answered(ZERO, (1, "death", day)) == (ELIGIBLE, followed, None)  # days 120 and 121


def test_an_invitation_before_the_end_of_the_window_is_told_apart() -> None:
    invited = {"invited_by": {"type": "invitation"}}
    assert answered(ZERO, (1, "invitation", "2023-07-01"), **invited) == (INVITED, 1, None)
    assert answered(ZERO, (1, "invitation", "2023-08-30"), **invited) == (ELIGIBLE, 1, None)
    assert answered(ZERO, (1, "invitation", "2023-07-01"), answer("2023-07-30", 90), **invited)[0] == ANSWERED


def test_an_answer_is_immature_with_its_window() -> None:
    rows = (ZERO, answer("2023-07-30", 90))
    assert answered(*rows, lock=date(2023, 8, 29)) == "immature"
    assert answered(*rows, lock=date(2023, 8, 30)) == (ANSWERED, 1, 90_000_000)


def test_the_cut_spares_what_keeps_its_spill_over() -> None:
    rows = ((1, "announcement", "2021-12-01"), answer("2022-03-01", 90))
    assert answered(*rows) == (ANSWERED, 1, 90_000_000)
    assert answered(*rows, spill_over="cut") == "immature"


# ---------------------------------------------------------------- what is read


def test_an_indicator_names_the_events_it_reads() -> None:
    variants = {"x": {"title": {"fr": "x", "en": "x"}, "event": {"type": "consultation"}}}
    declared = programme(
        indicators={
            "time": {**REFERRAL, "competing": ("death",), "censored_by": ("icu_admission",), "variants": variants},
            "score": {**SATISFACTION, "invited_by": {"type": "invitation"}},
        },
        event_types=("invitation",),
    )
    followed = {"death", "transfer_out", "last_news"}
    assert event_types(declared.indicators["time"]) == followed | {"referral", "icu_admission", "consultation"}
    assert event_types(declared.indicators["score"]) == followed | {"questionnaire", "invitation"}

"""Episodes of visits and time at risk, one rule each."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from oracle.builders import VISITS, event_frame, log, outcome_rows, programme

from transforms.episodes import episodes

ZERO = (1, "announcement", "2023-05-01 10:00")


def begun(*visits: Any, hours: int = 24) -> list[int]:
    """Places, in reading order, of the visits that begin an episode."""
    rows = [(1, "emergency_visit", visit) if isinstance(visit, str) else visit for visit in visits]
    return episodes(event_frame(log(*rows)), hours)["sequence"].to_list()


def told(*rows: Any, lock: date = date(2024, 4, 1), **changed: Any) -> tuple[Any, ...]:
    """(events, exposure) of the only pathway, or its reason."""
    declared = programme(indicators={"visits": {**VISITS, **changed}}, data_lock=lock)
    (row,) = outcome_rows(log(*rows), declared)
    return (row["excluded"],) if row["excluded"] else (row["events"], row["exposure"])


def visit(when: str) -> tuple[Any, ...]:
    return (1, "emergency_visit", when)


def test_visits_less_than_a_day_after_the_first_belong_to_its_episode() -> None:
    assert begun("2023-05-01 10:00", "2023-05-01 12:00", "2023-05-02 09:59") == [0]
    assert begun("2023-05-01 10:00", "2023-05-02 10:00") == [0, 1]


def test_the_first_visit_counts_not_the_one_before() -> None:
    """Twelve hours apart each: the third is 24 hours after the first and begins another episode."""
    assert begun("2023-05-01 10:00", "2023-05-01 22:00", "2023-05-02 10:00", "2023-05-02 22:00") == [0, 2]


def test_where_only_days_are_known_those_of_one_day_are_one_episode() -> None:
    assert begun("2023-05-01", "2023-05-01", "2023-05-02") == [0, 2]
    assert begun("2023-05-01", "2023-05-01 23:00", "2023-05-02 01:00") == [0, 2]


def test_a_day_alone_after_a_timed_visit_is_of_its_episode_only_on_that_day() -> None:
    assert begun("2023-05-01 22:00", "2023-05-02") == [0, 1]


def test_with_no_hours_every_visit_is_an_episode() -> None:
    assert begun("2023-05-01 10:00", "2023-05-01 10:00", "2023-05-01", hours=0) == [2, 0, 1]


def test_the_reading_order_does_not_matter_and_patients_are_apart() -> None:
    assert begun("2023-05-01 12:00", "2023-05-01 10:00") == [1]
    assert begun((1, "emergency_visit", "2023-05-01 10:00"), (2, "emergency_visit", "2023-05-01 11:00")) == [0, 1]


def test_a_year_of_daily_visits_a_minute_short_of_a_day_apart_alternates() -> None:
    """A chain is followed visit by visit: each second visit begins an episode."""
    assert begun("2023-05-01 10:00", "2023-05-02 09:59", "2023-05-03 09:58", "2023-05-04 09:57") == [0, 2]


def test_episodes_in_the_window_and_days_at_risk() -> None:
    assert told(ZERO, visit("2023-05-10"), visit("2023-05-20"), visit("2023-07-31")) == (2, 91)


def test_the_day_of_death_holds_an_episode_but_no_time() -> None:
    assert told(ZERO, visit("2023-05-11"), (1, "death", "2023-05-11"), visit("2023-05-12")) == (1, 10)
    assert told(ZERO, visit("2023-05-01"), (1, "death", "2023-05-01")) == (1, 0)


@pytest.mark.parametrize("leaving", ["transfer_out", "last_news"])
def test_neither_do_days_of_leaving(leaving: str) -> None:
    assert told(ZERO, visit("2023-05-11"), (1, leaving, "2023-05-11"), visit("2023-05-12")) == (1, 10)


def test_an_episode_is_placed_by_its_first_visit_also_when_that_lies_before_the_window() -> None:
    assert told(ZERO, visit("2023-04-30 20:00"), visit("2023-05-01 11:00")) == (0, 91)


def test_the_day_of_the_lock_is_no_time_at_risk() -> None:
    assert told(ZERO, visit("2023-05-11"), lock=date(2023, 5, 21)) == (1, 20)


def test_a_window_that_begins_on_the_lock_is_no_follow_up() -> None:
    assert told(ZERO, lock=date(2023, 5, 21), window=(20, 30)) == ("no_follow_up",)
    assert told(ZERO, lock=date(2023, 5, 21), window=(19, 30)) == (0, 1)
    assert told(ZERO, (1, "death", "2023-05-21"), window=(20, 30)) == (0, 0)
    assert told(ZERO, (1, "death", "2023-05-20"), window=(20, 30)) == ("no_follow_up",)


def test_before_pathways_end_with_the_period_unless_spill_over_is_kept() -> None:
    rows = ((1, "announcement", "2021-12-22"), visit("2021-12-31"), visit("2022-01-01"))
    assert told(*rows) == (1, 10)
    assert told(*rows, spill_over="keep") == (2, 91)

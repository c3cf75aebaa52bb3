"""Times to an event: windows, ends of follow-up and their precedence, one rule each."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from oracle.builders import REFERRAL, log, outcome_rows, programme

from warehouse.schemas import CENSORED, COMPETED, EVENT_SEEN

ZERO = (1, "announcement", "2023-05-01 10:00")
IN_BEFORE = (1, "announcement", "2021-12-22")  # ten days before the cut
NEAR_THE_LOCK = (1, "announcement", "2023-12-22 10:00")


def told(*rows: Any, lock: date = date(2024, 4, 1), **changed: Any) -> tuple[Any, ...]:
    """(time, status) of the only pathway, or its reason."""
    declared = programme(indicators={"referral": {**REFERRAL, **changed}}, data_lock=lock)
    (row,) = outcome_rows(log(*rows), declared)
    return (row["excluded"],) if row["excluded"] else (row["time"], row["status"])


def test_a_day_is_a_difference_of_local_dates() -> None:
    assert told(ZERO, (1, "referral", "2023-05-02 00:05")) == (1, EVENT_SEEN)


def test_an_hour_or_a_minute_is_elapsed_time_over_a_change_of_clock() -> None:
    """Clocks go forward in the night of 25 to 26 March 2023: noon to noon is 23 hours."""
    rows = ((1, "announcement", "2023-03-25 12:00"), (1, "referral", "2023-03-26 12:00"))
    hours = {"unit": "hour", "window": (0, 48), "horizons": (24,)}
    hours["primary"] = {"measure": "cumulative_incidence", "horizon": 24}
    assert told(*rows, **hours) == (23 * 3600, EVENT_SEEN)
    assert told(*rows) == (1, EVENT_SEEN)


def test_an_event_of_the_same_day_counts_at_time_0() -> None:
    assert told(ZERO, (1, "referral", "2023-05-01 23:00")) == (0, EVENT_SEEN)


@pytest.mark.parametrize("earlier_that_day", ["2023-05-01", "2023-05-01 08:00"])
def test_also_one_that_came_earlier_that_day(earlier_that_day: str) -> None:
    assert told(ZERO, (1, "referral", earlier_that_day)) == (0, EVENT_SEEN)


def test_the_first_event_in_the_window_is_taken_whatever_the_order_of_rows() -> None:
    assert told((1, "referral", "2023-05-20"), (1, "referral", "2023-05-11"), ZERO) == (10, EVENT_SEEN)


def test_only_the_declared_codes_count() -> None:
    coded = {"event": {"type": "referral", "code": ("pain",)}}
    work, pain = ((1, "referral", f"2023-05-{day}", {"code": code}) for day, code in (("04", "work"), ("08", "pain")))
    assert told(ZERO, work, pain, **coded) == (7, EVENT_SEEN)


@pytest.mark.parametrize(("day", "expected"), [("2023-07-30", (90, EVENT_SEEN)), ("2023-07-31", (90, CENSORED))])
def test_windows_are_half_open(day: str, expected: tuple[int, int]) -> None:
    """The window [0, 91) holds day 90 and not day 91; who passes it is at risk on day 90 for the last time."""
    assert told(ZERO, (1, "referral", day)) == expected


def test_a_window_from_day_1_leaves_out_the_visit_that_is_time_zero_itself() -> None:
    returns = {"event": {"type": "emergency_visit"}, "time_zero": {"event": "emergency_visit"}, "window": (1, 31)}
    returns |= {"horizons": (30,)}
    rows = ((1, "emergency_visit", "2023-05-01"), (1, "emergency_visit", "2023-05-01 22:00"))
    assert told(*rows, **returns) == (30, CENSORED)
    assert told(*rows, (1, "emergency_visit", "2023-05-31"), **returns) == (30, EVENT_SEEN)


# ---------------------------------------------------------------- the event before time zero


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ("earlier_event",)),  # windows from 0 exclude by default
        ({"earlier_event": "exclude"}, ("earlier_event",)),
        ({"earlier_event": "ignore"}, (4, EVENT_SEEN)),
        ({"window": (1, 91)}, (4, EVENT_SEEN)),  # others ignore by default
        ({"window": (1, 91), "earlier_event": "exclude"}, ("earlier_event",)),
    ],
)
def test_an_event_of_an_earlier_day_excludes_or_is_ignored(changed: Any, expected: tuple[Any, ...]) -> None:
    assert told(ZERO, (1, "referral", "2023-04-30 23:59"), (1, "referral", "2023-05-05"), **changed) == expected


def test_in_minutes_an_earlier_instant_of_the_same_day_is_earlier() -> None:
    minutes = {"unit": "minute", "window": (0, 600), "horizons": (60,)}
    minutes["primary"] = {"measure": "cumulative_incidence", "horizon": 60}
    assert told(ZERO, (1, "referral", "2023-05-01 09:59:59"), **minutes) == ("earlier_event",)
    assert told(ZERO, (1, "referral", "2023-05-01 10:01:30"), **minutes) == (90, EVENT_SEEN)


# ---------------------------------------------------------------- the ends of follow-up


def test_deaths_compete() -> None:
    assert told(ZERO, (1, "death", "2023-05-11"), (1, "referral", "2023-05-12")) == (10, COMPETED)


def test_they_censor_where_they_are_not_declared_to_compete() -> None:
    assert told(ZERO, (1, "death", "2023-05-11"), competing=()) == (10, CENSORED)


@pytest.mark.parametrize("leaving", ["transfer_out", "last_news"])
def test_who_leaves_is_censored(leaving: str) -> None:
    assert told(ZERO, (1, leaving, "2023-05-11"), (1, "referral", "2023-05-12")) == (10, CENSORED)


@pytest.mark.parametrize("leaving", ["transfer_out", "last_news", "death"])
def test_the_day_of_leaving_can_still_hold_the_event(leaving: str) -> None:
    assert told(ZERO, (1, leaving, "2023-05-11"), (1, "referral", "2023-05-11")) == (10, EVENT_SEEN)


def test_on_one_day_death_comes_before_transfer() -> None:
    assert told(ZERO, (1, "transfer_out", "2023-05-11"), (1, "death", "2023-05-11")) == (10, COMPETED)


def test_an_indicator_may_declare_what_else_censors() -> None:
    rows = (ZERO, (1, "icu_admission", "2023-05-06"), (1, "referral", "2023-05-11"))
    assert told(*rows) == (10, EVENT_SEEN)
    assert told(*rows, censored_by=("icu_admission",)) == (5, CENSORED)


def test_in_seconds_the_second_of_death_can_still_hold_the_event() -> None:
    hours = {"unit": "hour", "window": (0, 48), "horizons": (24,)}
    hours["primary"] = {"measure": "cumulative_incidence", "horizon": 24}
    death = (1, "death", "2023-05-01 11:00")
    assert told(ZERO, death, (1, "referral", "2023-05-01 11:00"), **hours) == (3600, EVENT_SEEN)
    assert told(ZERO, death, (1, "referral", "2023-05-01 11:00:01"), **hours) == (3600, COMPETED)


def test_follow_up_ends_at_the_data_lock() -> None:
    assert told(NEAR_THE_LOCK, lock=date(2024, 1, 1)) == (9, CENSORED)
    assert told(NEAR_THE_LOCK, (1, "referral", "2023-12-31"), lock=date(2024, 1, 1)) == (9, EVENT_SEEN)


def test_the_day_of_the_lock_cannot_hold_the_event() -> None:
    assert told(NEAR_THE_LOCK, (1, "referral", "2024-01-01"), lock=date(2024, 1, 1)) == (9, CENSORED)


def test_the_lock_is_local_midnight_in_seconds() -> None:
    hours = {"unit": "hour", "window": (0, 999), "horizons": (24,)}
    hours["primary"] = {"measure": "cumulative_incidence", "horizon": 24}
    assert told(NEAR_THE_LOCK, lock=date(2023, 12, 23), **hours) == (14 * 3600 - 1, CENSORED)


def test_pathways_of_the_before_period_are_cut_at_its_end() -> None:
    late = (1, "referral", "2022-01-05")
    assert told(IN_BEFORE, late) == (9, CENSORED)
    assert told(IN_BEFORE, (1, "referral", "2021-12-31")) == (9, EVENT_SEEN)
    assert told(IN_BEFORE, (1, "referral", "2022-01-01")) == (9, CENSORED)
    assert told(IN_BEFORE, late, spill_over="keep") == (14, EVENT_SEEN)


def test_other_periods_run_on() -> None:
    assert told((1, "announcement", "2022-12-22"), (1, "referral", "2023-01-05")) == (14, EVENT_SEEN)


def test_the_programme_decides_spill_over_where_the_indicator_does_not() -> None:
    kept = programme(follow_up={"spill_over": "keep"})
    (row,) = outcome_rows(log(IN_BEFORE, (1, "referral", "2022-01-05")), kept)
    assert (row["time"], row["status"]) == (14, EVENT_SEEN)


def test_where_only_events_tell_who_lives_follow_up_ends_at_the_last_one() -> None:
    rows = (ZERO, (1, "consultation", "2023-05-21"))
    assert told(*rows) == (90, CENSORED)
    assert told(*rows, alive_until="last_event") == (20, CENSORED)


def test_the_last_event_can_be_the_outcome() -> None:
    assert told(ZERO, (1, "referral", "2023-05-21"), alive_until="last_event") == (20, EVENT_SEEN)


@pytest.mark.parametrize("competing", [("death",), ()])
def test_a_death_before_time_zero_leaves_no_follow_up(competing: tuple[str, ...]) -> None:
    assert told(ZERO, (1, "death", "2023-04-01"), competing=competing) == ("no_follow_up",)


@pytest.mark.parametrize("leaving", ["transfer_out", "last_news", "discharge"])
def test_who_left_before_time_zero_is_back(leaving: str) -> None:
    censoring = {"censored_by": ("discharge",)}
    assert told(ZERO, (1, leaving, "2023-04-01"), **censoring) == (90, CENSORED)
    assert told(ZERO, (1, leaving, "2023-04-01"), (1, leaving, "2023-05-08"), **censoring) == (7, CENSORED)


def test_a_pathway_that_is_excluded_has_no_outcome() -> None:
    declared = programme()
    (row,) = outcome_rows(log((1, "announcement", "2020-05-01"), (1, "referral", "2020-05-02")), declared)
    assert row == {"entry": None, "time": None, "status": None, "excluded": "prevalent"}


def test_an_indicator_may_have_its_own_time_zero_with_its_period() -> None:
    rows = ((1, "announcement", "2021-05-01"), (1, "discharge", "2023-05-01"), (1, "referral", "2023-05-04"))
    released = {"time_zero": {"event": "discharge", "which": "last"}}
    assert told(*rows, **released) == (3, EVENT_SEEN)


def test_a_variant_replaces_the_event_or_the_window() -> None:
    variants = {
        "pain": {"title": {"fr": "x", "en": "x"}, "event": {"type": "referral", "code": ("pain",)}},
        "short": {"title": {"fr": "x", "en": "x"}, "window": (0, 31), "horizons": (14, 30)},
    }
    declared = programme(indicators={"referral": {**REFERRAL, "variants": variants}})
    rows = log(ZERO, (1, "referral", "2023-06-20", {"code": "work"}), (1, "referral", "2023-06-30", {"code": "pain"}))
    found = {name: outcome_rows(rows, declared, variant=name)[0] for name in ("main", "pain", "short")}
    assert {name: (row["time"], row["status"]) for name, row in found.items()} == {
        "main": (50, EVENT_SEEN),
        "pain": (60, EVENT_SEEN),
        "short": (30, CENSORED),
    }

"""Breaks of the pathway, one rule each."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from oracle.builders import BREAK, log, outcome_rows, programme
from pydantic import ValidationError

from warehouse.schemas import CENSORED, COMPETED, EVENT_SEEN

ZERO = (1, "announcement", "2023-05-01 10:00")
TEN = {"longest_days": 10, "window": (0, 40), "horizons": (30,)}
TEN |= {"primary": {"measure": "cumulative_incidence", "horizon": 30}}


def told(*rows: Any, variant: str = "main", lock: date = date(2024, 4, 1), **changed: Any) -> tuple[Any, ...]:
    """(time, status) of the only pathway, or its reason."""
    declared = programme(indicators={"break": {**BREAK, **TEN, **changed}}, data_lock=lock)
    (row,) = outcome_rows(log(*rows), declared, variant=variant)
    return (row["excluded"],) if row["excluded"] else (row["time"], row["status"])


def contact(when: str, kind: str = "consultation") -> tuple[Any, ...]:
    return (1, kind, when)


def test_the_break_is_on_the_first_day_on_which_more_have_passed_since_time_zero() -> None:
    assert told(ZERO) == (11, EVENT_SEEN)


def test_or_since_the_last_contact() -> None:
    assert told(ZERO, contact("2023-05-04"), contact("2023-05-09")) == (19, EVENT_SEEN)


def test_a_contact_on_the_last_day_keeps_the_pathway_whole_and_one_on_the_next_comes_too_late() -> None:
    assert told(ZERO, contact("2023-05-11")) == (21, EVENT_SEEN)
    assert told(ZERO, contact("2023-05-12")) == (11, EVENT_SEEN)


def test_any_of_the_declared_contacts_counts_and_no_other() -> None:
    assert told(ZERO, contact("2023-05-08", "nurse_contact")) == (18, EVENT_SEEN)
    assert told(ZERO, contact("2023-05-08", "emergency_visit")) == (11, EVENT_SEEN)


def test_contacts_before_time_zero_and_on_its_day_change_nothing() -> None:
    assert told(ZERO, contact("2023-04-25"), contact("2023-05-01")) == (11, EVENT_SEEN)


def test_who_is_seen_to_the_end_of_the_window_has_no_break() -> None:
    assert told(ZERO, *(contact(f"2023-05-{day}") for day in ("11", "21", "31"))) == (39, CENSORED)


def test_a_death_competes_and_a_transfer_censors() -> None:
    assert told(ZERO, (1, "death", "2023-05-11")) == (10, COMPETED)
    assert told(ZERO, (1, "transfer_out", "2023-05-11")) == (10, CENSORED)
    assert told(ZERO, (1, "death", "2023-05-12")) == (11, EVENT_SEEN)


def test_a_break_that_the_lock_hides_is_not_seen() -> None:
    assert told(ZERO, lock=date(2023, 5, 12)) == (10, CENSORED)
    assert told(ZERO, lock=date(2023, 5, 13)) == (11, EVENT_SEEN)


def test_another_length_is_a_variant() -> None:
    longer = {"title": {"fr": "Vingt", "en": "Twenty"}, "longest_days": 20}
    assert told(ZERO, variants={"twenty": longer}) == (11, EVENT_SEEN)
    assert told(ZERO, variants={"twenty": longer}, variant="twenty") == (21, EVENT_SEEN)


def test_a_break_before_the_window_is_not_its_event() -> None:
    assert told(ZERO, contact("2023-05-14"), window=(12, 40)) == (24, EVENT_SEEN)


@pytest.mark.parametrize("unit", ["hour", "minute"])
def test_breaks_are_counted_in_days(unit: str) -> None:
    with pytest.raises(ValidationError, match="Input should be 'day'"):
        told(ZERO, unit=unit)

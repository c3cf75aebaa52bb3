"""Windows that look back from a death: what is seen of them, who is excluded, and what survival is contrasted by."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from oracle.builders import REFERRAL, estimated, event_frame, log, outcome_rows, patient_frame, programme, tallied

from warehouse.schemas import ANSWERED

DIED = (1, "death", "2023-06-30")
LAST_MONTH: dict[str, Any] = {
    "kind": "proportion",
    "time_zero": {"event": "death"},
    "event": {"type": "emergency_visit"},
    "window": (-30, 1),
    "primary": {"measure": "proportion"},
}
WELL_BEFORE: dict[str, Any] = {
    **LAST_MONTH,
    "event": {"type": "palliative_contact"},
    "window": (-3650, -90),
    "look_back": 180,
}
SURVIVAL: dict[str, Any] = {
    **REFERRAL,
    "event": {"type": "death"},
    "competing": (),
    "primary": {"measure": "survival", "horizon": 90},
}
SEEN, NOT_SEEN = (ANSWERED, 1, 1), (ANSWERED, 1, 0)


def told(indicator: dict[str, Any], *rows: Any, lock: date = date(2024, 4, 1)) -> Any:
    """(stage, followed, value) of the only pathway, or its reason."""
    (row,) = outcome_rows(log(*rows), programme(indicators={"last": indicator}, data_lock=lock))
    return row["excluded"] or (row["stage"], row["followed"], row["value"])


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2023-05-30", NOT_SEEN), ("2023-05-31", SEEN), ("2023-06-30", SEEN)],
)
def test_the_window_holds_thirty_days_and_that_of_the_death(day: str, expected: Any) -> None:
    assert told(LAST_MONTH, DIED, (1, "emergency_visit", day)) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [("2023-03-31", SEEN), ("2023-04-01", NOT_SEEN), ("2022-01-01", SEEN)],
)
def test_more_than_ninety_days_before_is_ninety_one(day: str, expected: Any) -> None:
    known = (1, "announcement", "2021-02-01")
    assert told(WELL_BEFORE, known, DIED, (1, "palliative_contact", day)) == expected


def test_several_events_may_be_asked_for() -> None:
    visits = [(1, "emergency_visit", day) for day in ("2023-06-01", "2023-06-20")]
    assert told({**LAST_MONTH, "at_least": 2}, DIED, *visits) == SEEN
    assert told({**LAST_MONTH, "at_least": 2}, DIED, visits[0]) == NOT_SEEN


@pytest.mark.parametrize(("first", "expected"), [("2023-01-01", NOT_SEEN), ("2023-01-02", "not_known_before")])
def test_who_was_not_known_for_long_enough_is_excluded(first: str, expected: Any) -> None:
    assert told(WELL_BEFORE, (1, "announcement", first), DIED) == expected
    assert told({**WELL_BEFORE, "look_back": None}, (1, "announcement", first), DIED) == NOT_SEEN


@pytest.mark.parametrize("leaving", ["transfer_out", "last_news"])
def test_who_left_before_the_end_of_the_window_was_not_seen(leaving: str) -> None:
    assert told(LAST_MONTH, (1, leaving, "2023-06-29"), DIED) == "no_follow_up"
    assert told(LAST_MONTH, (1, leaving, "2023-06-30"), DIED) == NOT_SEEN
    known = (1, "announcement", "2022-01-01")
    assert told(WELL_BEFORE, known, (1, leaving, "2023-04-15"), DIED) == NOT_SEEN  # its window was over
    assert told(WELL_BEFORE, known, (1, leaving, "2023-03-30"), DIED) == "no_follow_up"


def test_a_window_that_looks_back_is_mature_on_the_day_before_the_lock_or_the_cut() -> None:
    assert told(LAST_MONTH, DIED, lock=date(2023, 7, 1)) == NOT_SEEN
    assert told(LAST_MONTH, (1, "death", "2021-12-31")) == NOT_SEEN


def test_the_period_is_that_of_the_death_and_earlier_deaths_stand_outside() -> None:
    assert told(LAST_MONTH, (1, "announcement", "2022-05-01"), (1, "death", "2024-02-01")) == "outside_periods"
    assert told(LAST_MONTH, (1, "death", "2020-12-31")) == "prevalent"


def test_who_lives_has_no_pathway() -> None:
    declared = programme(indicators={"last": LAST_MONTH})
    assert outcome_rows(log((1, "announcement", "2023-01-01"), (2, "death", "2023-02-01")), declared) == [
        {"stage": ANSWERED, "followed": 1, "value": 0, "excluded": None}
    ]


def test_survival_is_contrasted_by_the_negative_of_the_incidence() -> None:
    declared = programme(indicators={"alive": SURVIVAL})
    announced = [(n, "announcement", "2021-02-01" if n <= 20 else "2023-02-01") for n in range(1, 41)]
    died = [(n, "death", "2021-03-01") for n in range(1, 5)] + [(n, "death", "2023-03-01") for n in range(21, 31)]
    events = event_frame(log(*announced, *died))
    figures = estimated(tallied(events, patient_frame(), declared), declared).figures
    contrast = figures.filter((pl.col("period") == "after-before") & (pl.col("horizon") == 90))
    rows = {row["measure"]: row for row in contrast.iter_rows(named=True)}
    alive, dead = rows["survival"], rows["cumulative_incidence"]
    assert alive["estimate"] == pytest.approx(0.5 - 0.8)
    assert (alive["ci_low"], alive["ci_high"]) == (-dead["ci_high"], -dead["ci_low"])
    assert (alive["std_error"], alive["p_value"]) == (dead["std_error"], dead["p_value"])
    assert (alive["analysis"], dead["analysis"]) == ("primary", "exploratory")

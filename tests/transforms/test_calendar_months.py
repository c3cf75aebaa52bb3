"""Events and days at risk of calendar months, whenever the pathways began."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from oracle.builders import VISITS, event_frame, log, patient_frame, programme, tallied

from transforms.tallies import merge
from warehouse.schemas import MONTH_TALLY

DECLARED = programme(
    indicators={"visits": {**VISITS, "window": (0, 61)}},
    sites=({"id": "north"}, {"id": "east", "arm": "comparator"}),
)
ROWS = log(
    (1, "announcement", "2023-01-30"), (1, "emergency_visit", "2023-01-31"), (1, "emergency_visit", "2023-02-10"),
    (1, "emergency_visit", "2023-02-20"), (1, "emergency_visit", "2023-04-15"),
    (2, "announcement", "2023-02-01"), (2, "emergency_visit", "2023-03-01"), (2, "death", "2023-03-01"),
    (3, "announcement", "2023-02-27", {"site": "east"}), (3, "transfer_out", "2023-02-28", {"site": "east"}),
    (4, "announcement", "2020-02-27"), (4, "emergency_visit", "2020-02-28"),
)  # fmt: skip


def months(rows: list[Any], declared: Any = DECLARED) -> pl.DataFrame:
    return tallied(event_frame(rows, declared.zone), patient_frame(), declared).months


def test_a_day_counts_in_its_own_month_and_the_day_of_death_is_seen_but_not_at_risk() -> None:
    found = months(ROWS)
    assert found.schema == MONTH_TALLY
    assert found.select("period", "arm", "n", "n_with", "events", "exposure").rows() == [
        ("2023-01", "circuit", 1, 1, 1, 2),
        ("2023-02", "circuit", 2, 1, 2, 28 + 28),
        ("2023-02", "comparator", 1, 0, 0, 1),
        ("2023-03", "circuit", 2, 1, 1, 31),
    ]
    assert set(found["view"]) == {"overall"}


def test_months_in_which_nobody_is_observed_are_absent() -> None:
    rows = log((1, "announcement", "2023-01-01"), (2, "announcement", "2023-08-01"))
    assert months(rows)["period"].to_list() == ["2023-01", "2023-02", "2023-03", "2023-08", "2023-09"]


def test_nobody_gives_no_month() -> None:
    assert months([]).is_empty()
    assert months(log((1, "announcement", "2019-01-01"))).is_empty()


def test_over_all_months_events_and_days_are_those_of_the_pathways() -> None:
    tallies = tallied(event_frame(ROWS), patient_frame(), DECLARED)
    overall = tallies.count.filter(view="overall")
    assert tallies.months["events"].sum() == (overall["events"] * overall["n"]).sum()
    assert tallies.months["exposure"].sum() == (overall["exposure"] * overall["n"]).sum()


def test_months_of_disjoint_patients_add_up() -> None:
    whole = tallied(event_frame(ROWS), patient_frame(), DECLARED)
    parts = [
        tallied(event_frame([one for one in ROWS if one.patient % 2 == odd]), patient_frame(), DECLARED)
        for odd in (0, 1)
    ]
    assert merge(*parts).months.equals(whole.months)


@pytest.mark.parametrize(("spill_over", "last"), [("cut", "2021-12"), ("keep", "2022-01")])
def test_the_cut_of_the_before_period_ends_the_days_at_risk(spill_over: str, last: str) -> None:
    declared = programme(indicators={"visits": {**VISITS, "spill_over": spill_over}})
    found = months(log((1, "announcement", "2021-12-01"), (1, "death", "2022-01-15")), declared)
    assert found["period"].to_list()[-1] == last
    assert found["exposure"].sum() == (31 if spill_over == "cut" else 31 + 14)

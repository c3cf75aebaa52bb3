"""Ratios of hazards and tests by site leave with their groups, and never where few had the event of the model."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from oracle.builders import Happening, estimated, event_frame, log, patient_frame, programme, tallied

from transforms.disclosure import release
from warehouse.schemas import CHECK, LEDGER, Provenance

PROVENANCE = Provenance("1.0", "abc", "plan", date(2024, 4, 1), ("hash",), "pass", 0, 0)
DECLARED = programme(sites=({"id": "north"}, {"id": "south"}), strata={"sex": True}, adjust_for=("sex",))
OF_EVENT = {
    "hazard_ratio",
    "proportional_hazards",
    "log_rank",
    "stratified_log_rank",
    "stratified_gray_test",
    "gray_test",
}
OF_DEATH = {"hazard_ratio_competing", "proportional_hazards_competing"}


def period(first: int, announced: str, referred: int, dead: int, n: int = 60) -> list[Happening]:
    """``n`` pathways of two sites: some referred from the third day on, some dead from the fourth on."""
    rows: list[tuple[Any, ...]] = []
    for place in range(n):
        patient, site = first + place, {"site": ("north", "south")[place % 2]}
        rows.append((patient, "announcement", announced, site))
        if place < referred:
            rows.append((patient, "referral", f"{announced[:8]}{4 + place % 20:02d}", site))
        elif place < referred + dead:
            rows.append((patient, "death", f"{announced[:8]}{5 + place % 20:02d}", site))
    return log(*rows)


def released(before: tuple[int, int], after: tuple[int, int]) -> pl.DataFrame:
    """The figures that leave, of (referred, dead) in either period, circuit sites together."""
    rows = period(1, "2021-03-01", *before) + period(1001, "2023-03-01", *after)
    people = [{"patient": row.patient, "birth_year": 1960, "sex": ("f", "m")[row.patient % 3 == 0]} for row in rows]
    patients = patient_frame({row["patient"]: row for row in people}.values(), sex=pl.String)
    tallies = tallied(event_frame(rows), patients, DECLARED)
    checks, files = pl.DataFrame(schema=CHECK), pl.DataFrame(schema=LEDGER)
    found = release(estimated(tallies, DECLARED), tallies, checks, files, {"current": 1}, DECLARED, PROVENANCE)
    return found.figures.filter(pl.col("measure").is_in([*OF_EVENT, *OF_DEATH]), scope_type="overall")


def shown(figures: pl.DataFrame) -> set[str]:
    return set(figures.filter(pl.col("withheld").is_null())["measure"])


def test_with_enough_events_and_deaths_all_are_published_the_analyses_beside() -> None:
    figures = released((20, 15), (30, 14))
    assert shown(figures) == OF_EVENT | OF_DEATH
    ratios = figures.filter(measure="hazard_ratio")
    assert set(ratios["analysis"]) >= {"sensitivity:site_clustered", "sensitivity:adjusted"}
    assert ratios["n"].null_count() == ratios.height == 3
    assert ratios["estimate"].to_list() == [round(value, 2) for value in ratios["estimate"]]


def test_a_ratio_of_deaths_is_withheld_where_few_died_in_a_period_and_that_of_the_event_is_not() -> None:
    figures = released((20, 15), (30, 10))
    assert shown(figures) == OF_EVENT
    hidden = figures.filter(pl.col("measure").is_in(OF_DEATH))
    assert set(hidden["withheld"]) == {"small_count"}
    assert hidden.height == 4
    assert hidden.select("estimate", "ci_low", "ci_high", "p_value").null_count().row(0) == (4, 4, 4, 4)


@pytest.mark.parametrize(("before", "after"), [((10, 15), (30, 15)), ((49, 11), (50, 10))])
def test_nothing_of_hazards_is_published_where_few_of_a_period_had_the_event_or_were_without(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    figures = released(before, after)
    assert not shown(figures) & OF_EVENT
    hidden = figures.filter(pl.col("measure").is_in(OF_EVENT))
    assert set(hidden["withheld"]) == {"small_count"}


def test_that_nobody_died_is_no_reason_to_be_told() -> None:
    assert set(released((20, 0), (30, 15)).filter(pl.col("measure").is_in(OF_DEATH))["withheld"]) == {"small_count"}

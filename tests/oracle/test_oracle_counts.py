"""The counts of random programmes equal those of the plain-Python oracle, cell by cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.builders import Happening, tallied
from oracle.reference import Counts, counts
from oracle.strategies import DAYTIME, EXAMPLES, World, crowded_worlds, worlds

from transforms.tallies import merge
from warehouse.programme import Programme
from warehouse.schemas import (
    ATTRITION_TALLY,
    COUNT_TALLY,
    MONTH_TALLY,
    PAIR_TALLY,
    RECURRENCE_TALLY,
    SCORE_TALLY,
    TALLY_KEYS,
    TIME_TALLY,
    Tallies,
)

SCHEMAS = {
    "time": TIME_TALLY,
    "count": COUNT_TALLY,
    "score": SCORE_TALLY,
    "attrition": ATTRITION_TALLY,
    "pairs": PAIR_TALLY,
    "months": MONTH_TALLY,
    "recurrences": RECURRENCE_TALLY,
}


def counted(tallies: Tallies) -> Counts:
    keys = len(TALLY_KEYS)
    months = {row[:keys]: list(row[keys:]) for row in tallies.months.iter_rows()}
    return Counts(months=months, **{name: cells(getattr(tallies, name)) for name in SCHEMAS if name != "months"})


def cells(frame: pl.DataFrame) -> Counter[tuple[Any, ...]]:
    found = {row[:-1]: row[-1] for row in frame.iter_rows()}
    assert len(found) == frame.height, "every key stands once"
    return Counter(found)


def same(one: Tallies, other: Tallies) -> bool:
    return all(getattr(one, name).equals(getattr(other, name)) for name in SCHEMAS)


@settings(EXAMPLES, max_examples=120)
@given(worlds() | crowded_worlds())
def test_counts_equal_the_oracle(world: World) -> None:
    tallies = tallied(*world.frames(), world.programme)
    assert counted(tallies) == counts(world.happenings, world.people, world.programme)
    for name, schema in SCHEMAS.items():
        assert getattr(tallies, name).schema == schema


@EXAMPLES
@given(worlds())
def test_attrition_and_views_add_up(world: World) -> None:
    """Every view holds every analysed pathway once, and the attrition every time zero once."""
    tallies = tallied(*world.frames(), world.programme)
    for indicator_id, indicator in world.programme.indicators.items():
        zero = indicator.time_zero or world.programme.time_zero
        started = [one.patient for one in world.happenings if one.type == zero.event]
        attrition = tallies.attrition.filter(indicator_id=indicator_id, variant="main")
        assert attrition["n"].sum() == len(started if zero.which == "each" else set(started))
        in_cells = {"share": tallies.score, "score": tallies.score, "rate": tallies.count}.get(
            indicator_id, tallies.time
        )
        totals = in_cells.filter(indicator_id=indicator_id, variant="main").group_by("view").agg(pl.col("n").sum())
        answered = ["analysed", "no_answer", "left_before_answer"]
        analysed = attrition.filter(pl.col("reason").is_in(answered))["n"].sum()
        assert set(totals["n"]) <= {analysed}
        assert totals.is_empty() == (analysed == 0)


@EXAMPLES
@given(worlds(), st.randoms(use_true_random=False))
def test_parts_of_the_patients_add_up_to_the_whole(world: World, chance: Random) -> None:
    events, patients = world.frames()
    bucket = {one.patient: chance.randrange(3) for one in world.happenings}
    parts = []
    for number in chance.sample(range(3), 3):
        held = [patient for patient, found in bucket.items() if found == number]
        kept = pl.col("patient").is_in(held)
        parts.append(tallied(events.filter(kept), patients.filter(kept), world.programme))
    assert same(merge(*parts), tallied(events, patients, world.programme))
    assert same(merge(merge(*parts[:2]), parts[2]), merge(parts[0], merge(*parts[1:])))


@EXAMPLES
@given(worlds(), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(world: World, seed: int) -> None:
    """The reading order is the column ``sequence``, not the order of the frame."""
    events, patients = world.frames()
    shuffled = tallied(
        events.sample(fraction=1, shuffle=True, seed=seed),
        patients.sample(fraction=1, shuffle=True, seed=seed),
        world.programme,
    )
    assert same(shuffled, tallied(events, patients, world.programme))


def later(world: World, days: int) -> World:
    """The same world so many local days later."""
    by, zone = timedelta(days=days), world.programme.zone

    def moved(one: Happening) -> Happening:
        local = one.at.astimezone(zone)
        return replace(one, at=(local.replace(tzinfo=None) + by).replace(tzinfo=zone, fold=local.fold))

    declared = world.programme
    spans = {
        name: span.model_copy(update={"start": span.start + by, "until": span.until + by})
        for name, span in declared.periods.named()
    }
    sites = tuple(
        site.model_copy(update={"starts": site.starts + by}) if site.starts else site for site in declared.sites
    )
    changed: Programme = declared.model_copy(
        update={
            "periods": declared.periods.model_copy(update=spans),
            "sites": sites,
            "data_lock": declared.data_lock + by,
            "strata": {name: bands for name, bands in declared.strata.items() if bands is True},
            "analysis": declared.analysis.model_copy(update={"adjust_for": ()}),
        }
    )
    return World(changed, tuple(moved(one) for one in world.happenings), world.people)


@EXAMPLES
@given(worlds(units=("day",), clock=DAYTIME))
def test_a_shift_of_all_dates_changes_nothing_in_days(world: World) -> None:
    """Fifty-two weeks later, over other changes of clock, the counts by day are the same."""
    here, there = (tallied(*shifted.frames(), shifted.programme) for shifted in (later(world, 0), later(world, 364)))
    for name in SCHEMAS:
        without_months = [undated(getattr(found, name)) for found in (here, there)]
        assert without_months[0].equals(without_months[1])


def undated(frame: pl.DataFrame) -> pl.DataFrame:
    """Without the months of time zero, and the calendar's added up."""
    if "exposure" not in frame.columns or "n_with" not in frame.columns:
        return frame.filter(pl.col("view") != "month")
    return frame.group_by("indicator_id", "arm").agg(pl.col("events", "exposure").sum()).sort("arm")

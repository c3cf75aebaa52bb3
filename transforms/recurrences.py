"""Courses become counts: on which days events fell, two of one pathway together, and on which day each ended.

Only with the pairs do counts tell how alike the events of one pathway are. No identifier and no date is kept: days
are those since time zero.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from transforms.cells import Cells, Integers
from transforms.counting import count
from transforms.follow_up import beside
from transforms.outcomes import Courses
from transforms.recurrent import Recurrences
from transforms.tallies import View, merge, view_of_start, views
from warehouse.kinds import RecurrentEvent
from warehouse.programme import Programme
from warehouse.schemas import CENSORED, COMPETED, RECURRENCE_TALLY, Tallies

CELL = ("first", "opens", "second", "end", "status")


def tally_recurrences(courses: Courses, programme: Programme, *, indicator_id: str, variant: str) -> Tallies:
    """Count the recurrences of one variant of an indicator (RECURRENCE_TALLY) in the views of ``tally`` by period."""
    of = programme.indicators[indicator_id]
    looked_at = [*views(programme, of, variant), *view_of_start(courses.spans, variant)]
    of_periods = [view for view in looked_at if view.period == "period"]
    factors = list(dict.fromkeys(["arm", *(factor for view in of_periods for factor in view.factors)]))
    ends = {"end": pl.col("last"), "status": pl.when("died").then(COMPETED).otherwise(CENSORED).cast(pl.UInt8)}
    ended = courses.spans.filter(pl.col("excluded").is_null()).select(*factors, **ends)
    events = courses.episodes.sort("pathway", "offset")
    opens = pl.col("pathway").ne_missing(pl.col("pathway").shift())
    single = beside(events, courses.spans, *factors, "last", "died").select(
        *factors, first="offset", opens=opens, **ends
    )
    pairs = beside(_pairs(events), courses.spans, *factors).drop("pathway")
    counted = [
        _keyed(view.keyed(_counted(rows, view), indicator_id, variant))
        for rows in (ended, single, pairs)
        for view in of_periods
    ]
    return replace(merge(), recurrences=pl.concat(counted))


def _pairs(events: pl.DataFrame) -> pl.DataFrame:
    """Every two events of one pathway, the earlier first, an event with itself among them."""
    alone = events["pathway"].is_unique()
    several = events.filter(~alone).select("pathway", first="offset")
    both = several.join(several.select("pathway", second="first"), on="pathway")
    lone = events.filter(alone).select("pathway", first="offset", second="offset")
    return pl.concat([both.filter(pl.col("first") <= pl.col("second")), lone])


def _counted(rows: pl.DataFrame, view: View) -> pl.DataFrame:
    """How many rows share each cell of a view."""
    return count(rows, [*(name for name in CELL if name in rows.columns), "arm", *view.factors])


def _keyed(counted: pl.DataFrame) -> pl.DataFrame:
    """The columns of the tally, null in those that rows of their sort do not have."""
    absent = [pl.lit(None, RECURRENCE_TALLY[name]).alias(name) for name in CELL if name not in counted.columns]
    return counted.with_columns(absent).select(RECURRENCE_TALLY.names()).cast(RECURRENCE_TALLY)


def recurrences(frame: pl.DataFrame, indicator: RecurrentEvent) -> Recurrences:
    """The counts of one group from rows of RECURRENCE_TALLY; every pathway is at risk from the window's first day."""
    ended = frame.filter(pl.col("first").is_null())
    ends = ended.group_by("end", "status").agg(pl.col("n").sum()).sort("end", "status").with_row_index("place")
    single = frame.filter(pl.col("first").is_not_null() & pl.col("end").is_not_null())
    single = single.join(ends.select("end", "status", "place"), on=["end", "status"]).sort("first", "place", "opens")
    pairs = frame.filter(pl.col("second").is_not_null()).group_by("first", "second").agg(pl.col("n").sum())
    pairs = pairs.sort("first", "second")
    entry = pl.Series([indicator.window[0] - 1], dtype=pl.Int64).new_from_index(0, ends.height)
    return Recurrences(
        ends=Cells(*(_integers(column) for column in (entry, ends["end"], ends["status"], ends["n"]))),
        event_time=_integers(single["first"]),
        event_end=_integers(single["place"]),
        event_n=_integers(single["n"]),
        first=_integers(pairs["first"]),
        second=_integers(pairs["second"]),
        pair_n=_integers(pairs["n"]),
    )


def pathways_with_event(frame: pl.DataFrame, horizon: int) -> int:
    """How many pathways of rows of RECURRENCE_TALLY had at least one event by the horizon, that day included."""
    return int(frame.filter(pl.col("opens") & (pl.col("first") <= horizon))["n"].sum())


def _integers(column: pl.Series) -> Integers:
    return column.cast(pl.Int64).to_numpy()

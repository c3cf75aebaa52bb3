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
from transforms.tallies import merge
from warehouse.kinds import RecurrentEvent
from warehouse.schemas import CENSORED, COMPETED, RECURRENCE_TALLY, Tallies

GROUP = ["period", "arm"]
CELL = ("first", "opens", "second", "end", "status")


def tally_recurrences(courses: Courses, *, indicator_id: str) -> Tallies:
    """Count the recurrences of an indicator itself in its view ``overall`` (RECURRENCE_TALLY)."""
    ends = {"end": pl.col("last"), "status": pl.when("died").then(COMPETED).otherwise(CENSORED).cast(pl.UInt8)}
    ended = courses.spans.filter(pl.col("excluded").is_null()).select(*GROUP, **ends)
    events = beside(courses.episodes.sort("pathway", "offset"), courses.spans, *GROUP, "last", "died")
    opens = pl.col("pathway").ne_missing(pl.col("pathway").shift())
    single = events.select(*GROUP, first="offset", opens=opens, **ends)
    counted = pl.concat([_counted(rows) for rows in (ended, single, _pairs(events))])
    keyed = counted.with_columns(
        indicator_id=pl.lit(indicator_id),
        variant=pl.lit("main"),
        view=pl.lit("overall"),
        site=pl.lit(None, pl.String),
        stratum=pl.lit(None, pl.String),
    )
    return merge(replace(merge(), recurrences=keyed.select(RECURRENCE_TALLY.names())))


def _pairs(events: pl.DataFrame) -> pl.DataFrame:
    """Every two events of one pathway, the earlier first, an event with itself among them."""
    alone = events["pathway"].is_unique()
    several = events.filter(~alone).select("pathway", *GROUP, first="offset")
    both = several.join(several.select("pathway", second="first"), on="pathway").drop("pathway")
    lone = events.filter(alone).select(*GROUP, first="offset", second="offset")
    return pl.concat([both.filter(pl.col("first") <= pl.col("second")), lone])


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """How many rows share each cell; null in the columns that rows of their sort do not have."""
    counted = count(rows, rows.columns)
    cell = [name for name in RECURRENCE_TALLY if name in CELL]
    absent = [pl.lit(None, RECURRENCE_TALLY[name]).alias(name) for name in cell if name not in rows.columns]
    return counted.with_columns(*absent, *(pl.col(name).cast(pl.String) for name in GROUP)).select(*GROUP, *cell, "n")


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

"""Courses become counts: on which days events fell, two of one pathway together, and on which day each ended.

Only with the pairs do counts tell how alike the events of one pathway are. No identifier and no date is kept: days
are those since time zero.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from transforms.cells import Cells, Integers
from transforms.outcomes import Courses
from transforms.recurrent import Recurrences
from transforms.tallies import merge
from warehouse.kinds import RecurrentEvent
from warehouse.schemas import CENSORED, COMPETED, RECURRENCE_TALLY, Tallies

GROUP = ["period", "arm"]


def tally_recurrences(courses: Courses, *, indicator_id: str) -> Tallies:
    """Count the recurrences of an indicator itself in its view ``overall`` (RECURRENCE_TALLY)."""
    spans = courses.spans.filter(pl.col("excluded").is_null())
    ended = spans.select(
        "pathway",
        *GROUP,
        end="last",
        status=pl.when("died").then(pl.lit(COMPETED, pl.UInt8)).otherwise(pl.lit(CENSORED, pl.UInt8)),
    )
    events = courses.episodes.select("pathway", day="offset").join(ended, on="pathway")
    firsts = pl.int_range(pl.len()).over("pathway", order_by="day") == 0
    single = events.with_columns(first="day", opens=firsts)
    both = events.select("pathway", *GROUP, first="day").join(events.select("pathway", second="day"), on="pathway")
    pairs = both.filter(pl.col("first") <= pl.col("second"))
    counted = pl.concat([_counted(rows) for rows in (ended, single, pairs)])
    keyed = counted.with_columns(
        indicator_id=pl.lit(indicator_id),
        variant=pl.lit("main"),
        view=pl.lit("overall"),
        site=pl.lit(None, pl.String),
        stratum=pl.lit(None, pl.String),
    )
    return merge(replace(merge(), recurrences=keyed.select(RECURRENCE_TALLY.names())))


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """How many rows share each cell; null in the columns that rows of their sort do not have."""
    cell = [name for name in RECURRENCE_TALLY if name in ("first", "opens", "second", "end", "status")]
    absent = [pl.lit(None, RECURRENCE_TALLY[name]).alias(name) for name in cell if name not in rows.columns]
    return rows.with_columns(absent).group_by(*GROUP, *cell).agg(n=pl.len().cast(pl.Int64))


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

"""What happened in each calendar month: events and days at risk, whenever the pathways began.

For control charts and series of recurrent events. A pathway of several months stands in each of them: the
number of pathways does not add up over months, the days at risk and the events do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from transforms.cells import Integers
from transforms.follow_up import beside
from transforms.outcomes import Courses
from transforms.tallies import merge
from warehouse.schemas import MONTH_TALLY, Tallies

MONTH = "%Y-%m"
SPAN = ("since", "last", "stop")
OBSERVED = pl.Schema({"arm": pl.String, "period": pl.String, "n": pl.Int64, "exposure": pl.Int64})


def tally_months(courses: Courses, *, indicator_id: str) -> Tallies:
    """Count the calendar months of recurrent events (MONTH_TALLY): every month in which somebody was observed.

    Days of observation are ``since <= day <= last``, days at risk ``since <= day < stop``, each counted in its own
    month: the sums over all months are those of OUTCOME_COUNT.
    """
    spans = courses.spans.filter(pl.col("excluded").is_null())
    observed = [_observed(of_arm, arm) for (arm,), of_arm in spans.partition_by("arm", as_dict=True).items()]
    dated = beside(courses.episodes, courses.spans, "arm", "index_on").select(
        "pathway",
        pl.col("arm").cast(pl.String),
        month=(pl.col("index_on") + pl.duration(days="offset")).dt.month_start(),
    )
    events = (
        dated.group_by("arm", "month")
        .agg(events=pl.len().cast(pl.Int64), n_with=pl.col("pathway").n_unique().cast(pl.Int64))
        .with_columns(period=pl.col("month").dt.strftime(MONTH))
    )
    counted = pl.concat([OBSERVED.to_frame(), *observed]).join(events, on=["arm", "period"], how="left")
    keyed = counted.with_columns(
        pl.col("events", "n_with").fill_null(0),
        indicator_id=pl.lit(indicator_id),
        variant=pl.lit("main"),
        view=pl.lit("overall"),
        site=pl.lit(None, pl.String),
        stratum=pl.lit(None, pl.String),
    )
    return merge(replace(merge(), months=keyed.select(MONTH_TALLY.names())))


def _observed(spans: pl.DataFrame, arm: object) -> pl.DataFrame:
    """Pathways observed and days at risk of one arm, one row per month in which somebody was observed.

    Everybody is counted on the day of beginning and of ending alone; the rest is sums over days (TALLIES).
    """
    start, last, stop = (spans.select(pl.col("index_on") + pl.duration(days=day)).to_series() for day in SPAN)
    edges = _month_starts(start.min(), last.max())
    days = (edges - edges[0]).dt.total_days().to_numpy()
    began, ended, left = (_by_day(one, edges) for one in (start, last, stop))
    n = _before(began)[days[1:]] - _before(ended)[days[:-1]]
    exposure = np.diff(_before(np.cumsum(began - left))[days])
    months = edges[:-1].dt.strftime(MONTH)
    return pl.DataFrame({"arm": arm, "period": months, "n": n, "exposure": exposure}, schema=OBSERVED).filter(n > 0)


def _month_starts(first: object, last: object) -> pl.Series:
    """The first days of all months from that of ``first`` to the one after that of ``last``."""
    ends = pl.Series([first, last], dtype=pl.Date).dt.month_start()
    return pl.date_range(ends[0], ends.dt.offset_by("1mo")[1], "1mo", eager=True)


def _by_day(days: pl.Series, edges: pl.Series) -> Integers:
    """How many fall on each day from the first edge to the last, both included."""
    offsets = (days - edges[0]).dt.total_days().to_numpy()
    return np.bincount(offsets, minlength=(edges[-1] - edges[0]).days + 1)


def _before(by_day: Integers) -> Integers:
    """The sum over all days before each, and over all of them as the last."""
    return np.concatenate([[0], np.cumsum(by_day)])

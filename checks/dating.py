"""Dating: whether days and times of day are spread as they happen, or as a computer filled them in.

A day of birth that nobody knows becomes 1 January, a date exported as a time stamp becomes midnight,
a local time labelled UTC moves by an hour when the clocks change. Only counts are read here: no day
and no time of an event.
"""

from __future__ import annotations

import polars as pl

from checks.coverage import Measured

# One row per source, event type and offset of the local clock: current events before the data lock.
DATING = pl.Schema(
    {
        "source": pl.String,
        "event_type": pl.String,
        "utc_offset": pl.Int64,  # seconds, of the programme's zone at the time of the event
        "events": pl.Int64,
        "first_of_month": pl.Int64,
        "fifteenth": pl.Int64,
        "new_year": pl.Int64,  # on 1 January
        "after_twelfth": pl.Int64,  # on day 13 or later of a month
        "timed": pl.Int64,  # with a time of day
        "at_midnight": pl.Int64,  # of which: a time of day that a date becomes when it is taken for a time
        "seconds": pl.Int64,  # of which: sum of local seconds since midnight
        "seconds_squared": pl.Float64,
    }
)
ENOUGH = 200  # events of one type in one source: below, a share says little
ENOUGH_DAYS = 100  # all of them on day 1 to 12 by chance: once in 10^40
ENOUGH_TIMES = 500  # on either side of the changes of the clock
# On the 1st and 15th together 6.6 % are to be expected, on 1 January 0.3 %, at midnight and its kin 0.3 %.
MOST_ON_FIRST_OR_FIFTEENTH, MOST_ON_NEW_YEAR, MOST_AT_MIDNIGHT = 0.15, 0.025, 0.10
_STANDARD_ERRORS = 4.0
_COUNTS = [column for column in DATING if column not in ("source", "event_type", "utc_offset")]


def types_dated_on_few_days(dating: pl.DataFrame) -> Measured:
    """Types of event of a source, of enough events, of which too many are on the 1st, the 15th or 1 January."""
    enough = _by(dating, "source", "event_type").filter(pl.col("events") >= ENOUGH)
    imputed = (pl.col("first_of_month") + pl.col("fifteenth") > MOST_ON_FIRST_OR_FIFTEENTH * pl.col("events")) | (
        pl.col("new_year") > MOST_ON_NEW_YEAR * pl.col("events")
    )
    return _measured(enough, imputed)


def types_timed_at_midnight(dating: pl.DataFrame) -> Measured:
    """Types of event of a source, with enough times of day, of which too many are a date taken for a time."""
    enough = _by(dating, "source", "event_type").filter(pl.col("timed") >= ENOUGH)
    return _measured(enough, pl.col("at_midnight") > MOST_AT_MIDNIGHT * pl.col("timed"))


def sources_without_late_days(dating: pl.DataFrame) -> Measured:
    """Sources of enough events of which none is on day 13 or later: their days are months, or are not read."""
    enough = _by(dating, "source").filter(pl.col("events") >= ENOUGH_DAYS)
    return _measured(enough, pl.col("after_twelfth") == 0)


def sources_shifted_by_the_clock(dating: pl.DataFrame) -> Measured:
    """Sources whose times of day move with the clocks by more than half of what the clocks move.

    Compared within each type of event, for the mix of types may change with the season; the means of the
    differences are weighted by the inverse of what their variance would be at equal spread. Four standard
    errors keep chance out. What happens as often by night as by day cannot show a shift.
    """
    timed = dating.filter(pl.col("timed") > 1).with_columns(
        mean=pl.col("seconds") / pl.col("timed"),
        variance=(pl.col("seconds_squared") - pl.col("seconds") ** 2 / pl.col("timed")) / (pl.col("timed") - 1),
    )
    compared = timed.join(timed, on=["source", "event_type"], suffix="_later").filter(
        pl.col("utc_offset") < pl.col("utc_offset_later")
    )
    n, later = pl.col("timed"), pl.col("timed_later")
    weight = n * later / (n + later)
    difference = pl.col("mean_later") - pl.col("mean")
    variance = pl.col("variance_later") / later + pl.col("variance") / n
    sources = compared.group_by("source", "utc_offset", "utc_offset_later").agg(
        n.sum(),
        later.sum(),
        shift=(weight * difference).sum() / weight.sum(),
        error=(weight**2 * variance).sum().sqrt() / weight.sum(),
    )
    moved = pl.col("shift").abs()
    half = (pl.col("utc_offset_later") - pl.col("utc_offset")) / 2
    enough = sources.filter(n >= ENOUGH_TIMES, later >= ENOUGH_TIMES)
    return _measured(enough, (moved > half) & (moved > _STANDARD_ERRORS * pl.col("error")))


def _by(dating: pl.DataFrame, *keys: str) -> pl.DataFrame:
    return dating.group_by(keys).agg(pl.col(_COUNTS).sum())


def _measured(of: pl.DataFrame, violated: pl.Expr) -> Measured:
    return Measured(of.filter(violated).height, of.height)

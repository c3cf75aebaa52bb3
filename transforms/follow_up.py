"""The clock of an indicator and the end of follow-up.

Where the unit is ``day`` a tick is a local calendar day; where it is ``minute`` or ``hour`` a tick
is an elapsed second. Time zero is tick 0 and windows are half-open.

Follow-up ends at the first of the window's end, death, transfer out, loss, the data lock (or the
last event) and, for pathways of the before period, the period's end unless spill-over is kept.
The tick of a death, a transfer, a loss or a last event can still hold the outcome; that of the
lock, a cut or the window's end cannot. On one tick the outcome comes before death, death before
transfer.

A patient who left before time zero is back: departures end follow-up from time zero on, so that an
earlier transfer does not exclude a later pathway. A death ends it whenever it is recorded. Windows
that look back are another matter: who left is not seen in them, whenever that was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl

from transforms.pathways import matching
from warehouse.kinds import SECONDS_IN, EventSelector, Indicator
from warehouse.programme import Programme
from warehouse.schemas import FROM_THE_START

LEAVING = ("transfer_out", "last_news")
DEATH = "death"
NEVER = 2**62  # a tick that no clock reaches


@dataclass(frozen=True)
class History:
    """What is known of the patients: EVENT rows, and the last and first event of each patient of any type."""

    events: pl.DataFrame
    last_events: pl.DataFrame  # patient, last_at, last_on, first_on


def window_ticks(of: Indicator) -> tuple[int, int]:
    """The half-open window of the indicator in ticks."""
    scale = ticks_per_unit(of.unit)
    return of.window[0] * scale, of.window[1] * scale


def ticks_per_unit(unit: str) -> int:
    """Ticks of the clock in one unit: a day is one tick, a minute is 60 and an hour 3,600 seconds."""
    return 1 if unit == "day" else SECONDS_IN[unit]


def _offset(of: Indicator, day: str, instant: str) -> pl.Expr:
    """Ticks from time zero to a day or an instant, floored."""
    return _ticks(pl.col(day) - pl.col("index_on") if of.unit == "day" else pl.col(instant) - pl.col("index_at"), of)


def _ticks(since: pl.Expr, of: Indicator) -> pl.Expr:
    """A span of time in ticks, floored."""
    return since.dt.total_days() if of.unit == "day" else since.dt.total_microseconds().floordiv(1_000_000)


def offsets(
    pathways: pl.DataFrame, events: pl.DataFrame, of: Indicator, *selected: EventSelector | str
) -> pl.DataFrame:
    """The events of every pathway, those of the selector or of any of the types, with their offset in ticks."""
    index = pathways.select("pathway", "patient", "index_on", "index_at")
    chosen = [pl.col("event_type") == one if isinstance(one, str) else matching(one) for one in selected]
    return (
        events.filter(pl.any_horizontal(chosen or [pl.lit(False)]))
        .join(index, on="patient")
        .select(
            "pathway",
            "sequence",
            "occurred_at",
            "precision",
            "code",
            "value",
            offset=_offset(of, "occurred_on", "occurred_at"),
        )
    )


def with_first(pathways: pl.DataFrame, found: pl.DataFrame, name: str) -> pl.DataFrame:
    """Adds the least offset found, or NEVER."""
    first = found.group_by("pathway").agg(pl.col("offset").min().alias(name))
    joined = pathways.join(first, on="pathway", how="left", maintain_order="left")
    return joined.with_columns(pl.col(name).fill_null(NEVER))


def with_follow_up(pathways: pl.DataFrame, history: History, programme: Programme, of: Indicator) -> pl.DataFrame:
    """Adds ``closes`` (first tick not observed), ``leaves`` and ``competes`` (last tick observed), in ticks."""
    competing = set(of.competing)
    departures = offsets(pathways, history.events, of, *sorted({*LEAVING, *of.censored_by} - competing - {DEATH}))
    deaths = offsets(pathways, history.events, of, *sorted({DEATH} - competing))
    from_then_on = (pl.col("offset") >= 0) | (of.window[0] < 0)
    timed = with_first(pathways, offsets(pathways, history.events, of, *sorted(competing)), "competes")
    timed = with_first(timed, pl.concat([departures.filter(from_then_on), deaths]), "leaves")
    return _with_administrative_ends(timed, history, programme, of)


def _with_administrative_ends(
    timed: pl.DataFrame, history: History, programme: Programme, of: Indicator
) -> pl.DataFrame:
    """The lock or the last event, the cut of the before period and the window's end."""
    zone = programme.zone
    until = of.alive_until or programme.follow_up.alive_until
    cut = (of.spill_over or programme.follow_up.spill_over) == "cut"
    in_before = pl.when(pl.col("period") == "before")
    ends = timed.with_columns(
        lock_on=pl.lit(programme.data_lock),
        lock_at=pl.lit(_midnight(programme.data_lock, zone)),
        cut_on=in_before.then(pl.lit(programme.periods.before.until)),
        cut_at=in_before.then(pl.lit(_midnight(programme.periods.before.until, zone))),
    ).join(history.last_events.select("patient", "last_at", "last_on"), on="patient", how="left", maintain_order="left")
    closes = [pl.lit(window_ticks(of)[1]), _offset(of, "lock_on", "lock_at")]
    closes += [_offset(of, "cut_on", "cut_at")] if cut else []
    leaves = [pl.col("leaves")] + ([_offset(of, "last_on", "last_at")] if until == "last_event" else [])
    return ends.with_columns(closes=pl.min_horizontal(closes), leaves=pl.min_horizontal(leaves)).drop(
        "lock_on", "lock_at", "cut_on", "cut_at", "last_on", "last_at"
    )


def entry(programme: Programme, of: Indicator) -> pl.Expr:
    """The tick before the first one on which a pathway is observed: FROM_THE_START unless it enters late."""
    begins = pl.lit(_midnight(programme.periods.before.start, programme.zone))
    since = pl.col("entered_on") - pl.col("index_on") if of.unit == "day" else begins - pl.col("index_at")
    late = pl.col("entered_on") > pl.col("index_on")
    return pl.when(late).then(_ticks(since, of) - 1).otherwise(FROM_THE_START)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins, as naive UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)

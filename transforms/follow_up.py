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

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
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
    """What is known of the patients: EVENT rows, and the last and first event of each patient of any type.

    The latter only where an indicator asks for them (``asks_for_last_events``).
    """

    events: pl.DataFrame
    last_events: pl.DataFrame | None = None  # patient, last_at, last_on, first_on


def asks_for_last_events(programme: Programme, of: Indicator) -> bool:
    """Whether the last event ends follow-up, or the first tells since when the patient is known."""
    until = of.alive_until or programme.follow_up.alive_until
    return until == "last_event" or getattr(of, "look_back", None) is not None


def window_ticks(of: Indicator) -> tuple[int, int]:
    """The half-open window of the indicator in ticks."""
    scale = ticks_per_unit(of.unit)
    return of.window[0] * scale, of.window[1] * scale


def ticks_per_unit(unit: str) -> int:
    """Ticks of the clock in one unit: a day is one tick, a minute is 60 and an hour 3,600 seconds."""
    return 1 if unit == "day" else SECONDS_IN[unit]


def _clock(of: Indicator) -> tuple[str, str]:
    """The columns of events and of pathways between which ticks pass: days or instants."""
    return ("occurred_on", "index_on") if of.unit == "day" else ("occurred_at", "index_at")


def _since_zero(of: Indicator, day: pl.Expr, instant: pl.Expr) -> pl.Expr:
    """Ticks from time zero to a day or an instant."""
    return _ticks(day - pl.col("index_on") if of.unit == "day" else instant - pl.col("index_at"), of)


def _ticks(since: pl.Expr, of: Indicator) -> pl.Expr:
    """A span of time in ticks, floored."""
    return since.dt.total_days() if of.unit == "day" else since.dt.total_microseconds().floordiv(1_000_000)


def offsets(
    pathways: pl.DataFrame,
    events: pl.DataFrame,
    of: Indicator,
    *selected: EventSelector | str,
    keep: Sequence[str] = (),
) -> pl.DataFrame:
    """The events of every pathway, those of the selector or of any of the types: ``pathway`` and ``offset`` in ticks.

    ``keep`` names further columns of the events.
    """
    chosen = [pl.col("event_type") == one if isinstance(one, str) else matching(one) for one in selected]
    time, zero = _clock(of)
    found = events.lazy().filter(pl.any_horizontal(chosen or [pl.lit(False)])).select("patient", time, *keep)
    placed = _of_pathways(found.collect(), pathways, zero)
    return placed.select("pathway", *keep, offset=_ticks(pl.col(time) - pl.col(zero), of))


def _of_pathways(events: pl.DataFrame, pathways: pl.DataFrame, zero: str) -> pl.DataFrame:
    """Each event beside each pathway of its patient.

    Where every patient has one pathway a table by surrogate tells it: a join takes seven times as long.
    """
    patients = pathways["patient"].to_numpy()
    if not len(patients) or not (np.diff(patients) > 0).all():
        return events.join(pathways.select("pathway", "patient", zero), on="patient")
    owners = events["patient"].to_numpy()
    rows = np.full(max(patients[-1], owners.max(initial=0)) + 1, -1)
    rows[patients] = pathways["pathway"].to_numpy()
    found = pl.Series("pathway", rows[owners])
    beside = events.with_columns(found).filter(found >= 0)
    return beside.with_columns(pathways[zero][beside["pathway"]])


def with_first(pathways: pl.DataFrame, found: pl.DataFrame, name: str) -> pl.DataFrame:
    """Adds the least offset found, or NEVER."""
    first = np.full(pathways.height, NEVER)
    np.minimum.at(first, found["pathway"].to_numpy(), found["offset"].to_numpy())
    return pathways.with_columns(pl.Series(name, first))


def with_number(pathways: pl.DataFrame, found: pl.DataFrame, name: str) -> pl.DataFrame:
    """Adds how many were found."""
    number = np.bincount(found["pathway"].to_numpy(), minlength=pathways.height)
    return pathways.with_columns(pl.Series(name, number, dtype=pl.Int64))


def beside(found: pl.DataFrame, pathways: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """What was found, with these columns of its pathway."""
    return found.with_columns(pathways[column][found["pathway"]] for column in columns)


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
    closes = [pl.lit(window_ticks(of)[1]), _begins(programme.data_lock, programme, of)]
    if (of.spill_over or programme.follow_up.spill_over) == "cut":
        closes.append(
            pl.when(pl.col("period") == "before").then(_begins(programme.periods.before.until, programme, of))
        )
    ended = timed.with_columns(closes=pl.min_horizontal(closes))
    if (of.alive_until or programme.follow_up.alive_until) != "last_event":
        return ended
    last = _since_zero(of, pl.col("last_on"), pl.col("last_at"))
    known = with_known(ended, history, "last_at", "last_on")
    return known.with_columns(leaves=pl.min_horizontal("leaves", last)).drop("last_at", "last_on")


def _begins(day: date, programme: Programme, of: Indicator) -> pl.Expr:
    """The tick at which a local day begins."""
    return _since_zero(of, pl.lit(day), pl.lit(_midnight(day, programme.zone)))


def with_known(pathways: pl.DataFrame, history: History, *columns: str) -> pl.DataFrame:
    """Adds what is known of the last and the first event of the patient; raises ValueError where nothing is."""
    if history.last_events is None:
        raise ValueError("the last events of the patients are not known")
    known = history.last_events.select("patient", *columns)
    return pathways.join(known, on="patient", how="left", maintain_order="left")


def entry(programme: Programme, of: Indicator) -> pl.Expr:
    """The tick before the first one on which a pathway is observed: FROM_THE_START unless it enters late."""
    if of.prevalent == "exclude":
        return pl.lit(FROM_THE_START)
    late = pl.col("entered_on") > pl.col("index_on")
    return pl.when(late).then(_begins(programme.periods.before.start, programme, of) - 1).otherwise(FROM_THE_START)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins, as naive UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)

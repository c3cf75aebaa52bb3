"""Pathways and events become outcomes: one row per pathway and indicator, one function per kind.

Clock. Where the unit is ``day`` a tick is a local calendar day; where it is ``minute`` or ``hour``
a tick is an elapsed second. Time zero is tick 0 and windows are half-open.

Follow-up ends at the first of the window's end, death, transfer out, loss, the data lock (or the
last event) and, for pathways of the before period, the period's end unless spill-over is kept.
The tick of a death, a transfer, a loss or a last event can still hold the outcome; that of the
lock, a cut or the window's end cannot. On one tick the outcome comes before death, death before
transfer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import assert_never
from zoneinfo import ZoneInfo

import polars as pl

from transforms.pathways import KNOWN_TO_THE_DAY, matching
from warehouse.programme import SECONDS_IN, EventSelector, Indicator, Programme, Proportion, Score, TimeToEvent
from warehouse.schemas import (
    ANSWERED,
    CENSORED,
    COMPETED,
    ELIGIBLE,
    EVENT_SEEN,
    INVITED,
    OUTCOME_SCORE,
    OUTCOME_TIME,
    SCORE_UNIT,
)

LEAVING = ("transfer_out", "last_news")
DEATH = "death"
NEVER = 2**62  # a tick that no clock reaches


@dataclass(frozen=True)
class History:
    """What is known of the patients: EVENT rows, and the last event of each patient of any type."""

    events: pl.DataFrame
    last_events: pl.DataFrame  # patient, last_at, last_on


def event_types(indicator: Indicator) -> set[str]:
    """The event types an indicator reads, follow-up included."""
    named = {indicator.event.type, DEATH, *LEAVING}
    if isinstance(indicator, TimeToEvent):
        named |= {*indicator.competing, *indicator.censored_by}
    if isinstance(indicator, Score) and indicator.invited_by:
        named.add(indicator.invited_by.type)
    return named | {variant.event.type for variant in indicator.variants.values() if variant.event}


def outcomes(pathways: pl.DataFrame, history: History, programme: Programme, indicator: Indicator) -> pl.DataFrame:
    """One row per pathway: OUTCOME_TIME for a time, OUTCOME_SCORE for a proportion or a score."""
    match indicator:
        case TimeToEvent():
            return time_to_event(pathways, history, programme, indicator)
        case Proportion():
            return proportion(pathways, history, programme, indicator)
        case Score():
            return score(pathways, history, programme, indicator)
        case _:
            assert_never(indicator)


def time_to_event(pathways: pl.DataFrame, history: History, programme: Programme, of: TimeToEvent) -> pl.DataFrame:
    """Ticks from time zero to the first event in the window, with status (OUTCOME_TIME)."""
    low, high = _window_ticks(of)
    found = _offsets(pathways, history.events, of, of.event)
    timed = _with_first(pathways, found.filter(pl.col("offset").is_between(low, high, closed="left")), "event")
    timed = _with_first(timed, found.filter(pl.col("offset") < 0), "earlier")
    timed = _with_follow_up(timed, history, programme, of)
    ends = pl.min_horizontal("closes", "leaves", "competes")
    seen = (pl.col("event") < pl.col("closes")) & (pl.col("event") <= pl.min_horizontal("leaves", "competes"))
    competed = (pl.col("competes") < pl.col("closes")) & (pl.col("competes") <= pl.col("leaves"))
    resolved = timed.with_columns(
        excluded=_first_reason(
            pl.col("excluded"), earlier_event=_happened("earlier") & of.excludes_earlier, no_follow_up=ends < 0
        ),
        time=pl.when(seen).then("event").otherwise(ends),
        status=pl.when(seen).then(EVENT_SEEN).when(competed).then(COMPETED).otherwise(CENSORED),
    )
    return _result(resolved, OUTCOME_TIME)


def proportion(pathways: pl.DataFrame, history: History, programme: Programme, of: Proportion) -> pl.DataFrame:
    """Whether at least ``at_least`` events fell in the window before follow-up ended (OUTCOME_SCORE, value 0 or 1).

    Pathways whose window the lock or the cut leaves incomplete are immature and excluded,
    whatever happened. Deaths, transfers and losses stay in the denominator; ``followed`` tells them.
    """
    low, high = _window_ticks(of)
    found = _offsets(pathways, history.events, of, of.event)
    timed = _with_first(pathways, found.filter(pl.col("offset") < 0), "earlier")
    timed = _with_follow_up(timed, history, programme, of)
    counted = (
        found.filter(pl.col("offset").is_between(low, high, closed="left"))
        .join(timed.select("pathway", "leaves"), on="pathway")
        .filter(pl.col("offset") <= pl.col("leaves"))
        .group_by("pathway")
        .agg(events=pl.len().cast(pl.Int64))
    )
    resolved = timed.join(counted, on="pathway", how="left", maintain_order="left").with_columns(
        excluded=_first_reason(
            pl.col("excluded"),
            earlier_event=_happened("earlier") & of.excludes_earlier,
            immature=pl.col("closes") < high,
        ),
        stage=pl.lit(ANSWERED),
        followed=pl.col("leaves") >= high,
        value=pl.col("events").fill_null(0) >= of.at_least,
    )
    return _result(resolved, OUTCOME_SCORE)


def score(pathways: pl.DataFrame, history: History, programme: Programme, of: Score) -> pl.DataFrame:
    """The valid answer nearest the declared day in the window, the earlier on a tie (OUTCOME_SCORE, millionths).

    Every valid answer counts, also of people who later died or left; ``followed`` marks those
    alive and followed to the window's end, who are the denominator of the response rate.
    """
    low, high = _window_ticks(of)
    valid = pl.col("offset").is_between(low, high, closed="left") & pl.col("value").is_between(*of.range)
    answers = (
        _offsets(pathways, history.events, of, of.event)
        .filter(valid)
        .sort((pl.col("offset") - of.nearest).abs(), "occurred_at", ~KNOWN_TO_THE_DAY, "sequence")
        .unique("pathway", keep="first", maintain_order=True)
        .select("pathway", answer=(pl.col("value") * SCORE_UNIT).round())
    )
    timed = _with_follow_up(pathways, history, programme, of)
    timed = timed.join(answers, on="pathway", how="left", maintain_order="left")
    answered, invited = pl.col("answer").is_not_null(), pl.col("pathway").is_in(_invited(pathways, history, of))
    resolved = timed.with_columns(
        excluded=_first_reason(pl.col("excluded"), immature=pl.col("closes") < high),
        stage=pl.when(answered).then(ANSWERED).when(invited).then(INVITED).otherwise(ELIGIBLE),
        followed=pl.col("leaves") >= high,
        value=pl.col("answer"),
    )
    return _result(resolved, OUTCOME_SCORE)


def _invited(pathways: pl.DataFrame, history: History, of: Score) -> list[int]:
    """The pathways to which an invitation was sent before the window's end; none where none is declared."""
    if of.invited_by is None:
        return []
    sent = _offsets(pathways, history.events, of, of.invited_by)
    return sent.filter(pl.col("offset") < of.window[1])["pathway"].unique().to_list()


def _first_reason(pathway: pl.Expr, **reasons: pl.Expr) -> pl.Expr:
    """The pathway's own exclusion, else the first reason that holds, else null."""
    return pl.coalesce(pathway, *(pl.when(holds).then(pl.lit(name)) for name, holds in reasons.items()))


def _happened(name: str) -> pl.Expr:
    return pl.col(name) < NEVER


def _result(resolved: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The columns of the schema, null but for the reason where the pathway is excluded."""
    kept = pl.col("excluded").is_null()
    return resolved.select(
        pl.when(kept).then(pl.col(name)).cast(dtype).alias(name) if name not in ("pathway", "excluded") else name
        for name, dtype in schema.items()
    )


def _window_ticks(of: Indicator) -> tuple[int, int]:
    scale = ticks_per_unit(of.unit)
    return of.window[0] * scale, of.window[1] * scale


def ticks_per_unit(unit: str) -> int:
    """Ticks of the clock in one unit: a day is one tick, a minute is 60 and an hour 3,600 seconds."""
    return 1 if unit == "day" else SECONDS_IN[unit]


def _offset(of: Indicator, day: str, instant: str) -> pl.Expr:
    """Ticks from time zero to a day or an instant, floored."""
    if of.unit == "day":
        return (pl.col(day) - pl.col("index_on")).dt.total_days()
    return (pl.col(instant) - pl.col("index_at")).dt.total_microseconds().floordiv(1_000_000)


def _offsets(
    pathways: pl.DataFrame, events: pl.DataFrame, of: Indicator, *selected: EventSelector | str
) -> pl.DataFrame:
    """The events of every pathway, those of the selector or of any of the types, with their offset in ticks."""
    index = pathways.select("pathway", "patient", "index_on", "index_at")
    chosen = [pl.col("event_type") == one if isinstance(one, str) else matching(one) for one in selected]
    return (
        events.filter(pl.any_horizontal(chosen or [pl.lit(False)]))
        .join(index, on="patient")
        .select(
            "pathway", "sequence", "occurred_at", "precision", "value", offset=_offset(of, "occurred_on", "occurred_at")
        )
    )


def _with_first(pathways: pl.DataFrame, found: pl.DataFrame, name: str) -> pl.DataFrame:
    """Adds the least offset found, or NEVER."""
    first = found.group_by("pathway").agg(pl.col("offset").min().alias(name))
    joined = pathways.join(first, on="pathway", how="left", maintain_order="left")
    return joined.with_columns(pl.col(name).fill_null(NEVER))


def _with_follow_up(pathways: pl.DataFrame, history: History, programme: Programme, of: Indicator) -> pl.DataFrame:
    """Adds ``closes`` (first tick not observed), ``leaves`` and ``competes`` (last tick observed), in ticks."""
    competing = of.competing if isinstance(of, TimeToEvent) else ()
    censoring = of.censored_by if isinstance(of, TimeToEvent) else ()
    ends = {"competes": set(competing), "leaves": {DEATH, *LEAVING, *censoring} - set(competing)}
    timed = pathways
    for name, types in ends.items():
        timed = _with_first(timed, _offsets(pathways, history.events, of, *sorted(types)), name)
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
    ).join(history.last_events, on="patient", how="left", maintain_order="left")
    closes = [pl.lit(_window_ticks(of)[1]), _offset(of, "lock_on", "lock_at")]
    closes += [_offset(of, "cut_on", "cut_at")] if cut else []
    leaves = [pl.col("leaves")] + ([_offset(of, "last_on", "last_at")] if until == "last_event" else [])
    return ends.with_columns(closes=pl.min_horizontal(closes), leaves=pl.min_horizontal(leaves)).drop(
        "lock_on", "lock_at", "cut_on", "cut_at", "last_on", "last_at"
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins, as naive UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)

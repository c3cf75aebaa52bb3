"""Pathways and events become outcomes: one row per pathway and indicator, one function per kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import polars as pl

from transforms.episodes import episodes
from transforms.follow_up import (
    DEATH,
    LEAVING,
    NEVER,
    History,
    beside,
    entry,
    offsets,
    window_ticks,
    with_first,
    with_follow_up,
    with_known,
    with_number,
)
from transforms.pathways import KNOWN_TO_THE_DAY, first_of_each, matching
from transforms.scales import scores_of_items
from warehouse.kinds import Gap, Indicator, Proportion, RecurrentEvent, Score, TimeToEvent
from warehouse.programme import Programme
from warehouse.schemas import (
    ANSWERED,
    CENSORED,
    COMPETED,
    ELIGIBLE,
    EVENT_SEEN,
    INVITED,
    OUTCOME_COUNT,
    OUTCOME_SCORE,
    OUTCOME_TIME,
    REASON,
    SCORE_UNIT,
)

ANSWER = ("sequence", "occurred_at", "precision", "code", "value")  # what one of several answers is chosen by


def event_types(indicator: Indicator) -> set[str]:
    """The event types an indicator reads, follow-up included."""
    return {*indicator.selected, *indicator.competing, *indicator.censored_by, DEATH, *LEAVING}


def outcomes(pathways: pl.DataFrame, history: History, programme: Programme, indicator: Indicator) -> pl.DataFrame:
    """One row per pathway: OUTCOME_TIME for a time or a gap, OUTCOME_COUNT for episodes, else OUTCOME_SCORE."""
    match indicator:
        case TimeToEvent():
            return time_to_event(pathways, history, programme, indicator)
        case Gap():
            return gap(pathways, history, programme, indicator)
        case RecurrentEvent():
            return recurrent_event(pathways, history, programme, indicator)
        case Proportion():
            return proportion(pathways, history, programme, indicator)
        case Score():
            return score(pathways, history, programme, indicator)
        case _:
            assert_never(indicator)


def time_to_event(pathways: pl.DataFrame, history: History, programme: Programme, of: TimeToEvent) -> pl.DataFrame:
    """Ticks from time zero to the first event in the window, with status (OUTCOME_TIME)."""
    low, high = window_ticks(of)
    found = offsets(pathways, history.events, of, of.event)
    timed = with_first(pathways, found.filter(pl.col("offset").is_between(low, high, closed="left")), "event")
    timed = with_first(timed, found.filter(pl.col("offset") < 0), "earlier")
    timed = with_follow_up(timed, history, programme, of)
    return _timed(timed, entry(programme, of), earlier_event=_happened("earlier") & of.excludes_earlier)


def gap(pathways: pl.DataFrame, history: History, programme: Programme, of: Gap) -> pl.DataFrame:
    """Days to the first break: the day on which more than ``longest_days`` have passed since the last contact.

    Time zero is a contact. A contact on the day of the break comes too late (OUTCOME_TIME).
    """
    contacts = offsets(pathways, history.events, of, *of.contacts).filter(pl.col("offset") > 0)
    zeros = pathways.select("pathway", offset=pl.lit(0, pl.Int64))
    spans = pl.concat([zeros, contacts.select("pathway", "offset")]).sort("pathway", "offset")
    following = pl.col("offset").shift(-1).over("pathway")
    broken = spans.filter((following - pl.col("offset") > of.longest_days) | following.is_null())
    breaks = broken.select("pathway", offset=pl.col("offset") + of.longest_days + 1)
    timed = with_first(pathways, breaks.filter(pl.col("offset").is_between(*of.window, closed="left")), "event")
    return _timed(with_follow_up(timed, history, programme, of), entry(programme, of))


def _timed(timed: pl.DataFrame, entered: pl.Expr, **reasons: pl.Expr) -> pl.DataFrame:
    """Time and status from the ticks of the event and of every end of follow-up (OUTCOME_TIME).

    Who is cut, locked or at the window's end is censored at the last tick that could hold the event: at
    risk on the tick after it, they would be counted where no event could be seen. Who enters late must
    still be without event and followed on the day of entering: others like them were never seen.
    """
    ends = pl.min_horizontal(pl.col("closes") - 1, "leaves", "competes")
    seen = (pl.col("event") < pl.col("closes")) & (pl.col("event") <= pl.min_horizontal("leaves", "competes"))
    competed = (pl.col("competes") < pl.col("closes")) & (pl.col("competes") <= pl.col("leaves"))
    resolved = timed.with_columns(
        entry=entered,
        time=pl.when(seen).then("event").otherwise(ends),
        status=pl.when(seen).then(EVENT_SEEN).when(competed).then(COMPETED).otherwise(CENSORED),
    )
    too_early = {"no_follow_up": ends < 0, "ended_before_entry": pl.col("time") <= pl.col("entry")}
    return _result(
        resolved.with_columns(excluded=_first_reason(pl.col("excluded"), **reasons, **too_early)), OUTCOME_TIME
    )


def recurrent_event(pathways: pl.DataFrame, history: History, programme: Programme, of: RecurrentEvent) -> pl.DataFrame:
    """Episodes in the window before follow-up ended, and the days at risk in it (OUTCOME_COUNT)."""
    return numbers(courses(pathways, history, programme, of))


def numbers(found: Courses) -> pl.DataFrame:
    """The episodes and the days at risk of each course (OUTCOME_COUNT)."""
    counted = with_number(found.spans, found.episodes, "events")
    return _result(counted.with_columns(exposure=pl.col("stop") - pl.col("since")), OUTCOME_COUNT)


@dataclass(frozen=True)
class Courses:
    """What happened to each pathway and when, in days from time zero.

    ``spans``: the pathways with ``excluded``, the first day ``since`` and the last day ``last`` on which an episode
    is seen, ``stop``: the days at risk are those of ``since <= day < stop``, and whether the patient ``died`` on the
    last. ``episodes``: one row per episode seen, ``pathway`` and its day ``offset``.
    """

    spans: pl.DataFrame
    episodes: pl.DataFrame


def courses(pathways: pl.DataFrame, history: History, programme: Programme, of: RecurrentEvent) -> Courses:
    """The days at risk and the episodes in the window before follow-up ended.

    Episodes are formed over all current visits of the patient and placed by their first. The day of a
    death holds an episode but no time at risk.
    """
    low, _ = window_ticks(of)
    visits = history.events.filter(matching(of.event))
    begun = offsets(pathways, episodes(visits, of.episode_hours), of, of.event)
    timed = with_first(pathways, offsets(pathways, history.events, of, DEATH), "dies")
    spans = with_follow_up(timed, history, programme, of).with_columns(
        since=pl.lit(low),
        last=pl.min_horizontal(pl.col("closes") - 1, "leaves"),
        stop=pl.min_horizontal("closes", "leaves"),
    )
    spans = spans.with_columns(
        excluded=_first_reason(pl.col("excluded"), no_follow_up=pl.col("last") < low),
        died=pl.col("dies") == pl.col("last"),
    )
    seen = beside(begun, spans, "last", "excluded").filter(
        pl.col("offset").is_between(low, "last") & pl.col("excluded").is_null()
    )
    return Courses(spans, seen.select("pathway", "offset"))


def proportion(pathways: pl.DataFrame, history: History, programme: Programme, of: Proportion) -> pl.DataFrame:
    """Whether at least ``at_least`` events fell in the window before follow-up ended (OUTCOME_SCORE, value 0 or 1).

    Pathways whose window the lock or the cut leaves incomplete are immature and excluded,
    whatever happened. Deaths, transfers and losses stay in the denominator; ``followed`` tells them. A
    window that looks back is seen whole or not at all: who left before its end, or was not known for
    ``look_back`` days before time zero, is excluded.
    """
    low, high = window_ticks(of)
    last = high - 1 if low < 0 else high  # the day of a death that is looked back from is the last one
    found = offsets(pathways, history.events, of, of.event)
    timed = with_first(pathways, found.filter(pl.col("offset") < 0), "earlier")
    timed = with_follow_up(_with_days_known(timed, history, of), history, programme, of)
    counted = beside(found, timed, "leaves").filter(
        pl.col("offset").is_between(low, high, closed="left") & (pl.col("offset") <= pl.col("leaves"))
    )
    resolved = with_number(timed, counted, "events").with_columns(
        excluded=_first_reason(
            pl.col("excluded"),
            earlier_event=_happened("earlier") & of.excludes_earlier,
            immature=pl.col("closes") < high,
            no_follow_up=(pl.col("leaves") < last) & (low < 0),
            not_known_before=pl.col("days_known") < (of.look_back or 0),
        ),
        stage=pl.lit(ANSWERED),
        followed=pl.col("leaves") >= last,
        value=pl.col("events") >= of.at_least,
    )
    return _result(resolved, OUTCOME_SCORE)


def _with_days_known(pathways: pl.DataFrame, history: History, of: Proportion) -> pl.DataFrame:
    """Adds ``days_known``: local days from the patient's first event of any type to time zero, where it matters."""
    if of.look_back is None:
        return pathways.with_columns(days_known=pl.lit(0))
    known = with_known(pathways, history, "first_on")
    return known.with_columns(days_known=(pl.col("index_on") - pl.col("first_on")).dt.total_days()).drop("first_on")


def score(pathways: pl.DataFrame, history: History, programme: Programme, of: Score) -> pl.DataFrame:
    """The valid answer nearest the declared day in the window, the earlier on a tie (OUTCOME_SCORE, millionths).

    Where the events are the items of a scale, an answer is the score made of those of one day.
    Every valid answer counts, also of people who later died or left; ``followed`` marks those
    alive and followed to the window's end, who are the denominator of the response rate.
    """
    low, high = window_ticks(of)
    found = offsets(pathways, history.events, of, of.event, keep=ANSWER)
    if of.scale is not None:
        found = scores_of_items(found, of.scale, len(of.event.code or ()))
    valid = pl.col("offset").is_between(low, high, closed="left") & pl.col("value").is_between(*of.range)
    distant = (pl.col("offset") - of.nearest).abs()
    nearest = first_of_each(
        found.filter(valid), "pathway", distant, "occurred_at", ~KNOWN_TO_THE_DAY, "sequence", descending=[False] * 4
    )
    answers = np.full(pathways.height, np.nan)
    answers[nearest["pathway"].to_numpy()] = (nearest["value"] * SCORE_UNIT).round().to_numpy()
    timed = with_follow_up(pathways, history, programme, of)
    timed = timed.with_columns(pl.Series("answer", answers, nan_to_null=True))
    answered, invited = pl.col("answer").is_not_null(), pl.col("pathway").is_in(_invited(pathways, history, of))
    resolved = timed.with_columns(
        excluded=_first_reason(pl.col("excluded"), immature=pl.col("closes") < high),
        stage=pl.when(answered).then(ANSWERED).when(invited).then(INVITED).otherwise(ELIGIBLE),
        followed=pl.col("leaves") >= high,
        value=pl.col("answer"),
    )
    return _result(resolved, OUTCOME_SCORE)


def _invited(pathways: pl.DataFrame, history: History, of: Score) -> pl.Series:
    """The pathways to which an invitation was sent before the window's end; none where none is declared."""
    if of.invited_by is None:
        return pl.Series(dtype=pl.Int64).implode()
    sent = offsets(pathways, history.events, of, of.invited_by)
    return sent.filter(pl.col("offset") < of.window[1])["pathway"].unique().implode()


def _first_reason(pathway: pl.Expr, **reasons: pl.Expr) -> pl.Expr:
    """The pathway's own exclusion, else the first reason that holds, else null."""
    return pl.coalesce(pathway, *(pl.when(holds).then(pl.lit(name, REASON)) for name, holds in reasons.items()))


def _happened(name: str) -> pl.Expr:
    return pl.col(name) < NEVER


def _result(resolved: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The columns of the schema, null but for the reason where the pathway is excluded."""
    kept = pl.col("excluded").is_null()
    return resolved.select(
        pl.when(kept).then(pl.col(name)).cast(dtype).alias(name) if name not in ("pathway", "excluded") else name
        for name, dtype in schema.items()
    )

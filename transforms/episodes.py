"""Visits become episodes: repeated visits of one emergency are one episode, placed at its first visit."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

HOUR = timedelta(hours=1)
MIDNIGHT_TO_MIDNIGHT = "day"  # precision of a visit of which only the day is known


def episodes(visits: pl.DataFrame, hours: int) -> pl.DataFrame:
    """The rows of ``visits`` (EVENT) that begin an episode, in the order of patient and time.

    A visit less than ``hours`` after the first of an episode belongs to it; where only the day of
    either is known, a visit of the same day does. Episodes are formed over all visits of a patient,
    at any site. With 0 hours every visit is an episode.
    """
    order = ["patient", "occurred_at", pl.col("precision") != MIDNIGHT_TO_MIDNIGHT, "sequence"]
    if hours == 0:
        return visits.sort(order)
    alone = visits["patient"].is_unique()
    return pl.concat([visits.filter(alone), _starting(visits.filter(~alone).sort(order), hours)]).sort(order)


def _starting(ordered: pl.DataFrame, hours: int) -> pl.DataFrame:
    """Of visits in the order of patient and time, those that begin an episode."""
    apart = pl.col("patient").ne_missing(pl.col("patient").shift()) | _apart(hours)
    marked = ordered.with_columns(first=apart).with_columns(chain=pl.col("first").cum_sum())
    single = pl.col("first") & pl.col("first").shift(-1, fill_value=True)
    chains = marked.filter(~single)
    dated = pl.col("precision") == MIDNIGHT_TO_MIDNIGHT
    short = pl.col("occurred_at").last() - pl.col("occurred_at").first() < hours * HOUR
    plain = (short & ~dated.any()) | (dated.all() & (pl.col("occurred_on").n_unique() == 1))  # one episode, the first's
    long = chains.filter(~plain.over("chain"))
    starts = [row for _, chain in long.group_by("chain", maintain_order=True) for row in _starts(chain, hours)]
    plainly = pl.col("first") & ~pl.col("chain").is_in(long["chain"].unique().implode())
    return marked.filter(plainly | pl.col("sequence").is_in(starts)).select(ordered.columns)


def _apart(hours: int) -> pl.Expr:
    """Whether a visit cannot belong to the episode of the one before it: a chain ends here."""
    known_to_the_day = (pl.col("precision") == MIDNIGHT_TO_MIDNIGHT) | (
        pl.col("precision").shift() == MIDNIGHT_TO_MIDNIGHT
    )
    other_day = pl.col("occurred_on") != pl.col("occurred_on").shift()
    late = pl.col("occurred_at") - pl.col("occurred_at").shift() >= hours * HOUR
    return pl.when(known_to_the_day).then(other_day & late).otherwise(late).fill_null(True)


def _starts(chain: pl.DataFrame, hours: int) -> list[int]:
    """Sequence numbers of the visits that begin an episode, in a chain of visits close to one another."""
    found: list[int] = []
    begun: dict[str, object] | None = None
    for visit in chain.iter_rows(named=True):
        if begun is None or not _belongs(visit, begun, hours):
            begun = visit
            found.append(visit["sequence"])
    return found


def _belongs(visit: dict[str, object], begun: dict[str, object], hours: int) -> bool:
    if MIDNIGHT_TO_MIDNIGHT in (visit["precision"], begun["precision"]):
        return visit["occurred_on"] == begun["occurred_on"]
    at, since = visit["occurred_at"], begun["occurred_at"]
    return isinstance(at, datetime) and isinstance(since, datetime) and at - since < hours * HOUR

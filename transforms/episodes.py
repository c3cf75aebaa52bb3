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
    ordered = visits.sort("patient", "occurred_at", pl.col("precision") != MIDNIGHT_TO_MIDNIGHT, "sequence")
    if hours == 0:
        return ordered
    apart = pl.col("patient").ne_missing(pl.col("patient").shift()) | _apart(hours)
    chains = ordered.with_columns(chain=apart.cum_sum())
    dated = pl.col("precision") == MIDNIGHT_TO_MIDNIGHT
    short = pl.col("occurred_at").last() - pl.col("occurred_at").first() < hours * HOUR
    plain = (short & ~dated.any()) | (dated.all() & (pl.col("occurred_on").n_unique() == 1))
    marked = chains.with_columns(plain=plain.over("chain"), starts=pl.int_range(pl.len()).over("chain") == 0)
    long = marked.filter(~pl.col("plain"))
    starts = [row for _, chain in long.group_by("chain", maintain_order=True) for row in _starts(chain, hours)]
    kept = pl.when("plain").then("starts").otherwise(pl.col("sequence").is_in(starts))
    return marked.filter(kept).select(visits.columns)


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

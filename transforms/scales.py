"""Answers to the items of a scale become one score from 0 to 100, by the rules of EORTC's scoring manuals.

The raw score is the mean of the answered items, where at least half of them are answered; else there is
none. It is stretched linearly from the lowest and highest answer to 0 and 100, or the other way round.
"""

from __future__ import annotations

import polars as pl

from warehouse.kinds import Scale

HIGHEST_SCORE = 100.0


def scores_of_items(answers: pl.DataFrame, scale: Scale, items: int) -> pl.DataFrame:
    """One row per pathway and day with a score, in ``value``; the answers of one day are one questionnaire.

    ``answers`` has one row per answer: pathway, sequence, occurred_at, precision, code (the item), value
    and offset, the day. An answer that is no whole number from ``lowest`` to ``highest`` was not given; of
    two to one item on a day the earlier counts. A score stands at the first of its answers.
    """
    lawful = pl.col("value").is_between(scale.lowest, scale.highest) & (pl.col("value") == pl.col("value").round())
    given = answers.filter(lawful).sort("occurred_at", "sequence")
    first = given.unique(["pathway", "offset", "code"], keep="first", maintain_order=True)
    scored = first.group_by("pathway", "offset", maintain_order=True).agg(
        *(pl.col(name).first() for name in answers.columns if name not in ("pathway", "offset", "value")),
        answered=pl.len(),
        raw=pl.col("value").mean(),
    )
    share = (pl.col("raw") - scale.lowest) / (scale.highest - scale.lowest)
    value = HIGHEST_SCORE * ((1 - share) if scale.reversed else share)
    return scored.filter(2 * pl.col("answered") >= items).with_columns(value=value).select(answers.columns)

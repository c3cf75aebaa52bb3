"""Counts as they may be published: rounded, and null where small."""

from __future__ import annotations

import polars as pl

from warehouse.programme import Privacy


def rounded_count(name: str, policy: Privacy) -> pl.Expr:
    """The count of a column as published: a multiple of ``round_to``, null below ``smallest_count``."""
    rounded = (pl.col(name) / policy.round_to).round().cast(pl.Int64) * policy.round_to
    return pl.when(pl.col(name) >= policy.smallest_count).then(rounded).alias(name)

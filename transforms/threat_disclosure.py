"""Threats as they may be published: counts of pathways and events rounded, no numbers where a group is small."""

from __future__ import annotations

import polars as pl

from transforms.rounding import rounded_count
from warehouse.programme import Privacy
from warehouse.schemas import RELEASED_THREAT

SMALL = "small_count"
SHARES = ("short_of_horizon", "lost", "share")  # computed again from the published counts
PEOPLE = ("pathway", "event")  # sites and months are nobody, and stay exact
NUMBERS = ("reference", "compared", "contrast", "ci_low", "ci_high")
COUNTS = ("n_reference", "n_with_reference", "n_compared", "n_with_compared")


def released_threats(threats: pl.DataFrame, policy: Privacy) -> pl.DataFrame:
    """RELEASED_THREAT of THREAT; the level is that of the exact numbers.

    A row of pathways is withheld where those with or those without what is measured are few in a group that has
    any; of events, where they are few or what they are set against. That a group is empty is told.
    """
    small = pl.any_horizontal(_small(side, policy.smallest_count) for side in ("reference", "compared"))
    judged = threats.with_columns(withheld=pl.when(small.fill_null(False)).then(pl.lit(SMALL)))
    people, told = pl.col("unit").is_in(PEOPLE), pl.col("withheld").is_null()
    rounded = [
        pl.when(~people | (pl.col(name) == 0)).then(name).otherwise(rounded_count(name, policy)).alias(name)
        for name in COUNTS
    ]
    shown = judged.with_columns(
        *rounded, *(pl.when(told).then(pl.col(name).round(2)).alias(name) for name in NUMBERS)
    ).with_columns(pl.when(told).then(name).alias(name) for name in ("n_with_reference", "n_with_compared"))
    again = pl.col("measure").is_in(SHARES) & told
    shares = [_share(side, again).alias(side) for side in ("reference", "compared")]
    of_shares = again & (pl.col("measure") != "share")  # the contrast of a case mix is no difference of shares
    differences = pl.when(of_shares).then((pl.col("compared") - pl.col("reference")).round(2)).otherwise("contrast")
    published = shown.with_columns(shares).with_columns(differences.alias("contrast"))
    return published.select(RELEASED_THREAT.names()).cast(RELEASED_THREAT)


def _share(side: str, again: pl.Expr) -> pl.Expr:
    """From published counts where it is to be computed again; null of a group that is empty."""
    n = pl.col(f"n_{side}")
    return pl.when(again & (n > 0)).then((pl.col(f"n_with_{side}") / n).round(2)).when(~again).then(side)


def _small(side: str, least: int) -> pl.Expr:
    """Whether a group that has any member is too small to speak of."""
    n, with_it = pl.col(f"n_{side}"), pl.col(f"n_with_{side}")
    of_pathways = pl.min_horizontal(with_it, n - with_it) < least
    of_events = pl.min_horizontal(with_it, n) < least
    small = pl.when(pl.col("unit") == "pathway").then(of_pathways).when(pl.col("unit") == "event").then(of_events)
    return (n > 0) & small

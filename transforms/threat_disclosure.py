"""Threats as they may be published: counts of pathways and events rounded, no numbers of a group that is small."""

from __future__ import annotations

import polars as pl

from transforms.rounding import rounded_count
from warehouse.programme import Privacy, Programme
from warehouse.schemas import RELEASED_THREAT

SMALL = "small_count"
SHARES = ("short_of_horizon", "lost", "share")  # computed again from the published counts
PEOPLE = ("pathway", "event")  # sites and months are nobody, and stay exact
SIDES = ("reference", "compared")


def released_threats(threats: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """RELEASED_THREAT of THREAT; the level is that of the exact numbers.

    Of pathways, a group is withheld where those with or those without what is measured are few; of events, where they
    are few, or what they are set against. That a group is empty is told. The contrast is withheld with either group;
    the difference of two shares is that of the published ones. Where a patient may have several pathways, counts of
    pathways do not tell how few patients stand behind them: all are withheld.
    """
    policy = programme.privacy
    several = [name for name, one in programme.indicators.items() if programme.zero_of(one).which == "each"]
    unknown = pl.col("indicator_id").is_in(several).fill_null(False) & (pl.col("unit") == "pathway").fill_null(False)
    small = {side: _small(side, policy.smallest_count) | unknown for side in SIDES}
    withheld = pl.when(pl.any_horizontal(small.values())).then(pl.lit(SMALL))
    judged = threats.with_columns(withheld=withheld, **{f"small_{side}": where for side, where in small.items()})
    published = judged.with_columns(column for side in SIDES for column in _side(side, policy))
    told = pl.col("withheld").is_null()
    limits = [pl.when(told).then(pl.col(name).round(2)).alias(name) for name in ("contrast", "ci_low", "ci_high")]
    apart = pl.when(told).then((pl.col("compared") - pl.col("reference")).round(2))
    of_shares = pl.col("measure").is_in(SHARES) & (pl.col("measure") != "share")  # whose contrast is standardised
    contrast = pl.when(of_shares).then(apart).otherwise("contrast").alias("contrast")
    return published.with_columns(limits).with_columns(contrast).select(RELEASED_THREAT.names()).cast(RELEASED_THREAT)


def _small(side: str, least: int) -> pl.Expr:
    """Whether a group that has any member is too small to speak of."""
    n, with_it = pl.col(f"n_{side}"), pl.col(f"n_with_{side}")
    of_pathways = pl.min_horizontal(with_it, n - with_it) < least
    of_events = pl.min_horizontal(with_it, n) < least
    small = pl.when(pl.col("unit") == "pathway").then(of_pathways).when(pl.col("unit") == "event").then(of_events)
    return ((n > 0) & small).fill_null(False)


def _side(side: str, policy: Privacy) -> list[pl.Expr]:
    """The published counts of a group and its value; the latter and those with the event null where it is small."""
    n, with_it, told = f"n_{side}", f"n_with_{side}", ~pl.col(f"small_{side}")
    exact = ~pl.col("unit").is_in(PEOPLE)
    counts = {name: pl.when(exact | (pl.col(name) == 0)).then(name).otherwise(rounded_count(name, policy))
              for name in (n, with_it)}  # fmt: skip
    again = pl.col("measure").is_in(SHARES) & (pl.col(n) > 0)
    value = pl.when(again).then(counts[with_it] / counts[n]).otherwise(side).round(2)
    return [
        counts[n].alias(n),
        pl.when(told).then(counts[with_it]).alias(with_it),
        pl.when(told).then(value).alias(side),
    ]

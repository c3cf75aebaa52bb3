"""The smallest difference that an evaluation of this size could be expected to find.

(z(1 - alpha/2) + z(power)) standard errors of the contrast that was estimated: with a true difference of
that size a two-sided test at ``alpha`` rejects with probability ``power``. It tells how precise the
evaluation was, and not whether an effect exists (Hoenig and Heisey 2001: it is no power "observed").
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from transforms.figure import CONTRAST, fewest
from transforms.intervals import NO_SPREAD, NORMAL
from warehouse.kinds import Indicator
from warehouse.programme import Programme
from warehouse.schemas import ESTIMATE

DETECTABLE = "minimum_detectable"
POWER = 0.8


def minimum_detectable(std_error: float, alpha: float, power: float = POWER) -> float:
    """In the unit of the error; ``alpha`` is two-sided."""
    return (NORMAL.inv_cdf(1 - alpha / 2) + NORMAL.inv_cdf(power)) * std_error


def detectables(figures: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """One row of ESTIMATE per indicator: of its own contrast, of the circuit sites together."""
    own = figures.filter(pl.col("analysis").is_null(), variant="main", scope_type="overall", scope="all")
    rows = (
        row
        for name, indicator in programme.indicators.items()
        for row in _of_indicator(own.filter(indicator_id=name), indicator, programme.analysis.alpha)
    )
    return pl.DataFrame(list(rows), schema=ESTIMATE)


def _of_indicator(figures: pl.DataFrame, indicator: Indicator, alpha: float) -> Iterator[dict[str, object]]:
    keys = ("indicator_id", "variant", "kind", "scope_type", "scope", "period", "horizon", "unit")
    horizon = pl.col("horizon").eq_missing(pl.lit(indicator.primary.horizon, pl.Int64))
    measured = figures.filter(horizon, measure=indicator.primary.measure)
    groups = measured.filter(pl.col("period").is_in(["before", "after"]))
    for row in measured.filter(period=CONTRAST).iter_rows(named=True):
        error = row["std_error"]
        yield {key: row[key] for key in keys} | {
            "measure": DETECTABLE,
            "n_with": None if error is None else groups.select(fewest().min()).item(),
            "estimate": None if error is None else minimum_detectable(error, alpha),
            "method": f"two-sided test at {alpha:g}, power {POWER:g}, error as estimated",
            "null_reason": None if error is not None else row["null_reason"] or NO_SPREAD,
        }

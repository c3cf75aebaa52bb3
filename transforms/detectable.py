"""The smallest difference that an evaluation of this size could be expected to find.

(z(1 - alpha/2) + z(power)) standard errors of the contrast that was estimated: with a true difference of
that size a two-sided test at ``alpha`` rejects with probability ``power``. It tells how precise the
evaluation was, and not whether an effect exists (Hoenig and Heisey 2001: it is no power "observed").
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from transforms.figure import CONTRAST
from transforms.intervals import NO_SPREAD, NORMAL
from warehouse.programme import Programme
from warehouse.schemas import ESTIMATE

DETECTABLE = "minimum_detectable"
POWER = 0.8


def minimum_detectable(std_error: float, alpha: float, power: float = POWER) -> float:
    """In the unit of the error; ``alpha`` is two-sided."""
    return (NORMAL.inv_cdf(1 - alpha / 2) + NORMAL.inv_cdf(power)) * std_error


def detectables(figures: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """One row of ESTIMATE per indicator: of its own contrast, of the circuit sites together."""
    own = figures.filter(
        pl.col("analysis").is_null(), pl.col("period") == CONTRAST, variant="main", scope_type="overall", scope="all"
    )
    return pl.DataFrame(list(_rows(own, programme)), schema=ESTIMATE)


def _rows(contrasts: pl.DataFrame, programme: Programme) -> Iterator[dict[str, object]]:
    keys = ("indicator_id", "variant", "kind", "scope_type", "scope", "period", "horizon", "unit")
    alpha = programme.analysis.alpha
    for name, indicator in programme.indicators.items():
        horizon = pl.col("horizon").eq_missing(pl.lit(indicator.primary.horizon, pl.Int64))
        found = contrasts.filter(horizon, indicator_id=name, measure=indicator.primary.measure)
        for row in found.iter_rows(named=True):
            error = row["std_error"]
            absent = None if error is not None else row["null_reason"] or NO_SPREAD
            yield {key: row[key] for key in keys} | {
                "measure": DETECTABLE,
                "estimate": None if error is None else minimum_detectable(error, alpha),
                "method": f"two-sided test at {alpha:g}, power {POWER:g}, error as estimated",
                "null_reason": absent,
            }

"""Whether the programme's effect differs between the levels of a factor: one test per factor.

Cochran's Q (1954) of the contrasts, after against before, within each level: independent estimates of
one quantity under the hypothesis of no interaction, weighted by the inverse of their variances. It is
the Wald test of the interaction of period and level on the scale of the contrast: differences of
shares, logarithms of rate ratios. No level gets a p-value of its own.

Q needs each contrast to be about normal, and its errors not to be read off a handful of people: levels
with fewer than ``smallest_count`` pathways with, or without, the event in a period are left out, which
is also why the test speaks of no group that is withheld.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from transforms.figure import CONTRAST, RATIO, fewest
from transforms.intervals import SEVERAL_PATHWAYS, Test
from transforms.pathways import MISSING
from warehouse.kinds import Indicator, RecurrentEvent
from warehouse.programme import Programme
from warehouse.schemas import ESTIMATE

INTERACTION = "interaction"
TOO_FEW_LEVELS = "too_few_levels"  # fewer than two levels can be compared
METHOD = "Cochran's Q of the differences within levels"


def equal_contrasts(estimates: Sequence[float], std_errors: Sequence[float]) -> Test:
    """Cochran's Q of independent estimates, a chi-square with one degree of freedom fewer than estimates."""
    from scipy.stats import chi2

    if len(estimates) < 2:
        return Test.absent(METHOD, TOO_FEW_LEVELS)
    found, weight = np.asarray(estimates), 1 / np.asarray(std_errors) ** 2
    statistic = float(weight @ (found - weight @ found / weight.sum()) ** 2)
    freedom = len(estimates) - 1
    return Test(statistic, float(chi2.sf(statistic, freedom)), METHOD, freedom)


def interactions(figures: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """One row of ESTIMATE per indicator and factor: ``scope_type`` is the factor, ``scope`` is all.

    ``figures`` are rows of ESTIMATE; those of sensitivity analyses are left aside.
    """
    own = figures.filter(pl.col("analysis").is_null() & (pl.col("variant") == "main"))
    rows = (
        row
        for name, indicator in programme.indicators.items()
        for row in _of_indicator(own.filter(indicator_id=name), indicator, programme)
    )
    return pl.DataFrame(list(rows), schema=ESTIMATE)


def _of_indicator(figures: pl.DataFrame, indicator: Indicator, programme: Programme) -> Iterator[dict[str, object]]:
    factors = sorted(set(figures["scope_type"].unique()) - {"overall", "arm", "site"})
    for factor in factors:
        levels = figures.filter(pl.col("scope") != MISSING, scope_type=factor)
        contrasts = _contrasts(levels, indicator, programme.privacy.smallest_count)
        if programme.zero_of(indicator).which == "each":  # a patient's pathways may lie in several levels
            test = Test.absent(METHOD, SEVERAL_PATHWAYS)
        else:
            test = equal_contrasts(contrasts["contrast"].to_list(), contrasts["std_error"].to_list())
        yield {
            "indicator_id": indicator.id,
            "variant": "main",
            "kind": indicator.kind,
            "measure": INTERACTION,
            "scope_type": factor,
            "scope": "all",
            "period": CONTRAST,
            "horizon": indicator.primary.horizon,
            "unit": figures["unit"][0],
            "n_with": contrasts["fewest"].min(),
            "estimate": test.statistic,
            "p_value": test.p_value,
            "method": f"{METHOD}, {contrasts.height} levels",
            "null_reason": test.null_reason,
        }


def _contrasts(levels: pl.DataFrame, indicator: Indicator, least: int) -> pl.DataFrame:
    """One row per level that is large enough, by name: ``contrast``, ``std_error``, and the ``fewest`` behind it."""
    is_rate = isinstance(indicator, RecurrentEvent)
    measure, period = ("rate_ratio", RATIO) if is_rate else (indicator.primary.measure, CONTRAST)
    horizon = pl.col("horizon").eq_missing(pl.lit(indicator.primary.horizon, pl.Int64))
    groups = levels.filter(
        horizon & (pl.col("measure") == indicator.primary.measure) & pl.col("period").is_in(["before", "after"])
    )
    large = groups.filter(fewest() >= least).group_by("scope").agg(fewest().min().alias("fewest"), periods=pl.len())
    scale = pl.col("estimate").log() if is_rate else pl.col("estimate")  # the error of a ratio is that of its logarithm
    return (
        levels.filter(horizon & (pl.col("measure") == measure) & (pl.col("period") == period))
        .join(large.filter(periods=2), on="scope")
        .drop_nulls(["estimate", "std_error"])
        .sort("scope")
        .select("fewest", "std_error", contrast=scale)
    )

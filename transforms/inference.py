"""The frame of inference: what was planned at which level, and p-values adjusted within families.

A figure is ``primary`` (the declared measure of a primary indicator, its circuit sites together),
``secondary`` (otherwise planned) or ``exploratory`` (all else); ``sensitivity:<name>`` is the estimator's
own word. Primary p-values are adjusted together by Holm (1979), secondary ones of a goal, and the
interactions of an indicator, by Benjamini and Hochberg (1995). Exploratory p-values are not adjusted:
no family would hold all that could have been looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import polars as pl

from transforms.detectable import DETECTABLE
from transforms.figure import CONTRAST
from transforms.interactions import INTERACTION
from warehouse.programme import Programme

PRIMARY, SECONDARY, EXPLORATORY = "primary", "secondary", "exploratory"
ABOUT_A_CONTRAST = (INTERACTION, DETECTABLE)  # measures that speak of an indicator's own contrast
_SERIES = r"^\d{4}-(\d{2}|Q[1-4])$"
_PRIMARY_FAMILY = "primary"


def labelled(figures: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """Rows of ESTIMATE with their level of analysis; what an estimator said itself stays."""
    primary = _primary(programme)
    planned = _planned_measure(programme) & _planned_variant(programme) & _planned_scope(programme)
    level = pl.when(primary).then(pl.lit(PRIMARY)).when(planned).then(pl.lit(SECONDARY)).otherwise(pl.lit(EXPLORATORY))
    return figures.with_columns(analysis=pl.coalesce("analysis", level))


def adjusted(figures: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """Labelled rows of ESTIMATE with the p-values of each family adjusted for their number.

    A primary outcome that has no p-value still counts among the planned ones.
    """
    goal = {name: indicator.goal for name, indicator in programme.indicators.items()}
    overall = pl.col("scope_type") == "overall"
    family = (
        pl.when(pl.col("analysis") == PRIMARY)
        .then(pl.lit(_PRIMARY_FAMILY))
        .when((pl.col("analysis") == SECONDARY) & (pl.col("measure") == INTERACTION))
        .then(pl.format("interaction of {}", "indicator_id"))
        .when((pl.col("analysis") == SECONDARY) & overall)
        .then(pl.format("goal {}", pl.col("indicator_id").replace_strict(goal, default=None)))
    )
    rows = figures.with_row_index("row")
    tested = rows.filter(pl.col("p_value").is_not_null()).select("row", "p_value", family=family).drop_nulls("family")
    found = [
        members.select("row", p_adjusted=pl.Series(_within(str(name), members["p_value"].to_list(), programme)))
        for (name,), members in tested.partition_by("family", as_dict=True, maintain_order=True).items()
    ]
    none = pl.DataFrame(schema={"row": pl.UInt32, "p_adjusted": pl.Float64})
    return (
        rows.drop("p_adjusted")
        .join(pl.concat([none, *found]), on="row", how="left", maintain_order="left")
        .select(figures.columns)
    )


def _within(family: str, p_values: list[float], programme: Programme) -> list[float]:
    if family == _PRIMARY_FAMILY:
        return adjust(p_values, "holm", len(programme.analysis.primary))
    return adjust(p_values, "fdr_bh")


def adjust(p_values: Sequence[float], method: Literal["holm", "fdr_bh"], planned: int = 0) -> list[float]:
    """Adjusted p-values, as R's ``p.adjust``; ``planned`` hypotheses count even where some have no p-value."""
    from statsmodels.stats.multitest import multipletests

    without = max(planned - len(p_values), 0)
    _, found, _, _ = multipletests([*p_values, *[1.0] * without], method=method)
    return [float(p) for p in found[: len(p_values)]]


# --- What is planned ----------------------------------------------------------------------------


def _primary(programme: Programme) -> pl.Expr:
    """The declared measure and horizon of a primary indicator, in the periods and their difference."""
    own = _any(
        (pl.col("indicator_id") == name)
        & (pl.col("measure") == indicator.primary.measure)
        & pl.col("horizon").eq_missing(pl.lit(indicator.primary.horizon, pl.Int64))
        for name, indicator in programme.indicators.items()
        if name in programme.analysis.primary
    )
    of_periods = pl.col("period").is_in([CONTRAST, *(name for name, _ in programme.periods.named())])
    return own & (pl.col("variant") == "main") & (pl.col("scope_type") == "overall") & of_periods


def _planned_measure(programme: Programme) -> pl.Expr:
    """An indicator's own measure at any declared horizon, and the measures that the plan names."""
    own = _any(
        (pl.col("indicator_id") == name) & (pl.col("variant") == variant) & (pl.col("measure") == one.primary.measure)
        for name, indicator in programme.indicators.items()
        for variant, one in programme.variants_of(indicator).items()
    )
    return own | pl.col("measure").is_in([*programme.analysis.planned.measures, *ABOUT_A_CONTRAST])


def _planned_variant(programme: Programme) -> pl.Expr:
    named = (
        (pl.col("indicator_id") == name) & pl.col("variant").is_in(list(variants))
        for name, variants in programme.analysis.planned.variants.items()
    )
    return (pl.col("variant") == "main") | _any(named)


def _planned_scope(programme: Programme) -> pl.Expr:
    """The circuit sites together, planned subgroups, and the views that the plan names."""
    views = programme.analysis.planned.views
    scope_type = pl.col("scope_type")
    comparator = (scope_type == "arm") & (pl.col("scope") == "comparator") & pl.lit("comparator" in views)
    scope = scope_type.is_in(["overall", *programme.analysis.subgroups, *(["site"] if "site" in views else [])])
    month = pl.col("period").str.contains(_SERIES)
    return (scope | comparator) & (~month | pl.lit("month" in views))


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    """Whether one of them holds; none does where there is none."""
    return pl.any_horizontal(pl.lit(value=False), *conditions)

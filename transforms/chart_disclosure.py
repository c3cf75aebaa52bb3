"""Control charts and funnels as they may be published, beside the released figures that they draw.

A point of a share or a time is the released figure of its month, with the same rounding, or is absent as that is;
where the figures are released by quarter, so is the chart. Rates have calendar months of their own, judged by
the persons with and without an episode in them; a month that would be the only one withheld of its period takes
the smallest other one with it. Limits and signals come from the exact numbers; limits are rounded as the points are
and moved inside what is possible. They are withheld where they would tell what is withheld: with the figure of the
before period, and for single values with any point of the baseline, which their mean and moving range would give
away. Sites of a funnel that are withheld are listed, not drawn.
"""

from __future__ import annotations

import math

import polars as pl

from transforms.chart_figures import SENSITIVITY, Row, funnel_limits
from transforms.rounding import rounded_count
from warehouse.programme import Privacy, Programme
from warehouse.schemas import RELEASED_CHART, RELEASED_CHART_SUMMARY, RELEASED_FUNNEL, Estimates

SMALL = "small_count"
RATE = "rate"
OF_CHART = ["indicator_id", "measure", "scope_type", "scope"]
LIMITS = ["centre", "lower", "upper", "near_lower", "near_upper"]
READINGS = ["signal", "variation"]
EXPOSURE_STEP = 50  # patient-months of a site, so coarse that its rate does not give away its number of episodes
LINE_POINTS = 40  # of the drawn limits of a funnel
QUARTER = r"^\d{4}-Q\d$"


def released_charts(
    estimates: Estimates, figures: pl.DataFrame, programme: Programme
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """RELEASED_CHART and RELEASED_CHART_SUMMARY. ``figures`` is RELEASED_FIGURE."""
    shown = _primary(figures, programme)
    before = shown.filter(period="before").select(*OF_CHART, baseline="withheld")
    points = pl.concat([_own_months(estimates.charts, programme.privacy), _of_figures(estimates.charts, shown)])
    of_baseline = (pl.col("withheld").eq_missing(SMALL) & pl.col("phase").eq_missing("before")).any().over(OF_CHART)
    hidden = pl.col("baseline").eq_missing(SMALL) | ((pl.col("chart") == "xmr") & of_baseline)
    points = points.join(before, on=OF_CHART, how="left", maintain_order="left").with_columns(
        pl.when(~hidden & (pl.col("withheld").is_null() | (pl.col("chart") == "xmr"))).then(_inside(name)).alias(name)
        for name in LIMITS
    )
    points = points.with_columns(pl.when(~hidden & pl.col("withheld").is_null()).then(name) for name in READINGS)
    released = points.select(RELEASED_CHART.names()).sort(*OF_CHART, "period")
    return released, _summaries(estimates.chart_summaries, released)


def _primary(figures: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """The released figures that charts draw: the primary measure of every indicator itself."""
    declared = [(name, one.primary.measure, one.primary.horizon) for name, one in programme.indicators.items()]
    schema = {name: figures.schema[name] for name in ("indicator_id", "measure", "horizon")}
    wanted = pl.DataFrame(declared, schema=schema, orient="row")
    planned = ~pl.col("analysis").fill_null("").str.starts_with(SENSITIVITY)
    found = figures.filter(planned, variant="main").join(wanted, on=list(schema), how="semi", nulls_equal=True)
    return found.select(*OF_CHART, "period", "n", "estimate", "withheld")


def _of_figures(charts: pl.DataFrame, shown: pl.DataFrame) -> pl.DataFrame:
    """Points with the released figure of their month or quarter in place of the exact one."""
    own = charts.filter(pl.col("measure") != RATE)
    quarterly = pl.col("period").str.contains(QUARTER)
    series = shown.filter(pl.col("period").str.contains(r"^\d{4}-(\d{2}|Q\d)$"))
    grains = series.group_by(OF_CHART).agg(by_quarter=quarterly.any())
    kept = own.join(grains, on=OF_CHART).filter(quarterly == pl.col("by_quarter"))
    exact = kept.drop("n", "estimate", "by_quarter")
    released = exact.join(
        series.select(*OF_CHART, "period", "n", "estimate", "withheld"), on=[*OF_CHART, "period"], how="left"
    )
    return released.with_columns(withheld=pl.coalesce("withheld", "null_reason")).select(_columns())


def _own_months(charts: pl.DataFrame, policy: Privacy) -> pl.DataFrame:
    """Calendar months of rates: withheld where few persons had an episode in them, or few had none."""
    small = pl.min_horizontal("n_with", pl.col("n") - pl.col("n_with")) < policy.smallest_count
    judged = charts.filter(measure=RATE).with_columns(
        withheld=pl.when(small).then(pl.lit(SMALL)).otherwise("null_reason")
    )
    of_phase = [*OF_CHART, "phase"]
    alone = (pl.col("withheld") == SMALL).sum().over(of_phase) == 1
    shown = pl.when(pl.col("withheld").is_null()).then("n_with")
    beside = alone & (shown.rank("ordinal").over(of_phase) == 1)
    judged = judged.with_columns(withheld=pl.when(beside).then(pl.lit(SMALL)).otherwise("withheld"))
    return judged.with_columns(
        rounded_count("n", policy), estimate=pl.when(pl.col("withheld").is_null()).then(pl.col("estimate").round(1))
    ).select(_columns())


def _columns() -> list[str]:
    return RELEASED_CHART.names()


def _inside(name: str) -> pl.Expr:
    """A limit as published: from 0 on, shares up to 1, whole percentages or one decimal."""
    is_rate = pl.col("measure") == RATE
    possible = pl.when(is_rate).then(pl.col(name).clip(0)).otherwise(pl.col(name).clip(0, 1))
    return pl.when(is_rate).then(possible.round(1)).otherwise(possible.round(2))


def _summaries(summaries: pl.DataFrame, released: pl.DataFrame) -> pl.DataFrame:
    """The charts of the released grain; icons are withheld with the limits or with the last point."""
    quarterly = pl.col("period").str.contains(QUARTER)
    of_chart = released.group_by(OF_CHART).agg(
        grain=pl.when(quarterly.any()).then(pl.lit("quarter")).otherwise(pl.lit("month")),
        has_limits=pl.col("centre").is_not_null().any(),
    )
    hidden = released.filter(withheld=SMALL).select(*OF_CHART, "period", is_hidden=True)
    kept = summaries.join(of_chart, on=[*OF_CHART, "grain"]).join(hidden, on=[*OF_CHART, "period"], how="left")
    withheld = ~pl.col("has_limits") & pl.col("null_reason").is_null()
    reason = pl.when(withheld | pl.col("is_hidden").eq_missing(True)).then(pl.lit(SMALL)).otherwise("null_reason")
    judged = kept.with_columns(withheld=reason)
    icons = (pl.when(pl.col("withheld").is_null()).then(name) for name in [*READINGS, "assurance"])
    return judged.with_columns(*icons).select(RELEASED_CHART_SUMMARY.names()).sort(*OF_CHART)


# --- Funnels ------------------------------------------------------------------------------------


def released_funnels(estimates: Estimates, figures: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """RELEASED_FUNNEL: sites as their released figures, limits around the released figure of all circuit sites."""
    after = _primary(figures, programme).filter(period="after").drop("period")
    pooled = after.filter(scope_type="overall").select("indicator_id", "measure", centre="estimate")
    exact = estimates.funnels.drop("n", "estimate", "centre")
    sites = exact.join(after, on=OF_CHART, how="left").join(pooled, on=["indicator_id", "measure"], how="left")
    told = pl.col("withheld").is_null() & pl.col("estimate").is_not_null() & pl.col("centre").is_not_null()
    names = ("low_95", "high_95", "low_998", "high_998")
    step = (pl.col("exposure") / EXPOSURE_STEP).round() * EXPOSURE_STEP
    shown = sites.with_columns(
        *(pl.when(told).then(_inside(name)).alias(name) for name in names),
        position=pl.when(told).then("position"),
        exposure=pl.when(told).then(step),
    ).select(RELEASED_FUNNEL.names())
    spreads = dict(exact.select("indicator_id", "spread").unique().iter_rows())
    return pl.concat([shown, _lines(shown, spreads)]).sort(*OF_CHART, "n", "exposure", nulls_last=True)


def _lines(sites: pl.DataFrame, spreads: dict[str, float]) -> pl.DataFrame:
    """The limits as they are drawn: around the released centre, for round sizes up to that of the largest site."""
    drawn = sites.filter(pl.col("position").is_not_null())
    rows: list[Row] = []
    for (indicator_id, measure), group in drawn.group_by("indicator_id", "measure", maintain_order=True):
        size = "exposure" if measure == RATE else "n"
        most, centre = float(group[size].max() or 0), group["centre"][0]  # type: ignore[arg-type]
        keys = {"indicator_id": indicator_id, "measure": measure, "scope_type": "line", "centre": centre}
        for at in _round_sizes(most):
            blank: Row = {"n": None, "exposure": None, "estimate": None} | keys | {size: at}
            rows.append(blank | funnel_limits(blank, centre, spreads[str(indicator_id)]))
    return pl.DataFrame(rows, schema=RELEASED_FUNNEL)


def _round_sizes(most: float) -> list[int]:
    """Multiples of one step, from the first to beyond ``most``: no site lies outside the drawing."""
    step = max(1, math.ceil(1.1 * most / LINE_POINTS))
    return [step * k for k in range(1, LINE_POINTS + 1)]

"""Estimates become a release: the only maker of what may leave the hospital.

A count or a complement from 0 to ``smallest_count - 1`` withholds every derived measure of its
cell. Published counts are rounded; shares of whole groups are computed again from the rounded
counts; fitted shares, and differences computed before rounding, are whole percentages; times and
scores are whole units. A contrast is withheld with either of its groups. A monthly series with a
withheld month is published by quarter instead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from transforms.chart_disclosure import RATE, released_charts, released_funnels
from transforms.figure import ALL_PERIODS, CONTRAST, PERIOD_ABSENT, RATIO
from transforms.implementation import reference_figures, released_activity
from transforms.interactions import INTERACTION
from transforms.intervals import NO_PATHWAY
from transforms.proportions import wilson
from transforms.rounding import rounded_count
from transforms.threat_disclosure import released_threats
from warehouse.errors import DisclosureRefused
from warehouse.programme import Privacy, Programme
from warehouse.schemas import (
    ACTIVITY,
    CHECK,
    RELEASED_ATTRITION,
    RELEASED_CURVE,
    RELEASED_FIGURE,
    RELEASED_FILE,
    RELEASED_READING,
    Estimates,
    Provenance,
    Release,
    Tallies,
)

SMALL = "small_count"
COUNTED_TABLES = ("figures", "curves", "attrition", "charts", "funnels")
COUNTED = ("proportion", "top_box", "response_rate", "invitation_rate")
# Shares are fractions: two decimals are whole percentages. Times and scores are whole units.
WHOLE = ("median_time", "restricted_mean", "area_under_incidence", "mean", "events_avoided")
DECIMALS = dict.fromkeys(WHOLE, 0) | {"rate": 1}
CONTRASTS = (CONTRAST, RATIO)
P_VALUES = ("p_value", "p_adjusted")
OF_RATES = ("rate_ratio", "rate_ratio_negative_binomial", "events_avoided")
OF_ANSWERS = ("probability_of_superiority", "brunner_munzel", "odds_ratio", "tipping_point")
# A contrast's measure -> that of its groups.
OF_GROUPS = dict.fromkeys(OF_RATES, "rate") | dict.fromkeys(OF_ANSWERS, "top_box")
OF_CURVES = (  # tests and ratios of whole curves
    "log_rank", "stratified_log_rank", "gray_test", "stratified_gray_test", "hazard_ratio", "hazard_ratio_competing",
    "proportional_hazards", "proportional_hazards_competing",
)  # fmt: skip
SERIES = ["indicator_id", "variant", "measure", "scope_type", "scope", "horizon"]
PLANNED = "planned"  # primary, secondary and exploratory figures together
CURVE_POINTS = 16
GRID = pl.Schema({"indicator_id": pl.String, "variant": pl.String, "time": pl.Float64})
DAYS_IN_WEEK = 7


def release(
    estimates: Estimates,
    tallies: Tallies,
    checks: pl.DataFrame,
    ledger: pl.DataFrame,
    reading: Mapping[str, int],
    programme: Programme,
    provenance: Provenance,
    activity: pl.DataFrame | None = None,
) -> Release:
    """Withhold, round and seal; the id is the hash of the content.

    ``checks`` is CHECK, ``ledger`` is LEDGER, ``reading`` the number of loaded rows by what became of them,
    ``activity`` is ACTIVITY, where the programme declares a file of it.
    """
    policy = programme.privacy
    figures = _by_month_or_quarter(_contrasts_with_their_groups(_figures(estimates.figures, policy)))
    charts, summaries = released_charts(estimates, figures, programme)
    done = released_activity(ACTIVITY.to_frame() if activity is None else activity, programme)
    own_months = charts.filter(measure=RATE)["withheld"]  # the other points of charts are among the figures
    threats = released_threats(estimates.threats, programme)
    cells = pl.concat([figures["withheld"], done["withheld"], own_months, threats["withheld"]]).to_frame()
    counted = replace(
        provenance,
        withheld_cells=cells.filter(pl.col("withheld") == SMALL).height,
        released_cells=cells.filter(pl.col("withheld").is_null()).height,
    )
    sealed = Release(
        programme=programme,
        figures=figures.select(RELEASED_FIGURE.names()).sort(RELEASED_FIGURE.names()[:9], nulls_last=True),
        curves=_curves(estimates.curves, programme),
        attrition=_attrition(tallies.attrition, policy),
        checks=released_checks(checks, policy),
        files=_files(ledger, policy),
        reading=_reading(reading, policy),
        provenance=counted,
        id="",
        smallest_count=policy.smallest_count,
        round_to=policy.round_to,
        activity=done,
        references=reference_figures(programme),
        charts=charts,
        chart_summaries=summaries,
        funnels=released_funnels(estimates, figures, programme),
        threats=threats,
    )
    require_no_small_count(sealed)
    return replace(sealed, id=content_hash(sealed))


def require_no_small_count(sealed: Release) -> None:
    """The last look before anything leaves. Raises DisclosureRefused where a table shows a count that is too small.

    Every rule above has made it null or a multiple of ``round_to``; a table that one of them forgot is not published.
    """
    least = round(sealed.smallest_count / sealed.round_to) * sealed.round_to
    for name in COUNTED_TABLES:
        table = getattr(sealed, name)
        if "scope_type" in table.columns:  # the sizes at which limits are drawn are no counts
            table = table.filter(pl.col("scope_type").ne_missing("line"))
        shown = [pl.col(count).is_between(1, least - 1) for count in ("n", "n_events") if count in table.columns]
        small = table.filter(pl.any_horizontal(shown)).height
        if small:
            raise DisclosureRefused(
                f"{small} rows of {name} would show a count below the smallest that may be published, "
                f"{sealed.smallest_count}: nothing is published. This is a fault of Parcours: please report it."
            )


def content_hash(sealed: Release) -> str:
    """Sixteen hex digits over everything a reader can see; neither run nor clock takes part."""
    frames = (
        sealed.figures, sealed.curves, sealed.attrition, sealed.checks, sealed.files, sealed.reading,
        sealed.activity, sealed.references, sealed.charts, sealed.chart_summaries, sealed.funnels,
        sealed.threats,
    )  # fmt: skip
    declared = sealed.programme.model_dump_json()
    provenance = json.dumps(vars(sealed.provenance), default=str, sort_keys=True)
    content = "\n".join([declared, provenance, *(frame.write_csv() for frame in frames)])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _figures(figures: pl.DataFrame, policy: Privacy) -> pl.DataFrame:
    """Figures of single groups withheld or rounded; contrasts rounded, to be judged with their groups."""
    least = policy.smallest_count
    contrast = pl.col("period").is_in(CONTRASTS)
    figures = figures.filter(pl.col("period") != ALL_PERIODS)
    nobody = pl.col("n").eq_missing(0) & pl.col("scope_type").is_in(["overall", "arm"])  # an absent period is told
    small = (pl.min_horizontal("n_with", pl.col("n") - pl.col("n_with")) < least) & ~nobody  # contrasts rarely have n
    judged = figures.with_columns(withheld=pl.when(small).then(pl.lit(SMALL)).otherwise("null_reason")).with_columns(
        n=pl.when(~contrast).then(rounded_count("n", policy)),
        n_events=pl.when(pl.col("withheld").is_null() & ~contrast).then(rounded_count("n_events", policy)),
    )
    decimals = pl.col("measure").replace_strict(DECIMALS, default=2)
    shown = {name: _round_to(pl.col(name), decimals) for name in ("estimate", "ci_low", "ci_high")}
    published = judged.with_columns(**shown, **{name: pl.col(name).round(2) for name in P_VALUES})
    return _from_rounded_counts(_nulls_where_withheld(published, *shown, *P_VALUES))


def _round_to(value: pl.Expr, decimals: pl.Expr) -> pl.Expr:
    return pl.coalesce(pl.when(decimals == places).then(value.round(places)) for places in range(3))


def _nulls_where_withheld(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    return frame.with_columns(pl.when(pl.col("withheld").is_null()).then(pl.col(name)) for name in names)


def _from_rounded_counts(figures: pl.DataFrame) -> pl.DataFrame:
    """Shares of whole groups, with Wilson's interval, computed again from the published counts."""
    counted = pl.col("measure").is_in(COUNTED) & ~pl.col("period").is_in(CONTRASTS) & pl.col("n_events").is_not_null()
    rows = figures.with_row_index("row")
    again = [
        {"row": row, "estimate": interval.estimate, "ci_low": interval.low, "ci_high": interval.high}
        for row, events, n in rows.filter(counted).select("row", "n_events", "n").iter_rows()
        for interval in [wilson(events, n)]
    ]
    schema = {"row": pl.UInt32, "estimate": pl.Float64, "ci_low": pl.Float64, "ci_high": pl.Float64}
    shares = pl.DataFrame(again, schema=schema).with_columns(pl.exclude("row").round(2))
    return rows.update(shares, on="row").drop("row")


def _contrasts_with_their_groups(figures: pl.DataFrame) -> pl.DataFrame:
    """A contrast is withheld with either of its groups; what is of whole curves with their last incidence.

    A sensitivity analysis without groups of its own is judged by those of the plan. A contrast without groups that
    has counts of its own was judged by them.
    """
    own = pl.col("analysis").str.starts_with("sensitivity:")
    figures = figures.with_columns(family=pl.when(own).then("analysis").otherwise(pl.lit(PLANNED)))
    groups = figures.filter(pl.col("period").is_in(["before", "after"]))
    last = groups.filter(pl.col("horizon") == pl.col("horizon").max().over("indicator_id", "variant"))
    whole = last.filter(pl.col("measure") == "cumulative_incidence")
    tests = [whole.with_columns(measure=pl.lit(test), horizon=pl.lit(None, pl.Int64)) for test in OF_CURVES]
    verdicts = (
        pl.concat([groups, *tests])
        .group_by(*SERIES, "family")
        .agg(
            group_reason=pl.col("withheld").sort_by("period", descending=True).drop_nulls().first(),
            groups=pl.len(),
        )
    )
    judged_by = figures.with_columns(shown=pl.col("measure"), measure=pl.col("measure").replace(OF_GROUPS))
    joined = _with_verdict(judged_by, verdicts)
    absent = (pl.col("groups").fill_null(0) < 2) | (pl.col("group_reason") == NO_PATHWAY)
    absent = absent & (pl.col("groups").is_not_null() | pl.col("n_with").is_null()) & (pl.col("shown") != INTERACTION)
    of_contrast = pl.when(absent).then(pl.lit(PERIOD_ABSENT)).otherwise(pl.col("group_reason"))
    reason = pl.when(pl.col("period").is_in(CONTRASTS)).then(pl.coalesce(of_contrast, "withheld")).otherwise("withheld")
    judged = joined.with_columns(withheld=reason, measure="shown").drop("group_reason", "groups", "shown", "family")
    return _nulls_where_withheld(judged, "estimate", "ci_low", "ci_high", *P_VALUES)


def _with_verdict(figures: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Adds how many groups each figure has and why one of them is withheld: those of its analysis, else the plan's."""
    planned = verdicts.filter(family=PLANNED).select(*SERIES, planned_reason="group_reason", planned_groups="groups")
    joined = figures.join(verdicts, on=[*SERIES, "family"], how="left", nulls_equal=True, maintain_order="left")
    joined = joined.join(planned, on=SERIES, how="left", nulls_equal=True, maintain_order="left")
    of_plan = pl.col("groups").is_null()
    return joined.with_columns(
        group_reason=pl.when(of_plan).then("planned_reason").otherwise("group_reason"),
        groups=pl.coalesce("groups", "planned_groups"),
    ).drop("planned_reason", "planned_groups")


def _by_month_or_quarter(figures: pl.DataFrame) -> pl.DataFrame:
    """Each series by month where every month may be shown, else by quarter; never both, lest they be subtracted."""
    monthly = pl.col("period").str.contains(r"^\d{4}-\d{2}$")
    quarterly = pl.col("period").str.contains(r"^\d{4}-Q\d$")
    hidden = figures.filter(monthly & (pl.col("withheld") == SMALL)).select(SERIES).unique()
    coarse = figures.join(hidden, on=SERIES, how="semi", nulls_equal=True, maintain_order="left")
    fine = figures.join(hidden, on=SERIES, how="anti", nulls_equal=True, maintain_order="left")
    return pl.concat([coarse.filter(~monthly), fine.filter(~quarterly)])


def _curves(curves: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """Curves thinned to a grid of weeks or of a few points, rounded, and cut where few are at risk.

    What happened is read at the last step up to a published time; who is at risk just before it, at
    the first step from it on: nobody where there is none, so that no curve outlives its follow-up.
    """
    policy = programme.privacy
    least = policy.smallest_count
    keys = ["indicator_id", "variant", "scope_type", "scope", "period"]
    named = curves.select("indicator_id", "variant").unique(maintain_order=True).rows()
    grids = [_grid(indicator_id, variant, programme) for indicator_id, variant in named]
    points = curves.select(keys).unique().join(pl.concat([GRID.to_frame(), *grids]), on=["indicator_id", "variant"])
    steps = curves.sort("time")
    thinned = (
        points.sort("time")
        .join_asof(steps.drop("at_risk"), on="time", by=keys, check_sortedness=False)
        .join_asof(
            steps.select(*keys, "time", "at_risk"), on="time", by=keys, strategy="forward", check_sortedness=False
        )
        .with_columns(pl.col("at_risk").fill_null(0))
    )
    shown = (pl.min_horizontal("at_risk", "n_events", pl.col("n") - pl.col("n_events")) >= least).fill_null(False)
    return (
        thinned.with_columns(pl.when(shown).then(pl.col(name).round(2)) for name in ("estimate", "ci_low", "ci_high"))
        .with_columns(pl.when(shown).then("n_events").alias("n_events"))
        .with_columns(rounded_count(name, policy) for name in ("n", "at_risk", "n_events"))
        .select(RELEASED_CURVE.names())
        .sort(*keys, "time")
    )


def _grid(indicator_id: str, variant: str, programme: Programme) -> pl.DataFrame:
    """The published times: weeks for days, else about sixteen points, with the declared horizons."""
    indicator = programme.variants_of(programme.indicators[indicator_id])[variant]
    horizons = getattr(indicator, "horizons", ())  # only times have curves
    last = max(horizons)
    step = DAYS_IN_WEEK if indicator.unit == "day" else max(1, last // CURVE_POINTS)
    times = sorted({*range(0, last + 1, step), *horizons})
    return pl.DataFrame({"indicator_id": indicator_id, "variant": variant, "time": times}, schema=GRID)


def _attrition(attrition: pl.DataFrame, policy: Privacy) -> pl.DataFrame:
    """Every pathway under one reason, the arm among them; counts rounded, small ones withheld."""
    outside = pl.col("period").is_null() | pl.col("reason").is_in(["prevalent", "outside_periods", "site_unknown"])
    reason = pl.when(outside | (pl.col("arm") == "circuit")).then(pl.col("reason")).otherwise(pl.col("arm"))
    counts = (
        attrition.with_columns(reason=reason, period=pl.col("period").fill_null("outside"))
        .group_by("indicator_id", "variant", "period", "reason")
        .agg(pl.col("n").sum())
    )
    small = pl.col("n") < policy.smallest_count
    return (
        counts.with_columns(withheld=pl.when(small).then(pl.lit(SMALL)))
        .with_columns(rounded_count("n", policy))
        .select(RELEASED_ATTRITION.names())
        .sort("indicator_id", "variant", "period", "reason")
    )


def released_checks(checks: pl.DataFrame, policy: Privacy) -> pl.DataFrame:
    """The verdicts as they are; their counts rounded, the small ones withheld, shares whole percentages."""
    told = pl.col("violated") >= policy.smallest_count
    return (
        checks.with_columns(share=pl.when(told).then(pl.col("share").round(2)))
        .with_columns(rounded_count("violated", policy), rounded_count("denominator", policy))
        .select(CHECK.names())
        .sort("check_id", "scope")
    )


def _files(ledger: pl.DataFrame, policy: Privacy) -> pl.DataFrame:
    """Rows read by source, rounded; small counts null."""
    names = ["rows_in", "loaded", "duplicates", "quarantined"]
    totals = ledger.group_by("source").agg(pl.col(names).sum()).sort("source")
    return totals.with_columns(rounded_count(name, policy) for name in names).select(RELEASED_FILE.names())


def _reading(reading: Mapping[str, int], policy: Privacy) -> pl.DataFrame:
    """Loaded rows by what became of them, rounded."""
    counts = pl.DataFrame({"reason": list(reading), "n": list(reading.values())}, schema=RELEASED_READING)
    return counts.filter(pl.col("reason") != "loaded").with_columns(rounded_count("n", policy))

"""Result checks: what must hold of estimates and of the attrition before anything is published."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from checks.coverage import Measured
from checks.tables import TableCheck
from warehouse.programme import Programme
from warehouse.schemas import ESTIMATE

CONTRASTS = ("after-before", "after/before")
SHARES = ("cumulative_incidence", "survival", "proportion", "top_box", "response_rate", "invitation_rate")
NUMBERS = [name for name, kind in ESTIMATE.items() if kind == pl.Float64]
ROUNDING = 1e-9
FIGURE_KEYS = ["indicator_id", "variant", "measure", "analysis", "scope_type", "scope", "period", "horizon"]


@dataclass(frozen=True)
class Results:
    """What is about to be published, exact and confidential, with the declarations."""

    programme: Programme
    estimates: pl.DataFrame  # ESTIMATE
    attrition: pl.DataFrame  # ATTRITION_TALLY


def _of_estimates(results: Results, where: pl.Expr, violated: pl.Expr) -> Measured:
    """Of the figures ``where`` holds, those that are ``violated``; a comparison with nothing violates nothing."""
    judged = results.estimates.filter(where)
    return Measured(judged.filter(violated.fill_null(value=False)).height, judged.height)


def _not_finite(results: Results) -> Measured:
    numbers = pl.any_horizontal(pl.col(name).is_nan() | pl.col(name).is_infinite() for name in NUMBERS)
    return _of_estimates(results, pl.lit(value=True), numbers)


def _unexplained(results: Results) -> Measured:
    both_or_neither = pl.col("estimate").is_null() == pl.col("null_reason").is_null()
    return _of_estimates(results, pl.lit(value=True), both_or_neither)


def _repeated(results: Results) -> Measured:
    return Measured(int(results.estimates.select(FIGURE_KEYS).is_duplicated().sum()), results.estimates.height)


def _share_outside(results: Results) -> Measured:
    """Shares lie in [0, 1], their intervals too; differences of shares in [-1, 1]."""
    floor = pl.when(pl.col("period") == "after-before").then(-1.0).otherwise(0.0)
    outside = pl.any_horizontal(
        (pl.col(name) < floor - ROUNDING) | (pl.col(name) > 1 + ROUNDING) for name in ("estimate", "ci_low", "ci_high")
    )
    return _of_estimates(results, pl.col("measure").is_in(SHARES) & (pl.col("period") != "after/before"), outside)


def _interval_disordered(results: Results) -> Measured:
    below = pl.col("ci_low") > pl.col("estimate") + ROUNDING
    above = pl.col("ci_high") < pl.col("estimate") - ROUNDING
    crossed = pl.col("ci_low") > pl.col("ci_high") + ROUNDING
    has_interval = pl.col("ci_low").is_not_null() | pl.col("ci_high").is_not_null()
    # Each is false rather than null where one side is missing, so that the other is still judged.
    return _of_estimates(
        results, has_interval, pl.any_horizontal(x.fill_null(value=False) for x in (below, above, crossed))
    )


def _counts_impossible(results: Results) -> Measured:
    with_event = pl.coalesce("n_with", "n_events")  # of a rate, n_events counts episodes, of which a pathway has many
    impossible = (with_event > pl.col("n")) | (pl.col("n_events") < 0) | (pl.col("n") < 0)
    return _of_estimates(results, pl.col("n").is_not_null() & pl.col("n_events").is_not_null(), impossible)


def _errors_impossible(results: Results) -> Measured:
    chance = pl.any_horizontal(~pl.col(p).is_between(0.0, 1.0).fill_null(value=True) for p in ("p_value", "p_adjusted"))
    return _of_estimates(results, pl.lit(value=True), chance | (pl.col("std_error") < 0).fill_null(value=False))


def _attrition_unbalanced(results: Results) -> Measured:
    """Every variant of an indicator accounts for the same pathways, per period and arm, as the indicator itself.

    Those that began before the before period count in it where a variant lets them enter late.
    """
    keys = ["indicator_id", "variant", "period", "arm"]
    overall = results.attrition.filter(pl.col("view") == "overall")
    of_before = pl.when(pl.col("reason") == "prevalent").then(pl.lit("before")).otherwise("period")
    main = overall.filter(pl.col("variant") == "main")
    expected = [
        (main.with_columns(period=of_before) if late else main)
        .with_columns(variant=pl.lit(name))
        .filter(pl.col("indicator_id") == indicator_id)
        for indicator_id, name, late in _variants(results.programme)
    ]
    counted = [frame.group_by(keys).agg(pl.col("n").sum()) for frame in (overall, pl.concat([main, *expected]))]
    compared = (
        counted[0]
        .filter(pl.col("variant") != "main")
        .join(counted[1].rename({"n": "main"}), on=keys, how="full", nulls_equal=True, coalesce=True)
    )
    of_variants = compared.filter(pl.col("variant") != "main")
    return Measured(of_variants.filter(pl.col("n").ne_missing(pl.col("main"))).height, counted[0].height)


def _variants(programme: Programme) -> list[tuple[str, str, bool]]:
    """Indicator, variant, and whether the variant lets prevalent pathways enter late."""
    return [
        (indicator_id, name, variant.prevalent != "exclude")
        for indicator_id, indicator in programme.indicators.items()
        for name, variant in programme.variants_of(indicator).items()
        if name != "main"
    ]


def _analysed_differ(results: Results) -> Measured:
    """The n of a primary figure, circuit sites together, is the number analysed in its attrition."""
    keys = ["indicator_id", "variant", "period"]
    analysed = results.attrition.filter(
        pl.col("view") == "overall", pl.col("reason") == "analysed", pl.col("arm") == "circuit"
    ).select(*keys, analysed="n")
    figures = results.estimates.filter(
        pl.col("analysis") == "primary",
        pl.col("scope_type") == "overall",
        pl.col("scope") == "all",
        pl.col("period").is_in(["before", "after"]),
        pl.col("n").is_not_null(),
    ).join(analysed, on=keys, how="left")
    return Measured(figures.filter(pl.col("n") != pl.col("analysed").fill_null(0)).height, figures.height)


def _indicators_without_figure(results: Results) -> Measured:
    seen = set(results.estimates["indicator_id"])
    declared = results.programme.indicators
    return Measured(sum(name not in seen for name in declared), len(declared))


def _primary_without_contrast(results: Results) -> Measured:
    contrasts = results.estimates.filter(
        pl.col("scope_type") == "overall",
        pl.col("scope") == "all",
        pl.col("period").is_in(CONTRASTS),
        pl.col("variant") == "main",
        pl.col("estimate").is_not_null(),
    )
    found = set(contrasts.select("indicator_id", "measure").iter_rows())
    programme = results.programme
    primary = [name for name in programme.analysis.primary if name in programme.indicators]
    missing = sum((name, programme.indicators[name].primary.measure) not in found for name in primary)
    return Measured(missing, len(primary))


RESULT_CHECKS: tuple[TableCheck[Results], ...] = (
    TableCheck(
        "estimates_finite", "conformance", "fatal", 0.0,
        "Estimations\u00a0: aucune n’est infinie ni indéfinie.",
        "Estimates: none is infinite or undefined.",
        _not_finite,
    ),
    TableCheck(
        "estimates_explained", "completeness", "fatal", 0.0,
        "Estimations\u00a0: chacune a une valeur, ou une raison de n’en pas avoir.",
        "Estimates: each has a value, or a reason for having none.",
        _unexplained,
    ),
    TableCheck(
        "estimates_unique", "conformance", "fatal", 0.0,
        "Estimations\u00a0: aucune n’est donnée deux fois.",
        "Estimates: none is given twice.",
        _repeated,
    ),
    TableCheck(
        "shares_within_bounds", "plausibility", "fatal", 0.0,
        "Proportions et leurs différences\u00a0: toutes sont possibles, intervalles compris.",
        "Shares and their differences: all are possible, intervals included.",
        _share_outside,
    ),
    TableCheck(
        "intervals_hold_estimates", "plausibility", "fatal", 0.0,
        "Intervalles\u00a0: chacun contient son estimation.",
        "Intervals: each holds its estimate.",
        _interval_disordered,
    ),
    TableCheck(
        "events_within_n", "plausibility", "fatal", 0.0,
        "Effectifs\u00a0: aucun n’est dépassé par le nombre de ses parcours avec événement.",
        "Numbers of pathways: none is exceeded by the number of those with an event.",
        _counts_impossible,
    ),
    TableCheck(
        "errors_possible", "plausibility", "fatal", 0.0,
        "Estimations\u00a0: les erreurs types sont positives, les p entre 0 et 1.",
        "Estimates: standard errors are not negative, p-values lie between 0 and 1.",
        _errors_impossible,
    ),
    TableCheck(
        "attrition_adds_up", "conformance", "fatal", 0.0,
        "Variantes de chaque indicateur\u00a0: toutes rendent compte des mêmes parcours.",
        "Variants of each indicator: all account for the same pathways.",
        _attrition_unbalanced,
    ),
    TableCheck(
        "analysed_are_the_n", "conformance", "fatal", 0.0,
        "Estimations principales\u00a0: leur effectif est celui des parcours analysés.",
        "Primary estimates: their n is the number of pathways analysed.",
        _analysed_differ,
    ),
    TableCheck(
        "indicators_estimated", "completeness", "warning", 0.0,
        "Indicateurs déclarés\u00a0: chacun a une estimation.",
        "Declared indicators: each has an estimate.",
        _indicators_without_figure,
    ),
    TableCheck(
        "primary_contrasts_estimated", "completeness", "warning", 0.0,
        "Indicateurs principaux\u00a0: chacun a une différence entre avant et après.",
        "Primary indicators: each has a difference between before and after.",
        _primary_without_contrast,
    ),
)  # fmt: skip

"""The hand-overs of control charts and funnels, which ``warehouse.schemas`` hands on with all others."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def schema_of(columns: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.Schema:
    """A schema of columns given as types or as instances of them, which a checker of types tells apart."""
    return pl.Schema(columns)


# One row per indicator x scope x month or quarter: a point of its control chart with the limits that hold there.
# Confidential. Only the primary measure of the indicator itself, of the circuit sites and of the comparators.
CHART = schema_of(
    {
        "indicator_id": pl.String,
        "measure": pl.String,
        "scope_type": pl.String,  # overall (circuit sites), arm
        "scope": pl.String,  # all, comparator
        "chart": pl.String,  # xmr, p, p_prime, u_prime
        "period": pl.String,  # 2023-05, 2023-Q2; of rates the calendar month, of the others that of time zero
        "phase": pl.String,  # before, transition, after; null outside all periods
        "n": pl.Int64,  # pathways; null where the month is missing
        "n_events": pl.Int64,
        "n_with": pl.Int64,
        "exposure": pl.Float64,  # patient-months
        "estimate": pl.Float64,  # null where the month is missing: never 0 for "none"
        "centre": pl.Float64,  # of the baseline: the points of the before period
        "lower": pl.Float64,  # process limits, as the baseline gives them: neither floored nor capped
        "upper": pl.Float64,
        "near_lower": pl.Float64,  # two thirds of the way to the limits
        "near_upper": pl.Float64,
        "signal": pl.String,  # outside, trend, near_limit, shift; null for common cause
        "variation": pl.String,  # common_cause, or improvement, concern, neutral with _high or _low
        "provisional": pl.Boolean,  # fewer than 13 points in the baseline
        "null_reason": pl.String,
    }
)
# One row per control chart: what it says as a whole. Confidential.
CHART_SUMMARY = schema_of(
    {
        **{name: CHART[name] for name in ("indicator_id", "measure", "scope_type", "scope", "chart")},
        "grain": pl.String,  # month, quarter
        "baseline_points": pl.Int64,
        "provisional": pl.Boolean,
        "period": pl.String,  # of the last point
        "signal": pl.String,  # of the last point
        "variation": pl.String,  # of the last point: the icon
        "target": pl.Float64,  # shares as fractions, rates per 100 patient-months
        "assurance": pl.String,  # consistent_pass, consistent_fail, hit_or_miss; null without a target
        "useful_points": pl.Int64,  # run rules: points off the median of the whole series
        "longest_run": pl.Int64,
        "longest_run_allowed": pl.Int64,
        "crossings": pl.Int64,
        "fewest_crossings": pl.Int64,
        "runs_signal": pl.Boolean,  # null below ten useful points
        "null_reason": pl.String,  # why there are no limits
    }
)
# One row per indicator x circuit site: the primary measure after, beside what chance allows around that of all circuit
# sites. Confidential.
FUNNEL = schema_of(
    {
        **{name: CHART[name] for name in ("indicator_id", "measure", "scope_type", "scope", "n", "n_with", "exposure")},
        "estimate": pl.Float64,
        "centre": pl.Float64,  # of the circuit sites together
        "spread": pl.Float64,  # how many times further from the centre the limits lie than if pathways were independent
        "low_95": pl.Float64,  # limits around the centre for a site of this size
        "high_95": pl.Float64,
        "low_998": pl.Float64,
        "high_998": pl.Float64,
        "position": pl.String,  # inside, or above or below the outermost limits it leaves: above_95, below_998
        "null_reason": pl.String,
    }
)
# Points and limits rounded as figures are, limits moved inside what is possible; signals are of the exact numbers.
_CHART_WITHIN = ("n_events", "n_with", "exposure", "null_reason")
RELEASED_CHART = schema_of(
    {name: dtype for name, dtype in CHART.items() if name not in _CHART_WITHIN} | {"withheld": pl.String}
)
RELEASED_CHART_SUMMARY = schema_of(
    {name: dtype for name, dtype in CHART_SUMMARY.items() if name != "null_reason"} | {"withheld": pl.String}
)
# Sites, and with scope_type ``line`` the limits as they are drawn: computed from the published centre at round sizes.
RELEASED_FUNNEL = schema_of(
    {name: dtype for name, dtype in FUNNEL.items() if name not in ("n_with", "spread", "null_reason")}
    | {"withheld": pl.String}
)

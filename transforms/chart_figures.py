"""Control charts and funnels of a programme: which chart for which kind, from monthly figures and counts to rows.

Rates: Laney's u'-chart by calendar month, as the episodes of one person are not independent. Shares: a p-chart
by month of time zero, or Laney's p' where months are so large that chance alone explains next to nothing.
Incidence and survival: an XmR-chart of the estimates, since pathways that are censored have no plain denominator.
Each chart is made by month and by quarter; disclosure control publishes one of the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import fmean
from typing import Any

import numpy as np
import polars as pl

from transforms import control_charts
from transforms.control_charts import Better, Limiting, Limits
from transforms.funnel import (
    AS_BY_CHANCE,
    LEVELS,
    position,
    rate_limits,
    share_limits,
    spread_of_rate,
    spread_of_share,
    widened,
)
from transforms.intervals import NO_PATHWAY, NOT_ESTIMABLE
from transforms.rate_figures import HUNDRED
from transforms.run_rules import runs
from warehouse.kinds import Indicator, Proportion, RecurrentEvent, Score, Timed
from warehouse.programme import Period, Programme
from warehouse.schemas import CHART, CHART_SUMMARY, FUNNEL, Estimates, Tallies

SCOPES = (("overall", "all", "circuit"), ("arm", "comparator", "comparator"))  # scope type, scope, arm
SENSITIVITY = "sensitivity:"  # how the analyses begin that answer the same question in another way
TOO_FEW_POINTS = "too_few_points"
NO_VARIATION = "no_variation_before"  # none, or all, had the event: chance has no size
NO_SUCH_DAY = "outside_periods"
HUGE = 1000.0  # pathways a month in the baseline, from which shares have Laney's limits
Row = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """A month or quarter of the charts, and the period of the evaluation that it lies in."""

    name: str
    phase: str | None


@dataclass(frozen=True)
class Series:
    """The points of one chart in the order of time; a month that is missing has nulls and a reason."""

    keys: Row
    spans: list[Span]
    points: list[Row]

    @property
    def values(self) -> list[float | None]:
        """The points alone."""
        return [point["estimate"] for point in self.points]

    @property
    def baseline(self) -> int:
        """How many of the first points are of the before period."""
        return sum(span.phase == "before" for span in self.spans)

    def column(self, name: str) -> list[float | None]:
        """One column of the points that have a value, null for the others."""
        return [None if point["estimate"] is None else point[name] for point in self.points]


def charted(found: Estimates, tallies: Tallies, programme: Programme) -> Estimates:
    """The estimates with the control charts and funnels that go with them."""
    points, summaries = charts(found.figures, tallies.months, programme)
    return replace(
        found, charts=points, chart_summaries=summaries, funnels=funnels(found.figures, tallies.count, programme)
    )


def charts(figures: pl.DataFrame, months: pl.DataFrame, programme: Programme) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every control chart: its points (CHART) and what it says as a whole (CHART_SUMMARY).

    ``figures`` is ESTIMATE with the series by month and by quarter, ``months`` is MONTH_TALLY.
    """
    rows: list[Row] = []
    summaries: list[Row] = []
    for indicator in programme.indicators.values():
        for grain, series in _all_series(indicator, figures, months, programme):
            limits, chart = _limits(series, indicator, screened=programme.analysis.screen_moving_ranges)
            better = None if programme.negative_control else indicator.better
            keys = series.keys | {"chart": chart, "provisional": _is_provisional(series)}
            found = _rows(series, limits, _direction_of_signals(indicator, better))
            rows += [row | keys for row in found]
            summaries.append(_summary(series, limits, found, indicator, better) | keys | {"grain": grain})
    return pl.DataFrame(rows, schema=CHART), pl.DataFrame(summaries, schema=CHART_SUMMARY)


def _direction_of_signals(indicator: Indicator, better: Better | None) -> Better | None:
    """None for rates of calendar months: pathways grow older from month to month, which moves a rate by itself."""
    return None if isinstance(indicator, RecurrentEvent) else better


# --- Series -------------------------------------------------------------------------------------


def _all_series(
    indicator: Indicator, figures: pl.DataFrame, months: pl.DataFrame, programme: Programme
) -> Iterator[tuple[str, Series]]:
    """The series of one indicator that have at least one point."""
    spans = {grain: _spans(programme, grain) for grain in ("month", "quarter")}
    for scope_type, scope, arm in SCOPES:
        keys = {"indicator_id": indicator.id, "measure": indicator.primary.measure}
        keys |= {"scope_type": scope_type, "scope": scope}
        if isinstance(indicator, RecurrentEvent):
            found = {"month": _calendar_months(months.filter(arm=arm, **_main(indicator)), indicator)}
        else:
            of_scope = _of_measure(figures, indicator).filter(scope_type=scope_type, scope=scope)
            by_period = {row["period"]: row for row in of_scope.iter_rows(named=True)}
            found = dict.fromkeys(spans, by_period)
        for grain, points in found.items():
            series = Series(keys, spans[grain], [points.get(span.name, _missing(span)) for span in spans[grain]])
            if any(value is not None for value in series.values):
                yield grain, series


def _main(indicator: Indicator) -> dict[str, str]:
    return {"indicator_id": indicator.id, "variant": "main"}


def _of_measure(figures: pl.DataFrame, indicator: Indicator) -> pl.DataFrame:
    """The figures of the primary measure of the indicator itself."""
    horizon = pl.col("horizon").eq_missing(pl.lit(indicator.primary.horizon, pl.Int64))
    planned = ~pl.col("analysis").fill_null("").str.starts_with(SENSITIVITY)
    return figures.filter(horizon, planned, measure=indicator.primary.measure, **_main(indicator))


def _calendar_months(months: pl.DataFrame, indicator: RecurrentEvent) -> dict[str, Row]:
    """Rates per 100 patient-months of calendar months; a month in which nobody was at risk has no rate."""
    exposure = pl.col("exposure") / indicator.month_days
    rated = months.with_columns(
        exposure=exposure,
        n_events="events",
        estimate=pl.when(pl.col("exposure") > 0).then(HUNDRED * pl.col("events") / exposure),
        null_reason=pl.when(pl.col("exposure") == 0).then(pl.lit(NOT_ESTIMABLE)),
    )
    return {row["period"]: row for row in rated.iter_rows(named=True)}


def _missing(span: Span) -> Row:
    """A month without any data, which is not a month with none of the events."""
    nothing: Row = dict.fromkeys(("n", "n_events", "n_with", "exposure", "estimate"))
    return nothing | {"null_reason": NO_PATHWAY if span.phase else NO_SUCH_DAY}


def _spans(programme: Programme, grain: str) -> list[Span]:
    """Every month or quarter from the first day of before to the last of after, those between periods too."""
    periods = programme.periods.named()
    until = periods[-1][1].until
    length = 3 if grain == "quarter" else 1
    first = periods[0][1].start.replace(day=1)
    first = first.replace(month=first.month - (first.month - 1) % length)
    spans = []
    while first < until:
        after = _months_later(first, length)
        name = f"{first.year}-Q{(first.month + 2) // 3}" if grain == "quarter" else f"{first.year}-{first.month:02d}"
        spans.append(Span(name, _phase(first, after, periods)))
        first = after
    return spans


def _months_later(first: date, months: int) -> date:
    return (first + timedelta(days=31 * months)).replace(day=1)


def _phase(first: date, after: date, periods: list[tuple[str, Period]]) -> str | None:
    """The period that the days lie in; of the transition where they lie in two, so that the baseline is pure."""
    met = [name for name, period in periods if period.start < after and first < period.until]
    return met[0] if len(met) == 1 else "transition" if met else None


# --- Limits, rules, icons -----------------------------------------------------------------------


def _limits(series: Series, indicator: Indicator, *, screened: bool) -> tuple[Limiting, str]:
    """The limits at each point, and the name of the chart that they make."""
    events, n = series.column("n_events"), series.column("n")
    if isinstance(indicator, RecurrentEvent):
        hundreds = [None if months is None else months / HUNDRED for months in series.column("exposure")]
        return control_charts.rates(events, hundreds, series.baseline, prime=True), "u_prime"
    if isinstance(indicator, Proportion | Score):
        sizes = [size for size in n[: series.baseline] if size is not None]
        prime = bool(sizes) and fmean(sizes) >= HUGE
        return control_charts.shares(events, n, series.baseline, prime=prime), "p_prime" if prime else "p"
    return control_charts.individuals(series.values, series.baseline, screened=screened), "xmr"


def _is_provisional(series: Series) -> bool:
    return _baseline_points(series) < control_charts.FIRM_BASELINE


def _baseline_points(series: Series) -> int:
    return sum(value is not None for value in series.values[: series.baseline])


def _rows(series: Series, limits: Limiting, better: Better | None) -> list[Row]:
    """One row per point, without the keys of its chart."""
    signals = control_charts.special_causes(series.values, limits)
    rows = []
    for span, point, at, signal in zip(series.spans, series.points, limits, signals, strict=True):
        judged = point["estimate"] is not None and at is not None
        rows.append(
            {name: point[name] for name in ("n", "n_events", "n_with", "exposure", "estimate", "null_reason")}
            | {"period": span.name, "phase": span.phase, "signal": signal.rule if signal else None}
            | {"variation": control_charts.variation(signal, better) if judged else None}
            | _limit_columns(at)
        )
    return rows


def _limit_columns(at: Limits | None) -> Row:
    names = ("centre", "lower", "upper", "near_lower", "near_upper")
    return {name: None if at is None else getattr(at, name) for name in names}


def _summary(series: Series, limits: Limiting, rows: list[Row], indicator: Indicator, better: Better | None) -> Row:
    """The last point with its icons, and the run rules of the whole series."""
    last, at = [(row, at) for row, at in zip(rows, limits, strict=True) if row["estimate"] is not None][-1]
    target = indicator.target_value
    enough = _baseline_points(series) >= control_charts.LEAST_BASELINE
    random = runs(series.values)
    return {
        "baseline_points": _baseline_points(series),
        **{name: last[name] for name in ("period", "signal", "variation")},
        "target": target,
        "assurance": control_charts.assurance(target, at, better) if target is not None and at and better else None,
        "useful_points": random.useful,
        "longest_run": random.longest,
        "longest_run_allowed": random.longest_allowed,
        "crossings": random.crossings,
        "fewest_crossings": random.fewest_crossings,
        "runs_signal": random.signal,
        "null_reason": None if at is not None else NO_VARIATION if enough else TOO_FEW_POINTS,
    }


# --- Funnels ------------------------------------------------------------------------------------


def funnels(figures: pl.DataFrame, counted: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """Every circuit site beside all of them after (FUNNEL); none for a programme of a single one.

    ``figures`` is ESTIMATE, ``counted`` is COUNT_TALLY.
    """
    circuit = [site.id for site in programme.sites if site.arm == "circuit"]
    rows: list[Row] = []
    for indicator in programme.indicators.values() if len(circuit) > 1 else ():
        after = _of_measure(figures, indicator).filter(period="after")
        pooled = after.filter(scope_type="overall").to_dicts()
        centre = pooled[0]["estimate"] if pooled else None
        spread = _spread(pooled[0], counted.filter(**_main(indicator)), indicator) if pooled else AS_BY_CHANCE
        for site in after.filter(pl.col("scope").is_in(circuit), scope_type="site").iter_rows(named=True):
            rows.append(site | {"centre": centre, "spread": spread} | funnel_limits(site, centre, spread))
    return pl.DataFrame(rows, schema=FUNNEL)


def _spread(pooled: Row, counted: pl.DataFrame, indicator: Indicator) -> float:
    """By how much the pathways of all circuit sites vary beyond the law of the limits."""
    if isinstance(indicator, RecurrentEvent):
        after = counted.filter(view="overall", period="after", arm="circuit")
        events, exposure, n = (after[name].to_numpy() for name in ("events", "exposure", "n"))
        return spread_of_rate(events, exposure.astype(np.float64), n)
    if isinstance(indicator, Timed) and pooled["estimate"] is not None:
        return spread_of_share(pooled["estimate"], pooled["std_error"], pooled["n"] or 0)
    return AS_BY_CHANCE


def funnel_limits(site: Row, centre: float | None, spread: float) -> Row:
    """Exact limits of both levels for a site's ``n``, or of a rate its ``exposure`` in patient-months; its place.

    ``spread`` is how many times further from the centre than the law says they lie.
    """
    is_rate = site["measure"] == "rate"
    size = site["exposure"] if is_rate else site["n"]
    if centre is None or not size:
        return {}
    plain = [
        rate_limits(centre, size / HUNDRED, level) if is_rate else share_limits(centre, size, level) for level in LEVELS
    ]
    limits = [widened(found, centre, spread, most=math.inf if is_rate else 1.0) for found in plain]
    (low_95, high_95), (low_998, high_998) = limits
    value = site["estimate"]
    place = None if value is None else position(value, ((low_95, high_95), (low_998, high_998)))
    return {"low_95": low_95, "high_95": high_95, "low_998": low_998, "high_998": high_998, "position": place}

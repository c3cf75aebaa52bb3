"""Rows of a release as records, found by what they are: no arithmetic happens here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from warehouse.kinds import Indicator
from warehouse.programme import Programme
from warehouse.schemas import LARGEST_RESPONSE_DIFFERENCE, LOWEST_RESPONSE, Release

CONTRAST = "after-before"
SHARES = frozenset({"cumulative_incidence", "survival", "proportion", "top_box", "response_rate", "invitation_rate"})
TIMES = frozenset({"median_time", "restricted_mean", "area_under_incidence"})
PROPORTIONALITY = {
    "hazard_ratio": "proportional_hazards",
    "hazard_ratio_competing": "proportional_hazards_competing",
}  # a ratio of hazards -> the test that it is the same at all times
OF_CURVES = {"log_rank", "stratified_log_rank", "gray_test", "stratified_gray_test"}
INTERACTION, DETECTABLE = "interaction", "minimum_detectable"  # what is said of an indicator's own contrast
TESTS = frozenset({*OF_CURVES, *PROPORTIONALITY.values(), "brunner_munzel", INTERACTION})
# What compares after with before without being a difference of two values: told in a sentence.
RATIOS = frozenset(
    {
        "rate_ratio", "rate_ratio_negative_binomial", "events_avoided",
        "probability_of_superiority", "odds_ratio", "tipping_point", *PROPORTIONALITY,
    }
)  # fmt: skip
SENSITIVITY = "sensitivity:"
ROUNDING = 1e-9  # of a difference of published shares
_MONTH_OR_QUARTER = re.compile(r"^\d{4}-(\d{2}|Q[1-4])$")


@dataclass(frozen=True)
class Row:
    """One released figure: the columns of RELEASED_FIGURE. Null estimate with ``withheld`` saying why."""

    indicator_id: str
    variant: str
    kind: str
    measure: str
    analysis: str
    scope_type: str
    scope: str
    period: str
    horizon: int | None
    unit: str
    n: int | None
    n_events: int | None
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    method: str | None
    withheld: str | None

    @property
    def is_contrast(self) -> bool:
        """Whether the row compares periods."""
        return self.period == CONTRAST

    @property
    def sensitivity(self) -> str | None:
        """The name of the sensitivity analysis that the row belongs to; None where it is no such analysis."""
        return self.analysis.removeprefix(SENSITIVITY) if self.analysis.startswith(SENSITIVITY) else None

    @property
    def is_share(self) -> bool:
        """Whether the estimate is a fraction; its contrast then is in percentage points."""
        return self.measure in SHARES

    @property
    def is_of_a_month(self) -> bool:
        """Whether the row is a month or a quarter of a series."""
        return _MONTH_OR_QUARTER.match(self.period) is not None


@dataclass(frozen=True)
class Comparison:
    """One measure of one scope in the periods, and their difference. None where the release has no row.

    ``sensitivity`` names the sensitivity analysis; None for what was planned or explored.
    """

    measure: str
    horizon: int | None
    scope_type: str
    scope: str
    before: Row | None
    transition: Row | None
    after: Row | None
    difference: Row | None
    sensitivity: str | None = None

    @property
    def is_present(self) -> bool:
        """Whether any of the periods has a row."""
        return any((self.before, self.after, self.difference))


@dataclass(frozen=True)
class Point:
    """One published point of a curve, time in the indicator's unit."""

    time: float
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    at_risk: int | None


@dataclass(frozen=True)
class Published:
    """A release opened for reading: its programme, and its figures and curves by indicator and variant."""

    release: Release
    figures: dict[tuple[str, str], tuple[Row, ...]] = field(repr=False)
    curves: dict[tuple[str, str, str, str, str], tuple[Point, ...]] = field(repr=False)

    @property
    def programme(self) -> Programme:
        """What was evaluated."""
        return self.release.programme

    @property
    def primary(self) -> tuple[Indicator, ...]:
        """The indicators that carry the conclusion, in declared order; all where none is named."""
        wanted = self.programme.analysis.primary or self.programme.analysis.indicators
        return self._indicators(wanted)

    @property
    def secondary(self) -> tuple[Indicator, ...]:
        """The other indicators, in declared order."""
        first = {indicator.id for indicator in self.primary}
        return self._indicators(name for name in self.programme.analysis.indicators if name not in first)

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """All evaluated indicators, the primary ones first."""
        return (*self.primary, *self.secondary)

    def _indicators(self, names: Iterable[str]) -> tuple[Indicator, ...]:
        declared = self.programme.indicators
        return tuple(declared[name] for name in names if name in declared)

    def rows(self, indicator_id: str, variant: str = "main") -> tuple[Row, ...]:
        """All figures of an indicator and variant, in the release's order."""
        return self.figures.get((indicator_id, variant), ())

    def headline(
        self, indicator: Indicator, variant: str = "main", scope_type: str = "overall", scope: str = "all"
    ) -> Comparison:
        """The primary measure of the indicator in one scope."""
        declared = self.programme.variants_of(indicator)[variant]
        rows = self.rows(indicator.id, variant)
        return comparison(rows, declared.primary.measure, declared.primary.horizon, scope_type, scope)

    def series(self, indicator: Indicator, scope_type: str = "overall", scope: str = "all") -> tuple[Row, ...]:
        """The months or quarters of the primary measure, in time order."""
        wanted = (indicator.primary.measure, indicator.primary.horizon, scope_type, scope)
        found = [row for row in self.rows(indicator.id) if row.is_of_a_month and _key(row) == (*wanted, None)]
        return tuple(sorted(found, key=lambda row: row.period))

    def scopes(self, indicator: Indicator) -> list[tuple[str, str]]:
        """Every scope that has a row, once, in the release's order."""
        return list(dict.fromkeys((row.scope_type, row.scope) for row in self.rows(indicator.id)))

    def curve(self, indicator_id: str, variant: str, scope_type: str, scope: str, period: str) -> tuple[Point, ...]:
        """The points of one curve, in time order; empty where the release has none."""
        return self.curves.get((indicator_id, variant, scope_type, scope, period), ())

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that occur anywhere in the release, by name."""
        return tuple(sorted({row.measure for rows in self.figures.values() for row in rows}))


def opened(release: Release) -> Published:
    """The release, its frames turned into records once."""
    figures: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for values in release.figures.iter_rows(named=True):
        row = _silent_where_withheld(Row(**values))
        figures[row.indicator_id, row.variant].append(row)
    return Published(
        release=release,
        figures={key: tuple(rows) for key, rows in figures.items()},
        curves=_curves(release.curves),
    )


def _silent_where_withheld(row: Row) -> Row:
    """A withheld row shows no number, whatever it was given."""
    if row.withheld is None:
        return row
    return replace(row, estimate=None, ci_low=None, ci_high=None, p_value=None, p_adjusted=None)


def _curves(frame: pl.DataFrame) -> dict[tuple[str, str, str, str, str], tuple[Point, ...]]:
    keys = ["indicator_id", "variant", "scope_type", "scope", "period"]
    points: dict[tuple[str, ...], list[Point]] = defaultdict(list)
    for row in frame.sort(*keys, "time").iter_rows(named=True):
        point = Point(row["time"], row["estimate"], row["ci_low"], row["ci_high"], row["at_risk"])
        points[tuple(row[key] for key in keys)].append(point)
    return {(k[0], k[1], k[2], k[3], k[4]): tuple(found) for k, found in points.items()}


def comparison(
    rows: Sequence[Row], measure: str, horizon: int | None, scope_type: str, scope: str, sensitivity: str | None = None
) -> Comparison:
    """The rows of one measure, horizon, scope and analysis, laid out by period."""
    wanted = (measure, horizon, scope_type, scope, sensitivity)
    found = {row.period: row for row in rows if _key(row) == wanted}
    return Comparison(
        measure=measure,
        horizon=horizon,
        scope_type=scope_type,
        scope=scope,
        before=found.get("before"),
        transition=found.get("transition"),
        after=found.get("after"),
        difference=found.get(CONTRAST),
        sensitivity=sensitivity,
    )


def comparisons(rows: Sequence[Row], scope_type: str, scope: str) -> list[Comparison]:
    """Every measure, horizon and analysis of one scope that compares periods, in the release's order."""
    named = [row for row in rows if (row.scope_type, row.scope) == (scope_type, scope) and not row.is_of_a_month]
    keys = dict.fromkeys((row.measure, row.horizon, row.sensitivity) for row in named)
    return [comparison(named, measure, horizon, scope_type, scope, name) for measure, horizon, name in keys]


def response_is_doubtful(rates: Comparison) -> bool:
    """Whether a period answered under 50 %, or both by more than 10 points apart, as published; true where unknown."""
    shares = [row.estimate for row in (rates.before, rates.after) if row is not None and row.estimate is not None]
    if len(shares) < 2:
        return True
    apart = abs(shares[0] - shares[1])
    return min(shares) < LOWEST_RESPONSE or apart > LARGEST_RESPONSE_DIFFERENCE + ROUNDING


def _key(row: Row) -> tuple[str, int | None, str, str, str | None]:
    return row.measure, row.horizon, row.scope_type, row.scope, row.sensitivity

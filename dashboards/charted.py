"""Control charts and funnels of a release as records, found by indicator: no arithmetic happens here."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from warehouse.kinds import Indicator
from warehouse.schemas import Release

CIRCUIT = ("overall", "all")
COMPARATOR = ("arm", "comparator")


@dataclass(frozen=True)
class ChartPoint:
    """One released point of a control chart: the columns of RELEASED_CHART."""

    indicator_id: str
    measure: str
    scope_type: str
    scope: str
    chart: str
    period: str
    phase: str | None
    n: int | None
    estimate: float | None
    centre: float | None
    lower: float | None
    upper: float | None
    near_lower: float | None
    near_upper: float | None
    signal: str | None
    variation: str | None
    provisional: bool
    withheld: str | None


@dataclass(frozen=True)
class ChartSummary:
    """What one control chart says as a whole: the columns of RELEASED_CHART_SUMMARY."""

    indicator_id: str
    measure: str
    scope_type: str
    scope: str
    chart: str
    grain: str
    baseline_points: int
    provisional: bool
    period: str
    signal: str | None
    variation: str | None
    target: float | None
    assurance: str | None
    useful_points: int
    longest_run: int
    longest_run_allowed: int | None
    crossings: int
    fewest_crossings: int | None
    runs_signal: bool | None
    withheld: str | None


@dataclass(frozen=True)
class ControlChart:
    """One control chart of a release: what it says, and its points in the order of time."""

    summary: ChartSummary
    points: tuple[ChartPoint, ...]


@dataclass(frozen=True)
class FunnelPoint:
    """A site of a funnel, or with ``scope_type`` ``line`` a place on its limits: the columns of RELEASED_FUNNEL."""

    indicator_id: str
    measure: str
    scope_type: str
    scope: str | None
    n: int | None
    exposure: float | None
    estimate: float | None
    centre: float | None
    low_95: float | None
    high_95: float | None
    low_998: float | None
    high_998: float | None
    position: str | None
    withheld: str | None

    @property
    def size(self) -> float | None:
        """What the width of the funnel depends on: pathways, or for a rate patient-months."""
        return self.exposure if self.measure == "rate" else self.n


def control_chart(release: Release, indicator: Indicator, scope: tuple[str, str] = CIRCUIT) -> ControlChart | None:
    """The control chart of the circuit sites or of the comparators; None where the release has none."""
    found = {"indicator_id": indicator.id, "scope_type": scope[0], "scope": scope[1]}
    summaries = [ChartSummary(**row) for row in release.chart_summaries.filter(**found).iter_rows(named=True)]
    points = tuple(ChartPoint(**row) for row in release.charts.filter(**found).sort("period").iter_rows(named=True))
    return ControlChart(summaries[0], points) if summaries and points else None


def funnel(release: Release, indicator: Indicator) -> tuple[tuple[FunnelPoint, ...], tuple[FunnelPoint, ...]]:
    """The sites in the declared order, and the places on the limits by size."""
    rows = release.funnels.filter(pl.col("indicator_id") == indicator.id).iter_rows(named=True)
    found = [FunnelPoint(**row) for row in rows]
    order = {site.id: position for position, site in enumerate(release.programme.sites)}
    sites = [point for point in found if point.scope_type == "site" and point.scope in order]
    lines = [point for point in found if point.scope_type == "line"]
    return (
        tuple(sorted(sites, key=lambda point: order[point.scope or ""])),
        tuple(sorted(lines, key=lambda point: point.size or 0)),
    )

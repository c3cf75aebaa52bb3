"""Figures of times to an event: incidence at the horizons, median among all, contrasts, curves.

Where time zero is ``each``, the functions are given the pairs of pathways of one patient (rows of
PAIR_TALLY): errors are then those of patients. ``None`` means that every patient has one pathway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from transforms.bootstrap import Stream, median_difference
from transforms.cells import Cells
from transforms.clusters import Linked, Pairs, clustered_difference, clustered_incidence
from transforms.figure import CONTRAST, Figure, figure_of
from transforms.follow_up import ticks_per_unit
from transforms.intervals import Interval, scaled
from transforms.kaplan_meier import Survival, kaplan_meier, median_survival, product_limit, survival_at
from transforms.survival import (
    Incidence,
    aalen_johansen,
    complement_of_survival,
    incidence_at,
    incidence_difference,
    median_time,
)
from warehouse.kinds import Timed
from warehouse.schemas import EVENT_SEEN

AALEN_JOHANSEN = "Aalen-Johansen, influence-function error, cloglog interval"
KAPLAN_MEIER = "Kaplan-Meier, Greenwood error, log-log interval"
INFLUENCE = "difference of incidences, influence-function error, hybrid interval"
MEDIAN = "first time at which half of all pathways have had the event"
RESAMPLED = "difference of medians, percentile interval of {} resamplings of the counts"
CLUSTERED = "Aalen-Johansen, patient-clustered error, cloglog interval"
CLUSTERED_SURVIVAL = "Kaplan-Meier, patient-clustered error, log-log interval"
CLUSTERED_INFLUENCE = "difference of incidences, patient-clustered influence-function error, hybrid interval"


@dataclass(frozen=True)
class _Group:
    """The pathways of one period, their curve, and the pairs of those of one patient."""

    cells: Cells
    curve: Incidence | Survival
    pairs: Pairs | None

    @classmethod
    def of(
        cls,
        frame: pl.DataFrame,
        indicator: Timed,
        pairs: pl.DataFrame | None,
        survival: Callable[[Cells], Survival] = kaplan_meier,
    ) -> _Group:
        """Aalen-Johansen where something is declared to compete or pathways share patients, else Kaplan-Meier."""
        cells = Cells.of(frame)
        if pairs is None:
            return cls(cells, aalen_johansen(cells) if indicator.competing else survival(cells), None)
        linked = Pairs.of(pairs, cells, cells)
        return cls(cells, clustered_incidence(cells, linked), linked)

    def counts(self, until: int | None = None) -> dict[str, Any]:
        """Pathways and those with the event, up to a tick where one is given: ``n``, ``n_events``, ``n_with``."""
        seen = self.cells.status == EVENT_SEEN
        seen = seen if until is None else seen & (self.cells.time <= until)
        known: dict[str, Any] = {"n": self.cells.total, "n_events": int(self.cells.n[seen].sum())}
        if self.pairs is not None:
            known["n_with"] = min(self.pairs.fewest_patients(self.cells, chosen) for chosen in (seen, ~seen))
        return known


def time_group(
    period: str, frame: pl.DataFrame, indicator: Timed, pairs: pl.DataFrame | None = None
) -> Iterator[Figure]:
    """Incidence by each horizon, survival where nothing competes, and the median among all pathways."""
    group, scale = _Group.of(frame, indicator, pairs), ticks_per_unit(indicator.unit)
    for horizon in indicator.horizons:
        yield from _at_horizon(period, group, indicator, horizon)
    if isinstance(group.curve, Incidence):
        found = median_time(group.curve, as_survival=not indicator.competing)
    else:
        found = median_survival(group.curve)
    yield Figure(
        "median_time",
        period,
        **group.counts(),
        estimate=_in_units(found.estimate, scale),
        ci_low=_in_units(found.low, scale),
        ci_high=_in_units(found.high, scale),
        method=MEDIAN,
        null_reason=found.null_reason,
    )


def time_headline(
    period: str, frame: pl.DataFrame, indicator: Timed, pairs: pl.DataFrame | None = None
) -> Iterator[Figure]:
    """The primary measure at its horizon alone, for months and quarters."""
    group = _Group.of(frame, indicator, pairs, survival=product_limit)
    figures = _at_horizon(period, group, indicator, indicator.primary.horizon or 0)
    return (figure for figure in figures if figure.measure == indicator.primary.measure)


def _at_horizon(period: str, group: _Group, indicator: Timed, horizon: int) -> Iterator[Figure]:
    """Cumulative incidence by a horizon, in units, and where nothing competes its complement, survival."""
    tick = horizon * ticks_per_unit(indicator.unit)
    if indicator.competing and isinstance(group.curve, Incidence):
        method = AALEN_JOHANSEN if group.pairs is None else CLUSTERED
        share = incidence_at(group.curve, tick)
        alive = share.complement()
    else:
        method, alive = _alive(group.curve, tick)
        share = alive.complement()
    known = {**group.counts(tick), "horizon": horizon, "method": method}
    if not indicator.competing:
        yield figure_of(alive, "survival", period, **known)
    yield figure_of(share, "cumulative_incidence", period, **known)


def _alive(curve: Incidence | Survival, tick: int) -> tuple[str, Interval]:
    """Survival where nothing competes, with its method: Kaplan-Meier's, or with the error of patients."""
    if isinstance(curve, Survival):
        return KAPLAN_MEIER, survival_at(curve, tick)
    return CLUSTERED_SURVIVAL, incidence_at(curve, tick, as_survival=True).complement()


def time_contrast(
    after: pl.DataFrame, before: pl.DataFrame, indicator: Timed, pairs: pl.DataFrame | None = None
) -> Iterator[Figure]:
    """Differences, after - before, at each horizon.

    ``pairs`` are those of both groups: a patient may have pathways in either.
    """
    groups = Cells.of(after), Cells.of(before)
    linked = None if pairs is None else Linked.of(pairs, *groups)
    method = INFLUENCE if pairs is None else CLUSTERED_INFLUENCE
    as_survival = not indicator.competing  # the limits of each group are then log-log ones of Kaplan-Meier
    for horizon in indicator.horizons:
        tick = horizon * ticks_per_unit(indicator.unit)
        if linked:
            found = clustered_difference(*groups, tick, linked, as_survival=as_survival)
        else:
            found = incidence_difference(*groups, tick, as_survival=as_survival)
        yield figure_of(found, "cumulative_incidence", CONTRAST, horizon=horizon, method=method)
        if indicator.primary.measure == "survival":
            yield figure_of(found.negated(), "survival", CONTRAST, horizon=horizon, method=method)


def median_contrast(after: pl.DataFrame, before: pl.DataFrame, indicator: Timed, stream: Stream) -> Figure:
    """Difference of the medians, after - before, of pathways that are independent of one another."""
    found = median_difference(Cells.of(after), Cells.of(before), stream)
    if found.estimate is not None:
        found = scaled(found, 1 / ticks_per_unit(indicator.unit))
    return figure_of(found, "median_time", CONTRAST, method=RESAMPLED.format(stream.replicates))


def curve_rows(
    period: str, frame: pl.DataFrame, indicator: Timed, pairs: pl.DataFrame | None = None
) -> Iterator[dict[str, object]]:
    """Every step of the incidence with its interval, from time 0 on (CURVE without its keys)."""
    cells, scale = Cells.of(frame), ticks_per_unit(indicator.unit)
    if pairs is not None:
        curve = clustered_incidence(cells, Pairs.of(pairs, cells, cells))
    else:
        curve = aalen_johansen(cells) if indicator.competing else complement_of_survival(cells)
    n, at_once = cells.total, int(cells.n[cells.entry < 0].sum())
    if curve.time[0] > 0:
        yield {"period": period, "time": 0.0, "estimate": 0.0, "at_risk": at_once, "n": n, "n_events": 0}
    events = curve.events.cumsum()
    for position, tick in enumerate(curve.time.tolist()):
        found = incidence_at(curve, tick, as_survival=not indicator.competing)
        if found.estimate is None:  # nobody was left, and others entered later
            return
        yield {
            "period": period,
            "time": tick / scale,
            "estimate": found.estimate,
            "ci_low": found.low,
            "ci_high": found.high,
            "at_risk": int(curve.at_risk[position]),
            "n": n,
            "n_events": int(events[position]),
        }


def _in_units(ticks: float | None, scale: int) -> float | None:
    return None if ticks is None else ticks / scale

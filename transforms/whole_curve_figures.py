"""Figures of whole curves up to the last horizon: mean time with the event behind or ahead, and Gray's test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from transforms.areas import area_difference, area_under_incidence, restricted_mean, restricted_mean_difference
from transforms.cells import Cells
from transforms.figure import CONTRAST, Figure, figure_of
from transforms.follow_up import ticks_per_unit
from transforms.group_tests import gray_test
from transforms.intervals import Difference, Interval
from warehouse.kinds import Timed
from warehouse.schemas import EVENT_SEEN

AREA = "area under the incidence, influence-function error"
RESTRICTED_MEAN = "restricted mean of Kaplan-Meier, Greenwood error"


def curve_group(period: str, frame: pl.DataFrame, indicator: Timed) -> Iterator[Figure]:
    """The area under the incidence or, where nothing competes, the restricted mean, up to the last horizon."""
    cells, tau = Cells.of(frame), _ticks(indicator)
    area = area_under_incidence(cells, tau) if indicator.competing else restricted_mean(cells, tau)
    yield _in_units(area, period, indicator, n=cells.total, n_events=_events(cells, tau))


def curve_contrast(after: pl.DataFrame, before: pl.DataFrame, indicator: Timed) -> Iterator[Figure]:
    """The difference of the areas, after - before; where something competes, Gray's test of the whole curves."""
    groups, tau = (Cells.of(after), Cells.of(before)), _ticks(indicator)
    between = area_difference if indicator.competing else restricted_mean_difference
    yield _in_units(between(*groups, tau), CONTRAST, indicator)
    if indicator.competing:
        test = gray_test([groups])
        yield Figure(
            "gray_test",
            CONTRAST,
            estimate=test.statistic,
            p_value=test.p_value,
            method="Gray's test",
            null_reason=test.null_reason,
        )


def _ticks(indicator: Timed) -> int:
    """The last horizon: areas are of the step function on [0, tau)."""
    return max(indicator.horizons) * ticks_per_unit(indicator.unit)


def _events(cells: Cells, tau: int) -> int:
    """Pathways whose event came by the last horizon."""
    return int(cells.n[(cells.status == EVENT_SEEN) & (cells.time <= tau)].sum())


def _in_units(found: Interval | Difference, period: str, indicator: Timed, **counts: int) -> Figure:
    """An area in the indicator's unit."""
    measure = "area_under_incidence" if indicator.competing else "restricted_mean"
    method = AREA if indicator.competing else RESTRICTED_MEAN
    figure = figure_of(found, measure, period, horizon=max(indicator.horizons), method=method, **counts)
    scale = ticks_per_unit(indicator.unit)
    return replace(
        figure,
        estimate=in_units(figure.estimate, scale),
        ci_low=in_units(figure.ci_low, scale),
        ci_high=in_units(figure.ci_high, scale),
        std_error=in_units(figure.std_error, scale),
    )


def in_units(ticks: float | None, scale: int) -> float | None:
    """Ticks of the clock in the indicator's unit."""
    return None if ticks is None else ticks / scale

"""Figures of times to an event: incidence at the horizons, median among all, contrasts, curves."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from transforms.cells import Cells
from transforms.figure import CONTRAST, Figure, figure_of
from transforms.follow_up import ticks_per_unit
from transforms.kaplan_meier import Survival, kaplan_meier, log_rank, median_survival, survival_at
from transforms.survival import Incidence, aalen_johansen, incidence_at, incidence_difference, median_time
from warehouse.programme import Timed
from warehouse.schemas import EVENT_SEEN

AALEN_JOHANSEN = "Aalen-Johansen, delta-method error, cloglog interval"
KAPLAN_MEIER = "Kaplan-Meier, Greenwood error, log-log interval"
INFLUENCE = "difference of incidences, influence-function error"
LOG_RANK = "log-rank test"


def time_group(period: str, frame: pl.DataFrame, indicator: Timed) -> Iterator[Figure]:
    """Incidence by each horizon, survival where nothing competes, and the median among all pathways."""
    cells, scale = Cells.of(frame), ticks_per_unit(indicator.unit)
    curve = _fitted(cells, indicator)
    for horizon in indicator.horizons:
        yield from _at_horizon(period, cells, curve, horizon, scale)
    found = median_time(curve) if isinstance(curve, Incidence) else median_survival(curve)
    yield Figure(
        "median_time",
        period,
        n=cells.total,
        n_events=_events(cells),
        estimate=_in_units(found.estimate, scale),
        ci_low=_in_units(found.low, scale),
        ci_high=_in_units(found.high, scale),
        method="first time at which half of all pathways have had the event",
        null_reason=found.null_reason,
    )


def time_headline(period: str, frame: pl.DataFrame, indicator: Timed) -> Iterator[Figure]:
    """The primary measure at its horizon alone, for months and quarters."""
    cells, horizon = Cells.of(frame), indicator.primary.horizon or 0
    figures = _at_horizon(period, cells, _fitted(cells, indicator), horizon, ticks_per_unit(indicator.unit))
    return (figure for figure in figures if figure.measure == indicator.primary.measure)


def _fitted(cells: Cells, indicator: Timed) -> Incidence | Survival:
    """Aalen-Johansen where something is declared to compete, else Kaplan-Meier."""
    return aalen_johansen(cells) if indicator.competing else kaplan_meier(cells)


def _at_horizon(period: str, cells: Cells, curve: Incidence | Survival, horizon: int, scale: int) -> Iterator[Figure]:
    """Cumulative incidence by a horizon, in units, and where nothing competes its complement, survival."""
    tick = horizon * scale
    known = {"n": cells.total, "n_events": _events(cells, tick), "horizon": horizon}
    if isinstance(curve, Incidence):
        yield figure_of(incidence_at(curve, tick), "cumulative_incidence", period, **known, method=AALEN_JOHANSEN)
        return
    alive = survival_at(curve, tick)
    yield figure_of(alive, "survival", period, **known, method=KAPLAN_MEIER)
    yield figure_of(alive.complement(), "cumulative_incidence", period, **known, method=KAPLAN_MEIER)


def time_contrast(after: pl.DataFrame, before: pl.DataFrame, indicator: Timed) -> Iterator[Figure]:
    """Differences, after - before, at each horizon; the log-rank test where nothing competes."""
    groups, scale = (Cells.of(after), Cells.of(before)), ticks_per_unit(indicator.unit)
    for horizon in indicator.horizons:
        found = incidence_difference(*groups, horizon * scale)
        yield figure_of(found, "cumulative_incidence", CONTRAST, horizon=horizon, method=INFLUENCE)
        if indicator.primary.measure == "survival":
            yield figure_of(found.negated(), "survival", CONTRAST, horizon=horizon, method=INFLUENCE)
    if not indicator.competing:
        test = log_rank(*groups)
        yield Figure(
            "log_rank",
            CONTRAST,
            estimate=test.statistic,
            p_value=test.p_value,
            method=LOG_RANK,
            null_reason=test.null_reason,
        )


def curve_rows(period: str, frame: pl.DataFrame, indicator: Timed) -> Iterator[dict[str, object]]:
    """Every step of the incidence with its interval, from time 0 on (CURVE without its keys)."""
    cells, scale = Cells.of(frame), ticks_per_unit(indicator.unit)
    curve = aalen_johansen(cells)
    n = cells.total
    if curve.time[0] > 0:
        yield {"period": period, "time": 0.0, "estimate": 0.0, "at_risk": n, "n": n, "n_events": 0}
    events = curve.events.cumsum()
    for position, tick in enumerate(curve.time.tolist()):
        found = incidence_at(curve, tick)
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


def _events(cells: Cells, until: int | None = None) -> int:
    """Events of interest up to a tick, all of them where none is given."""
    seen = cells.status == EVENT_SEEN
    return int(cells.n[seen if until is None else seen & (cells.time <= until)].sum())


def _in_units(ticks: float | None, scale: int) -> float | None:
    return None if ticks is None else ticks / scale

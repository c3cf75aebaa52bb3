"""Figures of recurrent events: rates per 100 patient-months, their difference and their ratios."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from transforms.figure import CONTRAST, RATIO, Figure, figure_of
from transforms.rates import Sums, crude_rate, exact_rate_ratio, robust_rate_difference, robust_rate_ratio
from warehouse.programme import RecurrentEvent

HUNDRED = 100.0
GARWOOD = "events per 100 patient-months, exact Poisson interval"
ROBUST_DIFFERENCE = "difference of rates, patient-robust error"
ROBUST_RATIO = "Poisson regression, patient-robust error"
EXACT_RATIO = "ratio of rates, exact conditional interval"


def rate_group(period: str, frame: pl.DataFrame, indicator: RecurrentEvent) -> Iterator[Figure]:
    """The crude rate of the group. ``exposure`` is in patient-months."""
    sums = _sums(frame, indicator)
    yield figure_of(
        crude_rate(sums),
        "rate",
        period,
        n=sums.n,
        n_events=sums.events,
        n_with=int(frame.filter(pl.col("events") > 0)["n"].sum()),
        exposure=sums.exposure * HUNDRED,
        method=GARWOOD,
    )


def rate_contrast(after: pl.DataFrame, before: pl.DataFrame, indicator: RecurrentEvent) -> Iterator[Figure]:
    """The difference of the rates, after - before, and their ratio: patient-robust, and exact beside it."""
    groups = _sums(after, indicator), _sums(before, indicator)
    yield figure_of(robust_rate_difference(*groups), "rate", CONTRAST, method=ROBUST_DIFFERENCE)
    yield figure_of(robust_rate_ratio(*groups), "rate_ratio", RATIO, method=ROBUST_RATIO)
    yield figure_of(exact_rate_ratio(*groups), "rate_ratio_exact", RATIO, method=EXACT_RATIO)


def _sums(frame: pl.DataFrame, indicator: RecurrentEvent) -> Sums:
    return Sums.of(frame, unit=HUNDRED * indicator.month_days)

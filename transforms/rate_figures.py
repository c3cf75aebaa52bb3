"""Figures of recurrent events: rates per 100 patient-months, their difference and their ratios."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from transforms.cells import Floats, Integers
from transforms.figure import CONTRAST, RATIO, Figure, figure_of
from transforms.intervals import Difference, Interval, scaled
from transforms.rates import (
    RateModel,
    RateSums,
    exact_rate,
    exact_rate_ratio,
    negative_binomial,
    poisson,
    standardised_difference,
)
from warehouse.kinds import RecurrentEvent

HUNDRED = 100.0
GARWOOD = "events per 100 patient-months, exact Poisson interval"
POISSON = "Poisson regression, patient-robust error"
NEGATIVE_BINOMIAL = "negative binomial regression, patient-robust error"
EXACT = "ratio of crude rates, exact conditional interval"
AVOIDED = "minus the difference of the rates, times the exposure of the after period"
BEFORE, AFTER = np.array([1.0, 0.0]), np.array([1.0, 1.0])  # constant, after
DESIGN = np.stack([BEFORE, AFTER])


def rate_group(period: str, frame: pl.DataFrame, indicator: RecurrentEvent) -> Iterator[Figure]:
    """The crude rate of the group. ``exposure`` is in patient-months."""
    events, exposure, n = _cells(frame, indicator)
    months = float(exposure @ n)
    total = int(events @ n)
    yield figure_of(
        exact_rate(total, months),
        "rate",
        period,
        n=int(n.sum()),
        n_events=total,
        n_with=int(n[events > 0].sum()),
        exposure=months * HUNDRED,
        method=GARWOOD,
    )


def rate_contrast(after: pl.DataFrame, before: pl.DataFrame, indicator: RecurrentEvent) -> Iterator[Figure]:
    """The difference of the rates, after - before, and their ratio: Poisson, negative binomial, and exact.

    Models take pathways as units and leave out those without exposure; the exact ratio takes events as
    independent of one another.
    """
    groups = [_cells(frame, indicator) for frame in (before, after)]
    model = poisson(_sums(groups), DESIGN)
    yield figure_of(_difference(model), "rate", CONTRAST, method=POISSON)
    yield figure_of(model.rate_ratio(1), "rate_ratio", RATIO, method=POISSON)
    yield figure_of(_negative_binomial(groups), "rate_ratio_negative_binomial", RATIO, method=NEGATIVE_BINOMIAL)
    totals = [(int(events @ n), float(exposure @ n)) for events, exposure, n in groups]
    exact, test = exact_rate_ratio(*totals[1], *totals[0])
    p_value = None if exact.estimate is None else test.p_value  # no test beside an infinite ratio
    yield figure_of(exact, "rate_ratio_exact", RATIO, method=EXACT, p_value=p_value)


def events_avoided(after: pl.DataFrame, before: pl.DataFrame, indicator: RecurrentEvent) -> Iterator[Figure]:
    """Events that the after period would have had more at the rate of before: minus the difference, times its exposure.

    The exposure is taken as given: the test would be that of the difference, and is not told twice. Fewer than 0 are
    events added.
    """
    groups = [_cells(frame, indicator) for frame in (before, after)]
    _, exposure, n = groups[1]
    hundreds = float(exposure @ n)
    avoided = scaled(_difference(poisson(_sums(groups), DESIGN)).negated(), hundreds)
    yield figure_of(
        avoided,
        "events_avoided",
        CONTRAST,
        n=int(n.sum()),
        exposure=hundreds * HUNDRED,
        p_value=None,
        unit="event",
        method=AVOIDED,
    )


def _difference(model: RateModel) -> Difference:
    return standardised_difference(model, AFTER[None], BEFORE[None], np.ones(1))


def _negative_binomial(groups: list[tuple[Integers, Floats, Integers]]) -> Interval:
    """The rate ratio of the model with extra variation between pathways."""
    at_risk = [[array[exposure > 0] for array in (events, exposure, n)] for events, exposure, n in groups]
    pattern = np.repeat([0, 1], [len(group[0]) for group in at_risk])
    events, exposure, n = (np.concatenate(arrays) for arrays in zip(*at_risk, strict=True))
    return negative_binomial(events, exposure, n, DESIGN[pattern]).rate_ratio(1)


def _cells(frame: pl.DataFrame, indicator: RecurrentEvent) -> tuple[Integers, Floats, Integers]:
    """Events, exposure in hundreds of patient-months, and number of pathways of each cell."""
    cells = frame.group_by("events", "exposure").agg(pl.col("n").sum()).sort("events", "exposure")
    exposure = cells["exposure"].to_numpy() / (HUNDRED * indicator.month_days)
    return cells["events"].to_numpy(), exposure, cells["n"].to_numpy()


def _sums(groups: list[tuple[Integers, Floats, Integers]]) -> RateSums:
    """One row per group, of pathways with exposure alone."""
    rows = []
    for events, exposure, n in groups:
        weight = np.where(exposure > 0, n, 0)
        products = (np.ones_like(exposure), events, exposure, events**2, events * exposure, exposure**2)
        rows.append([float(weight @ product) for product in products])
    n, events, *floats = (np.array(column) for column in zip(*rows, strict=True))
    return RateSums(n.astype(np.int64), events.astype(np.int64), *floats)

"""Figures of recurrent events of a whole arm beside their rates: mean numbers, ratios along time, one mix of cases.

The mean number of events by a day counts what happened to everybody, death ending it (Ghosh and Lin 2000); a rate
counts time at risk alone. Adjusted rates are those of one mix of cases in either period (g-computation): every
pathway of both periods with its own exposure, as if all were of before, then as if all were of after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np
import polars as pl

from transforms.andersen_gill import andersen_gill
from transforms.case_mix import complete_cases, level_columns, repeats, with_events
from transforms.cells import Floats
from transforms.figure import CONTRAST, RATIO, Figure, figure_of
from transforms.intervals import NO_EVENT, NOT_ESTIMABLE, scaled
from transforms.rate_figures import HUNDRED, POISSON, events_avoided
from transforms.rates import RateModel, RateSums, poisson, standardised_difference, standardised_rate
from transforms.recurrences import pathways_with_event, recurrences
from transforms.recurrent import mean_events_at, mean_events_difference
from warehouse.kinds import RecurrentEvent
from warehouse.programme import PERIOD_NAMES

ADJUSTED = "sensitivity:adjusted"
GHOSH_LIN = "mean cumulative function with death (Ghosh and Lin), error over pathways"
ANDERSEN_GILL = "Andersen-Gill model, Breslow ties, Lin-Wei error over pathways"
PARTS = 3  # of the window: the mean number of events is told at the end of each
CONTRASTED = ("before", "after")


def recurrent_figures(
    cells: pl.DataFrame, counted: pl.DataFrame, indicator: RecurrentEvent, factors: Sequence[str]
) -> Iterator[Figure]:
    """Figures of the pathways of one arm: by period, and after against before where both have pathways.

    ``cells`` are rows of COUNT_TALLY of the arm in all its views, ``overall`` and ``adjust`` (the joint pattern of
    ``factors``) among them; ``counted`` are rows of RECURRENCE_TALLY of the arm, none for a variant.
    """
    groups = {period: counted.filter(period=period) for period in PERIOD_NAMES}
    for period, group in groups.items():
        if not group.is_empty():
            yield from _mean_counts(period, group, indicator)
    after, before = (cells.filter(view="overall", period=period) for period in ("after", "before"))
    if after.is_empty() or before.is_empty():
        return
    yield from events_avoided(after, before, indicator)
    if not groups["after"].is_empty() and not groups["before"].is_empty():
        yield from _along_time(groups["after"], groups["before"], indicator)
    by_pattern = cells.filter(pl.col("view") == "adjust", pl.col("period").is_in(CONTRASTED))
    if factors and not by_pattern.is_empty():
        yield from _at_equal_mix(complete_cases(by_pattern), indicator, factors)


def _horizons(indicator: RecurrentEvent) -> list[int]:
    """The last day of each third of the window, those of a short one once."""
    start, end = indicator.window
    ends = {start + (end - start) * part // PARTS - 1 for part in range(1, PARTS + 1)}
    return sorted(day for day in ends if day >= start)


def _mean_counts(period: str, frame: pl.DataFrame, indicator: RecurrentEvent) -> Iterator[Figure]:
    counts = recurrences(frame, indicator)
    for horizon in _horizons(indicator):
        yield figure_of(
            mean_events_at(counts, horizon),
            "mean_cumulative_count",
            period,
            n=counts.ends.total,
            n_events=int(counts.event_n[counts.event_time <= horizon].sum()),
            n_with=pathways_with_event(frame, horizon),
            horizon=horizon,
            unit="day",
            method=GHOSH_LIN,
        )


def _along_time(after: pl.DataFrame, before: pl.DataFrame, indicator: RecurrentEvent) -> Iterator[Figure]:
    """Differences of the mean numbers of events, and the ratio of the rates at each time."""
    groups = [recurrences(frame, indicator) for frame in (after, before)]
    for horizon in _horizons(indicator):
        difference = mean_events_difference(groups[0], groups[1], horizon)
        yield figure_of(difference, "mean_cumulative_count", CONTRAST, horizon=horizon, unit="day", method=GHOSH_LIN)
    model = andersen_gill(groups, np.array([[1.0], [0.0]]))
    yield figure_of(model.rate_ratio(0), "rate_ratio_andersen_gill", RATIO, method=ANDERSEN_GILL)


def _at_equal_mix(cells: pl.DataFrame, indicator: RecurrentEvent, factors: Sequence[str]) -> Iterator[Figure]:
    """Rates of either period at one mix of cases, their difference and ratio; of pathways without a missing level.

    Where all of a level had no event, its rate is 0 at either period, and its exposure dilutes those of the others.
    """
    sums = _sums(cells, indicator)
    fitted = with_events(sums, "events")
    model, designs = _model(fitted)
    exposure = fitted["exposure"].to_numpy()
    diluted = float(exposure.sum()) / (float(sums["exposure"].sum()) or 1.0)
    known = {"method": f"{POISSON}, adjusted for {', '.join(factors)}, complete cases", "analysis": ADJUSTED}
    for period in CONTRASTED:
        rate = scaled(standardised_rate(model, designs[period], exposure), diluted)
        yield figure_of(rate, "rate", period, **_numbers(cells.filter(period=period)), **known)
    difference = scaled(standardised_difference(model, designs["after"], designs["before"], exposure), diluted)
    yield figure_of(difference, "rate", CONTRAST, **known)
    yield figure_of(model.rate_ratio(1), "rate_ratio", RATIO, **known)


def _sums(cells: pl.DataFrame, indicator: RecurrentEvent) -> pl.DataFrame:
    """What the model needs of the pathways with exposure, by period and pattern of levels; hundreds of months."""
    months = pl.col("exposure") / (HUNDRED * indicator.month_days)
    products = {
        "n": pl.lit(1), "events": pl.col("events"), "exposure": months, "events_squared": pl.col("events") ** 2,
        "events_exposure": pl.col("events") * months, "exposure_squared": months**2,
    }  # fmt: skip
    totals = [(product * pl.col("n")).sum().alias(name) for name, product in products.items()]
    at_risk = cells.filter(pl.col("exposure") > 0).sort("period", "stratum", "events", "exposure")
    return at_risk.group_by("period", "stratum", maintain_order=True).agg(totals)


def _model(sums: pl.DataFrame) -> tuple[RateModel, dict[str, Floats]]:
    """The model, and the columns of its rows as if all were of either period: constant, after, levels."""
    levels = level_columns(sums)
    ones, after = np.ones(sums.height), (sums["period"] == "after").to_numpy()
    designs = {
        period: np.column_stack([ones, np.full(sums.height, period == "after", dtype=np.float64), levels])
        for period in CONTRASTED
    }
    if sums.is_empty():
        return RateModel.absent(NO_EVENT), designs
    if repeats(levels, after):
        return RateModel.absent(NOT_ESTIMABLE), designs
    of_rows = RateSums(**{field.name: sums[field.name].to_numpy() for field in fields(RateSums)})
    return poisson(of_rows, np.where(after[:, None], designs["after"], designs["before"])), designs


def _numbers(cells: pl.DataFrame) -> dict[str, int]:
    """Pathways without a missing level, their events, and how many of them had any."""
    events = cells["events"] * cells["n"]
    return {
        "n": int(cells["n"].sum()),
        "n_events": int(events.sum()),
        "n_with": int(cells.filter(pl.col("events") > 0)["n"].sum()),
    }

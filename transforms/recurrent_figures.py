"""Figures of recurrent events of a whole arm beside their rates: mean numbers, ratios along time, one mix of cases.

The mean number of events by a day counts what happened to everybody, death ending it (Ghosh and Lin 2000); a rate
counts time at risk alone. Adjusted rates are those of one mix of cases in either period (g-computation): every
pathway of both periods, as long as it was followed, as if all were of before, then as if all were of after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.andersen_gill import AndersenGill, Standardised, andersen_gill, standardised
from transforms.case_mix import complete_cases, level_columns, repeats, with_events
from transforms.figure import CONTRAST, RATIO, Figure, figure_of
from transforms.intervals import NO_EVENT, NO_SPREAD, NOT_ESTIMABLE, Difference, Interval, Z, scaled
from transforms.rate_figures import (
    ANDERSEN_GILL,
    ROUNDING,
    Rated,
    difference_of_numbers,
    events_avoided,
    hundreds_of_months,
)
from transforms.recurrences import pathways_with_event, recurrences
from transforms.recurrent import Recurrences, mean_events_at, mean_events_difference
from warehouse.kinds import RecurrentEvent
from warehouse.programme import PERIOD_NAMES

ADJUSTED = "sensitivity:adjusted"
GHOSH_LIN = "mean cumulative function with death (Ghosh and Lin), error over pathways"
PARTS = 3  # of the window: the mean number of events is told at the end of each
CONTRASTED = ("before", "after")


def recurrent_figures(
    cells: pl.DataFrame, counted: pl.DataFrame, indicator: RecurrentEvent, factors: Sequence[str]
) -> Iterator[Figure]:
    """Figures of the pathways of one arm: by period, and after against before where both have pathways.

    ``cells`` are rows of COUNT_TALLY of the arm in all its views, ``overall`` and ``adjust`` (the joint pattern of
    ``factors``) among them; ``counted`` are its rows of RECURRENCE_TALLY.
    """
    overall, by_pattern = (Rated(cells.filter(view=view), counted.filter(view=view)) for view in ("overall", "adjust"))
    for period in PERIOD_NAMES:
        group = overall.counted.filter(period=period)
        if not group.is_empty():
            yield from _mean_counts(period, group, indicator)
    after, before = (overall.of_period(period) for period in ("after", "before"))
    if after.counted.is_empty() or before.counted.is_empty():
        return
    yield from events_avoided(after, before, indicator)
    yield from _along_time(after.counted, before.counted, indicator)
    if factors and not by_pattern.counted.is_empty():
        yield from _at_equal_mix(by_pattern, indicator, factors)


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
    """Differences of the mean numbers of events."""
    groups = [recurrences(frame, indicator) for frame in (after, before)]
    for horizon in _horizons(indicator):
        difference = mean_events_difference(groups[0], groups[1], horizon)
        yield figure_of(difference, "mean_cumulative_count", CONTRAST, horizon=horizon, unit="day", method=GHOSH_LIN)


def _at_equal_mix(rated: Rated, indicator: RecurrentEvent, factors: Sequence[str]) -> Iterator[Figure]:
    """Rates of either period at one mix of cases, their difference and ratio; of pathways without a missing level.

    On the days since time zero that both periods reach. Where all of a level had no event, its rate is 0 at either
    period, and its exposure dilutes those of the others.
    """
    contrasted = pl.col("period").is_in(CONTRASTED)
    cells, counted = (complete_cases(frame.filter(contrasted)) for frame in (rated.cells, rated.counted))
    mixed = _Mixed.of(counted, indicator)
    known = {"method": f"{ANDERSEN_GILL}, adjusted for {', '.join(factors)}, complete cases", "analysis": ADJUSTED}
    scale = 1 / (hundreds_of_months(cells, mixed.horizon, indicator) or 1.0)
    for place, period in enumerate(CONTRASTED):
        rate = scaled(mixed.number(place), scale)
        yield figure_of(rate, "rate", period, **_numbers(cells.filter(period=period)), **known)
    yield figure_of(scaled(mixed.difference(), scale), "rate", CONTRAST, **known)
    yield figure_of(mixed.model.rate_ratio(0), "rate_ratio", RATIO, **known)


@dataclass(frozen=True)
class _Mixed:
    """The model of all patterns of levels, and what it expects of all pathways at either period."""

    model: AndersenGill
    numbers: Standardised | None
    horizon: int

    @classmethod
    def of(cls, counted: pl.DataFrame, indicator: RecurrentEvent) -> _Mixed:
        """From rows of RECURRENCE_TALLY by period and pattern."""
        groups = counted.partition_by("period", "stratum", as_dict=True, maintain_order=True)
        found = [recurrences(group, indicator) for group in groups.values()]
        keys = {"period": [period for period, _ in groups], "stratum": [pattern for _, pattern in groups]}
        patterns = pl.DataFrame(keys, schema=dict.fromkeys(keys, pl.String))
        patterns = patterns.with_columns(events=pl.Series([group.number for group in found], dtype=pl.Int64))
        ends = [[g.ends.time.max() for g, p in zip(found, keys["period"], strict=True) if p == q] for q in CONTRASTED]
        horizon = min((int(max(of_period)) for of_period in ends if of_period), default=0)
        model = _model(patterns, found)
        chosen = np.ones(0 if model.risks is None else len(model.risks.groups))
        return cls(model, standardised(model, chosen, horizon), horizon)

    def number(self, place: int) -> Interval:
        """Events of all pathways if they were of a period, limits on the log scale."""
        if self.numbers is None:
            return Interval.absent(self.model.null_reason or NOT_ESTIMABLE)
        number, squared = (self.numbers.without, self.numbers.exposed)[place], self.numbers.covariance[place, place]
        if squared <= ROUNDING * number:
            return Interval.absent(NO_SPREAD)
        error = float(np.sqrt(squared))
        width = float(np.exp(Z * error / number))
        return Interval(number, error, number / width, number * width)

    def difference(self) -> Difference:
        """After minus before."""
        if self.numbers is None:
            return Difference.absent(self.model.null_reason or NOT_ESTIMABLE)
        return difference_of_numbers(self.numbers.without, self.numbers.exposed, self.numbers.covariance)


def _model(patterns: pl.DataFrame, groups: Sequence[Recurrences]) -> AndersenGill:
    """Period first, then levels; patterns without any event of one of their levels left out."""
    fitted = with_events(patterns.with_row_index("place"), "events")
    levels, after = level_columns(fitted), (fitted["period"] == "after").to_numpy()
    if fitted.is_empty():
        return AndersenGill.absent(NO_EVENT)
    if repeats(levels, after):
        return AndersenGill.absent(NOT_ESTIMABLE)
    return andersen_gill(
        [groups[place] for place in fitted["place"]], np.column_stack([after, levels]).astype(np.float64)
    )


def _numbers(cells: pl.DataFrame) -> dict[str, int]:
    """Pathways without a missing level, their events, and how many of them had any."""
    events = cells["events"] * cells["n"]
    return {
        "n": int(cells["n"].sum()),
        "n_events": int(events.sum()),
        "n_with": int(cells.filter(pl.col("events") > 0)["n"].sum()),
    }

"""Figures of rates: episodes per 100 patient-months of a period, and after against before at equal follow-up.

A crude rate hangs on how long pathways were followed where events do not come evenly: those of a period that is cut
short look early at all of them. Periods are therefore compared day by day since time zero (Andersen and Gill), on
the days that both reach; the difference is not that of the two crude rates where follow-up is not the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.andersen_gill import AndersenGill, RiskSets, andersen_gill, standardised
from transforms.cells import Floats, Integers
from transforms.figure import CONTRAST, RATIO, Figure, figure_of
from transforms.hybrid import Bounded, hybrid_difference
from transforms.intervals import NO_SPREAD, NOT_ESTIMABLE, Difference, Interval, scaled
from transforms.rates import NO_EXPOSURE, exact_limits, exact_rate, exact_rate_ratio, negative_binomial
from transforms.recurrences import recurrences
from transforms.recurrent import Recurrences
from warehouse.kinds import RecurrentEvent

HUNDRED = 100.0
GARWOOD = "events per 100 patient-months, exact Poisson interval"
ANDERSEN_GILL = "Andersen-Gill model, Breslow ties, Lin-Wei error over pathways"
EQUAL_FOLLOW_UP = "difference of the rates at equal follow-up, Andersen-Gill model, error over pathways"
AVOIDED = "events of the after period at the daily rates of before, less those at its own, Andersen-Gill model"
NEGATIVE_BINOMIAL = "negative binomial regression at equal follow-up, robust error over pathways"
BOUNDS = "a period without episodes: difference of the rates at equal follow-up from exact Poisson limits of both"
EXACT = "ratio of the rates at equal follow-up, exact conditional interval"
ROUNDING = 1e-12  # of the events themselves: what is below it is no variance, pathways are all alike
AFTER = np.array([[1.0], [0.0]])  # after first
EVERYBODY, THOSE_OF_AFTER = np.array([1.0, 1.0]), np.array([1.0, 0.0])  # as if they were of either period


@dataclass(frozen=True)
class Rated:
    """One group of pathways: its rows of COUNT_TALLY and those of RECURRENCE_TALLY."""

    cells: pl.DataFrame
    counted: pl.DataFrame

    def of_period(self, period: str) -> Rated:
        """Those of one period."""
        return Rated(self.cells.filter(period=period), self.counted.filter(period=period))


def rate_group(period: str, frame: pl.DataFrame, indicator: RecurrentEvent) -> Iterator[Figure]:
    """The crude rate of the group, rows of COUNT_TALLY. ``exposure`` is in patient-months."""
    events, exposure, n = _cells(frame)
    months = float(exposure @ n) / (HUNDRED * indicator.month_days)
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


def rate_contrast(after: Rated, before: Rated, indicator: RecurrentEvent) -> Iterator[Figure]:
    """The difference of the rates and their ratio at equal follow-up; and the ratio if persons differ in their rate.

    Pathways are units. Where a period has no episode the limits are exact, and take episodes as independent.
    """
    compared = _Compared.of(after, before, indicator)
    difference = compared.difference()
    yield figure_of(difference, "rate", CONTRAST, method=EQUAL_FOLLOW_UP if compared.fitted else BOUNDS)
    method = ANDERSEN_GILL if compared.fitted else EXACT
    yield figure_of(compared.ratio(), "rate_ratio", RATIO, method=method)
    negative = compared.negative_binomial(after.cells, before.cells, indicator)
    yield figure_of(negative, "rate_ratio_negative_binomial", RATIO, method=NEGATIVE_BINOMIAL)


def events_avoided(after: Rated, before: Rated, indicator: RecurrentEvent) -> Iterator[Figure]:
    """Events that the after period would have had more at the daily rates of before.

    On the days since time zero that both periods reach; how long the pathways of after were followed is taken as given.
    The test would be that of the difference, and is not told twice. Fewer than 0 are events added.
    """
    compared = _Compared.of(after, before, indicator)
    yield figure_of(
        compared.numbers(THOSE_OF_AFTER).negated(),
        "events_avoided",
        CONTRAST,
        n=int(after.cells["n"].sum()),
        exposure=compared.hundreds[0] * HUNDRED,
        p_value=None,
        unit="event",
        method=AVOIDED if compared.fitted else BOUNDS,
    )


def common_horizon(groups: tuple[Recurrences, Recurrences]) -> int:
    """The last day since time zero on which somebody of either group is at risk."""
    return min(int(group.ends.time.max()) for group in groups)


def hundreds_of_months(frame: pl.DataFrame, horizon: int, indicator: RecurrentEvent) -> float:
    """Exposure of rows of COUNT_TALLY up to the end of a day since time zero, in hundreds of patient-months."""
    _, exposure, n = _cells(frame)
    days = np.minimum(exposure, horizon + 1 - indicator.window[0])
    return float(days @ n) / (HUNDRED * indicator.month_days)


def difference_of_numbers(without: float, exposed: float, covariance: Floats) -> Difference:
    """Of two numbers of events of the same pathways, with Wald's interval; null where all pathways are alike."""
    squared = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if squared <= ROUNDING * (without + exposed):
        return Difference.absent(NO_SPREAD)
    return Difference.normal(exposed - without, float(np.sqrt(squared)))


@dataclass(frozen=True)
class _Compared:
    """Both groups, after first, and their model; ``hundreds`` of months of each up to the common horizon."""

    groups: tuple[Recurrences, Recurrences]
    model: AndersenGill
    horizon: int
    hundreds: tuple[float, float]

    @classmethod
    def of(cls, after: Rated, before: Rated, indicator: RecurrentEvent) -> _Compared:
        groups = recurrences(after.counted, indicator), recurrences(before.counted, indicator)
        horizon = common_horizon(groups)
        there, then = (hundreds_of_months(group.cells, horizon, indicator) for group in (after, before))
        return cls(groups, andersen_gill(groups, AFTER), horizon, (there, then))

    @property
    def events(self) -> tuple[int, int]:
        """Events on the days that both groups reach."""
        after, before = (int(group.event_n[group.event_time <= self.horizon].sum()) for group in self.groups)
        return after, before

    @property
    def fitted(self) -> bool:
        """Whether the model answers, with a number or with its reason; else a group has no event."""
        return all(self.events)

    def difference(self) -> Difference:
        """Per 100 patient-months, of the pathways of both periods as if all were of after, less as if all of before."""
        if sum(self.hundreds) <= 0:
            return Difference.absent(NO_EXPOSURE)
        return scaled(self.numbers(EVERYBODY), 1 / sum(self.hundreds))

    def numbers(self, chosen: Floats) -> Difference:
        """Events of the chosen groups as if all were of after, less their events as if all were of before."""
        if not self.fitted:
            return self._bounded(chosen)
        numbers = standardised(self.model, chosen, self.horizon)
        if numbers is None:
            return Difference.absent(self.model.null_reason or NOT_ESTIMABLE)
        return difference_of_numbers(numbers.without, numbers.exposed, numbers.covariance)

    def ratio(self) -> Interval:
        """After over before."""
        if self.fitted:
            return self.model.rate_ratio(0)
        (events, before_events), (exposure, before_exposure) = self.events, self._expected()
        return exact_rate_ratio(events, exposure, before_events, before_exposure)

    def negative_binomial(self, after: pl.DataFrame, before: pl.DataFrame, indicator: RecurrentEvent) -> Interval:
        """The ratio where persons differ in their rate: each has as exposure what is expected of its days at risk."""
        if self.model.coefficients is None or self.model.risks is None:
            return Interval.absent(self.model.null_reason or NOT_ESTIMABLE)
        (events, days, n), is_after = _both(after, before)
        met = self.model.risks.cumulative_rate(self.model.coefficients, days + indicator.window[0] - 1)
        met, design = met * (days > 0), np.stack([np.ones(len(n)), is_after], axis=1)
        at_risk = met > 0
        return negative_binomial(events[at_risk], met[at_risk], n[at_risk], design[at_risk]).rate_ratio(1)

    def _bounded(self, chosen: Floats) -> Difference:
        """The same from the exact limits of either count, each in proportion to what it is expected to be."""
        expected = self._expected()
        if min(expected) <= 0:
            return Difference.absent(NO_EXPOSURE)
        asked = float(chosen @ expected)
        after, before = (_poisson(events, asked / of) for events, of in zip(self.events, expected, strict=True))
        return hybrid_difference(after, before, error=None)

    def _expected(self) -> tuple[float, float]:
        """What either group would have of all events if both had the same daily rates; without events, its months."""
        if not any(self.events):
            return self.hundreds
        risks = RiskSets.of(self.groups, AFTER)
        rate = risks.events.sum(axis=0) / risks.at_risk.sum(axis=0) * (risks.time <= self.horizon)
        after, before = (risks.at_risk @ rate).tolist()
        return after, before


def _poisson(events: int, scale: float) -> Bounded:
    """A count with Garwood's limits, in another unit."""

    def limits(deviate: float) -> tuple[float, float]:
        low, high = exact_limits(events, deviate)
        return low * scale, high * scale

    return Bounded(events * scale, limits)


def _both(after: pl.DataFrame, before: pl.DataFrame) -> tuple[tuple[Integers, Integers, Integers], Floats]:
    """The cells of both groups, and whether they are of after."""
    groups = [_cells(frame) for frame in (after, before)]
    events, days, n = (np.concatenate(arrays) for arrays in zip(*groups, strict=True))
    return (events, days, n), np.repeat([1.0, 0.0], [len(group[0]) for group in groups])


def _cells(frame: pl.DataFrame) -> tuple[Integers, Integers, Integers]:
    """Events, days at risk, and number of pathways of each cell."""
    cells = frame.group_by("events", "exposure").agg(pl.col("n").sum()).sort("events", "exposure")
    return cells["events"].to_numpy(), cells["exposure"].to_numpy(), cells["n"].to_numpy()

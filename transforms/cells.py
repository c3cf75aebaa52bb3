"""Counted cells of times to an event, and what they say at each distinct time.

A cell is (entry, time, status) and the number of pathways that share it. Times are integers, days
or elapsed seconds; only the distinct ones are worked on. A pathway is at risk at t when
``entry < t <= time``: entry -1 means from the start, an event at time 0 counts, and at equal times
events come before censorings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from warehouse.schemas import COMPETED, EVENT_SEEN, FROM_THE_START

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Numbers = NDArray[Any]

CELL = ("entry", "time", "status")


@dataclass(frozen=True)
class Cells:
    """Distinct cells in the order (entry, time, status); all four arrays have one element per cell."""

    entry: Integers
    time: Integers
    status: Integers
    n: Integers

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Self:
        """The cells of rows of TIME_TALLY, counts of equal cells added. Other columns are summed over."""
        entry, time, status, n = (frame[name].cast(pl.Int64).to_numpy() for name in (*CELL, "n"))
        order = np.lexsort((status, time, entry))  # the last key counts first
        entry, time, status = entry[order], time[order], status[order]
        differs = np.logical_or.reduce([np.diff(column) != 0 for column in (entry, time, status)])
        first = np.flatnonzero(np.concatenate([np.ones(min(len(order), 1), bool), differs]))
        counted = np.add.reduceat(n[order], first) if len(first) else n
        return cls(entry[first], time[first], status[first], counted)

    @property
    def total(self) -> int:
        """Number of pathways."""
        return int(self.n.sum())

    @property
    def followed_from_the_start(self) -> bool:
        """Whether nobody entered late."""
        return bool(np.all(self.entry == FROM_THE_START))

    def number(self, status: int) -> int:
        """Pathways whose follow-up ended with this status."""
        return int(self.n[self.status == status].sum())

    def for_competing_event(self) -> Self:
        """The same pathways with event and competing event exchanged: their incidence is that of death."""
        exchanged = np.select(
            [self.status == EVENT_SEEN, self.status == COMPETED], [COMPETED, EVENT_SEEN], self.status
        ).astype(np.int64)
        return replace(self, status=exchanged)


def counts_over_time(cells: Cells) -> tuple[Integers, Integers, Integers, Integers]:
    """Distinct times, pathways at risk just before each, events and competing events at each."""
    time = np.unique(cells.time)
    return (time, *counts_at(cells, time))


def counts_at(cells: Cells, time: Integers) -> tuple[Integers, Integers, Integers]:
    """Pathways at risk just before each time, events and competing events at each.

    ``time`` is sorted, distinct and holds every time of the cells; it may hold those of other groups too.
    """
    length, position = len(time), np.searchsorted(time, cells.time)
    events, competing = (
        _sums(position[cells.status == status], cells.n[cells.status == status], length)
        for status in (EVENT_SEEN, COMPETED)
    )
    came = _sums(np.searchsorted(time, cells.entry, "right"), cells.n, length + 1)[:length]
    ended = _sums(position, cells.n, length)
    return np.cumsum(came - ended) + ended, events, competing


def ratio(numerator: Numbers, denominator: Numbers) -> Floats:
    """Elementwise quotient, 0 where the denominator is not positive: nobody is at risk, nothing happens."""
    positive = np.asarray(denominator) > 0
    quotient: Floats = np.divide(numerator, denominator, out=np.zeros(positive.shape), where=positive)
    return quotient


def _sums(position: Integers, n: Numbers, length: int) -> Integers:
    """Counts added by position. The floats of bincount are exact below 2**53."""
    return np.bincount(position, n, length).astype(np.int64)

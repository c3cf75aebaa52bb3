"""Resampled patients, from counts alone: for what has no influence function, such as the difference of two medians.

N patients drawn with replacement from N, counted by cell, are Multinomial(N, n / N): the law of the bootstrap
of patients (Efron 1979) at the cost of the occupied cells. Strata are drawn each on its own: a period, or a
hospital within it. A draw hangs on the seed and on names alone, on neither the order of tasks, threads nor
the size of blocks; cells come sorted. NumPy may change its streams between versions: limits then move within
the error of the simulation.

Limits are those of the percentile method, the k-th smallest and the k-th largest of R replicates,
k = floor((R + 1) 0.025): always a difference that a replicate had, never one between two. A replicate in
which half of a group never had the event has an infinite median there, for it is longer than any.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from transforms.cells import Cells, Floats, Integers, ratio
from transforms.incidence import aalen_johansen
from transforms.intervals import FEWEST_OF_A_MEDIAN, Difference
from transforms.survival import HALF, median_time
from warehouse.schemas import COMPETED, CONFIDENCE, EVENT_SEEN

BARELY_REACHED = "median_barely_reached"  # as many replicates as a limit leaves out do not reach it
BLOCK = 1_000_000  # numbers drawn at once: 8 MB, and a few times that for their curves


@dataclass(frozen=True)
class Stream:
    """Where the random numbers of one analysis come from: a declared seed and names."""

    replicates: int
    seed: int
    names: tuple[str, ...]  # indicator, view, analysis

    def generator(self, stratum: int) -> np.random.Generator:
        """The numbers of one stratum; strata, like names, have independent streams."""
        keys = (*(crc32(name.encode()) for name in self.names), stratum)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=keys)))


def replicate_counts(n: Integers, stratum: Integers, stream: Stream) -> Iterator[Integers]:
    """Blocks of resampled counts, int64[replicates of the block, cells]; each stratum keeps its total.

    ``n`` counts the patients of each sorted cell, ``stratum`` numbers its stratum from 0. A block holds at most
    ``BLOCK`` numbers, one replicate at least. Replicates do not depend on how they are cut into blocks.
    """
    members = [np.flatnonzero(stratum == number) for number in range(int(stratum.max(initial=-1)) + 1)]
    strata = [(cells, stream.generator(number)) for number, cells in enumerate(members) if n[cells].sum()]
    rows = max(1, BLOCK // max(len(n), 1))
    for first in range(0, stream.replicates, rows):
        counts = np.zeros((min(rows, stream.replicates - first), len(n)), np.int64)
        for cells, generator in strata:
            total = int(n[cells].sum())
            counts[:, cells] = generator.multinomial(total, n[cells] / total, size=len(counts))
        yield counts


def replicate_incidence(cells: Cells, counts: Integers) -> tuple[Integers, Floats]:
    """Aalen-Johansen's incidence of every replicate at the distinct times of the cells: times, [replicates, times].

    All horizons, areas and medians follow from it. Times at which a replicate has nobody at risk add nothing.
    """
    time, position = np.unique(cells.time, return_inverse=True)
    came = _by_time(counts, np.searchsorted(time, cells.entry, "right"), len(time) + 1)[:, :-1]
    ended = _by_time(counts, position, len(time))
    at_risk = np.cumsum(came - ended, axis=1) + ended
    of_status = [cells.status == status for status in (EVENT_SEEN, COMPETED)]
    events, competing = (_by_time(counts[:, own], position[own], len(time)) for own in of_status)
    free = np.cumprod(1 - ratio(events + competing, at_risk), axis=1)
    before = np.concatenate([np.ones((len(counts), 1)), free[:, :-1]], axis=1)
    return time, np.cumsum(before * ratio(events, at_risk), axis=1)


def _by_time(counts: Integers, position: Integers, length: int) -> Integers:
    """Counts of each replicate added by position, [replicates, length]."""
    order = np.argsort(position, kind="stable")
    places, starts = np.unique(position[order], return_index=True)
    added = np.zeros((len(counts), length), np.int64)
    if len(starts):
        added[:, places] = np.add.reduceat(counts[:, order], starts, axis=1)
    return added


def median_difference(after: Cells, before: Cells, stream: Stream) -> Difference:
    """Difference of the medians among all pathways, after minus before, in ticks, with its percentile interval.

    Each group is a stratum. There is no test; the error, the standard deviation of the replicates, is None where
    it is 0 or where a replicate lacks a median. An interval may be as narrow as its estimate: on a clock of
    days many patients share a median. Null where a group does not reach its median, or barely does:
    where as many replicates as a limit leaves out, 2.5 %, lack one. Groups of fewer than six have no limits.
    """
    there, then = (median_time(aalen_johansen(cells)) for cells in (after, before))
    if there.estimate is None or then.estimate is None:
        return Difference.absent(str(there.null_reason or then.null_reason))
    medians = replicate_medians(after, before, stream)
    reached = np.isfinite(medians).all(axis=1)
    if np.count_nonzero(~reached) >= _left_out(stream.replicates):
        return Difference.absent(BARELY_REACHED)
    with np.errstate(invalid="ignore"):  # two infinite medians: not a number
        differences = medians[:, 0] - medians[:, 1]
    if min(after.total, before.total) < FEWEST_OF_A_MEDIAN:
        return Difference(there.estimate - then.estimate, None, None, None, None, None)
    low, high = percentile_limits(differences)
    error = float(differences.std(ddof=1)) if reached.all() else 0.0
    return Difference(there.estimate - then.estimate, error or None, low, high, None, None)


def replicate_medians(after: Cells, before: Cells, stream: Stream) -> Floats:
    """Both medians of every replicate, [replicates, 2], infinite where half never had the event.

    Strata are numbered by what their cells hold, not by which is called after: exchanged periods turn every sign.
    """
    split, ranks = len(after.n), _ranks(after, before)
    stratum = np.repeat(ranks, [split, len(before.n)])
    blocks = replicate_counts(np.concatenate([after.n, before.n]), stratum, stream)
    found = [
        np.column_stack([_medians(after, counts[:, :split]), _medians(before, counts[:, split:])]) for counts in blocks
    ]
    return np.concatenate(found)


def _ranks(*groups: Cells) -> list[int]:
    """The place of each group in an order that hangs on its cells alone."""
    held = [[column.tolist() for column in vars(cells).values()] for cells in groups]
    order = sorted(range(len(groups)), key=held.__getitem__)
    return [order.index(place) for place in range(len(groups))]


def _medians(cells: Cells, counts: Integers) -> Floats:
    time, incidence = replicate_incidence(cells, counts)
    reached = incidence >= HALF
    return np.where(reached.any(axis=1), time[reached.argmax(axis=1)].astype(np.float64), np.inf)


def percentile_limits(replicates: Floats) -> tuple[float, float]:
    """The k-th smallest and the k-th largest, as R's ``boot.ci(type = "perc")`` where (R + 1) 0.025 is whole.

    What is not a number may lie on either side: it is taken for the worst on both.
    """
    k, unknown = _left_out(len(replicates)), np.isnan(replicates)
    low, high = (np.sort(np.where(unknown, side * np.inf, replicates)) for side in (-1, 1))
    return float(low[k - 1]), float(high[-k])


def _left_out(replicates: int) -> int:
    """How far from either end a limit lies: at least 1."""
    return max(math.floor((replicates + 1) * (1 - CONFIDENCE) / 2 + 1e-9), 1)

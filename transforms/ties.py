"""Sums over events at one time, in which each of m tied events leaves the risk set a little smaller (Efron 1977).

Efron's likelihood adds f(l / m) over l = 0 .. m - 1, with f smooth up to c = 1, where the risk set may be
empty. Many tied events need not be added one by one: blocks that halve towards c = 1 keep each block as far
from 1 as it is long, and Gauss's quadrature for sums (Gautschi 2004, section 1.4.2; discrete Chebyshev
polynomials) then gives the sum of a block to the last digits of a double from twelve places. The cost grows
with the logarithm of the number of events, not with the number of patients.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from transforms.cells import Floats, Integers

FEW = 64  # events that are added one by one
LAST = 32  # of many events, the last ones, which may empty the risk set, are added one by one
PLACES = 12  # of a block: the error is below 6 ** -24 of its sum


def tied_events(number: Integers) -> tuple[Integers, Floats, Floats]:
    """Place among the times, share c of the time's events that have left before, and weight in the sum.

    ``number`` counts the events of each time; the weights of a time add up to it.
    """
    few = np.where(number <= FEW, number, 0)
    at = np.repeat(np.arange(len(number)), few)
    order = np.arange(len(at)) - np.repeat(np.cumsum(few) - few, few)
    many = np.flatnonzero(number > FEW)
    sums = [_shares_gone(int(number[place])) for place in many]
    return (
        np.concatenate([at, np.repeat(many, [len(left) for left, _ in sums])]).astype(np.int64),
        np.concatenate([order / number[at], *(left for left, _ in sums)]),
        np.concatenate([np.ones(len(at)), *(weight for _, weight in sums)]),
    )


@lru_cache(maxsize=512)
def _shares_gone(number: int) -> tuple[Floats, Floats]:
    """Shares gone and weights of many tied events: the last ones singly, before them blocks that double in length."""
    lefts, weights, end, size = [np.arange(number - LAST, number) / number], [np.ones(LAST)], number - LAST, LAST
    while end > 0:
        start = max(end - size, 0)
        places, weight = _gauss(end - start)
        lefts.append((start + places) / number)
        weights.append(weight)
        end, size = start, 2 * size
    return np.concatenate(lefts), np.concatenate(weights)


@lru_cache(maxsize=512)
def _gauss(length: int) -> tuple[Floats, Floats]:
    """Places and weights that add any polynomial of degree 23 or less over 0 .. length - 1 (Golub and Welsch 1969)."""
    k = np.arange(1, min(PLACES, length))
    beside = np.sqrt(k**2 * (float(length) ** 2 - k**2) / (4.0 * (4 * k**2 - 1)))
    places, vectors = np.linalg.eigh(np.diag(beside, 1) + np.diag(beside, -1))
    return places + (length - 1) / 2, length * vectors[0] ** 2

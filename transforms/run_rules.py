"""Run rules of Anhoej: whether a series of points varies at random around its own median.

They need no baseline and no law, so that they serve short series. Sources: Anhoej and Olesen (2014), PLoS ONE 9;
longest run: Schilling (2012); crossings: Chen (2010). Random series are flagged about one time in twenty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

LEAST_USEFUL = 10  # points off the median, without which nothing is said
TAIL = 0.05  # of the number of crossings of a random series


@dataclass(frozen=True)
class Runs:
    """Points off the median, their longest run on one side and how often they cross it, each with its bound.

    ``signal`` is None, as the bounds are, where fewer than ten points are useful.
    """

    useful: int
    longest: int
    crossings: int
    longest_allowed: int | None = None
    fewest_crossings: int | None = None
    signal: bool | None = None


def runs(values: Sequence[float | None], centre: float | None = None) -> Runs:
    """Runs and crossings around ``centre``, by default the median of all points that are there.

    Points on the line are left out, as are those that are not there (None). A signal is a run longer than
    round(log2 n) + 3, or fewer crossings than the 5 % quantile of a binomial of n - 1 fair trials.
    """
    from scipy.stats import binom  # slow to import, and this module is read by every command

    known = [value for value in values if value is not None]
    line = median(known) if centre is None and known else centre or 0.0
    lengths = [len(list(run)) for _, run in groupby(value > line for value in known if value != line)]
    useful, longest, crossings = sum(lengths), max(lengths, default=0), max(len(lengths) - 1, 0)
    if useful < LEAST_USEFUL:
        return Runs(useful, longest, crossings)
    most, fewest = round(math.log2(useful)) + 3, int(binom.ppf(TAIL, useful - 1, 0.5))
    return Runs(useful, longest, crossings, most, fewest, longest > most or crossings < fewest)

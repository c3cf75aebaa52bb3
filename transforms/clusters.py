"""Several pathways of one patient are not independent: what pairs of them add to a variance.

Where time zero is ``each``, a patient may have several pathways. The variance of a sum of influences
psi over patients is that over pathways, sum of n psi^2, and twice the sum of psi_a psi_b over the pairs
of pathways of one patient: the sandwich clustered by patient (R's ``survfit`` with ``cluster``), exact
from counts alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.cells import CELL, Cells, Floats, Integers
from transforms.incidence import Incidence, Influence, aalen_johansen, is_boundary
from transforms.intervals import NO_SPREAD, Difference
from transforms.survival import reason_for_none, share_at, share_difference

ROUNDING = 1e-12  # of the variance of independent pathways: what is below it is nothing


@dataclass(frozen=True)
class Pairs:
    """Pairs of pathways of one patient, one element per pair of cells: their places, and how many pairs.

    ``first`` are places in the cells of one group, ``second`` in those of the same group or of another.
    """

    first: Integers
    second: Integers
    n: Integers

    @classmethod
    def of(cls, frame: pl.DataFrame, first: Cells, second: Cells) -> Pairs:
        """The pairs of rows of PAIR_TALLY, each of which names a cell of ``first``, then one of ``second``."""
        cell_a, cell_b = ([f"{name}_{side}" for name in CELL] for side in ("a", "b"))
        counted = frame.group_by(cell_a + cell_b).agg(pl.col("n").sum()).sort(cell_a + cell_b)
        placed = counted.join(_places(first, "a"), on=cell_a, maintain_order="left")
        placed = placed.join(_places(second, "b"), on=cell_b, maintain_order="left")
        return cls(*(placed[name].cast(pl.Int64).to_numpy() for name in ("place_a", "place_b", "n")))

    def sum_of_products(self, psi_first: Floats, psi_second: Floats) -> float:
        """Sum of psi_a psi_b over the pairs, from the influence of each cell of either group."""
        return float(self.n @ (psi_first[self.first] * psi_second[self.second]))

    def fewest_patients(self, cells: Cells, chosen: NDArray[np.bool_]) -> int:
        """The fewest patients who can own the pathways of the chosen cells: n^2 / (n + 2 pairs), rounded up.

        A patient with k of them has k (k - 1) / 2 pairs, and the sum of the k^2 is least where all k are alike.
        """
        total = int(cells.n[chosen].sum())
        squares = total + 2 * int(self.n[chosen[self.first] & chosen[self.second]].sum())
        return -(-(total**2) // squares) if total else 0


def _places(cells: Cells, side: str) -> pl.DataFrame:
    """The place of each cell, under the names of one side of PAIR_TALLY."""
    columns = {f"{name}_{side}": getattr(cells, name) for name in CELL}
    return pl.DataFrame(columns).with_columns(pl.col(f"status_{side}").cast(pl.UInt8)).with_row_index(f"place_{side}")


def clustered_incidence(cells: Cells, pairs: Pairs) -> Incidence:
    """Aalen-Johansen's curve with the variance over patients.

    It is 0 also where it cannot be told: all pathways belong to one patient, or all patients are alike.
    """
    curve = aalen_johansen(cells)
    variance = curve.variance + _added(pairs, Influence.of(cells, curve))
    nothing = is_boundary(curve.incidence) | (variance <= ROUNDING * curve.variance)
    return replace(curve, variance=np.where(nothing, 0.0, variance))


def _added(pairs: Pairs, influence: Influence) -> Floats:
    """Twice the sum of psi_a(h) psi_b(h) over the pairs at every distinct time h, in one pass.

    First both of a pair are at risk, then the one that ends later, then neither. As for single pathways,
    the products of psi = base + F(h) slope are expanded in F(h).
    """
    swapped = influence.position[pairs.first] > influence.position[pairs.second]
    early, late = np.where(swapped, pairs.second, pairs.first), np.where(swapped, pairs.first, pairs.second)
    spans = _Spans(influence, early, late, pairs.n)
    base, slope = influence.once_ended()
    curves = ((base, influence.risk_base), (slope, influence.risk_slope))
    of_base, mixed, mixed_too, of_slope = (
        spans.both_at_risk(u, v) + spans.one_at_risk(x, v) + spans.none_at_risk(x, y)
        for x, u in curves
        for y, v in curves
    )
    reached = influence.curve.incidence
    return 2 * (of_base + reached * (mixed + mixed_too) + reached**2 * of_slope)


@dataclass(frozen=True)
class _Spans:
    """Sums over pairs at every distinct time; ``early`` and ``late`` are the cells that end first and last."""

    influence: Influence
    early: Integers
    late: Integers
    n: Integers

    def both_at_risk(self, u: Floats, v: Floats) -> Floats:
        """Sum of n (u(h) - u(entry)) (v(h) - v(entry)), u of the early cell and v of the late one."""
        entered, ends = self.influence.entered, self.influence.position[self.early]
        start = np.maximum(entered[self.early], entered[self.late])
        stop = np.maximum(start, ends)
        u_entry, v_entry = u[entered[self.early]], v[entered[self.late]]
        return (
            u[1:] * v[1:] * self._held(self.n, start, stop)
            - u[1:] * self._held(self.n * v_entry, start, stop)
            - v[1:] * self._held(self.n * u_entry, start, stop)
            + self._held(self.n * u_entry * v_entry, start, stop)
        )

    def one_at_risk(self, x: Floats, v: Floats) -> Floats:
        """Sum of -n x (v(h) - v(entry)): the early cell has ended and keeps x, the late one is at risk."""
        entered, position = self.influence.entered[self.late], self.influence.position
        start, stop = np.maximum(position[self.early], entered), position[self.late]
        kept = self.n * x[self.early]
        return self._held(kept * v[entered], start, stop) - v[1:] * self._held(kept, start, stop)

    def none_at_risk(self, x: Floats, y: Floats) -> Floats:
        """Sum of n x y over the pairs of which both have ended."""
        weights = self.n * x[self.early] * y[self.late]
        return np.cumsum(np.bincount(self.influence.position[self.late], weights, self._length))

    @property
    def _length(self) -> int:
        return len(self.influence.curve.time)

    def _held(self, weights: Floats | Integers, start: Integers, stop: Integers) -> Floats:
        """Sum of the weights at every distinct time from ``start`` on and before ``stop``."""
        came, went = (np.bincount(place, weights, self._length + 1) for place in (start, stop))
        return np.cumsum(came - went)[: self._length]


@dataclass(frozen=True)
class Linked:
    """Two groups that share patients: pairs within each, and of a pathway before with one after."""

    after: Pairs
    before: Pairs
    across: Pairs  # first: a cell of before, second: one of after

    @classmethod
    def of(cls, frame: pl.DataFrame, after: Cells, before: Cells) -> Linked:
        """The pairs of rows of PAIR_TALLY: of two pathways, that of before came first."""
        spans = (
            ("after", "after", after, after),
            ("before", "before", before, before),
            ("before", "after", before, after),
        )
        return cls(*(Pairs.of(frame.filter(period_a=a, period_b=b), first, second) for a, b, first, second in spans))

    def added(self, after: Floats, before: Floats) -> float:
        """Twice the sum of psi_a psi_b over all pairs: what they add to sum of n psi^2 of both groups together."""
        within = self.after.sum_of_products(after, after) + self.before.sum_of_products(before, before)
        return 2 * (within + self.across.sum_of_products(before, after))


def clustered_difference(
    after: Cells, before: Cells, horizon: int, linked: Linked, *, as_survival: bool = False
) -> Difference:
    """Difference of the incidences by the horizon, after minus before, with its error over patients.

    A patient of both groups makes them alike or unlike: minus twice the sum of products over the pairs
    across. Null where either group has no incidence, and where patients do not differ enough to give an
    error.
    """
    curves = clustered_incidence(after, linked.after), clustered_incidence(before, linked.before)
    reason = reason_for_none(curves[0], horizon) or reason_for_none(curves[1], horizon)
    if reason:
        return Difference.absent(reason)
    there, then = (share_at(curve, horizon, as_survival=as_survival) for curve in curves)
    if not there.error or not then.error:
        return share_difference(there, then)
    psi = [Influence.of(*group).at(horizon) for group in zip((after, before), curves, strict=True)]
    covariance = linked.across.sum_of_products(psi[1], psi[0])
    both = there.error**2 + then.error**2
    if both - 2 * covariance <= ROUNDING * both:
        return Difference.absent(NO_SPREAD)
    return share_difference(there, then, covariance)

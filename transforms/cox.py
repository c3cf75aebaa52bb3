"""Cox's proportional hazards from counted cells: Breslow and Efron ties, robust errors, test of proportionality.

The hazard is that of the event; every other status censors, so the model of death is that of
``cells.for_competing_event()``, and both belong in a report. A weight n of a cell means n patients,
which libraries that take case weights do not do under Efron's ties. Delayed entry is allowed. Within
strata only patients of one stratum are compared.

Sums over risk sets follow Therneau and Grambsch (2000), chapters 3, 6 and 7: with the m events at
one time numbered l = 0 .. m - 1, Efron's risk set at the l-th weighs its own events 1 - l / m.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from transforms.cells import Cells, Floats, Integers, counts_over_time, ratio
from transforms.intervals import NO_CLUSTER, NO_EVENT, NOT_ESTIMABLE, Interval, Test, Z
from warehouse.schemas import EVENT_SEEN

Ties = Literal["efron", "breslow"]

MOST_STEPS = 30
CONVERGED = 1e-10  # of the squared Newton step in units of its information
LARGEST_LOG_RATIO = 15.0  # of one covariate over its range: a level without events drifts to infinity


@dataclass(frozen=True)
class CoxModel:
    """Log hazard ratios, one per column of the covariates, with three covariance matrices.

    ``robust`` is the sandwich over patients, ``clustered`` that over clusters (None where none were
    given). All are None, with a reason, where the model has no finite solution.
    """

    coefficients: Floats | None
    covariance: Floats | None
    robust: Floats | None
    clustered: Floats | None
    log_likelihood: float | None
    null_reason: str | None = None

    def hazard_ratio(self, column: int, errors: Literal["model", "robust", "clustered"] = "robust") -> Interval:
        """Hazard ratio of a column with Wald's interval on the log scale; ``std_error`` is that of the log."""
        covariance = {"model": self.covariance, "robust": self.robust, "clustered": self.clustered}[errors]
        if self.coefficients is None or covariance is None:
            return Interval.absent(self.null_reason or NO_CLUSTER)
        centre, error = float(self.coefficients[column]), float(np.sqrt(covariance[column, column]))
        low, estimate, high = np.exp([centre - Z * error, centre, centre + Z * error]).tolist()
        return Interval(estimate, error, low, high)


def cox(
    cells: Cells,
    covariates: Floats,
    ties: Ties = "efron",
    cluster: Integers | None = None,
    stratum: Integers | None = None,
) -> CoxModel:
    """Fit by Newton's method. ``covariates`` is cells x columns; cluster and stratum are codes, one per cell.

    Cells may repeat (entry, time, status) with other covariates, clusters or strata.
    """
    if not cells.number(EVENT_SEEN):
        return CoxModel(None, None, None, None, None, NO_EVENT)
    risks = _RiskSets.of(cells, covariates, ties, stratum)
    beta = _maximum(risks)
    if beta is None:
        return CoxModel(None, None, None, None, None, NOT_ESTIMABLE)
    moments = risks.moments(beta)
    covariance = np.linalg.inv(moments.information).astype(np.float64)
    influence = risks.score_residuals(moments) @ covariance
    patients = influence * cells.n[:, None]
    return CoxModel(
        coefficients=beta,
        covariance=covariance,
        robust=patients.T @ influence,
        clustered=None if cluster is None else _over_clusters(patients, cluster),
        log_likelihood=moments.log_likelihood,
    )


def proportional_hazards_test(
    cells: Cells, covariates: Floats, ties: Ties = "efron", stratum: Integers | None = None
) -> tuple[Test, ...]:
    """Score tests that a coefficient does not drift with 1 - S(t-): one per column, the last for all together.

    S is the Kaplan-Meier curve of all patients (Grambsch and Therneau 1994, in the exact form of R's
    ``cox.zph`` since 2020). Null as the model is.
    """
    from scipy.stats import chi2

    method, columns = "Grambsch-Therneau", covariates.shape[1]
    if not cells.number(EVENT_SEEN):
        return tuple(Test.absent(method, NO_EVENT) for _ in range(columns + 1))
    risks = _RiskSets.of(cells, covariates, ties, stratum)
    beta = _maximum(risks)
    if beta is None:
        return tuple(Test.absent(method, NOT_ESTIMABLE) for _ in range(columns + 1))
    score, information = risks.drift(risks.moments(beta), _share_gone(cells)[risks.event_cell])
    tests = []
    for chosen in [*([column] for column in range(columns)), list(range(columns))]:
        kept = [*range(columns), *(columns + column for column in chosen)]
        full = np.concatenate([np.zeros(columns), score[chosen]])
        statistic = float(full @ np.linalg.solve(information[np.ix_(kept, kept)], full))
        tests.append(Test(statistic, float(chi2.sf(statistic, len(chosen))), method, len(chosen)))
    return tuple(tests)


def _share_gone(cells: Cells) -> Floats:
    """1 - S(t-) at the time of each cell, S being Kaplan-Meier's of all."""
    time, at_risk, events, _ = counts_over_time(cells)
    survival = np.cumprod(1 - ratio(events, at_risk))
    before = np.concatenate([[1.0], survival[:-1]])
    gone: Floats = 1 - before[np.searchsorted(time, cells.time)]
    return gone


def _over_clusters(influence: Floats, cluster: Integers) -> Floats:
    codes, place = np.unique(cluster, return_inverse=True)
    sums = np.zeros((len(codes), influence.shape[1]))
    np.add.at(sums, place, influence)
    product: Floats = sums.T @ sums
    return product


def _maximum(risks: _RiskSets) -> Floats | None:
    """The root of the score by Newton steps, halved while the likelihood falls; None where there is none."""
    beta = np.zeros(risks.x.shape[1])
    moments = risks.moments(beta)
    for _ in range(MOST_STEPS):
        if np.linalg.cond(moments.information) > 1e12:
            return None
        step = np.linalg.solve(moments.information, moments.score)
        decrement = float(step @ moments.score)
        following = risks.moments(beta + step)
        while following.log_likelihood < moments.log_likelihood - 1e-9 * abs(moments.log_likelihood):
            step = step / 2
            following = risks.moments(beta + step)
        beta, moments = beta + step, following
        if np.any(np.abs(beta) * np.ptp(risks.x, axis=0) > LARGEST_LOG_RATIO):
            return None
        if decrement < CONVERGED:
            return beta
    return None


@dataclass(frozen=True)
class _Moments:
    """Sums over the risk set of every single event (index: event), at one value of the coefficients."""

    weight: Floats  # exp(x beta) of each cell
    total: Floats  # S0
    mean: Floats  # S1 / S0: events x columns
    spread: Floats  # S2 / S0 - mean mean': events x columns x columns
    score: Floats
    information: Floats
    log_likelihood: float


@dataclass(frozen=True)
class _RiskSets:
    """Cells, their centred covariates and the single events in order of time.

    ``time`` and ``entry`` are moved apart stratum by stratum, so that nobody is at risk in another
    stratum. Each single event has the place of its time among the distinct ones (``at``), one cell of
    that time (``event_cell``) and the share l / m of its time's events that left before it.
    """

    entry: Integers
    time: Integers
    event: NDArray[np.bool_]
    n: Integers
    x: Floats
    distinct: Integers
    at: Integers
    event_cell: Integers
    left: Floats

    @classmethod
    def of(cls, cells: Cells, covariates: Floats, ties: Ties, stratum: Integers | None) -> _RiskSets:
        apart = 0 if stratum is None else stratum * (int(cells.time.max()) + 2)
        time, event = cells.time + apart, cells.status == EVENT_SEEN
        distinct, at = np.unique(time[event], return_inverse=True)
        number = np.bincount(at, cells.n[event], len(distinct)).astype(np.int64)
        first = np.flatnonzero(event)[np.unique(at, return_index=True)[1]]
        single = np.repeat(np.arange(len(distinct)), number)
        order = np.arange(len(single)) - np.repeat(np.cumsum(number) - number, number)
        left = order / number[single] if ties == "efron" else np.zeros(len(single))
        x = covariates - np.average(covariates, axis=0, weights=cells.n)
        return cls(cells.entry + apart, time, event, cells.n, x, distinct, single, first[single], left)

    def moments(self, beta: Floats) -> _Moments:
        """Score, information and log partial likelihood at ``beta``, with the sums they are made of."""
        weight = np.exp(self.x @ beta)
        columns = self.x.shape[1]
        square = (self.x[:, :, None] * self.x[:, None, :]).reshape(len(self.x), -1)
        total, first, second = (
            self._risk(weight[:, None] * values) for values in (np.ones((len(self.x), 1)), self.x, square)
        )
        mean = first / total
        spread = (second / total).reshape(-1, columns, columns) - mean[:, :, None] * mean[:, None, :]
        seen = self.n * self.event
        log_likelihood = float(seen @ (self.x @ beta) - np.log(total).sum())
        score = seen @ self.x - mean.sum(axis=0)
        return _Moments(weight, total[:, 0], mean, spread, score, spread.sum(axis=0), log_likelihood)

    def _risk(self, values: Floats) -> Floats:
        """Sum of n values over the risk set of each single event, its own time's events in Efron's share."""
        counted = values * self.n[:, None]
        present = self._from(self.time, counted) - self._from(self.entry, counted)
        tied = np.zeros((len(self.distinct), values.shape[1]))
        np.add.at(tied, np.searchsorted(self.distinct, self.time[self.event]), counted[self.event])
        sums: Floats = present[self.at] - self.left[:, None] * tied[self.at]
        return sums

    def _from(self, moment: Integers, counted: Floats) -> Floats:
        """Sum over the cells whose moment is at or after each distinct time."""
        before = np.searchsorted(self.distinct, moment, "right")  # distinct times at or before the moment
        sums = np.zeros((len(self.distinct) + 1, counted.shape[1]))
        np.add.at(sums, before, counted)
        from_each: Floats = sums[::-1].cumsum(axis=0)[::-1][1:]
        return from_each

    def score_residuals(self, moments: _Moments) -> Floats:
        """What one patient of each cell brings to the score, the fitted risk sets taken as given."""
        hazard = 1 / moments.total
        steps = np.concatenate([hazard[:, None], hazard[:, None] * moments.mean], axis=1)
        all_steps, own_steps = (self._per_time(steps * share[:, None]) for share in (np.ones(len(hazard)), self.left))
        mean = ratio(
            self._per_time(moments.mean), self._per_time(np.ones((len(hazard), 1))) + np.zeros(self.x.shape[1])
        )
        cumulated = np.concatenate([np.zeros((1, steps.shape[1])), all_steps.cumsum(axis=0)])
        until, since = (np.searchsorted(self.distinct, moment, "right") for moment in (self.time, self.entry))
        own = np.searchsorted(self.distinct, self.time)[self.event]
        met = cumulated[until] - cumulated[since]
        met[self.event] -= own_steps[own]
        residuals: Floats = -moments.weight[:, None] * (self.x * met[:, :1] - met[:, 1:])
        residuals[self.event] += self.x[self.event] - mean[own]
        return residuals

    def _per_time(self, values: Floats) -> Floats:
        """Sums over the single events of each distinct time."""
        sums = np.zeros((len(self.distinct), values.shape[1]))
        np.add.at(sums, self.at, values)
        return sums

    def drift(self, moments: _Moments, clock: Floats) -> tuple[Floats, Floats]:
        """Score of coefficients that drift with the clock of each single event, and the whole information."""
        clock = clock - clock.mean()
        observed = self._per_time_mean_of_events()[self.at]
        score = ((observed - moments.mean) * clock[:, None]).sum(axis=0)
        constant, mixed, drifting = (
            (moments.spread * weight[:, None, None]).sum(axis=0) for weight in (np.ones(len(clock)), clock, clock**2)
        )
        return score, np.block([[constant, mixed], [mixed, drifting]])

    def _per_time_mean_of_events(self) -> Floats:
        """Mean covariates of the patients whose event came at each distinct time."""
        at = np.searchsorted(self.distinct, self.time[self.event])
        sums, number = np.zeros((len(self.distinct), self.x.shape[1])), np.zeros(len(self.distinct))
        np.add.at(sums, at, self.x[self.event] * self.n[self.event][:, None])
        np.add.at(number, at, self.n[self.event])
        means: Floats = sums / number[:, None]
        return means

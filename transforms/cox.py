"""Cox's proportional hazards from counted cells: Breslow and Efron ties, robust errors, test of proportionality.

The hazard is that of the event; every other status censors, so the model of death is that of
``cells.for_competing_event()``, and both belong in a report. A weight n of a cell means n patients,
which libraries that take case weights do not do under Efron's ties. Delayed entry is allowed. Within
strata only patients of one stratum are compared.

Sums over risk sets follow Therneau and Grambsch (2000), chapters 3, 6 and 7: with the m events at
one time numbered l = 0 .. m - 1, Efron's risk set at the l-th weighs its own events 1 - l / m.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from transforms.cells import Cells, Floats, Integers, counts_over_time, ratio
from transforms.intervals import NO_CLUSTER, NO_EVENT, NO_SPREAD, NOT_ESTIMABLE, Difference, Test
from transforms.ties import tied_events
from warehouse.schemas import EVENT_SEEN

Ties = Literal["efron", "breslow"]

PROPORTIONALITY = "Grambsch-Therneau"
MOST_STEPS = 30
CONVERGED = 1e-10  # of the squared Newton step in units of its information
LARGEST_LOG_RATIO = 15.0  # between any two patients: levels that tell who has no event drift to infinity
LARGEST_STEP = 5.0  # of the same in one Newton step: sums of weights must not swallow the smallest of them
LARGEST_EXPONENT = 700.0  # of a limit: what lies beyond is no number
ROUNDING = 1e-12  # of a quantity of the same kind that is not nothing: what is below it is nothing


@dataclass(frozen=True)
class CoxModel:
    """Log hazard ratios, one per column of the covariates, with three covariance matrices.

    ``influence`` is what one patient of each cell brings to the coefficients (R's ``dfbeta``), cells x
    columns; ``robust`` is the sandwich over patients, the sum of its squares, and ``clustered`` that over
    clusters, of which there are ``clusters`` (None where none were given). All are None, with a reason, where
    the model has no finite solution.
    """

    coefficients: Floats | None
    covariance: Floats | None
    robust: Floats | None
    clustered: Floats | None
    log_likelihood: float | None
    influence: Floats | None = None
    clusters: int = 0
    null_reason: str | None = None

    @classmethod
    def absent(cls, reason: str) -> CoxModel:
        """No model, for the reason given."""
        return cls(None, None, None, None, None, null_reason=reason)

    def hazard_ratio(self, column: int) -> Difference:
        """Hazard ratio of a column with Wald's test and interval from the sandwich over patients, on the log scale.

        ``std_error`` is that of the log. Null where it is nothing beside that of the model: all patients are alike.
        """
        if self.robust is None:
            return Difference.absent(self.null_reason or NOT_ESTIMABLE)
        return self.hazard_ratio_with(column, float(self.robust[column, column]))

    def hazard_ratio_by_cluster(self, column: int) -> Difference:
        """The same from the sandwich over clusters.

        A sum of a few squares is small too often: it is raised by G / (G - 1) and judged by Student's law with G - 1
        degrees of freedom (Cameron and Miller 2015, Journal of Human Resources 50, 317-372).
        """
        if self.clustered is None or self.clusters < 2:
            return Difference.absent(self.null_reason or NO_CLUSTER)
        raised = float(self.clustered[column, column]) * self.clusters / (self.clusters - 1)
        return self.hazard_ratio_with(column, raised, freedom=self.clusters - 1)

    def hazard_ratio_with(self, column: int, variance: float, freedom: int | None = None) -> Difference:
        """The same with a variance of the log ratio that is known from elsewhere."""
        if self.coefficients is None or self.covariance is None:
            return Difference.absent(self.null_reason or NOT_ESTIMABLE)
        if variance <= ROUNDING * self.covariance[column, column]:
            return Difference.absent(NO_SPREAD)
        centre, error = float(self.coefficients[column]), math.sqrt(variance)
        log = Difference.student(centre, error, freedom) if freedom else Difference.normal(centre, error)
        low, ratio, high = np.exp([log.low or 0.0, centre, min(log.high or 0.0, LARGEST_EXPONENT)]).tolist()
        return replace(log, estimate=ratio, low=low, high=high)


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
        return CoxModel.absent(NO_EVENT)
    risks = _RiskSets.of(cells, covariates, ties, stratum)
    beta = _maximum(risks)
    if beta is None:
        return CoxModel.absent(NOT_ESTIMABLE)
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
        influence=influence,
        clusters=0 if cluster is None else len(np.unique(cluster)),
    )


def proportional_hazards_test(
    cells: Cells, covariates: Floats, ties: Ties = "efron", stratum: Integers | None = None
) -> tuple[Test, ...]:
    """Score tests that a coefficient does not drift with 1 - S(t-): one per column, the last for all together.

    S is the Kaplan-Meier curve of all patients (Grambsch and Therneau 1994, in the exact form of R's
    ``cox.zph`` since 2020). Null as the model is.
    """
    columns = covariates.shape[1]
    if not cells.number(EVENT_SEEN):
        return tuple(Test.absent(PROPORTIONALITY, NO_EVENT) for _ in range(columns + 1))
    risks = _RiskSets.of(cells, covariates, ties, stratum)
    beta = _maximum(risks)
    if beta is None:
        return tuple(Test.absent(PROPORTIONALITY, NOT_ESTIMABLE) for _ in range(columns + 1))
    score, information = risks.drift(risks.moments(beta), _share_gone(cells)[risks.event_cell])
    chosen_columns = [*([column] for column in range(columns)), list(range(columns))]
    return tuple(_drift_test(score, information, chosen) for chosen in chosen_columns)


def _drift_test(score: Floats, information: Floats, chosen: list[int]) -> Test:
    """Whether the chosen columns drift, the others held constant; null with all events at one time."""
    from scipy.stats import chi2

    columns = len(information) // 2
    kept = [*range(columns), *(columns + column for column in chosen)]
    block = information[np.ix_(kept, kept)]
    if np.linalg.cond(block) > 1e12:
        return Test.absent(PROPORTIONALITY, NOT_ESTIMABLE)
    full = np.concatenate([np.zeros(columns), score[chosen]])
    statistic = float(full @ np.linalg.solve(block, full))
    return Test(statistic, float(chi2.sf(statistic, len(chosen))), PROPORTIONALITY, len(chosen))


def _share_gone(cells: Cells) -> Floats:
    """1 - S(t-) at the time of each cell, S being Kaplan-Meier's of all."""
    time, at_risk, events, _ = counts_over_time(cells)
    survival = np.cumprod(1 - ratio(events, at_risk))
    before = np.concatenate([[1.0], survival[:-1]])
    gone: Floats = 1 - before[np.searchsorted(time, cells.time)]
    return gone


def _over_clusters(influence: Floats, cluster: Integers) -> Floats:
    codes, place = np.unique(cluster, return_inverse=True)
    sums = _sums(place, influence, len(codes))
    return sums.T @ sums


def _maximum(risks: _RiskSets) -> Floats | None:
    """The root of the score by Newton steps, halved while the likelihood falls; None where there is none."""
    beta, span = np.zeros(risks.x.shape[1]), np.ptp(risks.x, axis=0)
    moments = risks.moments(beta)
    for _ in range(MOST_STEPS):
        if _is_singular(moments.information, span, risks.number.sum()):
            return None
        step = np.linalg.solve(moments.information, moments.score)
        step = step / max(1.0, float(np.ptp(risks.x @ step)) / LARGEST_STEP)
        decrement = float(step @ moments.score)
        following = risks.moments(beta + step)
        while following.log_likelihood < moments.log_likelihood - 1e-9 * abs(moments.log_likelihood):
            step = step / 2
            following = risks.moments(beta + step)
        beta, moments = beta + step, following
        if np.ptp(risks.x @ beta) > LARGEST_LOG_RATIO:
            return None
        if decrement < CONVERGED:
            return beta
    return None


def _is_singular(information: Floats, span: Floats, events: float) -> bool:
    """Whether some combination of the covariates, whose ranges are ``span``, tells nothing at any event."""
    if np.any(np.diag(information) <= ROUNDING * events * span**2):
        return True
    return bool(np.linalg.cond(information) > 1 / ROUNDING)


@dataclass(frozen=True)
class _Moments:
    """Sums at one value of the coefficients; all but the last three have one element per cell or distinct time.

    With q = 1 / S0 of each single event and c the share of its time's events that left before it, the
    sums over the single events of a time are those of q and cq (``hazard``, ``left_hazard``), of q^2,
    cq^2 and c^2 q^2 (``squares``), of the mean covariates at risk (``means``) and their covariances
    (``spread``). ``first`` and ``tied`` are S1 of the risk set and of the time's events.
    """

    weight: Floats
    hazard: Floats
    left_hazard: Floats
    squares: tuple[Floats, Floats, Floats]
    first: Floats
    tied: Floats
    means: Floats
    spread: Floats
    score: Floats
    information: Floats
    log_likelihood: float


@dataclass(frozen=True)
class _RiskSets:
    """Cells, their centred covariates and the distinct times of events.

    ``time`` and ``entry`` are moved apart stratum by stratum, so that nobody is at risk in another
    stratum. ``number`` counts the events of each time, ``observed`` adds up their covariates,
    ``event_cell`` is one of their cells. Sums over single events are sums over ``at``, their place among
    the distinct times, of what they make of ``left``, the share of their time's events that left before
    (Efron; 0 with Breslow), each ``weight`` times (``transforms.ties``).
    """

    entry: Integers
    time: Integers
    event: NDArray[np.bool_]
    n: Integers
    x: Floats
    distinct: Integers
    number: Integers
    observed: Floats
    event_cell: Integers
    at: Integers
    left: Floats
    weight: Floats

    @classmethod
    def of(cls, cells: Cells, covariates: Floats, ties: Ties, stratum: Integers | None) -> _RiskSets:
        apart = 0 if stratum is None else stratum * (int(cells.time.max()) + 2)
        time, event = cells.time + apart, cells.status == EVENT_SEEN
        x = covariates - np.average(covariates, axis=0, weights=cells.n)
        distinct, first, place = np.unique(time[event], return_index=True, return_inverse=True)
        number = np.bincount(place, cells.n[event], len(distinct)).astype(np.int64)
        observed = _sums(place, x[event] * cells.n[event][:, None], len(distinct))
        single = tied_events(number) if ties == "efron" else _together(number)
        event_cell = np.flatnonzero(event)[first]
        return cls(cells.entry + apart, time, event, cells.n, x, distinct, number, observed, event_cell, *single)

    def moments(self, beta: Floats) -> _Moments:
        """Score, information and log partial likelihood at ``beta``, with the sums they are made of."""
        weight = np.exp(self.x @ beta)
        counted = self._with_moments() * (weight * self.n)[:, None]
        total, first, second = self._parted(self._from(self.time, counted) - self._from(self.entry, counted))
        own = np.searchsorted(self.distinct, self.time[self.event])
        tied_total, tied, tied_second = self._parted(_sums(own, counted[self.event], len(self.distinct)))
        single = total[self.at, 0] - self.left * tied_total[self.at, 0]
        q, c = 1 / single, self.left
        hazard, left_hazard, plain, once, twice = (
            _sums(self.at, (self.weight * product)[:, None], len(self.distinct))[:, 0]
            for product in (q, c * q, q * q, c * q * q, c * c * q * q)
        )
        means = hazard[:, None] * first - left_hazard[:, None] * tied
        spread = (hazard[:, None] * second - left_hazard[:, None] * tied_second).reshape(len(first), *self.square)
        spread = spread - _outer(plain, first, first) - _outer(twice, tied, tied)
        spread = spread + _outer(once, first, tied) + _outer(once, tied, first)
        return _Moments(
            weight=weight,
            hazard=hazard,
            left_hazard=left_hazard,
            squares=(plain, once, twice),
            first=first,
            tied=tied,
            means=means,
            spread=spread,
            score=(self.observed - means).sum(axis=0),
            information=spread.sum(axis=0),
            log_likelihood=float((self.n * self.event) @ (self.x @ beta) - self.weight @ np.log(single)),
        )

    @property
    def square(self) -> tuple[int, int]:
        """The shape of a covariance of the covariates."""
        return self.x.shape[1], self.x.shape[1]

    def _with_moments(self) -> Floats:
        """Of every cell: 1, x and x x', side by side."""
        products = (self.x[:, :, None] * self.x[:, None, :]).reshape(len(self.x), -1)
        return np.concatenate([np.ones((len(self.x), 1)), self.x, products], axis=1)

    def _parted(self, sums: Floats) -> tuple[Floats, Floats, Floats]:
        """S0, S1 and S2 out of sums of ``_with_moments``."""
        columns = self.x.shape[1]
        return sums[:, :1], sums[:, 1 : 1 + columns], sums[:, 1 + columns :]

    def _from(self, moment: Integers, counted: Floats) -> Floats:
        """Sum over the cells whose moment is at or after each distinct time."""
        before = np.searchsorted(self.distinct, moment, "right")  # distinct times at or before the moment
        sums = _sums(before, counted, len(self.distinct) + 1)
        from_each: Floats = sums[::-1].cumsum(axis=0)[::-1][1:]
        return from_each

    def score_residuals(self, moments: _Moments) -> Floats:
        """What one patient of each cell brings to the score, the fitted risk sets taken as given."""
        plain, once, twice = (square[:, None] for square in moments.squares)
        steps = np.concatenate([moments.hazard[:, None], plain * moments.first - once * moments.tied], axis=1)
        own_steps = np.concatenate([moments.left_hazard[:, None], once * moments.first - twice * moments.tied], axis=1)
        cumulated = np.concatenate([np.zeros((1, steps.shape[1])), steps.cumsum(axis=0)])
        until, since = (np.searchsorted(self.distinct, moment, "right") for moment in (self.time, self.entry))
        own = np.searchsorted(self.distinct, self.time[self.event])
        met = cumulated[until] - cumulated[since]
        met[self.event] -= own_steps[own]
        residuals: Floats = -moments.weight[:, None] * (self.x * met[:, :1] - met[:, 1:])
        residuals[self.event] += self.x[self.event] - (moments.means / self.number[:, None])[own]
        return residuals

    def drift(self, moments: _Moments, clock: Floats) -> tuple[Floats, Floats]:
        """Score of coefficients that drift with the clock of each distinct time, and the whole information."""
        clock = clock - np.average(clock, weights=self.number)
        score = ((self.observed - moments.means) * clock[:, None]).sum(axis=0)
        constant, mixed, drifting = (np.tensordot(clock**power, moments.spread, 1) for power in (0, 1, 2))
        return score, np.block([[constant, mixed], [mixed, drifting]])


def _together(number: Integers) -> tuple[Integers, Floats, Floats]:
    """Breslow's single events: none leaves before another of its time."""
    return np.arange(len(number)), np.zeros(len(number)), number.astype(np.float64)


def _sums(place: Integers, values: Floats, length: int) -> Floats:
    """Rows of values added by place."""
    return np.stack([np.bincount(place, column, length) for column in values.T], axis=1).astype(np.float64)


def _outer(weight: Floats, left: Floats, right: Floats) -> Floats:
    """Weight l r' of every distinct time."""
    product: Floats = (weight[:, None] * left)[:, :, None] * right[:, None, :]
    return product

"""Whether groups share one hazard (log-rank) or one incidence (Gray), within strata if there are any.

``strata`` holds one sequence of groups per stratum, the same groups in the same order; a single
stratum stands for no stratification. Scores and variances are added over strata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from transforms.cells import Cells, Floats, Integers, counts_at, ratio
from transforms.incidence import just_before, nobody_was_left
from transforms.intervals import NEVER_TOGETHER, NO_EVENT, NO_PATHWAY, NOT_ESTIMABLE, Test
from warehouse.schemas import EVENT_SEEN

SINGULAR = 1e-10  # the scores add to zero: one eigenvalue is zero but for rounding

Groups = Sequence[Cells]


@dataclass(frozen=True)
class _Counts:
    """Counts of all groups of a stratum at its distinct times: arrays of groups x times."""

    at_risk: Integers
    events: Integers
    competing: Integers

    @classmethod
    def of(cls, groups: Groups) -> _Counts:
        time = np.unique(np.concatenate([cells.time for cells in groups]))
        counts = [counts_at(cells, time) for cells in groups]
        return cls(*(np.array(of_groups, dtype=np.int64) for of_groups in zip(*counts, strict=True)))

    def survival(self) -> Floats:
        """The share of each group without either event, from each time on."""
        return np.cumprod(1 - ratio(self.events + self.competing, self.at_risk), axis=1, dtype=np.float64)


def stratified_log_rank(strata: Sequence[Groups]) -> Test:
    """Log-rank test of two or more groups with the hypergeometric variance; delayed entry is allowed.

    It compares hazards of the event: competing events censor.
    """
    method = "log-rank" if len(strata) == 1 else "stratified log-rank"
    return _chi_square(strata, method, (_log_rank_score(_Counts.of(groups)) for groups in _occupied(strata)))


def gray_test(strata: Sequence[Groups]) -> Test:
    """Gray's test of equal cumulative incidence of the event (Annals of Statistics 16, 1988; rho = 0).

    Ties shrink the variance by the hypergeometric factor (n - d) / (n - 1). With delayed entry the risk
    sets are those of whoever has entered, on which the paper's martingales rest just the same; a group in
    which all at risk had an event before others entered takes no part from there on. Null where the factor
    exceeds what a handful of tied pathways can bear and the variance is negative.
    """
    method = "Gray" if len(strata) == 1 else "stratified Gray"
    return _chi_square(strata, method, (_gray_score(_Counts.of(groups)) for groups in _occupied(strata)))


def _occupied(strata: Sequence[Groups]) -> Iterator[Groups]:
    return (groups for groups in strata if any(cells.total for cells in groups))


def _chi_square(strata: Sequence[Groups], method: str, scores: Iterable[tuple[Floats, Floats]]) -> Test:
    """The quadratic form of the summed scores; its degrees of freedom are the rank of their variance."""
    from scipy.stats import chi2

    totals = np.array([[cells.total for cells in groups] for groups in strata]).sum(axis=0)
    if not totals.size or not totals.all():
        return Test.absent(method, NO_PATHWAY)
    if not any(cells.number(EVENT_SEEN) for groups in strata for cells in groups):
        return Test.absent(method, NO_EVENT)
    parts = list(scores)
    score, variance = sum(part[0] for part in parts), sum(part[1] for part in parts)
    spread = np.linalg.eigvalsh(variance)
    nothing = SINGULAR * np.abs(spread).max()
    if spread.min() < -nothing:
        return Test.absent(method, NOT_ESTIMABLE)  # Gray's factor for ties, of a handful of pathways
    freedom = int((spread > nothing).sum())
    if freedom == 0:
        return Test.absent(method, NEVER_TOGETHER)
    statistic = float(score @ np.linalg.pinv(variance, rcond=SINGULAR, hermitian=True) @ score)
    return Test(statistic, float(chi2.sf(statistic, freedom)), method, freedom)


def _log_rank_score(counts: _Counts) -> tuple[Floats, Floats]:
    """Observed minus expected events of each group, and its covariance."""
    at_risk, events = counts.at_risk.sum(axis=0), counts.events.sum(axis=0)
    share = ratio(counts.at_risk, np.broadcast_to(at_risk, counts.at_risk.shape))
    spread = events * _tie_factor(at_risk, events)
    score = (counts.events - events * share).sum(axis=1)
    return score, np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T


def _tie_factor(at_risk: Floats | Integers, events: Integers) -> Floats:
    """(n - d) / (n - 1) where d > 1 of n have the event at once; n may be an effective number."""
    several = (events > 1) & (at_risk > 1)
    return np.where(several, 1 - (events - 1) / np.where(several, at_risk - 1.0, 1.0), 1.0)


def _gray_score(counts: _Counts) -> tuple[Floats, Floats]:
    """Gray's scores of each group and their covariance, section 2 of the paper.

    With G_k = 1 - F_1k and S_k the share without either event, R_k = Y_k G_k(t-) / S_k(t-) is the
    risk set of the subdistribution, h_k = Y_k / S_k(t-), and F_1 and G = 1 - F_1 without index those
    of all groups together under the hypothesis: dF_1 = dN_1 / h, h and R being sums over groups.
    """
    survival = counts.survival()
    lost = nobody_was_left(survival, counts.at_risk)
    counts = _Counts(*(np.where(lost, 0, of) for of in (counts.at_risk, counts.events, counts.competing)))
    before = just_before(survival)
    incidence = np.cumsum(ratio(before * counts.events, counts.at_risk), axis=1)
    h = ratio(counts.at_risk, before)
    risk = h * (1 - _shifted(incidence, 0.0))
    events = counts.events.sum(axis=0)
    share = ratio(risk, np.broadcast_to(risk.sum(axis=0), risk.shape))
    score = (counts.events - events * share).sum(axis=1)
    pooled = _Pooled.of(h, events)
    groups = range(len(score))
    return score, sum((_gray_variance(k, counts, h, survival, pooled) for k in groups), np.zeros((len(score),) * 2))


def _shifted(curves: Floats, start: float) -> Floats:
    """The curves just before each time."""
    return np.concatenate([np.full((len(curves), 1), start), curves[:, :-1]], axis=1)


@dataclass(frozen=True)
class _Pooled:
    """What all groups have together under the hypothesis, one element per distinct time."""

    h: Floats
    events: Integers
    step: Floats  # dF_1
    free: Floats  # G = 1 - F_1, from the time on
    hazard: Floats  # dF_1 / G(t-)

    @classmethod
    def of(cls, h: Floats, events: Integers) -> _Pooled:
        step = ratio(events, h.sum(axis=0))
        free = 1 - np.cumsum(step, dtype=np.float64)
        return cls(h.sum(axis=0), events, step, free, ratio(step, np.concatenate([[1.0], free[:-1]])))


def _gray_variance(group: int, counts: _Counts, h: Floats, survival: Floats, pooled: _Pooled) -> Floats:
    """What the patients of one group bring to the covariance of all scores: sums over both causes.

    ``weight`` is d_k = (1[k = group] - h_k / h) h_group, ``tail`` the integral of d_k dF_1 / G after t.
    """
    own = (np.arange(len(h)) == group)[:, None]
    weight = (own - ratio(h, np.broadcast_to(pooled.h, h.shape))) * h[group]
    met = np.cumsum(weight * pooled.hazard, axis=1)
    tail = met[:, -1:] - met
    odds = ratio(pooled.free, survival[group])
    of_event, of_competing = weight + (1 - odds) * tail, -odds * tail
    before = ratio(counts.at_risk[group], h[group])
    event_variance = ratio(pooled.step, h[group]) * _tie_factor(pooled.h * before, pooled.events)
    competing, at_risk = counts.competing[group], counts.at_risk[group]
    competing_variance = ratio(before**2 * competing, at_risk.astype(np.float64) ** 2) * _tie_factor(at_risk, competing)
    total: Floats = (of_event * event_variance) @ of_event.T + (of_competing * competing_variance) @ of_competing.T
    return total

"""Figures of hazards, after against before: Cox's ratios, whether they are proportional, tests of whole curves by site.

Hazards are cause-specific: that of the event, and beside it always that of what competes (death), as
neither tells of incidence alone (Latouche et al. 2013). Efron's ties are exact from counted cells, so
they are taken, as by R's ``coxph``. Figures are of whole arms; ``n_with`` tells disclosure control the fewest
with, or without, the event of the model in either period.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.cells import CELL, Cells, Floats
from transforms.clusters import Linked
from transforms.cox import cox, proportional_hazards_test
from transforms.figure import CONTRAST, RATIO, Figure, figure_of
from transforms.group_tests import gray_test, stratified_log_rank
from transforms.intervals import (
    NO_EVENT,
    NO_EVENT_IN_A_GROUP,
    NOT_ESTIMABLE,
    SEVERAL_PATHWAYS,
    Difference,
    Test,
)
from transforms.kaplan_meier import log_rank
from transforms.pathways import MISSING
from warehouse.kinds import Timed
from warehouse.schemas import EVENT_SEEN, LEVEL_SEPARATOR

PERIODS = ("after", "before")
EFRON = "Cox model of the cause-specific hazard, Efron ties"
BY_PATIENT = f"{EFRON}, patient-robust error"
BY_SITE = f"{EFRON}, site-clustered error, t law"
FEW_SITES = 20  # below it a sandwich over sites rests on few squares (Cameron, Gelbach and Miller 2008)
FEW = "; fewer than 20 sites, the error is uncertain"
SITE_CLUSTERED, ADJUSTED = "sensitivity:site_clustered", "sensitivity:adjusted"
PROPORTIONALITY = "Grambsch-Therneau test, time on the scale of Kaplan-Meier"
LOG_RANK = "log-rank test"
CAUSE_SPECIFIC = " of cause-specific hazards: what competes censors"


@dataclass(frozen=True)
class _Compared:
    """Cells of both periods, those of after first; ``label`` is the site or the pattern of strata of each cell."""

    cells: Cells
    after: NDArray[np.bool_]
    label: NDArray[np.object_]

    @classmethod
    def of(cls, frame: pl.DataFrame, label: str) -> _Compared:
        """The cells of rows of TIME_TALLY of one view, by period and the column ``label``."""
        keys = ["period", label, *CELL]
        counted = frame.group_by(keys).agg(pl.col("n").cast(pl.Int64).sum()).sort(keys)
        cells = Cells(*(counted[name].cast(pl.Int64).to_numpy() for name in (*CELL, "n")))
        return cls(cells, (counted["period"] == "after").to_numpy(), np.array(counted[label].to_list(), dtype=object))

    def for_competing_event(self) -> _Compared:
        """The same pathways with event and competing event exchanged."""
        return replace(self, cells=self.cells.for_competing_event())

    def only(self, chosen: NDArray[np.bool_]) -> _Compared:
        """The chosen cells alone."""
        cells = self.cells
        kept = Cells(cells.entry[chosen], cells.time[chosen], cells.status[chosen], cells.n[chosen])
        return _Compared(kept, self.after[chosen], self.label[chosen])

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Whether the pathways of each cell had the event."""
        had: NDArray[np.bool_] = self.cells.status == EVENT_SEEN
        return had

    @property
    def groups(self) -> tuple[Cells, Cells]:
        """After and before."""
        return self.only(self.after).cells, self.only(~self.after).cells

    def by_label(self) -> list[tuple[Cells, Cells]]:
        """After and before within each site."""
        return [self.only(self.label == label).groups for label in sorted(set(self.label))]

    @property
    def columns(self) -> Floats:
        """The period as the one covariate: 1 after, 0 before."""
        return self.after[:, None].astype(np.float64)

    def counts(self, linked: Linked | None = None) -> dict[str, int]:
        """Pathways, and the fewest with or without the event in either period: patients, where these have several."""
        having = [
            (group, chosen)
            for group in self.groups
            for seen in [group.status == EVENT_SEEN]
            for chosen in (seen, ~seen)
        ]
        if linked is None:
            fewest = [int(group.n[chosen].sum()) for group, chosen in having]
        else:
            of_each = [linked.after, linked.after, linked.before, linked.before]
            fewest = [pairs.fewest_patients(*group) for pairs, group in zip(of_each, having, strict=True)]
        return {"n": self.cells.total, "n_with": min(fewest)}

    def reason_for_none(self) -> str | None:
        """Why no model has a finite ratio: nobody had the event, or nobody of one period."""
        events = [group.number(EVENT_SEEN) for group in self.groups]
        if not any(events):
            return NO_EVENT
        return None if all(events) else NO_EVENT_IN_A_GROUP


@dataclass(frozen=True)
class _Arm:
    """The pathways of one arm in three views; those by site and by pattern may be empty."""

    overall: _Compared
    by_site: _Compared
    by_pattern: _Compared
    linked: Linked | None

    @classmethod
    def of(cls, frame: pl.DataFrame, pairs: pl.DataFrame | None) -> _Arm | None:
        """From rows of TIME_TALLY and PAIR_TALLY; None where a period has no pathway."""
        contrasted = frame.filter(pl.col("period").is_in(PERIODS))
        overall = _Compared.of(contrasted.filter(view="overall"), "site")
        if overall.after.all() or not overall.after.any():
            return None
        by_site = _Compared.of(contrasted.filter(view="site"), "site")
        by_pattern = _Compared.of(contrasted.filter(view="adjust"), "stratum")
        return cls(overall, by_site, by_pattern, None if pairs is None else Linked.of(pairs, *overall.groups))

    def for_competing_event(self) -> _Arm:
        """The same pathways with event and competing event exchanged."""
        overall, by_site, by_pattern = (
            view.for_competing_event() for view in (self.overall, self.by_site, self.by_pattern)
        )
        return _Arm(overall, by_site, by_pattern, self.linked)

    @property
    def sites(self) -> int:
        """How many sites the pathways come from; 0 where they are not counted by site."""
        return len(set(self.by_site.label))


def hazard_figures(
    cells: pl.DataFrame, indicator: Timed, factors: Sequence[str], pairs: pl.DataFrame | None = None
) -> Iterator[Figure]:
    """Ratios of hazards and tests of whole curves, after against before, of the pathways of one arm.

    ``cells`` are rows of TIME_TALLY of the arm in all its views: ``overall`` and, where they are counted,
    ``site`` and ``adjust``, the joint pattern of ``factors``. ``pairs`` are rows of PAIR_TALLY of the view
    ``overall`` where a patient may have several pathways. Nothing where a period has no pathway.
    """
    arm = _Arm.of(cells, pairs)
    if arm is None:
        return
    yield _log_rank(arm, indicator)
    yield from _ratios(arm, factors, "")
    if indicator.competing:
        yield from _ratios(arm.for_competing_event(), factors, "_competing")
    if arm.sites > 1 and pairs is None:
        yield from _tests_by_site(arm, indicator)


def _log_rank(arm: _Arm, indicator: Timed) -> Figure:
    """The log-rank test: by lifelines where nothing competes. There is none of pathways that share patients."""
    if arm.linked is not None:
        test = Test.absent(LOG_RANK, SEVERAL_PATHWAYS)
    else:
        test = stratified_log_rank([arm.overall.groups]) if indicator.competing else log_rank(*arm.overall.groups)
    method = LOG_RANK + (CAUSE_SPECIFIC if indicator.competing else "")
    return _of_test(test, "log_rank", method, arm.overall.counts(arm.linked))


def _tests_by_site(arm: _Arm, indicator: Timed) -> Iterator[Figure]:
    """The same within sites and, where something competes, Gray's test within sites: scores are added over them."""
    counts, strata = arm.overall.counts(), arm.by_site.by_label()
    method = f"{LOG_RANK}, stratified by site" + (CAUSE_SPECIFIC if indicator.competing else "")
    yield _of_test(stratified_log_rank(strata), "stratified_log_rank", method, counts)
    if indicator.competing:
        yield _of_test(gray_test(strata), "stratified_gray_test", "Gray's test, stratified by site", counts)


def _of_test(test: Test, measure: str, method: str, counts: dict[str, int]) -> Figure:
    return Figure(
        measure,
        CONTRAST,
        n=counts["n"],
        n_with=counts["n_with"],
        estimate=test.statistic,
        p_value=test.p_value,
        method=method,
        null_reason=test.null_reason,
    )


def _ratios(arm: _Arm, factors: Sequence[str], suffix: str) -> Iterator[Figure]:
    """The ratio of the hazards of one cause: crude, whether it is constant, site-clustered, and adjusted."""
    measure, counts = f"hazard_ratio{suffix}", arm.overall.counts(arm.linked)
    reason = arm.overall.reason_for_none()
    crude = Difference.absent(reason) if reason else _crude(arm)
    yield figure_of(crude, measure, RATIO, method=BY_PATIENT, **counts)
    proportional = Test.absent(PROPORTIONALITY, reason) if reason else _proportionality(arm)
    yield _of_test(proportional, f"proportional_hazards{suffix}", PROPORTIONALITY, counts)
    if arm.sites > 1:
        clustered = Difference.absent(reason) if reason else _site_clustered(arm.by_site)
        method = BY_SITE + (FEW if arm.sites < FEW_SITES else "")
        yield figure_of(clustered, measure, RATIO, method=method, analysis=SITE_CLUSTERED, **counts)
    if factors and len(arm.by_pattern.label):
        adjusted, complete = _adjusted(arm)
        method = f"{BY_PATIENT}, adjusted for {', '.join(factors)}, complete cases"
        yield figure_of(adjusted, measure, RATIO, method=method, analysis=ADJUSTED, **complete)


def _crude(arm: _Arm) -> Difference:
    """The ratio with the sandwich over patients: of several pathways of one, the products of influences are added."""
    compared = arm.overall
    model = cox(compared.cells, compared.columns)
    if arm.linked is None or model.influence is None:
        return model.hazard_ratio(0)
    psi = model.influence[:, 0]
    independent = float(compared.cells.n @ psi**2)
    return model.hazard_ratio_with(0, independent + arm.linked.added(psi[compared.after], psi[~compared.after]))


def _proportionality(arm: _Arm) -> Test:
    """Whether the ratio drifts with time. The test takes pathways as independent."""
    if arm.linked is not None:
        return Test.absent(PROPORTIONALITY, SEVERAL_PATHWAYS)
    return proportional_hazards_test(arm.overall.cells, arm.overall.columns)[0]


def _site_clustered(compared: _Compared) -> Difference:
    """The same ratio with the sandwich over sites: all pathways of a site may be alike."""
    clusters = np.unique(compared.label.astype(str), return_inverse=True)[1].astype(np.int64)
    return cox(compared.cells, compared.columns, cluster=clusters).hazard_ratio_by_cluster(0)


def _adjusted(arm: _Arm) -> tuple[Difference, dict[str, int]]:
    """The ratio at equal levels of the factors, and its counts: patients without a missing level."""
    compared = arm.by_pattern
    levels = np.array([label.split(LEVEL_SEPARATOR) for label in compared.label], dtype=object)
    complete = ~(levels == MISSING).any(axis=1)
    compared, levels = compared.only(complete), levels[complete]
    counts = compared.counts()
    if arm.linked is not None:
        return Difference.absent(SEVERAL_PATHWAYS), counts
    reason = compared.reason_for_none()
    if reason is not None:
        return Difference.absent(reason), counts
    telling = _with_events(compared, levels)
    design = _design(compared.only(telling), levels[telling])
    if design is None:
        return Difference.absent(NOT_ESTIMABLE), counts
    return cox(compared.only(telling).cells, design).hazard_ratio(0), counts


def _with_events(compared: _Compared, levels: NDArray[np.object_]) -> NDArray[np.bool_]:
    """The cells whose levels all have events.

    The coefficient of a level without events is minus infinity: in the limit of the partial likelihood
    its patients weigh nothing in any risk set. Leaving them out is that limit, exactly.
    """
    kept, before = np.ones(len(levels), dtype=np.bool_), -1
    while kept.sum() != before:
        before = int(kept.sum())
        for factor in levels.T:
            kept &= np.isin(factor.astype(str), factor[kept & compared.seen].astype(str))
    return kept


def _design(compared: _Compared, levels: NDArray[np.object_]) -> Floats | None:
    """Period, then one column per level but those that repeat the others; None where levels tell the period."""
    dummies = [(factor == level).astype(np.float64) for factor in levels.T for level in sorted(set(factor))[1:]]
    rows, at = np.unique(np.stack([*dummies, compared.after.astype(np.float64)], axis=1), axis=0, return_inverse=True)
    chosen = np.ones((len(rows), 1))
    kept: list[int] = []
    for place, column in enumerate(rows.T):
        wider = np.column_stack([chosen, column])
        if np.linalg.matrix_rank(wider) > chosen.shape[1]:
            chosen, kept = wider, [*kept, place]
    if rows.shape[1] - 1 not in kept:
        return None
    return rows[at.ravel()][:, kept[-1:] + kept[:-1]]

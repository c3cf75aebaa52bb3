"""Counts become estimates: which estimator for which kind, in which scope, primary or secondary.

Deaths compete: Aalen-Johansen incidence with influence-function errors. Where nothing competes:
Kaplan-Meier and the log-rank test. Several pathways of one patient: patient-clustered errors, from pairs.
Whole curves: areas and Gray's test. Rates: exact, and at equal follow-up. Shares: Wilson and Newcombe.
Scores: the top box first, the mean as a footnote. Monthly and quarterly figures follow the month of time zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard, assert_never

import polars as pl

from transforms.bootstrap import Stream
from transforms.detectable import detectables
from transforms.figure import ALL_PERIODS, CONTRAST, PERIOD_ABSENT, Figure
from transforms.hazard_figures import hazard_figures
from transforms.inference import adjusted, labelled
from transforms.interactions import interactions
from transforms.intervals import NO_PATHWAY
from transforms.rate_figures import Rated, rate_contrast, rate_group
from transforms.recorded import told_why_absent
from transforms.recurrent_figures import recurrent_figures
from transforms.response_figures import response_figures
from transforms.share_figures import share_contrast, share_group, share_headline
from transforms.time_figures import curve_rows, median_contrast, time_contrast, time_group, time_headline
from transforms.whole_curve_figures import curve_contrast, curve_group
from warehouse.kinds import Gap, Indicator, Proportion, RecurrentEvent, Score, Timed, TimeToEvent
from warehouse.programme import Programme
from warehouse.schemas import CURVE, ESTIMATE, Estimates, Tallies

Groups = dict[str, pl.DataFrame]  # period -> cells; a period without pathways has no cells
Pairs = pl.DataFrame | None  # rows of PAIR_TALLY; None where every patient has one pathway


@dataclass(frozen=True)
class Scope:
    """Whose pathways are looked at: the circuit sites together, another arm, a site or a stratum."""

    type: str
    name: str
    view: str
    where: pl.Expr

    @property
    def has_series(self) -> bool:
        """Months are counted by arm only: neither by site nor by stratum."""
        return self.view == "overall"


def estimate(tallies: Tallies, programme: Programme, run_id: str) -> Estimates:
    """Every declared figure (ESTIMATE) and curve (CURVE), exact from the counts."""
    figures: list[dict[str, object]] = []
    curves: list[dict[str, object]] = []
    for indicator_id, declared in programme.indicators.items():
        for variant, indicator in programme.variants_of(declared).items():
            named = (pl.col("indicator_id") == indicator_id) & (pl.col("variant") == variant)
            cells = cells_of(tallies, indicator).filter(named)
            several = programme.zero_of(declared).which == "each"
            all_pairs = tallies.pairs.filter(named) if several else None
            recurrences = _by_view(tallies.recurrences.filter(named))
            for scope in scopes(programme, cells):
                keys: dict[str, object] = {
                    "indicator_id": indicator_id,
                    "variant": variant,
                    "scope_type": scope.type,
                    "scope": scope.name,
                    "unit": _unit(indicator),
                }
                groups, pairs = _by_period(cells, scope, programme), _of_view(all_pairs, scope, scope.view)
                counted = recurrences(scope.view).filter(scope.where)
                of_scope = [*_figures(groups, indicator, scope, pairs, counted)]
                of_scope += _series(cells, indicator, scope, all_pairs)
                of_scope += _hazards(cells, indicator, scope, pairs, programme)
                stream = _stream(programme, indicator_id, variant, scope)
                of_scope += _resampled(groups, indicator, scope, pairs, stream)
                of_scope += _of_whole_arms(cells, counted, recurrences("adjust"), indicator, scope, programme)
                for figure in of_scope:
                    unit = figure.unit or _unit(indicator)
                    figures.append(vars(figure) | keys | {"kind": indicator.kind, "unit": unit})
                curves += [row | keys for row in _curves(groups, indicator, pairs)]
    return Estimates(
        figures=told_why_absent(
            _inferred(pl.DataFrame(figures, schema=ESTIMATE), programme, run_id), tallies.attrition
        ),
        curves=pl.DataFrame(curves, schema=CURVE),
    )


def _by_view(recurrences: pl.DataFrame) -> Callable[[str], pl.DataFrame]:
    """The rows of a view, cut once: there may be millions, and scopes ask for each many times."""
    views = recurrences.partition_by("view", as_dict=True, maintain_order=True)
    return lambda view: views.get((view,), recurrences.clear())


def cells_of(tallies: Tallies, indicator: Indicator) -> pl.DataFrame:
    """The tally that counts outcomes of the indicator's kind."""
    if isinstance(indicator, TimeToEvent | Gap):
        return tallies.time
    return tallies.count if isinstance(indicator, RecurrentEvent) else tallies.score


def _unit(indicator: Indicator) -> str:
    if isinstance(indicator, Score):
        return "point"
    return "per_100_patient_months" if isinstance(indicator, RecurrentEvent) else indicator.unit


def scopes(programme: Programme, cells: pl.DataFrame) -> list[Scope]:
    """The circuit sites together, the other arms, each site where there are several, each level of each stratum."""
    circuit = pl.col("arm") == "circuit"
    found = [Scope("overall", "all", "overall", circuit)]
    for arm in ("comparator", "not_started"):
        if (cells["arm"] == arm).any():
            found.append(Scope("arm", arm, "overall", pl.col("arm") == arm))
    if (cells["view"] == "site").any():
        started = pl.col("arm") != "not_started"
        found += [Scope("site", site.id, "site", (pl.col("site") == site.id) & started) for site in programme.sites]
    strata = cells.filter(pl.col("view").str.starts_with("equity:") & circuit)
    for view, level in strata.select("view", "stratum").unique().sort("view", "stratum").iter_rows():
        found.append(Scope(view.removeprefix("equity:"), level, view, circuit & (pl.col("stratum") == level)))
    return found


def _by_period(cells: pl.DataFrame, scope: Scope, programme: Programme) -> Groups:
    """The cells of each declared period, those without a pathway included; overall also of all periods together."""
    of_scope = cells.filter((pl.col("view") == scope.view) & scope.where)
    present = of_scope.partition_by("period", as_dict=True, maintain_order=True)
    groups = {name: present.get((name,), of_scope.clear()) for name, _ in programme.periods.named()}
    return groups | ({ALL_PERIODS: of_scope} if scope.type == "overall" else {})


def _of_view(pairs: Pairs, scope: Scope, view: str) -> Pairs:
    """The pairs of pathways of one patient that a scope has in a view; None where each has one pathway."""
    return None if pairs is None else pairs.filter((pl.col("view") == view) & scope.where)


def _within(pairs: Pairs, period: str) -> Pairs:
    """Those of which both pathways are of the period."""
    if pairs is None or period == ALL_PERIODS:
        return pairs
    return pairs.filter(period_a=period, period_b=period)


def _figures(
    groups: Groups, indicator: Indicator, scope: Scope, pairs: Pairs, counted: pl.DataFrame
) -> Iterator[Figure]:
    """Figures of each period and, after against before, their contrasts. ``counted`` are rows of RECURRENCE_TALLY."""
    for period, cells in groups.items():
        if cells.is_empty():
            yield replace(_absent(indicator, period, NO_PATHWAY), n=0, n_events=0)
        else:
            yield from _group(period, cells, indicator, _within(pairs, period))
            if _has_area(indicator, scope, pairs):
                yield from curve_group(period, cells, indicator)
    if scope.name != "not_started":
        yield from _contrasts(groups["after"], groups["before"], indicator, scope, pairs, counted)


def _group(period: str, cells: pl.DataFrame, indicator: Indicator, pairs: Pairs) -> Iterator[Figure]:
    match indicator:
        case TimeToEvent() | Gap():
            return time_group(period, cells, indicator, pairs)
        case RecurrentEvent():
            return rate_group(period, cells, indicator)
        case Proportion() | Score():
            return share_group(period, cells, indicator)
        case _:
            assert_never(indicator)


def _has_area(indicator: Indicator, scope: Scope, pairs: Pairs) -> TypeGuard[Timed]:
    """Areas and their tests are of whole arms, and take pathways as independent of one another."""
    return isinstance(indicator, Timed) and scope.view == "overall" and pairs is None


def headline(period: str, cells: pl.DataFrame, indicator: Indicator, pairs: Pairs) -> Iterator[Figure]:
    """The primary measure alone."""
    match indicator:
        case TimeToEvent() | Gap():
            return time_headline(period, cells, indicator, pairs)
        case RecurrentEvent():
            return rate_group(period, cells, indicator)
        case Proportion() | Score():
            return share_headline(period, cells, indicator)
        case _:
            assert_never(indicator)


def contrast(
    after: pl.DataFrame, before: pl.DataFrame, indicator: Indicator, pairs: Pairs, counted: Sequence[pl.DataFrame]
) -> Iterator[Figure]:
    """The contrasts of two groups of cells, after against before, by the kind of the indicator.

    ``counted``: of recurrent events, the rows of RECURRENCE_TALLY of either group, in the same order.
    """
    match indicator:
        case TimeToEvent() | Gap():
            return time_contrast(after, before, indicator, pairs)
        case RecurrentEvent():
            return rate_contrast(Rated(after, counted[0]), Rated(before, counted[1]), indicator)
        case Proportion() | Score():
            return share_contrast(after, before, indicator)
        case _:
            assert_never(indicator)


def _contrasts(
    after: pl.DataFrame,
    before: pl.DataFrame,
    indicator: Indicator,
    scope: Scope,
    pairs: Pairs,
    counted: pl.DataFrame,
) -> Iterator[Figure]:
    """Contrasts with their p-values for whole arms; sites and strata get estimates and intervals only."""
    if after.is_empty() or before.is_empty():
        yield _absent(indicator, CONTRAST, PERIOD_ABSENT)
        return
    of_both = [counted.filter(period=period) for period in ("after", "before")]
    found = contrast(after, before, indicator, pairs, of_both)
    if scope.view == "overall":
        yield from found
        if _has_area(indicator, scope, pairs):
            yield from curve_contrast(after, before, indicator)
    else:
        yield from (replace(figure, p_value=None) for figure in found)


def _stream(programme: Programme, indicator_id: str, variant: str, scope: Scope) -> Stream:
    """The random numbers of the medians of one scope: by names, so that neither order nor what else is done matters."""
    declared = programme.analysis.bootstrap
    names = (indicator_id, scope.view, f"median_time/{variant}/{scope.name}")
    return Stream(declared.replicates, declared.seed, names)


def _resampled(groups: Groups, indicator: Indicator, scope: Scope, pairs: Pairs, stream: Stream) -> Iterator[Figure]:
    """What has no influence function, of whole arms and independent pathways: the difference of the medians."""
    if not _has_area(indicator, scope, pairs) or scope.name == "not_started":
        return
    after, before = groups["after"], groups["before"]
    if not (after.is_empty() or before.is_empty()):
        yield median_contrast(after, before, indicator, stream)


def _hazards(
    cells: pl.DataFrame, indicator: Indicator, scope: Scope, pairs: Pairs, programme: Programme
) -> Iterator[Figure]:
    """Ratios of hazards and tests of whole curves: of whole arms, whose site and strata are read beside."""
    if isinstance(indicator, Timed) and scope.view == "overall" and scope.name != "not_started":
        yield from hazard_figures(cells.filter(scope.where), indicator, programme.analysis.adjust_for, pairs)


def _of_whole_arms(
    cells: pl.DataFrame,
    counted: pl.DataFrame,
    by_pattern: pl.DataFrame,
    indicator: Indicator,
    scope: Scope,
    programme: Programme,
) -> Iterator[Figure]:
    """What is told of recurrent events and of scores beside rates and shares; adjusted for the planned factors.

    ``counted`` are rows of RECURRENCE_TALLY of the scope, ``by_pattern`` those of the view ``adjust``.
    """
    if scope.view != "overall" or scope.name == "not_started":
        return
    factors, of_arm = programme.analysis.adjust_for, cells.filter(scope.where)
    if isinstance(indicator, RecurrentEvent):
        yield from recurrent_figures(of_arm, pl.concat([counted, by_pattern.filter(scope.where)]), indicator, factors)
    if isinstance(indicator, Score):
        yield from response_figures(of_arm, indicator, factors)


def _absent(indicator: Indicator, period: str, reason: str) -> Figure:
    """The primary figure of a group that has no pathway: null with its reason."""
    primary = indicator.primary
    return Figure(primary.measure, period, horizon=primary.horizon, null_reason=reason)


def _series(cells: pl.DataFrame, indicator: Indicator, scope: Scope, pairs: Pairs) -> Iterator[Figure]:
    """The primary measure by month of time zero, and by quarter for those months that are too small to show."""
    if not scope.has_series:
        return
    months, of_months = cells.filter((pl.col("view") == "month") & scope.where), _of_view(pairs, scope, "month")
    quarters = months.with_columns(period=_quarter("period"))
    of_quarters = of_months
    if of_months is not None:
        of_quarters = of_months.with_columns(period_a=_quarter("period_a"), period_b=_quarter("period_b"))
    for series, linked in ((months, of_months), (quarters, of_quarters)):
        for (period,), group in series.partition_by("period", as_dict=True, maintain_order=True).items():
            yield from headline(str(period), group, indicator, _within(linked, str(period)))


def _quarter(month: str) -> pl.Expr:
    """``2023-Q2`` of a column of months, ``2023-05``."""
    name = pl.col(month)
    return pl.format("{}-Q{}", name.str.head(4), (name.str.tail(2).cast(pl.Int8) + 2).floordiv(3))


def _curves(groups: Groups, indicator: Indicator, pairs: Pairs) -> Iterator[dict[str, object]]:
    if isinstance(indicator, TimeToEvent | Gap):
        for period, cells in groups.items():
            if not cells.is_empty() and period != ALL_PERIODS:
                yield from curve_rows(period, cells, indicator, _within(pairs, period))


def _inferred(figures: pl.DataFrame, programme: Programme, run_id: str) -> pl.DataFrame:
    """Adds whose figures these are, what is said of all of them together, and at which level each was planned."""
    of_all = (figures, interactions(figures, programme), detectables(figures, programme))
    named = pl.concat(of_all).with_columns(
        programme_id=pl.lit(programme.id),
        run_id=pl.lit(run_id),
        plan_hash=pl.lit(programme.plan_hash),
        n_with=pl.coalesce("n_with", "n_events"),
    )
    return adjusted(labelled(named, programme), programme)

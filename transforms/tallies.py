"""Outcomes become counts: identifiers and dates stop here.

Each view counts every pathway once by one set of factors; never add across views. Tallies of
disjoint patients are integers that add up, in any order to the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from transforms.pathways import MISSING
from warehouse.kinds import Indicator
from warehouse.programme import Programme
from warehouse.schemas import (
    ATTRITION_TALLY,
    COUNT_TALLY,
    LEVEL_SEPARATOR,
    MONTH_TALLY,
    PAIR_TALLY,
    RECURRENCE_TALLY,
    SCORE_TALLY,
    TALLY_KEYS,
    TIME_TALLY,
    Tallies,
)

CELLS = {"time": ["entry", "time", "status"], "count": ["events", "exposure"], "score": ["stage", "followed", "value"]}
ANALYSED = "analysed"
SHARED = [name for name in TALLY_KEYS if name != "period"]  # what the two pathways of a pair have in common


@dataclass(frozen=True)
class View:
    """One way of counting all pathways: by period (or month), arm, and site or strata."""

    name: str
    period: pl.Expr
    site: pl.Expr
    stratum: pl.Expr

    @classmethod
    def of(cls, name: str, *, period: str = "period", site: str | None = None, strata: Sequence[str] = ()) -> View:
        """The view that reads these columns of the pathways; null where it has no such factor.

        Several strata are counted by their joint pattern: the level of each, LEVEL_SEPARATOR between them.
        """
        nothing = pl.lit(None, pl.String)
        levels = [pl.col(factor).fill_null(MISSING) for factor in strata]
        pattern = pl.concat_str(levels, separator=LEVEL_SEPARATOR) if levels else nothing
        return cls(name, pl.col(period), pl.col(site) if site else nothing, pattern)


def views(programme: Programme, indicator: Indicator, variant: str) -> list[View]:
    """Overall; and, for the indicator itself, by site where there are several, by month, and by strata.

    Each stratum has a view of its own (``equity:<factor>``), those that adjusted models use one of their joint
    pattern (``adjust``).
    """
    overall = View.of("overall")
    if variant != "main":
        return [overall]
    by_site = [View.of("site", site="site")] if len(programme.sites) > 1 else []
    factors = programme.strata if indicator.strata is None else indicator.strata
    by_factor = [View.of(f"equity:{factor}", strata=[factor]) for factor in factors]
    pattern = programme.analysis.adjust_for
    by_pattern = [View.of("adjust", strata=pattern)] if pattern else []
    return [overall, *by_site, View.of("month", period="index_month"), *by_factor, *by_pattern]


def tally(
    pathways: pl.DataFrame, outcomes: pl.DataFrame, programme: Programme, *, indicator_id: str, variant: str
) -> Tallies:
    """Count one variant of an indicator in every view. ``outcomes`` is OUTCOME_TIME, OUTCOME_COUNT or OUTCOME_SCORE.

    Where time zero is ``each``, pairs of pathways of one patient are counted beside them, as only they carry
    the variance: those of one arm, site and stratum, across periods.
    """
    joined = pathways.drop("excluded").join(outcomes, on="pathway", how="inner", validate="1:1")
    kind = next(name for name, cell in CELLS.items() if cell[-1] in outcomes.columns)
    indicator = programme.indicators[indicator_id]
    several = programme.zero_of(indicator).which == "each"
    cells, reasons, pairs = [], [], []
    for view in views(programme, indicator, variant):
        keyed = joined.with_columns(
            indicator_id=pl.lit(indicator_id),
            variant=pl.lit(variant),
            view=pl.lit(view.name),
            period=view.period,
            site=view.site,
            stratum=view.stratum,
        )
        analysed = keyed.filter(pl.col("excluded").is_null())
        cells.append(_count(analysed, [*TALLY_KEYS, *CELLS[kind]]))
        if several:
            pairs.append(_pairs(analysed, CELLS[kind]))
        if view.name == "overall":
            reasons.append(_count(keyed.with_columns(reason=_reason(kind)), [*TALLY_KEYS, "reason"]))
    return _tallies(**{kind: cells, "attrition": reasons, "pairs": pairs})


def merge(*parts: Tallies) -> Tallies:
    """The counts of disjoint patients added up: associative, commutative, sorted by their keys."""
    return _tallies(
        time=[part.time for part in parts],
        count=[part.count for part in parts],
        score=[part.score for part in parts],
        attrition=[part.attrition for part in parts],
        pairs=[part.pairs for part in parts],
        months=[part.months for part in parts],
        recurrences=[part.recurrences for part in parts],
    )


def _reason(kind: str) -> pl.Expr:
    """Why a pathway is not analysed, or ``analysed``; pathways without an answer are told by their follow-up."""
    unanswered = pl.when(pl.col("followed") == 1).then(pl.lit("no_answer")).otherwise(pl.lit("left_before_answer"))
    answered = pl.lit(None, pl.String) if kind != "score" else pl.when(pl.col("value").is_null()).then(unanswered)
    return pl.coalesce("excluded", answered, pl.lit(ANALYSED))


def _pairs(analysed: pl.DataFrame, cell: list[str]) -> pl.DataFrame:
    """Pairs of pathways of one patient by their two cells; pathways are numbered in the order of time."""
    own = ["period", *cell]
    one, other = (
        analysed.select("patient", "pathway", *SHARED, *(pl.col(name).alias(f"{name}_{side}") for name in own))
        for side in ("a", "b")
    )
    both = one.join(other, on=["patient", *SHARED], nulls_equal=True)
    both = both.filter(pl.col("pathway") < pl.col("pathway_right"))
    return _count(both, [*SHARED, *(f"{name}_{side}" for side in ("a", "b") for name in own)])


def _count(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    return frame.group_by(keys).agg(n=pl.len().cast(pl.Int64))


def _tallies(
    time: Iterable[pl.DataFrame] = (),
    count: Iterable[pl.DataFrame] = (),
    score: Iterable[pl.DataFrame] = (),
    attrition: Iterable[pl.DataFrame] = (),
    pairs: Iterable[pl.DataFrame] = (),
    months: Iterable[pl.DataFrame] = (),
    recurrences: Iterable[pl.DataFrame] = (),
) -> Tallies:
    return Tallies(
        time=_added(time, TIME_TALLY),
        count=_added(count, COUNT_TALLY),
        score=_added(score, SCORE_TALLY),
        attrition=_added(attrition, ATTRITION_TALLY),
        pairs=_added(pairs, PAIR_TALLY),
        months=_added(months, MONTH_TALLY, measures=("n", "n_with", "events", "exposure")),
        recurrences=_added(recurrences, RECURRENCE_TALLY),
    )


def _added(parts: Iterable[pl.DataFrame], schema: pl.Schema, measures: Sequence[str] = ("n",)) -> pl.DataFrame:
    """One row per key, measures summed, in the order of the keys."""
    keys = [name for name in schema if name not in measures]
    frames = [pl.DataFrame(schema=schema), *(part.select(schema.names()).cast(schema) for part in parts)]
    return pl.concat(frames).group_by(keys).agg(pl.col(measures).sum()).sort(keys)

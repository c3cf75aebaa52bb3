"""Outcomes become counts: identifiers and dates stop here.

Each view counts every pathway once by one set of factors; never add across views. Tallies of
disjoint patients are integers that add up, in any order to the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from transforms.counting import Packed, count
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
from warehouse.threat_schemas import START

CELLS = {"time": ["entry", "time", "status"], "count": ["events", "exposure"], "score": ["stage", "followed", "value"]}
ANALYSED = "analysed"
SHARED = [name for name in TALLY_KEYS if name != "period"]  # what the two pathways of a pair have in common


@dataclass(frozen=True)
class View:
    """One way of counting all pathways: by period (or month), arm, and site or strata."""

    name: str
    period: str = "period"
    site: str | None = None
    strata: tuple[str, ...] = ()  # several are counted by their joint pattern

    @property
    def factors(self) -> list[str]:
        """The columns of the pathways that it reads, the arm apart."""
        return [self.period, *([self.site] if self.site else []), *self.strata]

    def keyed(self, counted: pl.DataFrame, indicator_id: str, variant: str) -> pl.DataFrame:
        """Counts by these columns under the keys of tallies; null where the view has no such factor.

        The levels of a joint pattern have LEVEL_SEPARATOR between them.
        """
        period = pl.col(self.period)
        levels = [pl.col(factor).cast(pl.String) for factor in self.strata]
        nothing = pl.lit(None, pl.String)
        return counted.with_columns(
            indicator_id=pl.lit(indicator_id),
            variant=pl.lit(variant),
            view=pl.lit(self.name),
            period=(period.dt.strftime("%Y-%m") if self.period == "index_month" else period.cast(pl.String)),
            arm=pl.col("arm").cast(pl.String),
            site=pl.col(self.site).cast(pl.String) if self.site else nothing,
            stratum=pl.concat_str(levels, separator=LEVEL_SEPARATOR) if levels else nothing,
        )


def views(programme: Programme, indicator: Indicator, variant: str) -> list[View]:
    """Overall; and, for the indicator itself, by site where there are several, by month, and by strata.

    Each stratum has a view of its own (``equity:<factor>``), those that adjusted models use one of their joint
    pattern (``adjust``).
    """
    overall = View("overall")
    if variant != "main":
        return [overall]
    by_site = [View("site", site="site")] if len(programme.sites) > 1 else []
    factors = programme.strata if indicator.strata is None else indicator.strata
    by_factor = [View(f"equity:{factor}", strata=(factor,)) for factor in factors]
    pattern = programme.analysis.adjust_for
    by_pattern = [View("adjust", strata=pattern)] if pattern else []
    return [overall, *by_site, View("month", period="index_month"), *by_factor, *by_pattern]


def view_of_start(pathways: pl.DataFrame, variant: str) -> list[View]:
    """The view by whether a pathway begins with the data, of the indicator itself where its pathways say so."""
    return [View(START, strata=(START,))] if variant == "main" and START in pathways.columns else []


def tally(
    pathways: pl.DataFrame, outcomes: pl.DataFrame, programme: Programme, *, indicator_id: str, variant: str
) -> Tallies:
    """Count one variant of an indicator in every view. ``outcomes`` is OUTCOME_TIME, OUTCOME_COUNT or OUTCOME_SCORE.

    Where time zero is ``each``, pairs of pathways of one patient are counted beside them, as only they carry
    the variance: those of one arm, site and stratum, across periods. Pathways that say whether they begin with the
    data (``with_start``) are counted by that too.
    """
    kind = next(name for name, cell in CELLS.items() if cell[-1] in outcomes.columns)
    indicator = programme.indicators[indicator_id]
    several = programme.zero_of(indicator).which == "each"
    joined = pl.concat([pathways.drop("pathway", "excluded"), outcomes], how="horizontal")
    analysed = joined.filter(pl.col("excluded").is_null())
    cell = [*CELLS[kind], "arm"]
    packed, cells, pairs = Packed.of(analysed, cell), [], []
    for view in [*views(programme, indicator, variant), *view_of_start(pathways, variant)]:
        codes = packed.beside(Packed.of(analysed, view.factors))
        cells.append(view.keyed(count(analysed, [*cell, *view.factors], codes), indicator_id, variant))
        if several:
            pairs.append(_pairs(view.keyed(analysed, indicator_id, variant), CELLS[kind]))
    reasons = View("overall").keyed(_reasons(joined, kind), indicator_id, variant)
    return _tallies(**{kind: cells, "attrition": [reasons], "pairs": pairs})


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


def _reasons(joined: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Why pathways are not analysed, or ``analysed``; those without an answer are told by their follow-up."""
    keys = ["period", "arm", "excluded"]
    if kind != "score":
        return count(joined, keys).with_columns(
            reason=pl.coalesce(pl.col("excluded").cast(pl.String), pl.lit(ANALYSED))
        )
    answers = joined.select(*keys, "followed", answered=pl.col("value").is_not_null().cast(pl.UInt8))
    counted = count(answers, answers.columns)
    unanswered = pl.when(pl.col("followed") == 1).then(pl.lit("no_answer")).otherwise(pl.lit("left_before_answer"))
    told = pl.when(pl.col("answered") == 0).then(unanswered)
    return counted.with_columns(reason=pl.coalesce(pl.col("excluded").cast(pl.String), told, pl.lit(ANALYSED)))


def _pairs(analysed: pl.DataFrame, cell: list[str]) -> pl.DataFrame:
    """Pairs of pathways of one patient by their two cells; pathways are numbered in the order of time."""
    own = ["period", *cell]
    one, other = (
        analysed.select("patient", "pathway", *SHARED, *(pl.col(name).alias(f"{name}_{side}") for name in own))
        for side in ("a", "b")
    )
    both = one.join(other, on=["patient", *SHARED], nulls_equal=True)
    both = both.filter(pl.col("pathway") < pl.col("pathway_right"))
    keys = [*SHARED, *(f"{name}_{side}" for side in ("a", "b") for name in own)]
    return both.group_by(keys).agg(n=pl.len().cast(pl.Int64))


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
    whole = pl.concat([schema.to_frame(), *(part.select(schema.names()).cast(schema) for part in parts)])
    ranked = whole.select(_ranked(whole[key]) for key in keys)
    coded = whole.select(measures).with_columns(code=Packed.of(ranked, keys).codes).with_row_index("row")
    summed = coded.group_by("code").agg(pl.col("row").first(), pl.col(measures).sum()).sort("code")
    return whole.select(keys)[summed["row"]].hstack(summed.select(measures))


def _ranked(column: pl.Series) -> pl.Series:
    """Words as numbers in the order of the words."""
    return column.cast(pl.Enum(column.drop_nulls().unique().sort())) if column.dtype == pl.String else column

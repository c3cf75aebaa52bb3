"""Figures of scores of a whole arm beside their shares: whole scales compared, and what the silent could change.

Scales are compared among all who answered; the mean stays a footnote. What the silent could change is asked of
those alive and followed to the end of the window: who died or left is not silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from transforms.case_mix import complete_cases, level_columns, repeats, with_events
from transforms.figure import CONTRAST, RATIO, Figure, figure_of
from transforms.intervals import NO_PATHWAY, NOT_ESTIMABLE, Interval
from transforms.ordinal import BRUNNER_MUNZEL, probability_of_superiority, proportional_odds
from transforms.response import (
    Asked,
    ResponseCells,
    manski_bounds,
    manski_difference,
    tipping_point,
    weighted_difference,
    weighted_share,
)
from transforms.share_figures import NEWCOMBE, NO_ANSWER, WILSON, answers, or_nobody
from warehouse.kinds import Score
from warehouse.programme import PERIOD_NAMES
from warehouse.schemas import ANSWERED, SCORE_UNIT

ADJUSTED = "sensitivity:adjusted"
WEIGHTED = "sensitivity:response_weighted"
LOWEST, HIGHEST = "sensitivity:non_response_lowest", "sensitivity:non_response_highest"
SUPERIORITY = "P(after > before) + P(equal) / 2, Satterthwaite t interval"
ODDS = "proportional odds model"
RESPONSE_WEIGHTS = "answers weighted by one over the chance of answering, influence-function error"
TIPPING_METHOD = "share of favourable answers among the silent of after at which the difference is 0"


def response_figures(cells: pl.DataFrame, indicator: Score, factors: Sequence[str]) -> Iterator[Figure]:
    """Figures of the pathways of one arm: by period, and after against before where both have pathways.

    ``cells`` are rows of SCORE_TALLY of the arm in all its views, ``overall`` and ``adjust`` (the joint pattern of
    ``factors``) among them.
    """
    overall = {period: cells.filter(view="overall", period=period) for period in PERIOD_NAMES}
    present = [period for period in PERIOD_NAMES if not overall[period].is_empty()]
    by_pattern = {period: cells.filter(view="adjust", period=period) for period in present}
    for period in present:
        yield from _bounds(period, _asked(overall[period], indicator))
        if factors and not by_pattern[period].is_empty():
            yield _weighted(period, _asked(overall[period], indicator), by_pattern[period], indicator, factors)
    if "after" not in present or "before" not in present:
        return
    yield from _scales(overall["after"], overall["before"])
    yield from _silent(_asked(overall["after"], indicator), _asked(overall["before"], indicator))
    if factors and not by_pattern["after"].is_empty() and not by_pattern["before"].is_empty():
        yield _adjusted_odds(pl.concat([by_pattern["before"], by_pattern["after"]]), factors)
        patterns = (_response_cells(by_pattern[period], indicator) for period in ("after", "before"))
        difference = or_nobody(weighted_difference(*patterns))
        yield figure_of(difference, "top_box", CONTRAST, method=_weights(factors), analysis=WEIGHTED)


def _bounds(period: str, asked: Asked) -> Iterator[Figure]:
    """The share if none, and if all, of the silent had given a favourable answer."""
    favourable = {LOWEST: asked.successes, HIGHEST: asked.successes + asked.silent}
    for (analysis, successes), found in zip(favourable.items(), manski_bounds(asked), strict=True):
        yield figure_of(
            or_nobody(found),
            "top_box",
            period,
            n=asked.eligible,
            n_events=successes,
            n_with=asked.fewest,
            method=WILSON,
            analysis=analysis,
        )


def _weighted(period: str, asked: Asked, cells: pl.DataFrame, indicator: Score, factors: Sequence[str]) -> Figure:
    """The share with the answers weighted for response. No ``n_events``: the share is none of counts."""
    found = or_nobody(weighted_share(_response_cells(cells, indicator)))
    method = _weights(factors)
    return figure_of(found, "top_box", period, n=asked.answered, n_with=asked.fewest, method=method, analysis=WEIGHTED)


def _weights(factors: Sequence[str]) -> str:
    return f"{RESPONSE_WEIGHTS}, on {', '.join(factors)}"


def _scales(after: pl.DataFrame, before: pl.DataFrame) -> Iterator[Figure]:
    """Whole scales compared: the chance that an answer of after is the higher one, its test, and the odds ratio."""
    cells = answers(after), answers(before)
    compared = probability_of_superiority(*cells[0], *cells[1])
    yield figure_of(or_nobody(compared.probability), "probability_of_superiority", RATIO, method=SUPERIORITY)
    test = compared.brunner_munzel
    yield Figure(
        "brunner_munzel",
        CONTRAST,
        estimate=test.statistic,
        p_value=test.p_value,
        method=BRUNNER_MUNZEL,
        null_reason=NO_ANSWER if test.null_reason == NO_PATHWAY else test.null_reason,
    )
    values, n = (np.concatenate(pair) for pair in zip(*cells, strict=True))
    is_after = np.repeat([1.0, 0.0], [len(group[0]) for group in cells])
    odds = or_nobody(proportional_odds(values, n, is_after[:, None]).odds_ratio(0))
    yield figure_of(odds, "odds_ratio", RATIO, method=ODDS)


def _adjusted_odds(cells: pl.DataFrame, factors: Sequence[str]) -> Figure:
    """The odds ratio at equal levels of the factors, of answers without a missing level."""
    complete = _telling(complete_cases(cells.filter(stage=ANSWERED)).sort("period", "stratum", "value"))
    levels, after = level_columns(complete), (complete["period"] == "after").to_numpy()
    covariates = np.column_stack([after.astype(np.float64), levels])
    values, n = (complete["value"] / SCORE_UNIT).to_numpy(), complete["n"].to_numpy()
    if complete.is_empty():
        odds = Interval.absent(NO_ANSWER)
    elif repeats(levels, after):
        odds = Interval.absent(NOT_ESTIMABLE)
    else:
        odds = proportional_odds(values, n, covariates).odds_ratio(0)
    method = f"{ODDS}, adjusted for {', '.join(factors)}, complete cases"
    return figure_of(odds, "odds_ratio", RATIO, method=method, analysis=ADJUSTED)


def _telling(complete: pl.DataFrame) -> pl.DataFrame:
    """Answers without those of levels that gave the lowest one alone, or the highest: their coefficients are infinite.

    In the limit of the likelihood they weigh nothing: leaving them out is that limit, exactly. What is left has another
    lowest and highest answer, perhaps, and levels of their own.
    """
    before = -1
    while complete.height != before:
        before = complete.height
        for extreme in (complete["value"].min(), complete["value"].max()):
            if complete["value"].n_unique() > 1:
                others = complete.with_columns(other=(pl.col("value") != extreme).cast(pl.Int64))
                complete = with_events(others, "other").drop("other")
    return complete


def _silent(after: Asked, before: Asked) -> Iterator[Figure]:
    """What the silent could make of the difference: its bounds, no tests, and the share among them at which it is 0."""
    for analysis, difference in zip((LOWEST, HIGHEST), manski_difference(after, before), strict=True):
        found = or_nobody(difference)
        yield figure_of(found, "top_box", CONTRAST, p_value=None, method=NEWCOMBE, analysis=analysis)
    fewest = min(after.fewest, before.fewest)
    numbers = {"n": after.eligible + before.eligible, "n_with": fewest}
    yield figure_of(or_nobody(tipping_point(after, before)), "tipping_point", RATIO, method=TIPPING_METHOD, **numbers)


def _asked(cells: pl.DataFrame, indicator: Score) -> Asked:
    """Of those alive and followed to the end of the window: how many, who answered, and who favourably."""
    followed = _followed(cells, indicator)
    return Asked(*(int(followed[name].sum()) for name in ("successes", "answered", "eligible")))


def _response_cells(cells: pl.DataFrame, indicator: Score) -> ResponseCells:
    """The same by pattern of levels, a missing level being one among others."""
    patterns = _followed(cells, indicator).group_by("stratum").agg(pl.all().sum()).sort("stratum")
    silent = patterns.with_columns(silent=pl.col("eligible") - pl.col("answered"))
    in_doubt = patterns["stratum"].is_in(with_events(silent, "silent")["stratum"].implode())
    levels = level_columns(patterns.filter(in_doubt))
    covariates = np.zeros((patterns.height, levels.shape[1]))
    covariates[in_doubt.to_numpy()] = levels
    successes, answered, eligible = (patterns[name].to_numpy() for name in ("successes", "answered", "eligible"))
    return ResponseCells(covariates, successes, answered, eligible, ~in_doubt.to_numpy())


def _followed(cells: pl.DataFrame, indicator: Score) -> pl.DataFrame:
    answered = pl.col("stage") == ANSWERED
    favourable = answered & (pl.col("value") >= indicator.top_box * SCORE_UNIT)
    return cells.filter(followed=1).select(
        "stratum",
        successes=pl.when(favourable).then("n").otherwise(0),
        answered=pl.when(answered).then("n").otherwise(0),
        eligible="n",
    )

"""Whatever the counts: nothing small is published, nothing exact, and no contrast without its groups."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.builders import REFERRAL, RETURN, SATISFACTION, estimated, programme
from oracle.strategies import EXAMPLES

from transforms.disclosure import release
from transforms.tallies import merge
from warehouse.schemas import (
    ATTRITION_TALLY,
    CHECK,
    LEDGER,
    SCORE_TALLY,
    TIME_TALLY,
    Estimates,
    Provenance,
    Release,
    Tallies,
)

KEYS = ["indicator_id", "variant", "measure", "analysis", "scope_type", "scope", "period", "horizon"]
SERIES = ["indicator_id", "variant", "measure", "scope_type", "scope", "horizon"]
LEAST, STEP = 11, 5
DECLARED = programme(
    indicators={"time": {**REFERRAL, "horizons": (14, 30)}, "share": RETURN, "score": SATISFACTION},
    sites=({"id": "north"}, {"id": "east", "arm": "comparator"}),
)
PROVENANCE = Provenance("1.0", "abc", "plan", date(2024, 4, 1), (), "pass", 0, 0)
COUNTS = st.one_of(st.integers(0, 25), st.integers(0, 300))
MONTHS = (
    ("before", "2021-03"),
    ("before", "2021-11"),
    ("after", "2023-02"),
    ("after", "2023-03"),
    ("after", "2023-08"),
)


@st.composite
def tallies(draw: st.DrawFn) -> Tallies:
    """Counts near the threshold in every view."""
    times: list[tuple[Any, ...]] = []
    scores: list[tuple[Any, ...]] = []
    reasons: list[tuple[Any, ...]] = []
    for period, month in MONTHS:
        for arm, site in (("circuit", "north"), ("comparator", "east")):
            views = (("overall", period, None), ("month", month, None), ("site", period, site))
            reasons.append(("time", "main", "overall", period, arm, None, None, "analysed", draw(COUNTS)))
            drawn = [draw(COUNTS) for _ in range(8)]
            for view, span, of in views:
                key = ("main", view, span, arm, of, None)
                times += [("time", *key, -1, time, status, n) for time, status, n in _ends(drawn[:4])]
                scores += [("share", *key, 2, 1, value, n) for value, n in enumerate(drawn[4:6])]
                scores += [("score", *key, 2, 1, 95_000_000, drawn[6]), ("score", *key, 2, 1, 50_000_000, drawn[7])]
                scores += [("score", *key, 0, 1, None, drawn[0])]
    return merge(
        replace(
            merge(),
            time=_frame(times, TIME_TALLY),
            score=_frame(scores, SCORE_TALLY),
            attrition=_frame(reasons, ATTRITION_TALLY),
        )
    )


def _ends(drawn: list[int]) -> list[tuple[int, int, int]]:
    return [(time, status, n) for (time, status), n in zip(((5, 1), (20, 1), (20, 2), (91, 0)), drawn, strict=True)]


def _frame(rows: list[tuple[Any, ...]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame([row for row in rows if row[-1] > 0], schema=schema, orient="row")


def released(counted: Tallies, run: str = "run") -> tuple[Estimates, Release]:
    estimates = estimated(counted, DECLARED)
    named = replace(estimates, figures=estimates.figures.with_columns(run_id=pl.lit(run)))
    checks, files = pl.DataFrame(schema=CHECK), pl.DataFrame(schema=LEDGER)
    return named, release(named, counted, checks, files, {}, DECLARED, PROVENANCE)


def beside_the_truth(estimates: Estimates, found: Release) -> pl.DataFrame:
    truth = estimates.figures.select(*KEYS, true_n="n", true_events="n_events")
    return found.figures.join(truth, on=KEYS, nulls_equal=True, validate="1:1")


@settings(EXAMPLES, max_examples=20)
@given(tallies())
def test_nothing_small_and_nothing_exact_is_published(counted: Tallies) -> None:
    estimates, found = released(counted)
    shown = beside_the_truth(estimates, found)
    numbers = pl.any_horizontal(pl.col("estimate", "ci_low", "ci_high", "p_value", "n_events").is_not_null())
    of_groups = shown.filter(numbers & (pl.col("period") != "after-before"))
    assert (of_groups["true_events"] >= LEAST).all()
    assert (of_groups["true_n"] - of_groups["true_events"] >= LEAST).all()
    complement = of_groups["n"] - of_groups["n_events"]
    for counts in (shown["n"], shown["n_events"], complement, found.attrition["n"], found.curves["at_risk"]):
        published = counts.drop_nulls()
        assert (published % STEP == 0).all()
        assert (published >= LEAST - LEAST % STEP).all()
    for name in ("n", "n_events"):
        truth = shown["true_n" if name == "n" else "true_events"]
        assert ((shown[name] - truth).abs().drop_nulls() <= STEP // 2).all()


@settings(EXAMPLES, max_examples=20)
@given(tallies())
def test_a_number_and_a_reason_exclude_each_other(counted: Tallies) -> None:
    _, found = released(counted)
    figures = found.figures
    assert (figures["estimate"].is_null() == figures["withheld"].is_not_null()).all()
    hidden = figures.filter(pl.col("withheld").is_not_null())
    assert hidden.select("ci_low", "ci_high", "p_value", "n_events").null_count().row(0) == (hidden.height,) * 4
    whole = figures.filter(~pl.col("measure").is_in(["mean", "median_time"]))
    for name in ("estimate", "ci_low", "ci_high"):
        assert ((whole[name] - whole[name].round(2)).abs().drop_nulls() < 1e-12).all()


@settings(EXAMPLES, max_examples=20)
@given(tallies())
def test_a_contrast_is_shown_only_with_both_its_groups(counted: Tallies) -> None:
    _, found = released(counted)
    planned = found.figures.filter(~pl.col("analysis").str.starts_with("sensitivity:"))
    of_groups = planned.filter(pl.col("period").is_in(["before", "after"]))
    contrasts = planned.filter(
        pl.col("period") == "after-before",
        pl.col("estimate").is_not_null(),
        pl.col("measure").is_in(of_groups["measure"].unique().implode()),
    )
    groups = of_groups.filter(pl.col("estimate").is_not_null())
    number = contrasts.join(groups, on=SERIES, nulls_equal=True).group_by(SERIES).len()
    assert number.height == contrasts.height
    assert (number["len"] == 2).all()
    shown = planned.filter(pl.col("measure") == "minimum_detectable", pl.col("estimate").is_not_null())
    of_indicator = ["indicator_id", "variant", "scope_type", "scope", "horizon"]
    assert shown.join(contrasts, on=of_indicator, how="anti", nulls_equal=True).is_empty()


@settings(EXAMPLES, max_examples=20)
@given(tallies())
def test_a_series_is_by_month_or_by_quarter_never_both(counted: Tallies) -> None:
    _, found = released(counted)
    spans = found.figures.filter(pl.col("period").str.starts_with("20")).with_columns(
        quarterly=pl.col("period").str.contains("Q")
    )
    kinds = spans.group_by(SERIES).agg(kinds=pl.col("quarterly").n_unique(), quarterly=pl.col("quarterly").any())
    assert (kinds["kinds"] == 1).all()
    by_month = spans.join(kinds.filter(~pl.col("quarterly")), on=SERIES, nulls_equal=True)
    assert "small_count" not in set(by_month["withheld"])


@settings(EXAMPLES, max_examples=8)
@given(tallies(), st.integers(0, 2**32 - 1))
def test_the_same_content_has_the_same_id(counted: Tallies, seed: int) -> None:
    shuffled = replace(
        counted,
        time=counted.time.sample(fraction=1, shuffle=True, seed=seed),
        score=counted.score.sample(fraction=1, shuffle=True, seed=seed),
    )
    (_, first), (_, second) = released(counted), released(shuffled, run="another")
    assert first.id == second.id
    assert first.figures.equals(second.figures)
    assert first.curves.equals(second.curves)

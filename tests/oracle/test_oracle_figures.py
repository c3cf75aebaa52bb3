"""The figures of random counts equal those that plain-Python estimators give on the people counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle.builders import REFERRAL, RETURN, SATISFACTION, VISITS, estimated, programme, tallied
from oracle.estimators import Course
from oracle.figures import Key, expected_figures
from oracle.reference import Counts, count_recurrences, counts
from oracle.strategies import EXAMPLES, World, worlds
from polars.testing import assert_frame_equal

from transforms.tallies import merge
from warehouse.programme import Programme
from warehouse.schemas import (
    ATTRITION_TALLY,
    CENSORED,
    COMPETED,
    COUNT_TALLY,
    CURVE,
    ESTIMATE,
    RECURRENCE_TALLY,
    SCORE_TALLY,
    TIME_TALLY,
    Estimates,
    Tallies,
)

KEYS = ["indicator_id", "variant", "scope_type", "scope", "period", "measure", "horizon"]
# What the oracle computes; models, tests of interaction, detectable effects ... are compared with R alone.
JUDGED = (
    "cumulative_incidence", "survival", "median_time", "log_rank", "gray_test", "area_under_incidence",
    "restricted_mean", "rate", "rate_ratio", "rate_ratio_negative_binomial", "proportion",
    "top_box", "response_rate", "mean", "hazard_ratio", "hazard_ratio_competing", "proportional_hazards",
    "proportional_hazards_competing", "stratified_log_rank", "stratified_gray_test",
)  # fmt: skip
MODELLED = ("sensitivity:adjusted", "sensitivity:response_weighted")
SITES = ({"id": "north"}, {"id": "south"}, {"id": "east", "arm": "comparator"})
COMPETING = {**REFERRAL, "horizons": (0, 3, 9), "primary": {"measure": "cumulative_incidence", "horizon": 3}}
SURVIVAL = {"measure": "survival", "horizon": 5}
ALONE = {**COMPETING, "competing": (), "unit": "minute", "horizons": (1, 5), "primary": SURVIVAL}
PLANNED = programme(
    indicators={"competing": COMPETING, "rate": VISITS, "share": RETURN, "score": SATISFACTION},
    sites=SITES,
    strata={"de_novo": True},
)
NOTHING_COMPETES = programme(indicators={"alone": ALONE}, sites=SITES[1:])


def by_key(estimates: Estimates) -> dict[Key, dict[str, Any]]:
    rows = {
        (*(row[name] for name in KEYS), row["analysis"] if row["analysis"].startswith("sensitivity:") else ""): row
        for row in estimates.figures.iter_rows(named=True)
    }
    assert len(rows) == estimates.figures.height, "every figure has a key of its own"
    return rows


def assert_expected(estimates: Estimates, counted: Counts, declared: Programme) -> None:
    found, expected = by_key(estimates), expected_figures(counted, declared)
    judged = {key for key in found if key[KEYS.index("measure")] in JUDGED and key[-1] not in MODELLED}
    assert judged == expected.keys()
    for key, known in expected.items():
        if known.get("null_reason") is not None:
            known["null_reason"] = _why_nothing(counted, key) or known["null_reason"]
        row = {name: found[key][name] for name in known}
        assert row == {
            name: pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            for name, value in known.items()
        }, key


def _why_nothing(counted: Counts, key: Key) -> str | None:
    """Why an indicator or variant has no figure at all: its time zero, or what it looks for, was never recorded."""
    reasons = {cell[-1] for cell in counted.attrition if cell[:2] == key[:2]}
    return "not_recorded" if "not_recorded" in reasons else None if reasons else "time_zero_not_recorded"


def assert_sound(estimates: Estimates) -> None:
    """No NaN; null exactly where a reason stands; estimates inside their limits; shares between 0 and 1."""
    assert estimates.figures.schema == ESTIMATE
    assert estimates.curves.schema == CURVE
    for frame in (estimates.figures, estimates.curves):
        numbers = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
        assert frame.select(pl.any_horizontal(pl.col(numbers).is_nan().any())).item() is not True
    figures = estimates.figures
    assert (figures["estimate"].is_null() == figures["null_reason"].is_not_null()).all()
    assert figures.filter(
        pl.col("estimate").is_null() & pl.any_horizontal(pl.col("ci_low", "p_value").is_not_null())
    ).is_empty()
    inside = (pl.col("ci_low") <= pl.col("estimate") + 1e-9) & (pl.col("estimate") <= pl.col("ci_high") + 1e-9)
    assert figures.filter(~inside).is_empty()
    shares = pl.col("measure").is_in(["cumulative_incidence", "survival", "proportion", "top_box", "response_rate"])
    assert figures.filter(shares & (pl.col("estimate").abs() > 1)).is_empty()
    assert figures.filter(~pl.col("p_value").is_between(0, 1)).is_empty()


PROFILES = st.tuples(
    st.sampled_from(("2021-03", "2021-05", "2021-12", "2022-06", "2023-01", "2023-02", "2023-11")),
    st.sampled_from(("north", "south", "east")),
    st.booleans(),  # a site may wait in the after period
    st.sampled_from(("yes", "no", "missing")),
)
PERIODS = {"2021": "before", "2022": "transition", "2023": "after"}


@st.composite
def counted_pathways(draw: st.DrawFn) -> Counts:
    """Up to forty kinds of pathway, each many times, counted in every view."""
    found = Counts()
    times, statuses = st.sampled_from((0, 1, 3, 4, 9, 60, 300, 301)), st.sampled_from((0, 1, 1, 2))
    answers = st.one_of(
        st.tuples(st.just(2), st.integers(0, 1), st.sampled_from((0, 50_500_000, 90_000_000, 100_000_000))),
        st.tuples(st.sampled_from((0, 1)), st.integers(0, 1), st.none()),
    )
    for indicator_id in (*PLANNED.indicators, *NOTHING_COMPETES.indicators):  # a time zero was recorded
        found.attrition[(indicator_id, "main", "overall", *[None] * 4, "outside_periods")] += 1
    for _ in range(draw(st.integers(0, 40))):
        profile, n, status = draw(PROFILES), draw(st.integers(1, 12)), draw(statuses)
        time, value = draw(times), draw(st.integers(0, 1))
        _add(found.time, "competing", profile, (-1, time, status), n)
        _add(found.time, "alone", profile, (-1, time, status % 2), n)
        course = _course(value * status, 30 * time % 91, dies=status == 2)
        for key in _add(found.count, "rate", profile, (len(course.events), course.at_risk), n):
            if key[2] != "month":
                count_recurrences(found, key, course, n)
        _add(found.score, "share", profile, (2, value, draw(st.integers(0, 1))), n)
        _add(found.score, "score", profile, draw(answers), n)
    return found


def _course(events: int, at_risk: int, *, dies: bool) -> Course:
    """Events every ten days from the start on, as long as they are seen; without time at risk it dies at once."""
    dies |= not at_risk
    last = at_risk if dies else at_risk - 1
    days = tuple(day for day in range(0, 10 * events, 10) if day <= last)
    return Course(last, COMPETED if dies else CENSORED, at_risk, days)


def _add(
    cells: Counter[Any], indicator_id: str, profile: tuple[str, str, bool, str], cell: Any, n: int
) -> list[tuple[Any, ...]]:
    """Counts pathways in every view, and gives the keys under which they are counted."""
    keys: list[tuple[Any, ...]] = []
    month, site, waits, level = profile
    period = PERIODS[month[:4]]
    arm = "comparator" if site == "east" else "not_started" if waits and period == "after" else "circuit"
    for view, span, of_site, stratum in (
        ("overall", period, None, None),
        ("site", period, site, None),
        ("month", month, None, None),
        ("equity:de_novo", period, None, level),
    ):
        keys.append((indicator_id, "main", view, span, arm, of_site, stratum))
        cells[(*keys[-1], *cell)] += n
    return keys


def tallies_of(counted: Counts) -> Tallies:
    schemas = {"time": TIME_TALLY, "count": COUNT_TALLY, "score": SCORE_TALLY, "attrition": ATTRITION_TALLY,
               "recurrences": RECURRENCE_TALLY}  # fmt: skip
    frames = {
        name: pl.DataFrame([(*key, n) for key, n in getattr(counted, name).items()], schema=schema, orient="row")
        for name, schema in schemas.items()
    }
    return replace(merge(), **frames)


@settings(EXAMPLES, max_examples=20)
@given(counted_pathways())
def test_figures_of_counts_equal_those_of_the_people(counted: Counts) -> None:
    estimates = estimated(tallies_of(counted), PLANNED)
    assert_sound(estimates)
    assert_expected(estimates, counted, PLANNED)


@settings(EXAMPLES, max_examples=6)
@given(counted_pathways())
def test_where_nothing_competes_they_are_those_of_kaplan_and_meier(counted: Counts) -> None:
    estimates = estimated(tallies_of(counted), NOTHING_COMPETES)
    assert_sound(estimates)
    assert_expected(estimates, counted, NOTHING_COMPETES)


@settings(EXAMPLES, max_examples=20)
@given(worlds())
def test_figures_of_events_equal_those_of_the_oracle(world: World) -> None:
    estimates = estimated(tallied(*world.frames(), world.programme), world.programme)
    assert_sound(estimates)
    assert_expected(estimates, counts(world.happenings, world.people, world.programme), world.programme)


@settings(EXAMPLES, max_examples=8)
@given(counted_pathways())
def test_periods_exchanged_turn_the_sign(counted: Counts) -> None:
    """What is called before and after decides the sign of every contrast and nothing else of it."""
    tallies = tallies_of(counted)
    here, there = (estimated(found, PLANNED).figures for found in (_started(tallies), _exchanged(_started(tallies))))
    of_one_exposure = pl.col("measure") == "events_avoided"
    contrasts = here.filter(pl.col("period") == "after-before", ~of_one_exposure)
    bounds = [f"sensitivity:non_response_{bound}" for bound in ("lowest", "highest")]
    test = pl.col("measure").str.contains("log_rank|gray_test|proportional_hazards|minimum_detectable")
    mirrored = there.filter(pl.col("period") == "after-before", ~of_one_exposure).with_columns(
        analysis=pl.col("analysis").replace(dict(zip(bounds, bounds[::-1], strict=True))),
        estimate=pl.when(test).then("estimate").otherwise(-pl.col("estimate")),
        ci_low=-pl.col("ci_high"),
        ci_high=-pl.col("ci_low"),
    )
    assert contrasts.height > 0
    assert_frame_equal(contrasts, mirrored, check_row_order=False, abs_tol=1e-9)


def _started(tallies: Tallies) -> Tallies:
    """Every circuit site from the first day: sites that wait belong to one of the two periods alone."""
    return _with(tallies, arm=pl.col("arm").replace("not_started", "circuit"))


def _exchanged(tallies: Tallies) -> Tallies:
    return _with(tallies, period=pl.col("period").replace({"before": "after", "after": "before"}))


def _with(tallies: Tallies, **changed: pl.Expr) -> Tallies:
    kinds = ("time", "count", "score", "recurrences")
    return replace(tallies, **{name: getattr(tallies, name).with_columns(**changed) for name in kinds})

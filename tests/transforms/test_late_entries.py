"""Pathways on the way before the before period: excluded, or at risk from its first day on where a variant says so."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from oracle.builders import (
    BREAK,
    REFERRAL,
    estimated,
    event_frame,
    log,
    outcome_rows,
    patient_frame,
    programme,
    tallied,
)

from warehouse.coherence import Draft, incoherences
from warehouse.programme import Programme

LATE = {"title": {"fr": "Tardifs", "en": "Late"}, "prevalent": "enter_late"}
ON_THE_WAY = (1, "announcement", "2020-12-22")  # ten days before the before period


def declared(**changes: Any) -> Programme:
    return programme(indicators={"referral": {**REFERRAL, "variants": {"late": LATE}, **changes}})


def late(*rows: Any, variant: str = "late", **changes: Any) -> tuple[Any, ...]:
    (row,) = outcome_rows(log(*rows), declared(**changes), variant=variant)
    return (row["excluded"],) if row["excluded"] else (row["entry"], row["time"], row["status"])


def test_its_time_runs_from_time_zero_and_its_risk_from_the_first_day_of_the_before_period() -> None:
    assert late(ON_THE_WAY, (1, "referral", "2021-01-15")) == (9, 24, 1)


def test_an_event_on_that_first_day_is_seen() -> None:
    assert late(ON_THE_WAY, (1, "referral", "2021-01-01")) == (9, 10, 1)


@pytest.mark.parametrize("how", ["referral", "death", "transfer_out", "last_news"])
def test_what_ended_before_it_was_never_at_risk(how: str) -> None:
    assert late(ON_THE_WAY, (1, how, "2020-12-31")) == ("ended_before_entry",)


def test_a_window_that_ended_before_it_leaves_nothing_to_see() -> None:
    assert late(
        ON_THE_WAY, window=(0, 10), horizons=(5,), primary={"measure": "cumulative_incidence", "horizon": 5}
    ) == ("ended_before_entry",)


def test_the_indicator_itself_excludes_it_and_whoever_begins_in_a_period_is_at_risk_from_the_start() -> None:
    assert late(ON_THE_WAY, variant="main") == ("prevalent",)
    assert late((1, "announcement", "2021-01-01"), (1, "referral", "2021-01-03")) == (-1, 2, 1)


def test_the_clock_of_seconds_enters_at_midnight() -> None:
    minutes = {"unit": "minute", "window": (0, 600), "horizons": (60,)}
    rows = (1, "announcement", "2020-12-31 22:00"), (1, "referral", "2021-01-01 00:30")
    found = late(*rows, **minutes, primary={"measure": "cumulative_incidence", "horizon": 60})
    assert found == (2 * 3600 - 1, 2 * 3600 + 1800, 1)


def test_it_is_cut_with_the_before_period_and_breaks_are_noticed_from_its_entry_on() -> None:
    variants = {"late": {**LATE, "window": (0, 800), "horizons": (300,)}}
    cut = late(ON_THE_WAY, variants=variants, primary={"measure": "cumulative_incidence", "horizon": 300},
               horizons=(90, 300), window=(0, 400))  # fmt: skip
    assert cut == (9, 374, 0)
    gap = {**BREAK, "longest_days": 12, "variants": {"late": LATE}}
    (row,) = outcome_rows(log(ON_THE_WAY), programme(indicators={"gap": gap}), variant="late")
    assert (row["entry"], row["time"], row["status"]) == (9, 13, 1)


def test_without_a_site_it_is_no_pathway_of_the_evaluation() -> None:
    assert late((1, "announcement", "2020-12-22", {"site": None})) == ("site_unknown",)


def test_it_is_counted_in_the_before_period_of_its_variant_alone() -> None:
    rows = log(ON_THE_WAY, (2, "announcement", "2021-02-01"), (2, "referral", "2021-02-08"), (1, "death", "2021-02-01"))
    tallies = tallied(event_frame(rows), patient_frame(), declared())
    counted = tallies.time.filter(view="overall").select("variant", "period", "arm", "entry", "time", "status", "n")
    assert set(counted.rows()) == {
        ("main", "before", "circuit", -1, 7, 1, 1),
        ("late", "before", "circuit", -1, 7, 1, 1),
        ("late", "before", "circuit", 9, 41, 2, 1),
    }
    reasons = tallies.attrition.select("variant", "period", "reason", "n")
    assert set(reasons.rows()) == {
        ("main", None, "prevalent", 1), ("main", "before", "analysed", 1), ("late", "before", "analysed", 2),
    }  # fmt: skip


def test_its_figures_are_those_of_those_at_risk() -> None:
    """One at risk until its event on day 7; then a late one alone, so that day 20 doubles the share that is left."""
    rows = log(
        (1, "announcement", "2020-12-22"), (1, "referral", "2021-01-11"), (2, "announcement", "2021-02-01"),
        (2, "referral", "2021-02-08"), (3, "announcement", "2021-02-01"), (3, "death", "2021-08-01"),
    )  # fmt: skip
    figures = estimated(tallied(event_frame(rows), patient_frame(), declared()), declared()).figures
    of_before = figures.filter(
        (pl.col("measure") == "cumulative_incidence") & (pl.col("period") == "before"), variant="late", scope="all"
    )
    assert dict(of_before.select("horizon", "estimate").iter_rows()) == {14: 0.5, 30: 0.75, 60: 0.75, 90: 0.75}


def faults(indicator: dict[str, Any], **changes: Any) -> list[str]:
    found = programme(indicators={"x": indicator}, **changes)
    drafts = {name: Draft(of) for name, of in found.indicators.items()}
    told = [str(fault) for fault in incoherences(Draft(found), drafts, "p.toml")]
    return [line for line in told if "prevalent" in line]


def test_only_variants_admit_them() -> None:
    assert faults({**REFERRAL, "prevalent": "enter_late"}) == [
        "indicators/x.toml: prevalent: expected in a variant only: the main analysis is of pathways that begin in "
        "a period"
    ]
    assert faults({**REFERRAL, "variants": {"late": LATE}}) == []


@pytest.mark.parametrize("which", ["last", "each"])
def test_only_a_first_time_zero_can_be_prevalent(which: str) -> None:
    zero = {"event": "announcement", "which": which}
    assert faults({**REFERRAL, "time_zero": zero, "variants": {"late": LATE}}) == [
        "indicators/x.toml: variants.late.prevalent: expected nothing: pathways are prevalent only where "
        "time_zero.which is first"
    ]


@pytest.mark.parametrize("kind", ["VISITS", "RETURN", "SATISFACTION"])
def test_rates_shares_and_scores_take_no_late_entries(kind: str) -> None:
    from oracle import builders

    indicator = {**getattr(builders, kind), "variants": {"late": LATE}}
    assert faults(indicator) == [
        f"indicators/x.toml: variants.late.prevalent: expected nothing: {indicator['kind']} takes no late entries, "
        "as what happened before them is not seen"
    ]

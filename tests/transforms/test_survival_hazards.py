"""Ratios of hazards of the main job: a plain oracle, and the groups that have no ratio but a reason or a bound."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracle.builders import REFERRAL, programme

from transforms.figure import Figure
from transforms.hazard_figures import hazard_figures
from transforms.time_figures import curve_rows, time_contrast, time_group
from transforms.whole_curve_figures import curve_contrast, curve_group
from warehouse.kinds import Timed
from warehouse.schemas import LEVEL_SEPARATOR, TIME_TALLY

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=20, suppress_health_check=SLOW_MACHINE)
SHORT = {**REFERRAL, "window": (0, 6), "horizons": (2, 5), "primary": {"measure": "cumulative_incidence", "horizon": 2}}
FACTORS = ("age_band", "de_novo")
Pathway = tuple[int, int, int, int, str, str, str]  # after, entry, time, status, site, two levels


def indicator(**declared: Any) -> Timed:
    found = programme(indicators={"time": {**SHORT, **declared}}).indicators["time"]
    assert isinstance(found, Timed)
    return found


COMPETING, ALONE = indicator(), indicator(competing=())


def tallied(pathways: list[Pathway]) -> pl.DataFrame:
    """Rows of TIME_TALLY in the views overall, site and adjust."""
    rows = []
    for after, entry, time, status, site, *levels in pathways:
        cell = {"entry": entry, "time": time, "status": status, "n": 1}
        keys = {"indicator_id": "time", "variant": "main", "period": "after" if after else "before", "arm": "circuit"}
        rows += [
            {**keys, **cell, "view": "overall"},
            {**keys, **cell, "view": "site", "site": site},
            {**keys, **cell, "view": "adjust", "stratum": LEVEL_SEPARATOR.join(levels)},
        ]
    frame = pl.DataFrame(rows, schema=TIME_TALLY)
    return (
        frame.group_by([name for name in TIME_TALLY if name != "n"]).agg(pl.col("n").sum()).select(TIME_TALLY.names())
    )


def figures(pathways: list[Pathway], of: Timed = COMPETING) -> dict[tuple[str, str | None], Figure]:
    rows = list(hazard_figures(tallied(pathways), of, FACTORS))
    found = {(row.measure, row.analysis): row for row in rows}
    assert len(found) == len(rows), "every figure has a key of its own"
    return found


def all_figures(pathways: list[Pathway], of: Timed) -> list[Figure]:
    cells = tallied(pathways)
    overall = cells.filter(view="overall")
    groups = {period: overall.filter(period=period) for period in ("after", "before")}
    found = list(hazard_figures(cells, of, FACTORS))
    for period, group in groups.items():
        if not group.is_empty():
            found += [*time_group(period, group, of), *curve_group(period, group, of)]
    if not any(group.is_empty() for group in groups.values()):
        found += [*time_contrast(*groups.values(), of), *curve_contrast(*groups.values(), of)]
    return found


@st.composite
def pathway(draw: st.DrawFn) -> Pathway:
    time = draw(st.integers(0, 5))
    entry = draw(st.sampled_from((-1, -1, -1, time - 1)))
    levels = st.sampled_from(("18-49", "50+", "missing")), st.sampled_from(("yes", "no"))
    site = draw(st.sampled_from(("east", "north", "west")))
    return (draw(st.integers(0, 1)), entry, time, draw(st.integers(0, 2)), site, *(draw(level) for level in levels))


@pytest.mark.parametrize("of", [COMPETING, ALONE], ids=["competing", "alone"])
@unhurried
@given(pathways=st.lists(pathway(), max_size=12))
def test_the_smallest_groups_give_finite_numbers_or_reasons(of: Timed, pathways: list[Pathway]) -> None:
    for row in all_figures(pathways, of):
        numbers = (row.estimate, row.ci_low, row.ci_high, row.std_error, row.p_value)
        assert all(number is None or math.isfinite(number) for number in numbers), row
        assert (row.estimate is None) == (row.null_reason is not None), row
        if row.estimate is None:
            assert set(numbers) == {None}, row
        if row.estimate is not None and row.ci_low is not None and row.ci_high is not None:
            assert row.ci_low - 1e-9 <= row.estimate <= row.ci_high + 1e-9, row
        assert row.p_value is None or 0 <= row.p_value <= 1, row


def score(pathways: list[Pathway], log_ratio: float) -> float:
    """Derivative of Efron's log partial likelihood, patient by patient."""
    total = 0.0
    for moment in {time for _, _, time, status, *_ in pathways if status == 1}:
        at_risk = [
            (after, math.exp(log_ratio * after)) for after, entry, time, *_ in pathways if entry < moment <= time
        ]
        tied = [(row[0], math.exp(log_ratio * row[0])) for row in pathways if row[2] == moment and row[3] == 1]
        for order in range(len(tied)):
            gone = order / len(tied)
            weight = sum(w for _, w in at_risk) - gone * sum(w for _, w in tied)
            mean = sum(a * w for a, w in at_risk) - gone * sum(a * w for a, w in tied)
            total += tied[order][0] - mean / weight
    return total


@unhurried
@given(st.lists(pathway(), min_size=12, max_size=40))
def test_the_ratio_is_where_the_score_of_all_patients_is_nil(pathways: list[Pathway]) -> None:
    found = figures(pathways).get(("hazard_ratio", None))
    assume(found is not None and found.estimate is not None)
    assert found is not None
    assert found.estimate is not None
    assert score(pathways, math.log(found.estimate)) == pytest.approx(0, abs=1e-5)


@unhurried
@given(st.lists(pathway(), min_size=12, max_size=40))
def test_periods_exchanged_turn_every_ratio_over_and_keep_every_test(pathways: list[Pathway]) -> None:
    here, there = figures(pathways), figures([(1 - after, *others) for after, *others in pathways])  # type: ignore[misc]
    assert here.keys() == there.keys()
    for key, row in here.items():
        other = there[key]
        assert row.null_reason == other.null_reason, key
        if row.estimate is not None and other.estimate is not None:
            turned = 1 / other.estimate if row.measure.startswith("hazard") else other.estimate
            assert row.estimate == pytest.approx(turned, rel=1e-5, abs=1e-7), key
            assert row.p_value == pytest.approx(other.p_value, rel=1e-5, abs=1e-7), key


def plain(after: int, times: list[int], status: int, level: str = "50+") -> list[Pathway]:
    return [(after, -1, time, status, "north" if time % 2 else "east", level, "yes") for time in times]


BOTH = plain(1, [1, 2, 3, 4], 1) + plain(0, [2, 3, 4, 5], 1) + plain(0, [5, 5], 2) + plain(1, [5, 1], 2)


def test_a_period_without_event_has_no_ratio_but_a_reason_and_the_difference_its_exact_bound() -> None:
    pathways = plain(1, [1, 2, 3, 4], 1) + plain(0, [5] * 20, 0)
    found = figures(pathways)
    for measure in ("hazard_ratio", "proportional_hazards"):
        assert found[measure, None].null_reason == "no_event_in_a_group"
    assert found["hazard_ratio", "sensitivity:adjusted"].null_reason == "no_event_in_a_group"
    assert found["hazard_ratio_competing", None].null_reason == "no_event"
    by_day_5 = [
        row for row in all_figures(pathways, COMPETING) if row.measure == "cumulative_incidence" and row.horizon == 5
    ]
    share, contrast = (next(row for row in by_day_5 if row.period == period) for period in ("before", "after-before"))
    bound = 1 - 0.025 ** (1 / 20)
    assert (share.estimate, share.ci_low, share.ci_high) == (0, 0, pytest.approx(bound))
    assert (contrast.estimate, contrast.ci_high) == (1, 1)
    assert contrast.ci_low == pytest.approx(1 - math.hypot(bound, 1 - 0.025 ** (1 / 4)))


def test_all_with_the_event_at_once_in_both_periods_have_a_ratio_of_one_and_no_spread() -> None:
    found = figures(plain(1, [3] * 6, 1) + plain(0, [3] * 9, 1))
    assert found["hazard_ratio", None].null_reason in ("no_spread", None)
    assert found["proportional_hazards", None].null_reason == "not_estimable"


def test_one_patient_in_each_period_has_no_ratio() -> None:
    found = figures(plain(1, [2], 1) + plain(0, [4], 1))
    assert found["hazard_ratio", None].null_reason == "not_estimable"


def test_periods_that_are_never_at_risk_together_have_no_ratio() -> None:
    early = [(0, -1, time, 1, "east", "50+", "yes") for time in (0, 1, 1)]
    late = [(1, 3, time, 1, "east", "50+", "yes") for time in (4, 5, 5)]
    found = figures([*early, *late])
    assert found["hazard_ratio", None].null_reason == "not_estimable"
    assert found["log_rank", None].null_reason in ("never_at_risk_together", "no_spread")


def test_a_period_without_pathways_has_no_figure_of_hazards() -> None:
    assert figures(plain(1, [1, 2, 3], 1)) == {}
    assert figures([]) == {}


def test_few_sites_are_named_and_one_site_has_no_figure_of_its_own() -> None:
    found = figures(BOTH)
    assert "fewer than 20 sites" in (found["hazard_ratio", "sensitivity:site_clustered"].method or "")
    alone = figures([(*row[:4], "east", *row[5:]) for row in BOTH])  # type: ignore[misc]
    assert not {("hazard_ratio", "sensitivity:site_clustered"), ("stratified_log_rank", None)} & alone.keys()
    assert alone["hazard_ratio", None] == found["hazard_ratio", None]


def test_where_nothing_competes_there_is_no_hazard_of_death_and_no_test_of_gray() -> None:
    assert {measure for measure, _ in figures(BOTH, ALONE)} == {
        "log_rank", "stratified_log_rank", "hazard_ratio", "proportional_hazards",
    }  # fmt: skip


def test_adjusted_for_one_level_is_the_ratio_without_those_whose_level_is_missing() -> None:
    unknown = plain(0, [1, 1, 1], 1, level="missing")
    adjusted = figures(BOTH + unknown)["hazard_ratio", "sensitivity:adjusted"]
    crude = figures(BOTH)["hazard_ratio", None]
    assert (adjusted.n, adjusted.estimate) == (len(BOTH), pytest.approx(crude.estimate))
    assert adjusted.std_error == pytest.approx(crude.std_error)


def test_levels_that_tell_the_period_leave_no_adjusted_ratio() -> None:
    split = [(*row[:5], "50+" if row[0] else "18-49", "yes") for row in BOTH]
    assert figures(split)["hazard_ratio", "sensitivity:adjusted"].null_reason == "not_estimable"  # type: ignore[arg-type]


def test_disclosure_control_is_told_the_fewest_with_or_without_the_event_of_the_model() -> None:
    found = figures(BOTH)
    assert found["hazard_ratio", None].n_with == 2  # two of each period had not the event but died
    assert found["hazard_ratio_competing", None].n_with == 2
    more = figures(BOTH + plain(1, [2], 2))
    assert more["hazard_ratio_competing", None].n_with == 2
    assert more["hazard_ratio", None].n == len(BOTH) + 1


@pytest.mark.parametrize("indicator", [COMPETING, ALONE], ids=["competing", "alone"])
def test_a_curve_has_the_limits_of_the_table_beside_it(indicator: Timed) -> None:
    overall = tallied([*plain(1, [0, 1, 1, 3, 5], 1), *plain(1, [30, 80], 0)]).filter(view="overall")
    of_table = {
        figure.horizon: (figure.estimate, figure.ci_low, figure.ci_high)
        for figure in time_group("after", overall, indicator)
        if figure.measure == "cumulative_incidence"
    }
    rows = list(curve_rows("after", overall, indicator))
    for horizon, known in of_table.items():
        last = [row for row in rows if row["time"] <= horizon][-1]  # type: ignore[operator]
        assert (last["estimate"], last.get("ci_low"), last.get("ci_high")) == pytest.approx(known)


def test_a_curve_ends_where_nobody_was_left_and_others_enter_later() -> None:
    late = [(1, 4, 9, 1, "east", "50+", "yes"), (1, 4, 9, 0, "east", "50+", "yes")]
    overall = tallied([*plain(1, [2, 2], 1), *late]).filter(view="overall")
    assert [row["time"] for row in curve_rows("after", overall, COMPETING)] == [0, 2]


def test_a_curve_begins_with_those_who_are_at_risk_at_once() -> None:
    late = [(1, 1, 4, 1, "east", "50+", "yes"), (1, 2, 5, 0, "east", "50+", "yes")]
    overall = tallied([*plain(1, [3, 4, 5], 1), *late]).filter(view="overall")
    first, then, *_ = curve_rows("after", overall, COMPETING)
    assert (first["time"], first["at_risk"], first["n"]) == (0, 3, 5)
    assert (then["time"], then["at_risk"]) == (3, 5)

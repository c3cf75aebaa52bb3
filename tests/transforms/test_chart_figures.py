"""Control charts and funnels of a programme, from figures and monthly counts to the rows that are released."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from oracle.builders import (
    BREAK,
    REFERRAL,
    RETURN,
    SATISFACTION,
    VISITS,
    estimated,
    event_frame,
    log,
    patient_frame,
    programme,
    referred_after,
    tallied,
)

from transforms.chart_disclosure import released_charts, released_funnels
from transforms.chart_figures import charted as charted_estimates
from transforms.chart_figures import charts, funnels
from transforms.disclosure import release
from warehouse.programme import Programme
from warehouse.schemas import (
    CHART,
    CHECK,
    COUNT_TALLY,
    ESTIMATE,
    LEDGER,
    MONTH_TALLY,
    RELEASED_CHART,
    RELEASED_CHART_SUMMARY,
    RELEASED_FIGURE,
    RELEASED_FUNNEL,
    Estimates,
    Provenance,
)

Frame = pl.DataFrame
MONTHS = [f"{year}-{month:02d}" for year in (2021, 2022, 2023) for month in range(1, 13)]
QUARTERS = [f"{year}-Q{quarter}" for year in (2021, 2022, 2023) for quarter in range(1, 5)]
SHARE = programme(indicators={"share": RETURN})
TIMES = programme(indicators={"time": REFERRAL})
RATES = programme(indicators={"rate": VISITS})
PROVENANCE = Provenance("1.0", "abc", "plan", date(2024, 4, 1), ("hash",), "pass", 0, 0)


def share(period: str, events: int, n: int = 100, **own: Any) -> dict[str, Any]:
    base: dict[str, Any] = dict.fromkeys(ESTIMATE.names()) | {
        "indicator_id": "share", "variant": "main", "kind": "proportion", "measure": "proportion",
        "scope_type": "overall", "scope": "all", "period": period, "n": n, "n_events": events, "n_with": events,
        "estimate": events / n,
    }  # fmt: skip
    return base | own


def frame(rows: list[dict[str, Any]]) -> Frame:
    return Frame(rows, schema=ESTIMATE)


def monthly(events: list[int | None], **own: Any) -> Frame:
    """Figures of the months from January 2021 on; None is a month without any pathway."""
    return frame([share(p, e, **own) for p, e in zip(MONTHS, events, strict=False) if e is not None])


def rate_months(events: list[int], days: int = 3000) -> Frame:
    rows = [
        {"indicator_id": "rate", "variant": "main", "view": "overall", "period": period, "arm": "circuit",
         "n": 120, "n_with": count, "events": count, "exposure": days}
        for period, count in zip(MONTHS, events, strict=False)
    ]  # fmt: skip
    return Frame(rows, schema=MONTH_TALLY)


def charted(figures: Frame, declared: Programme = SHARE, months: Frame | None = None) -> tuple[Frame, Frame]:
    return charts(figures, MONTH_TALLY.to_frame() if months is None else months, declared)


def of_month(points: Frame, grain: str = "month") -> Frame:
    return points.filter(pl.col("period").str.contains("Q") == (grain == "quarter"))


STEADY = [30, 34, 29, 33, 31, 35, 28, 32, 30, 34, 29, 33]


# --- Points and limits --------------------------------------------------------------------------


def test_a_missing_month_is_null_and_a_month_without_events_is_zero() -> None:
    points, _ = charted(monthly([*STEADY[:4], None, 0, *STEADY[6:]]))
    five, six = points.filter(pl.col("period").is_in(["2021-05", "2021-06"])).to_dicts()
    assert (five["estimate"], five["n"], five["null_reason"]) == (None, None, "no_pathway")
    assert (six["estimate"], six["n_events"], six["signal"]) == (0.0, 0, "outside")
    assert points["period"].to_list() == MONTHS


def test_limits_are_those_of_the_before_period_and_follow_the_size_of_the_month() -> None:
    figures = monthly([*STEADY, *[60] * 12, *[62] * 12])
    figures = figures.with_columns(n=pl.when(period="2023-05").then(400).otherwise("n"))
    points, summaries = charted(figures)
    assert points["centre"].unique().to_list() == [sum(STEADY) / 1200]
    wide, narrow = (points.filter(period=p)["upper"][0] - sum(STEADY) / 1200 for p in ("2023-04", "2023-05"))
    assert narrow == pytest.approx(wide / 2)
    (summary,) = summaries.to_dicts()
    assert (summary["chart"], summary["baseline_points"], summary["provisional"]) == ("p", 12, True)
    assert (summary["variation"], summary["signal"], summary["period"]) == ("improvement_high", "outside", "2023-12")
    assert (summary["runs_signal"], summary["longest_run"]) == (True, 12)  # the median is that of 2022


def test_the_firm_baseline_has_thirteen_points() -> None:
    periods = {
        "before": {"from": date(2021, 1, 1), "until": date(2022, 2, 1)},
        "after": {"from": date(2022, 2, 1), "until": date(2023, 1, 1)},
    }
    declared = programme(indicators={"share": RETURN}, periods=periods)
    points, summaries = charted(monthly(STEADY * 2), declared)
    assert summaries["provisional"].to_list() == [False]
    assert points["phase"].to_list() == ["before"] * 13 + ["after"] * 11


def test_a_month_of_two_periods_is_of_the_transition_and_one_of_none_breaks_the_chart() -> None:
    periods = {
        "before": {"from": date(2021, 1, 1), "until": date(2021, 6, 16)},
        "after": {"from": date(2021, 8, 1), "until": date(2021, 12, 1)},
    }
    declared = programme(indicators={"share": RETURN}, periods=periods)
    points, _ = charted(monthly(STEADY[:6]), declared)
    assert points["phase"].to_list() == ["before"] * 6 + [None] + ["after"] * 4
    assert points["null_reason"].to_list()[6:8] == ["outside_periods", "no_pathway"]
    touching = {"before": periods["before"], "after": {"from": date(2021, 6, 16), "until": date(2021, 12, 1)}}
    points, _ = charted(monthly(STEADY[:6]), programme(indicators={"share": RETURN}, periods=touching))
    assert points["phase"].to_list()[4:7] == ["before", "transition", "after"]


def test_too_small_a_baseline_has_points_and_no_limits() -> None:
    points, summaries = charted(monthly([30, 31, *[None] * 10, *STEADY]))
    assert points["centre"].null_count() == points.height
    assert summaries.select("variation", "null_reason").row(0) == (None, "too_few_points")


def test_months_of_a_thousand_pathways_have_laneys_limits() -> None:
    _, summaries = charted(monthly([900 + 40 * (k % 2) for k in range(36)], n=2000))
    assert summaries["chart"].to_list() == ["p_prime"]


def test_incidence_is_charted_as_single_values_screened_where_declared() -> None:
    values = [0.30, 0.31, 0.30, 0.31, 0.30, 0.31, 0.30, 0.31, 0.30, 0.31, 0.30, 0.80]
    rows = [
        share(p, 30, indicator_id="time", measure="cumulative_incidence", horizon=30, estimate=v)
        for p, v in zip(MONTHS, values, strict=False)
    ]
    plain, summaries = charted(frame(rows), TIMES)
    analysis = {"indicators": ("time",), "primary": ("time",), "screen_moving_ranges": True}
    screened, _ = charted(frame(rows), programme(indicators={"time": REFERRAL}, analysis=analysis))
    assert summaries["chart"].to_list() == ["xmr"]
    assert plain["upper"][0] - plain["centre"][0] == pytest.approx(2.66 * 0.6 / 11)
    assert screened["upper"][0] - screened["centre"][0] == pytest.approx(2.66 * 0.01)


def test_rates_are_charted_by_calendar_month_per_hundred_patient_months() -> None:
    points, summaries = charted(frame([]), RATES, rate_months([20, 24, 22] * 12))
    first = points.row(0, named=True)
    months = 3000 / 30.4375
    assert (first["chart"], first["exposure"]) == ("u_prime", pytest.approx(months))
    assert first["estimate"] == pytest.approx(100 * 20 / months)
    assert first["centre"] == pytest.approx(100 * 22 / months)
    assert summaries["grain"].to_list() == ["month"]
    nobody, _ = charted(frame([]), RATES, rate_months([0, 20, 24, 22, 25], days=0))
    assert nobody.height == 0


def test_signals_of_rates_are_not_judged() -> None:
    """Fewer episodes a month from the second year on: pathways have grown older, which need not be the programme."""
    points, summaries = charted(frame([]), RATES, rate_months([*[20, 24, 22] * 4, *[8] * 24]))
    signals = points.filter(pl.col("signal").is_not_null())
    assert signals.height >= 20
    assert set(signals["variation"]) == {"neutral_low"}
    assert summaries["variation"].to_list() == ["neutral_low"]


def test_without_events_before_there_are_no_limits_and_a_reason() -> None:
    _, summaries = charted(frame([]), RATES, rate_months([*[0] * 12, *[8] * 24]))
    assert summaries.select("null_reason", "assurance").row(0) == ("no_variation_before", None)


def test_targets_are_declared_in_the_unit_shown_and_negative_controls_are_neutral() -> None:
    figures = monthly([*STEADY, *[60] * 24])
    for target, icon in ((50.0, "consistent_fail"), (30.0, "hit_or_miss"), (5.0, "consistent_pass")):
        declared = programme(indicators={"share": {**RETURN, "target": target}})
        _, summaries = charted(figures, declared)
        assert summaries.select("target", "assurance").row(0) == (target / 100, icon)
    _, summaries = charted(figures, programme(indicators={"share": RETURN}, negative_control=True))
    assert summaries["variation"].to_list() == ["neutral_high"]
    with pytest.raises(ValueError, match="per cent"):
        programme(indicators={"share": {**RETURN, "target": 0.5}})


# --- Release ------------------------------------------------------------------------------------


def released(figures: Frame, declared: Programme = SHARE, months: Frame | None = None) -> tuple[Frame, Frame]:
    """The charts of figures that are released as they are, but those with a small count."""
    points, summaries = charted(figures, declared, months)
    found = Estimates(figures, Frame(), points, summaries)
    return released_charts(found, as_released(figures), declared)


def as_released(figures: Frame) -> Frame:
    small = pl.min_horizontal("n_with", pl.col("n") - pl.col("n_with")) < 11
    judged = figures.with_columns(withheld=pl.when(small).then(pl.lit("small_count")))
    shown = pl.when(pl.col("withheld").is_null()).then(pl.col("estimate").round(2))
    return judged.with_columns(estimate=shown).select(RELEASED_FIGURE.names())


def test_a_released_point_is_the_released_figure_and_limits_are_rounded_and_possible() -> None:
    figures = pl.concat([monthly([40, 15, 33, 35, 28, 31] * 2, n=61), frame([share("before", 364, 732)])])
    points, summaries = released(figures)
    series = as_released(figures).filter(pl.col("period") != "before")
    assert points["estimate"].drop_nulls().to_list() == series["estimate"].to_list()
    for name in ("centre", "lower", "upper", "near_lower", "near_upper"):
        limits = points[name].drop_nulls().to_list()
        assert limits
        assert all(0 <= limit <= 1 and limit == round(limit, 2) for limit in limits)
    assert points.filter(period="2022-06").select("estimate", "withheld").row(0) == (None, "no_pathway")
    assert summaries.height == 1


def test_a_series_released_by_quarter_is_charted_by_quarter() -> None:
    quarters = frame([share(p, e) for p, e in zip(QUARTERS, [30, 31, 29, 33, 5, 60], strict=False)])
    months = monthly(STEADY)
    points, summaries = charted(pl.concat([quarters, months]))
    found = Estimates(quarters, Frame(), points, summaries)
    shown, told = released_charts(found, as_released(quarters), SHARE)
    assert shown["period"].to_list() == QUARTERS
    assert told["grain"].to_list() == ["quarter"]
    hidden = shown.filter(period="2022-Q1").row(0, named=True)
    assert (hidden["withheld"], hidden["estimate"], hidden["signal"], hidden["upper"]) == ("small_count", *[None] * 3)


def test_limits_that_would_tell_a_withheld_period_are_withheld() -> None:
    figures = pl.concat([monthly(STEADY), frame([share("before", 5, 40)])])
    points, summaries = released(figures)
    assert points["centre"].null_count() == points["variation"].null_count() == points.height
    assert summaries.select("variation", "withheld").row(0) == (None, "small_count")
    assert points["estimate"].null_count() == 24


def test_limits_that_would_tell_a_withheld_point_of_the_baseline_are_withheld() -> None:
    times = {"indicator_id": "time", "measure": "cumulative_incidence", "horizon": 30}
    points, summaries = released(monthly([*STEADY[:5], 4, *STEADY[6:], *STEADY], **times), TIMES)
    assert points["centre"].null_count() == points["signal"].null_count() == points.height
    assert summaries.select("variation", "withheld").row(0) == (None, "small_count")
    shares, _ = released(monthly([*STEADY[:5], 4, *STEADY[6:], *STEADY]))
    assert shares["centre"].null_count() == 13  # their own month, and those that are not there


def test_the_icon_of_a_last_point_that_is_withheld_is_withheld() -> None:
    times = {"indicator_id": "time", "measure": "cumulative_incidence", "horizon": 30}
    figures = monthly([*STEADY, *STEADY[:11], 4], **times)
    points, summaries = released(figures, TIMES)
    last = points.filter(period="2022-12").row(0, named=True)
    assert (last["estimate"], last["variation"], last["withheld"]) == (None, None, "small_count")
    assert last["upper"] is not None  # single values have the same limits everywhere
    assert summaries.select("variation", "withheld").row(0) == (None, "small_count")


def test_months_of_rates_are_judged_by_persons() -> None:
    points, _ = released(frame([]), RATES, rate_months([20, 24, 22, 10, 115, 0, *[25] * 6]))
    hidden = points.filter(withheld="small_count")["period"].to_list()
    assert hidden == ["2021-04", "2021-05", "2021-06"]
    assert points["n"][0] == 120
    points, _ = released(frame([]), RATES, rate_months([20, 24, 22, 10, *[25] * 4, 18, *[25] * 3]))
    assert points.filter(withheld="small_count")["period"].to_list() == ["2021-04", "2021-09"]  # lest it be subtracted
    assert points["estimate"][0] == round(100 * 20 / (3000 / 30.4375), 1)


def test_every_kind_goes_from_events_to_the_release() -> None:
    kinds = {"time": REFERRAL, "share": RETURN, "rate": VISITS, "score": SATISFACTION, "gap": BREAK}
    declared = programme(indicators=kinds)
    rows = referred_after([*(3 + number % 20 for number in range(30)), *[None] * 20], "2021-03-01")
    rows += log(*((patient, "emergency_visit", "2021-03-04") for patient in range(1, 21)))
    tallies = tallied(event_frame(rows, declared.zone), patient_frame(), declared)
    found = charted_estimates(estimated(tallies, declared), tallies, declared)
    assert found.charts.schema == CHART
    assert set(found.charts["indicator_id"]) == {"time", "share", "rate", "gap"}
    without = found.chart_summaries.filter(null_reason="too_few_points")["indicator_id"]
    assert set(without) == {"time", "share", "gap"}  # person-time of three months, beginnings of one
    checks, ledger = CHECK.to_frame(), LEDGER.to_frame()
    sealed = release(found, tallies, checks, ledger, {"current": 70}, declared, PROVENANCE)
    assert (sealed.charts.schema, sealed.funnels.schema) == (RELEASED_CHART, RELEASED_FUNNEL)
    assert sealed.chart_summaries.schema == RELEASED_CHART_SUMMARY
    (point,) = sealed.charts.filter(pl.col("estimate").is_not_null(), indicator_id="share").to_dicts()
    assert (point["period"], point["estimate"], point["centre"]) == ("2021-03", 0.4, None)


# --- Funnels ------------------------------------------------------------------------------------


def site_figures() -> tuple[Programme, Frame]:
    sites = ({"id": "north"}, {"id": "south"}, {"id": "small"}, {"id": "east", "arm": "comparator"})
    declared = programme(indicators={"share": RETURN}, sites=sites)
    rows = [share("after", e, n, scope_type="site", scope=s)
            for s, e, n in (("north", 60, 200), ("south", 90, 150), ("small", 4, 20), ("east", 20, 100))]  # fmt: skip
    return declared, frame([share("after", 154, 370), *rows])


NO_COUNTS = COUNT_TALLY.to_frame()


def test_limits_of_rates_are_wider_where_episodes_come_together() -> None:
    """A hundred episodes of a hundred persons at two sites: one each, as even as can be, or ten of ten persons."""
    sites = ({"id": "north"}, {"id": "south"})
    declared = programme(indicators={"rate": VISITS}, sites=sites)
    of_rate = {
        "indicator_id": "rate",
        "kind": "recurrent_event",
        "measure": "rate",
        "exposure": 100.0,
        "estimate": 100.0,
    }
    rows = [share("after", 100, 100, **of_rate)]
    rows += [
        share("after", 50, 50, **of_rate | {"exposure": 50.0}, scope_type="site", scope=s) for s in ("north", "south")
    ]
    keys = {"indicator_id": "rate", "variant": "main", "view": "overall", "period": "after", "arm": "circuit",
            "site": None, "stratum": None, "exposure": 30}  # fmt: skip
    even, together = (
        Frame([keys | {"events": events, "n": n} for events, n in cells], schema=COUNT_TALLY)
        for cells in ([(1, 100)], [(10, 10), (0, 90)])
    )
    (plain, wide) = (funnels(frame(rows), counted, declared).row(0, named=True) for counted in (even, together))
    assert (plain["spread"], wide["spread"]) == (1.0, pytest.approx(3.0))  # 10 * 9^2 + 90 * 1^2, over 100 episodes
    for limit in ("low_95", "high_95", "high_998"):
        assert wide[limit] - 100 == pytest.approx(3 * (plain[limit] - 100))
    assert wide["low_998"] == max(0.0, 100 + 3 * (plain["low_998"] - 100))


def test_sites_of_the_circuit_stand_beside_the_circuit_as_a_whole() -> None:
    declared, figures = site_figures()
    found = funnels(figures, NO_COUNTS, declared)
    assert found["scope"].to_list() == ["north", "south", "small"]
    assert found["position"].to_list() == ["below_998", "above_998", "inside"]
    assert found["centre"].to_list() == [154 / 370] * 3
    assert funnels(figures, NO_COUNTS, SHARE).is_empty()


@pytest.mark.parametrize("largest", [20, 45, 200, 1234])
def test_the_limits_are_drawn_beyond_the_largest_site(largest: int) -> None:
    declared, figures = site_figures()
    figures = figures.with_columns(n=pl.when(scope="north").then(largest).otherwise("n"))
    figures = figures.with_columns(n_events=pl.when(scope="north").then(largest // 2).otherwise("n_events"))
    figures = figures.filter(pl.col("scope").is_in(["north", "all"]))
    figures = figures.with_columns(n_with="n_events", estimate=pl.col("n_events") / pl.col("n"))
    exact = replace(Estimates(figures, Frame()), funnels=funnels(figures, NO_COUNTS, declared))
    found = released_funnels(exact, as_released(figures), declared)
    drawn = found.filter(pl.col("position").is_not_null() & (pl.col("scope_type") == "site"))
    assert drawn.height == (largest > 20)
    assert found.filter(scope_type="line")["n"].max() is None or found["n"].max() > largest


def test_a_site_that_is_withheld_is_listed_and_not_drawn() -> None:
    declared, figures = site_figures()
    exact = replace(Estimates(figures, Frame()), funnels=funnels(figures, NO_COUNTS, declared))
    found = released_funnels(exact, as_released(figures), declared)
    sites, lines = found.filter(scope_type="site"), found.filter(scope_type="line")
    small = sites.filter(scope="small").row(0, named=True)
    assert (small["withheld"], small["position"], small["low_95"], small["estimate"]) == ("small_count", *[None] * 3)
    assert lines["n"].max() >= 200
    assert lines["centre"].unique().to_list() == [0.42]
    assert (lines["high_998"] >= lines["high_95"]).all()

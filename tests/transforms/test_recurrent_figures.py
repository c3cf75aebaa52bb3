"""Figures of recurrent events beside their rates: which there are, what they count, and what leaves."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import polars as pl
import pytest
from oracle.builders import VISITS, Happening, estimated, event_frame, log, patient_frame, programme, tallied

from transforms.disclosure import release
from warehouse.programme import Programme
from warehouse.schemas import CHECK, LEDGER, RECURRENCE_TALLY, Provenance, Tallies

SEX = {"sex": True}
WINDOW = (1, 31)
DECLARED = programme(indicators={"visits": {**VISITS, "window": WINDOW}}, adjust_for=("sex",), strata=SEX)
PROVENANCE = Provenance("1.0", "abc", "plan", date(2024, 4, 1), ("hash",), "pass", 0, 0)
Patients = list[tuple[str | None, list[int]]]  # sex, days of the visits


def happenings(year: int, patients: Patients, first: int) -> list[Happening]:
    """Patients announced on 1 March, with visits so many days later."""
    rows: list[tuple[Any, ...]] = []
    for patient, (_, days) in enumerate(patients, first):
        rows.append((patient, "announcement", f"{year}-03-01"))
        rows += [(patient, "emergency_visit", f"{year}-03-{1 + day:02d}") for day in days]
    return log(*rows)


def counted(before: Patients, after: Patients, declared: Programme = DECLARED) -> Tallies:
    events = [*happenings(2021, before, 1), *happenings(2023, after, 1001)]
    people = [
        {"patient": patient, "sex": sex}
        for first, group in ((1, before), (1001, after))
        for patient, (sex, _) in enumerate(group, first)
    ]
    return tallied(event_frame(events), patient_frame(people, sex=pl.String), declared)


def figures(before: Patients, after: Patients, declared: Programme = DECLARED) -> pl.DataFrame:
    return estimated(counted(before, after, declared), declared).figures.filter(scope_type="overall")


def only(found: pl.DataFrame, **of: Any) -> dict[str, Any]:
    (row,) = found.filter(pl.col("period") != "all").filter(**of).to_dicts()
    return row


MIXED: Patients = [("f", [2, 9]), ("f", []), ("m", [30]), ("m", [])]
MORE: Patients = [("f", [2]), ("f", []), ("m", [12]), ("m", []), ("m", [])]


def test_the_counts_hold_days_and_pairs_and_no_identifier() -> None:
    found = counted(MIXED, []).recurrences.filter(view="overall")
    assert found.schema == RECURRENCE_TALLY
    rows = found.select("first", "opens", "second", "end", "status", "n").rows()
    assert rows == [
        (None, None, None, 30, 0, 4),
        (2, None, 2, None, None, 1),
        (2, None, 9, None, None, 1),
        (2, True, None, 30, 0, 1),
        (9, None, 9, None, None, 1),
        (9, False, None, 30, 0, 1),
        (30, None, 30, None, None, 1),
        (30, True, None, 30, 0, 1),
    ]


def test_a_death_ends_a_pathway_on_its_day_and_later_visits_do_not_count() -> None:
    rows = [*happenings(2023, [("f", [2, 9])], 1), *log((1, "death", "2023-03-06"))]
    found = tallied(event_frame(rows), patient_frame(), DECLARED).recurrences.filter(view="overall")
    assert found.filter(pl.col("end").is_not_null()).select("first", "end", "status").rows() == [
        (None, 5, 2),
        (2, 5, 2),
    ]


def test_mean_numbers_are_told_at_the_end_of_each_third_of_the_window() -> None:
    found = figures(MIXED, MORE).filter(measure="mean_cumulative_count", period="before")
    assert found["horizon"].to_list() == [10, 20, 30]
    assert found["estimate"].to_list() == pytest.approx([2 / 4, 2 / 4, 3 / 4])
    assert found.select("n", "n_events", "n_with").rows() == [(4, 2, 1), (4, 2, 1), (4, 3, 2)]
    assert set(found["unit"]) == {"day"}


def test_recurrences_are_counted_by_site_level_and_pattern_and_a_variant_overall() -> None:
    title = {"fr": "Tous", "en": "All"}
    every = {**VISITS, "window": WINDOW, "variants": {"all": {"title": title, "episode_hours": 0}}}
    declared = programme(indicators={"visits": every}, adjust_for=("sex",), strata=SEX)
    found = counted(MIXED, MORE, declared).recurrences.filter(pl.col("end").is_not_null() & pl.col("first").is_null())
    pathways = found.group_by("variant", "view", "period").agg(pl.col("n").sum()).sort("variant", "view", "period")
    assert pathways.rows() == [
        ("all", "overall", "after", 5),
        ("all", "overall", "before", 4),
        *(("main", view, period, n) for view in ("adjust", "equity:sex", "overall") for period, n in BOTH),
    ]
    measures = set(figures(MIXED, MORE, declared).filter(variant="all")["measure"])
    assert {"rate", "rate_ratio", "events_avoided", "mean_cumulative_count"} <= measures


BOTH = (("after", 5), ("before", 4))


def early_visits(leaving: int, patients: int) -> list[Happening]:
    """Two in three are seen on the third day after the announcement, nobody later, until they leave."""
    rows: list[tuple[Any, ...]] = []
    year, first = (2023, 1001) if leaving > 20 else (2021, 1)
    for patient in range(first, first + patients):
        rows += [
            (patient, "announcement", f"{year}-03-01"),
            (patient, "transfer_out", f"{year}-03-{leaving:02d}"),
        ]
        rows += [(patient, "emergency_visit", f"{year}-03-04")] if patient % 3 else []
    return log(*rows)


def test_shorter_follow_up_before_is_no_effect() -> None:
    """Crude, the rate of before is thrice that of after: it lacks the days without visits. By day they are equal."""
    events = [*early_visits(10, 30), *early_visits(28, 30)]
    found = estimated(tallied(event_frame(events), patient_frame(), DECLARED), DECLARED).figures
    found = found.filter(pl.col("analysis") != "sensitivity:adjusted", scope_type="overall")
    crude = [only(found, measure="rate", period=period)["estimate"] for period in ("before", "after")]
    assert crude[0] == pytest.approx(crude[1] * 26 / 8)
    assert only(found, measure="rate", period="after-before")["estimate"] == pytest.approx(0)
    assert only(found, measure="rate_ratio")["estimate"] == pytest.approx(1)
    assert only(found, measure="rate_ratio_negative_binomial")["estimate"] == pytest.approx(1)
    avoided = only(found, measure="events_avoided")
    assert avoided["estimate"] == pytest.approx(0)
    assert avoided["exposure"] == pytest.approx(30 * 9 / 30.4375)  # the days of after that before reaches too


def test_events_avoided_are_those_at_the_daily_rates_of_before_less_those_seen() -> None:
    """With the same days at risk in both periods: minus the difference, times the exposure of after."""
    found = figures(MIXED, MORE)
    difference = only(found, measure="rate", period="after-before", analysis="primary")
    avoided = only(found, measure="events_avoided")
    assert avoided["exposure"] == pytest.approx(5 * 30 / 30.4375)
    scale = avoided["exposure"] / 100
    assert avoided["estimate"] == pytest.approx(-difference["estimate"] * scale)
    assert (avoided["ci_low"], avoided["ci_high"]) == pytest.approx(
        (-difference["ci_high"] * scale, -difference["ci_low"] * scale)
    )
    assert (avoided["unit"], avoided["p_value"]) == ("event", None)


def test_a_period_without_visits_has_exact_bounds_and_no_infinite_ratio() -> None:
    none: Patients = [("f", []), ("m", [])] * 20
    found = figures(none, [("f", [2, 9]), ("m", [4])] * 3)
    difference = only(found, measure="rate", period="after-before", analysis="primary")
    assert 0 < difference["ci_low"] < difference["estimate"] < difference["ci_high"]
    assert difference["p_value"] < 0.05
    assert only(found, measure="rate_ratio", analysis="exploratory")["null_reason"] == "no_event_in_a_group"
    added = only(found, measure="events_avoided")
    assert added["ci_low"] < added["estimate"] < added["ci_high"] < 0
    back = figures([("f", [2, 9]), ("m", [4])] * 3, none)
    ratio = only(back, measure="rate_ratio", analysis="exploratory")
    assert (ratio["estimate"], ratio["ci_low"]) == (0, 0)
    assert 0 < ratio["ci_high"] < 1


def test_without_any_visit_the_difference_is_0_between_exact_bounds() -> None:
    found = figures([("f", [])] * 10, [("f", [])] * 20)
    difference = only(found, measure="rate", period="after-before", analysis="primary")
    most = [-math.log(0.025) / (n * 30 / 30.4375) * 100 for n in (10, 20)]
    assert (difference["estimate"], difference["p_value"]) == (0, 1)
    assert (difference["ci_low"], difference["ci_high"]) == pytest.approx((-most[0], most[1]))


def test_rates_at_one_mix_of_cases_leave_out_who_has_a_missing_level() -> None:
    found = figures([*MIXED, (None, [3])], [*MORE, (None, [4, 7])]).filter(analysis="sensitivity:adjusted")
    assert only(found, measure="rate", period="before")["n"] == 4
    assert only(found, measure="rate", period="after")["n_events"] == 2


def test_where_the_mix_is_the_same_in_both_periods_adjusting_changes_no_rate() -> None:
    found = figures(MIXED, [*MORE[:4]])
    for period in ("before", "after"):
        crude = only(found, measure="rate", period=period, analysis="primary")
        adjusted = only(found, measure="rate", period=period, analysis="sensitivity:adjusted")
        assert adjusted["estimate"] == pytest.approx(crude["estimate"])


def test_a_level_without_events_has_a_rate_of_0_and_dilutes_the_others() -> None:
    """Men have no visit: at one mix of cases, half of whom are women, the rates are half those of the women."""
    men: Patients = [("m", []), ("m", [])]
    women = {"before": [("f", [2, 9]), ("f", [4])], "after": [("f", [2]), ("f", [])]}
    found = figures([*women["before"], *men], [*women["after"], *men]).filter(analysis="sensitivity:adjusted")
    months = 30 / 30.4375
    for period, rate in (("before", 3 / 2), ("after", 1 / 2)):
        adjusted = only(found, measure="rate", period=period)
        assert adjusted["estimate"] == pytest.approx(100 * rate / months / 2)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ([("f", [2]), ("f", [])], [("m", [3]), ("m", [])], "not_estimable"),  # the level tells the period
        ([(None, [2])], [(None, [3])], "no_event"),  # nobody has a known level
        ([("f", [])], [("f", [])], "no_event"),
    ],
)
def test_what_cannot_be_adjusted_has_a_reason(before: Patients, after: Patients, reason: str) -> None:
    found = figures(before, after).filter(analysis="sensitivity:adjusted")
    assert set(found["null_reason"]) == {reason}
    assert set(found["measure"]) == {"rate", "rate_ratio"}


def test_without_pathways_before_nothing_is_compared() -> None:
    found = figures([], MORE)
    assert set(found.filter(pl.col("null_reason").is_null())["period"]) - {"2023-03", "2023-Q1"} == {"after", "all"}


# ---------------------------------------------------------------- what leaves


def released(before: Patients, after: Patients) -> pl.DataFrame:
    tallies = counted(before, after)
    nothing = (CHECK.to_frame(), LEDGER.to_frame(), {"current": 10})
    sealed = release(estimated(tallies, DECLARED), tallies, *nothing, DECLARED, PROVENANCE)
    return sealed.figures.filter(scope_type="overall")


BUSY: Patients = [*[("f", [2, 9])] * 15, *[("m", [12])] * 15, *[("f", [])] * 20, *[("m", [])] * 20]
QUIET: Patients = [*[("f", [2])] * 12, *[("m", [12])] * 12, *[("f", [])] * 30, *[("m", [])] * 30]
OF_RATES = ("rate_ratio", "rate_ratio_negative_binomial", "events_avoided")


def test_figures_of_large_groups_leave_rounded() -> None:
    found = released(BUSY, QUIET)
    whole = found.filter(pl.col("measure").is_in([*OF_RATES, "mean_cumulative_count"]))
    assert set(whole["withheld"]) == {None}
    avoided = only(found, measure="events_avoided")
    assert avoided["estimate"] == round(avoided["estimate"]) > 0
    last = only(found, measure="mean_cumulative_count", period="before", horizon=30)
    assert (last["estimate"], last["n"], last["n_events"]) == (round(45 / 70, 2), 70, 45)


def test_what_is_made_of_rates_is_withheld_with_either_of_them() -> None:
    few: Patients = [*[("f", [2])] * 9, *[("m", [])] * 60]
    found = released(BUSY, few)
    made_of_rates = found.filter(pl.col("measure").is_in(OF_RATES))
    assert made_of_rates.height == len(OF_RATES) + 1  # one of them adjusted as well
    assert set(made_of_rates["withheld"]) == {"small_count"}
    assert made_of_rates.select("estimate", "ci_low", "ci_high", "p_value").null_count().row(0) == (4,) * 4
    means = found.filter(measure="mean_cumulative_count", period="after-before")
    assert set(means["withheld"]) == {"small_count"}


def test_what_is_adjusted_is_withheld_with_its_own_groups_and_leaves_the_others() -> None:
    """Of 24 with a visit after, 8 alone have a known level."""
    unknown: Patients = [*[(None, [2])] * 16, *[("f", [2])] * 8, *[("f", []), ("m", [])] * 30]
    found = released(BUSY, unknown)
    difference = found.filter(measure="rate", period="after-before").sort("analysis")
    assert difference.select("analysis", "withheld").rows() == [
        ("primary", None),
        ("sensitivity:adjusted", "small_count"),
    ]

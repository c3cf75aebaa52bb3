"""Figures of recurrent events beside their rates: which there are, what they count, and what leaves."""

from __future__ import annotations

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
    found = counted(MIXED, []).recurrences
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
    found = tallied(event_frame(rows), patient_frame(), DECLARED).recurrences
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


def test_a_variant_has_no_recurrences_and_its_rates_all_the_same() -> None:
    title = {"fr": "Tous", "en": "All"}
    every = {**VISITS, "window": WINDOW, "variants": {"all": {"title": title, "episode_hours": 0}}}
    declared = programme(indicators={"visits": every}, adjust_for=("sex",), strata=SEX)
    measures = set(figures(MIXED, MORE, declared).filter(variant="all")["measure"])
    assert "events_avoided" in measures
    assert not measures & {"mean_cumulative_count", "rate_ratio_andersen_gill"}


def test_events_avoided_are_minus_the_difference_times_the_exposure_after() -> None:
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
OF_RATES = ("rate_ratio", "rate_ratio_andersen_gill", "rate_ratio_negative_binomial", "events_avoided")


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
    assert made_of_rates.select("estimate", "ci_low", "ci_high", "p_value").null_count().row(0) == (5,) * 4
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

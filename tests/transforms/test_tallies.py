"""Counts by view: what is counted, what adds up."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from oracle.builders import REFERRAL, RETURN, SATISFACTION, event_frame, log, patient_frame, programme, tallied

from transforms.tallies import merge, views
from warehouse.schemas import ATTRITION_TALLY, LEVEL_SEPARATOR, SCORE_TALLY, TIME_TALLY

TWO_SITES = ({"id": "north"}, {"id": "south", "starts": date(2023, 6, 1)})
DECLARED = programme(sites=TWO_SITES, strata={"de_novo": True})
ROWS = log(
    (1, "announcement", "2023-05-01"), (1, "referral", "2023-05-11"),
    (2, "announcement", "2023-05-02"), (2, "referral", "2023-05-12"),
    (3, "announcement", "2023-05-03", {"site": "south"}), (3, "referral", "2023-05-13", {"site": "south"}),
    (4, "announcement", "2023-06-03", {"site": "south"}), (4, "death", "2023-06-05"),
    (5, "announcement", "2023-06-03"), (5, "referral", "2023-06-01"),
    (6, "announcement", "2020-06-03"),
    (7, "announcement", "2024-02-01", {"site": None}),
)  # fmt: skip
PEOPLE = ({"patient": 1, "de_novo": "yes"}, {"patient": 2, "de_novo": "no"})


def counted(declared: Any = DECLARED, rows: Any = ROWS) -> Any:
    return tallied(event_frame(rows, declared.zone), patient_frame(PEOPLE, de_novo=pl.String), declared)


def cells(frame: pl.DataFrame, view: str, *names: str) -> set[tuple[Any, ...]]:
    return set(frame.filter(view=view).select(*names, "n").iter_rows())


def test_pathways_of_one_cell_are_one_row_with_their_number() -> None:
    found = cells(counted().time, "overall", "period", "arm", "entry", "time", "status")
    assert found == {
        ("after", "circuit", -1, 10, 1, 2),
        ("after", "not_started", -1, 10, 1, 1),
        ("after", "circuit", -1, 2, 2, 1),
    }


def test_the_view_of_sites_names_the_site_and_no_stratum() -> None:
    found = cells(counted().time, "site", "site", "stratum", "arm", "time")
    assert found == {
        ("north", None, "circuit", 10, 2),
        ("south", None, "not_started", 10, 1),
        ("south", None, "circuit", 2, 1),
    }


def test_the_view_of_months_has_the_month_of_time_zero_as_its_period() -> None:
    found = cells(counted().time, "month", "period", "arm", "site", "time")
    assert found == {
        ("2023-05", "circuit", None, 10, 2),
        ("2023-05", "not_started", None, 10, 1),
        ("2023-06", "circuit", None, 2, 1),
    }


def test_a_view_of_a_factor_has_its_levels_and_the_missing_ones() -> None:
    found = cells(counted().time, "equity:de_novo", "stratum", "arm", "time")
    assert found == {
        ("yes", "circuit", 10, 1),
        ("no", "circuit", 10, 1),
        ("missing", "circuit", 2, 1),
        ("missing", "not_started", 10, 1),
    }


def test_the_attrition_tells_why_each_pathway_is_not_analysed() -> None:
    found = cells(counted().attrition, "overall", "period", "arm", "reason")
    assert found == {
        ("after", "circuit", "analysed", 3),
        ("after", "not_started", "analysed", 1),
        ("after", "circuit", "earlier_event", 1),
        (None, "circuit", "prevalent", 1),
        (None, None, "outside_periods", 1),
    }
    assert counted().attrition["n"].sum() == 7


def test_an_exclusion_of_one_indicator_leaves_the_others() -> None:
    declared = programme(indicators={"referral": REFERRAL, "return": RETURN}, sites=TWO_SITES)
    attrition = counted(declared).attrition
    reasons = {
        key: set(frame["reason"]) for (key,), frame in attrition.partition_by("indicator_id", as_dict=True).items()
    }
    assert "earlier_event" in reasons["referral"]
    assert "earlier_event" not in reasons["return"]


def test_who_did_not_answer_is_told_by_whether_an_answer_was_possible() -> None:
    declared = programme(indicators={"satisfaction": SATISFACTION})
    rows = log(
        (1, "announcement", "2023-05-01"), (2, "announcement", "2023-05-01"), (2, "death", "2023-06-01"),
        (3, "announcement", "2023-05-01"), (3, "questionnaire", "2023-07-30", {"code": "overall", "value": 90.0}),
    )  # fmt: skip
    tallies = counted(declared, rows)
    assert cells(tallies.attrition, "overall", "reason") == {
        ("no_answer", 1), ("left_before_answer", 1), ("analysed", 1),
    }  # fmt: skip
    assert cells(tallies.score, "overall", "stage", "followed", "value") == {
        (0, 1, None, 1), (0, 0, None, 1), (2, 1, 90_000_000, 1),
    }  # fmt: skip


def test_the_view_of_adjusted_models_counts_the_joint_pattern_of_their_factors_in_their_order() -> None:
    rows = log((1, "announcement", "2023-05-01"), (2, "announcement", "2023-05-02"), (3, "announcement", "2023-05-02"))
    declared = programme(strata={"age_band": (50,), "de_novo": True}, adjust_for=("de_novo", "age_band"))
    born = [{"patient": 1, "birth_year": 1960, "de_novo": "yes"}, {"patient": 2, "birth_year": 1990}]
    tallies = tallied(event_frame(rows), patient_frame(born, de_novo=pl.String), declared)
    assert cells(tallies.time, "adjust", "period", "arm", "site", "stratum") == {
        ("after", "circuit", None, f"yes{LEVEL_SEPARATOR}50+", 1),
        ("after", "circuit", None, f"missing{LEVEL_SEPARATOR}<50", 1),
        ("after", "circuit", None, f"missing{LEVEL_SEPARATOR}missing", 1),
    }


def test_models_that_adjust_for_nothing_have_no_view() -> None:
    assert "adjust" not in set(counted().time["view"])


def names(declared: Any, indicator_id: str = "time_to_referral", variant: str = "main") -> list[str]:
    return [view.name for view in views(declared, declared.indicators[indicator_id], variant)]


def test_one_site_has_no_view_of_its_own() -> None:
    assert names(programme()) == ["overall", "month"]
    assert names(DECLARED) == ["overall", "site", "month", "equity:de_novo"]


def test_variants_are_counted_overall_alone() -> None:
    assert names(DECLARED, variant="short") == ["overall"]


def test_an_indicator_may_choose_its_strata() -> None:
    declared = programme(
        indicators={"time_to_referral": {**REFERRAL, "strata": ("de_novo",)}}, strata={"de_novo": True, "stage": True}
    )
    assert names(declared) == ["overall", "month", "equity:de_novo"]


def test_no_patients_give_empty_tables_of_the_right_columns() -> None:
    tallies = counted(rows=[])
    assert (tallies.time.schema, tallies.score.schema, tallies.attrition.schema) == (
        TIME_TALLY, SCORE_TALLY, ATTRITION_TALLY,
    )  # fmt: skip
    assert tallies.time.is_empty()
    assert tallies.attrition.is_empty()


def test_counts_of_disjoint_patients_add_up() -> None:
    tallies = counted()
    doubled = merge(tallies, tallies)
    assert doubled.time.drop("n").equals(tallies.time.drop("n"))
    assert (doubled.time["n"] == 2 * tallies.time["n"]).all()
    assert merge(tallies).time.equals(tallies.time)
    assert merge().attrition.is_empty()


def test_no_identifier_and_no_date_is_left() -> None:
    tallies = counted()
    for frame in (tallies.time, tallies.score, tallies.attrition):
        assert not {"patient", "pathway", "index_on", "index_at"} & set(frame.columns)
        assert not any(dtype.is_temporal() for dtype in frame.dtypes)

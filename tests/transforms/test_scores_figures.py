"""Figures of scores beside their shares: who was asked, what the silent could change, and what leaves."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from oracle.builders import (
    SATISFACTION,
    Happening,
    estimated,
    event_frame,
    log,
    patient_frame,
    programme,
    tallied,
)
from scipy.stats import brunnermunzel

from transforms.disclosure import release
from warehouse.schemas import CHECK, LEDGER, Provenance, Tallies

ASKED = {**SATISFACTION, "invited_by": {"type": "questionnaire", "code": ("sent",)}}
DECLARED = programme(indicators={"satisfaction": ASKED}, adjust_for=("sex",), strata={"sex": True})
PROVENANCE = Provenance("1.0", "abc", "plan", date(2024, 4, 1), ("hash",), "pass", 0, 0)
SENT = {"code": "sent"}
Answers = list[tuple[str | None, float | None]]  # sex, answer; None of who stayed silent


def happenings(year: int, answers: Answers, first: int) -> list[Happening]:
    """People announced on 1 March, asked on 1 April, and answering in the window where they do."""
    rows: list[tuple[Any, ...]] = []
    for patient, (_, value) in enumerate(answers, first):
        rows += [(patient, "announcement", f"{year}-03-01"), (patient, "questionnaire", f"{year}-04-01", SENT)]
        if value is not None:
            rows.append((patient, "questionnaire", f"{year}-06-01", {"code": "overall", "value": float(value)}))
    return log(*rows)


def counted(before: Answers, after: Answers, *more: Happening) -> Tallies:
    events = [*happenings(2021, before, 1), *happenings(2023, after, 1001), *more]
    people = [
        {"patient": patient, "sex": sex}
        for first, group in ((1, before), (1001, after))
        for patient, (sex, _) in enumerate(group, first)
    ]
    return tallied(event_frame(events), patient_frame(people, sex=pl.String), DECLARED)


def figures(before: Answers, after: Answers, *more: Happening) -> pl.DataFrame:
    return estimated(counted(before, after, *more), DECLARED).figures.filter(scope_type="overall")


def only(found: pl.DataFrame, **of: Any) -> dict[str, Any]:
    (row,) = found.filter(pl.col("period") != "all").filter(**of).to_dicts()
    return row


HALF: Answers = [("f", 95), ("f", 40), ("m", 90), ("m", None), ("f", None)]
FULL: Answers = [("f", 100), ("f", 70), ("m", 95), ("m", 30), ("m", None)]


def test_who_died_or_was_not_asked_is_not_silent() -> None:
    """Of six announced, one died before the window's end; one was never asked."""
    more = log((2001, "announcement", "2023-03-01"), (1005, "death", "2023-04-15"))
    found = figures(HALF, FULL, *more)
    asked, answered = (only(found, measure=f"{name}_rate", period="after") for name in ("invitation", "response"))
    assert (asked["n"], asked["n_events"]) == (5, 4)
    assert (answered["n"], answered["n_events"]) == (5, 4)
    assert only(found, measure="invitation_rate", period="after-before")["estimate"] == pytest.approx(4 / 5 - 1)


def test_bounds_are_shares_of_all_who_were_asked() -> None:
    found = figures(HALF, FULL)
    lowest, highest = (
        only(found, measure="top_box", period="before", analysis=f"sensitivity:non_response_{bound}")
        for bound in ("lowest", "highest")
    )
    assert [(row["n"], row["n_events"], row["estimate"]) for row in (lowest, highest)] == [(5, 2, 0.4), (5, 4, 0.8)]
    assert [row["n_with"] for row in (lowest, highest)] == [1, 1]  # one answer that was not favourable
    least = only(found, measure="top_box", period="after-before", analysis="sensitivity:non_response_lowest")
    assert least["estimate"] == pytest.approx(2 / 5 - 4 / 5)


def test_the_tipping_point_is_of_the_silent_of_after() -> None:
    row = only(figures(HALF, FULL), measure="tipping_point")
    assert (row["estimate"], row["null_reason"]) == (None, "no_share_nullifies")
    row = only(figures(HALF, [*FULL, ("m", None)]), measure="tipping_point")
    assert row["estimate"] is None or 0 <= row["estimate"] <= 1
    assert only(figures([("f", 95), ("f", 40)], [*FULL]), measure="tipping_point")["estimate"] == pytest.approx(0.5)


def test_whole_scales_are_compared_among_all_who_answered() -> None:
    found = figures(HALF, FULL)
    row = only(found, measure="probability_of_superiority")
    pairs = [(a > b) + (a == b) / 2 for a in (100, 70, 95, 30) for b in (95, 40, 90)]
    assert row["estimate"] == pytest.approx(sum(pairs) / 12)
    test = only(found, measure="brunner_munzel")
    expected = brunnermunzel([95, 40, 90], [100, 70, 95, 30])
    assert (test["estimate"], test["p_value"]) == pytest.approx((expected.statistic, expected.pvalue))
    odds = found.filter(measure="odds_ratio")
    assert sorted(odds["analysis"]) == ["exploratory", "sensitivity:adjusted"]


def test_without_answers_the_reasons_are_told() -> None:
    found = figures([("f", None), ("m", None)], FULL)
    reasons = {row["measure"]: row["null_reason"] for row in found.to_dicts() if "/" in row["period"]}
    assert reasons == {
        "probability_of_superiority": "no_answer",
        "odds_ratio": "not_estimable",
        "tipping_point": "no_answer",
    }
    assert only(found, measure="brunner_munzel")["null_reason"] == "no_answer"
    weighted = found.filter(measure="top_box", analysis="sensitivity:response_weighted", period="before")
    assert weighted["null_reason"].to_list() == ["no_answer"]


# ---------------------------------------------------------------- what leaves


def released(before: Answers, after: Answers) -> pl.DataFrame:
    tallies = counted(before, after)
    nothing = (CHECK.to_frame(), LEDGER.to_frame(), {"current": 10})
    sealed = release(estimated(tallies, DECLARED), tallies, *nothing, DECLARED, PROVENANCE)
    return sealed.figures.filter(scope_type="overall")


def people(favourable: int, others: int, silent: int) -> Answers:
    """Women and men alike."""
    kinds = [95.0] * favourable + [50.0] * others + [None] * silent
    return [("f" if place % 2 else "m", value) for place, value in enumerate(kinds)]


def test_figures_of_large_groups_leave_as_whole_percentages() -> None:
    found = released(people(30, 30, 40), people(45, 25, 30))
    told = found.filter(pl.col("measure") != "invitation_rate", pl.col("period") != "transition")  # all were invited
    assert set(told["withheld"]) == {None}
    bound = only(found, measure="top_box", period="before", analysis="sensitivity:non_response_highest")
    assert (bound["n"], bound["n_events"], bound["estimate"]) == (100, 70, 0.7)
    weighted = only(found, measure="top_box", period="after", analysis="sensitivity:response_weighted")
    assert (weighted["n"], weighted["n_events"], weighted["estimate"]) == (70, None, 0.64)


def test_where_few_are_silent_what_would_tell_them_is_withheld_and_the_share_is_not() -> None:
    found = released(people(30, 30, 40), people(45, 45, 6))
    shares = found.filter(measure="top_box", period="after-before").sort("analysis")
    assert dict(shares.select("analysis", "withheld").iter_rows()) == {
        "primary": None,
        "sensitivity:non_response_highest": "small_count",
        "sensitivity:non_response_lowest": "small_count",
        "sensitivity:response_weighted": "small_count",
    }
    assert only(found, measure="tipping_point")["withheld"] == "small_count"
    assert only(found, measure="probability_of_superiority")["withheld"] is None


def test_whole_scales_are_withheld_with_the_share_of_either_period() -> None:
    found = released(people(30, 30, 40), people(8, 45, 30))
    for measure in ("probability_of_superiority", "brunner_munzel", "odds_ratio", "tipping_point"):
        rows = found.filter(measure=measure)
        assert set(rows["withheld"]) == {"small_count"}
        assert rows.select("estimate", "ci_low", "ci_high", "p_value").null_count().row(0) == (rows.height,) * 4


def test_weights_that_cannot_be_told_leave_the_share_as_it_is() -> None:
    """No man answered: no weight makes up for men, and the others are counted all the same."""
    women: Answers = [*[("f", 95.0)] * 30, *[("f", 50.0)] * 30, *[("f", None)] * 20, *[("m", None)] * 20]
    found = released(women, people(45, 25, 30))
    shares = found.filter(measure="top_box", period="after-before")
    assert dict(shares.select("analysis", "withheld").iter_rows())["sensitivity:response_weighted"] == "not_estimable"
    assert dict(shares.select("analysis", "withheld").iter_rows())["primary"] is None


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([("f", 100), ("f", 100), ("m", 0), ("m", 0)], "no_spread"),  # the level tells the answer
        ([(None, 100), (None, 20)], "no_answer"),  # nobody has a known level
        ([("f", None), ("m", None)], "no_answer"),
    ],
)
def test_an_adjusted_odds_ratio_of_extremes_or_of_nobody_has_a_reason(answers: Answers, reason: str) -> None:
    found = figures(answers, answers)
    assert only(found, measure="odds_ratio", analysis="sensitivity:adjusted")["null_reason"] == reason


def test_a_level_of_the_highest_answer_alone_leaves_the_odds_ratio_of_the_others() -> None:
    men = [[("m", 20), ("m", 60), ("m", 90)] * 4, [("m", 60), ("m", 90), ("m", 90)] * 4]
    alone = only(figures(*men), measure="odds_ratio", analysis="sensitivity:adjusted")
    women: Answers = [("f", 100)] * 5
    beside = only(figures(*([*group, *women] for group in men)), measure="odds_ratio", analysis="sensitivity:adjusted")
    assert alone["estimate"] > 1
    assert (beside["estimate"], beside["std_error"]) == pytest.approx((alone["estimate"], alone["std_error"]))

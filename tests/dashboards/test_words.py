"""Pieces of sentences: intervals, p-values, remarks, names of measures, the summary."""

from __future__ import annotations

from types import ModuleType

import pytest

from dashboards import words
from dashboards.directions import Direction, Movement
from dashboards.language import language
from dashboards.selection import Comparison, Row

N = "\N{NARROW NO-BREAK SPACE}"
B = "\N{NO-BREAK SPACE}"


WHOLE = {
    "fr": (
        f"Part des parcours avec orientation en 30{B}jours{B}: 58{N}% après, contre 41{N}% avant, "
        f"soit 17{B}points de pourcentage de plus. L’intervalle de confiance à 95{N}%, +12 à +22{B}points, "
        f"exclut l’absence de changement{B}: les données indiquent une amélioration. Sans sites comparateurs, "
        "une comparaison avant-après ne montre pas que le programme est la cause de l’écart."
    ),
    "en": (
        f"Share of pathways with referral within 30{B}days: 58% after, against 41% before, "
        f"that is 17{B}percentage points more. The 95% confidence interval, +12 to +22{B}points, "
        "excludes no change: the data point to an improvement. Without comparator sites, "
        "a before-and-after comparison does not show that the programme caused the difference."
    ),
}


@pytest.mark.parametrize("code", ["fr", "en"])
def test_the_whole_text_with_both_periods(code: str, builder: ModuleType) -> None:
    rows = [Row(**row) for row in builder.triple(0.41, 0.58, (525, 900), horizon=30)]
    found = Comparison("cumulative_incidence", 30, "overall", "all", rows[0], rows[1], rows[2], rows[3])
    declared = builder.programme().indicators["time_to_referral"]
    assert words.describe(found, declared, language(code), controlled=False).text == WHOLE[code]


def test_a_comparison_without_any_row_is_insufficient(builder: ModuleType) -> None:
    found = Comparison("cumulative_incidence", 30, "overall", "all", None, None, None, None)
    declared = builder.programme().indicators["time_to_referral"]
    wording = words.describe(found, declared, language("en"), controlled=True)
    assert wording.label == "Insufficient data"
    assert wording.arrow == "–"
    assert "One of the periods is absent" in wording.text


@pytest.mark.parametrize(
    ("p", "fr", "en"),
    [
        (0.28, "p = 0,28", "p = 0.28"),
        (0.0, "p < 0,01", "p < 0.01"),
        (0.01, "p = 0,01", "p = 0.01"),
        (1.0, "p = 1", "p = 1"),
    ],
)
def test_p_values_are_never_zero(p: float, fr: str, en: str, builder: ModuleType) -> None:
    row = Row(**builder.figure(measure="log_rank", estimate=1.17, p_value=p))
    assert words.value(row, language("fr")) == fr
    assert words.value(row, language("en")) == en


def test_remarks_name_each_reason_once(builder: ModuleType) -> None:
    rows = [Row(**builder.figure(withheld=code)) for code in ("small_count", "no_answer", "small_count")]
    assert words.remark([*rows, None], language("en")) == "Value withheld to protect small counts. No usable answer."


def test_the_summary_counts_every_direction_once() -> None:
    directions = (Direction.IMPROVEMENT, Direction.IMPROVEMENT, Direction.WORSENING, Direction.INSUFFICIENT)
    some = [words.Wording(one, Movement.UNKNOWN, "", "", "") for one in directions]
    expected = f"Of 4{B}primary indicators, 2 improve, 1 worsens and 1 has insufficient data."
    assert words.summary(some, language("en")) == expected


def test_an_interval_may_be_open_on_one_side(builder: ModuleType) -> None:
    keys = {"measure": "median_time", "period": "after", "estimate": 24.0}
    above = Row(**builder.figure(**keys, ci_low=21.0))
    below = Row(**builder.figure(**keys, ci_high=28.0))
    assert words.interval(above, language("fr")) == "21 ou plus"
    assert words.interval(below, language("en")) == "28 or less"
    assert words.interval(Row(**builder.figure(**keys)), language("en")) == "–"


def test_a_type_of_the_programme_itself_needs_no_translation(builder: ModuleType) -> None:
    declared = builder.programme().indicators["time_to_referral"]
    own = declared.model_copy(update={"event": declared.event.model_copy(update={"type": "iv_antibiotics"})})
    assert words.measure_name("cumulative_incidence", 30, own, language("fr")) == (
        f"Part des parcours avec l’événement en 30{B}jours"
    )


@pytest.mark.parametrize(
    ("code", "label"), [("fr", "Témoin négatif, non jugé"), ("en", "Negative control, not judged")]
)
def test_a_negative_control_prints_its_difference_and_judges_nothing(
    code: str, label: str, builder: ModuleType
) -> None:
    rows = [Row(**row) for row in builder.triple(0.41, 0.58, (525, 900), horizon=30)]
    found = Comparison("cumulative_incidence", 30, "overall", "all", rows[0], rows[1], rows[2], rows[3])
    declared = builder.programme().indicators["time_to_referral"]
    judged = words.describe(found, declared, language(code), controlled=False)
    control = words.describe(found, declared, language(code), controlled=False, judged=False)
    assert (control.direction, control.label) == (Direction.NOT_JUDGED, label)
    assert control.size == judged.size
    assert control.cause == ""
    assert "1 is a negative control and is not judged" in words.summary([control], language("en"))

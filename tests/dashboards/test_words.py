"""Sentences and numbers cannot disagree: a table of comparisons, read in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import pytest

from dashboards import words
from dashboards.language import language
from dashboards.selection import Comparison, Row
from dashboards.words import Direction, Movement

N = "\N{NARROW NO-BREAK SPACE}"
B = "\N{NO-BREAK SPACE}"
M = "\N{MINUS SIGN}"
SHARE, TIME, MEAN, LEFT = "cumulative_incidence", "median_time", "mean", "survival"


@dataclass(frozen=True)
class Case:
    """A published difference, and what must be said of it. ``gap`` and ``reach`` are French / English."""

    name: str
    measure: str
    better: str
    found: tuple[float | None, float | None, float | None]
    direction: str
    movement: str
    gap: str
    reach: str
    withheld: str | None = None
    unit: str = "day"


def fits(text: str) -> str:
    """The notation of the table: ~ stands for a no-break space, - for a minus."""
    return text.replace("~", B).replace("-", M)


CASES = [
    Case("more, wanted", SHARE, "higher", (0.17, 0.12, 0.22), "improvement", "up",
         "17~points de pourcentage de plus/17~percentage points more",
         "+12 à +22~points/+12 to +22~points"),
    Case("less, wanted", SHARE, "lower", (-0.08, -0.11, -0.05), "improvement", "down",
         "8~points de pourcentage de moins/8~percentage points less",
         "-11 à -5~points/-11 to -5~points"),
    Case("more, unwanted", SHARE, "lower", (0.06, 0.02, 0.1), "worsening", "up",
         "6~points de pourcentage de plus/6~percentage points more",
         "+2 à +10~points/+2 to +10~points"),
    Case("less, unwanted", SHARE, "higher", (-0.2, -0.3, -0.1), "worsening", "down",
         "20~points de pourcentage de moins/20~percentage points less",
         "-30 à -10~points/-30 to -10~points"),
    Case("one point more", SHARE, "higher", (0.01, 0.01, 0.02), "improvement", "up",
         "1~point de pourcentage de plus/1~percentage point more",
         "+1 à +2~points/+1 to +2~points"),
    Case("one point less", SHARE, "lower", (-0.01, -0.02, -0.01), "improvement", "down",
         "1~point de pourcentage de moins/1~percentage point less",
         "-2 à -1~point/-2 to -1~point"),
    Case("crosses zero, up", SHARE, "higher", (0.03, -0.02, 0.08), "unclear", "level",
         "3~points de pourcentage de plus/3~percentage points more",
         "-2 à +8~points/-2 to +8~points"),
    Case("crosses zero, down", SHARE, "lower", (-0.01, -0.05, 0.03), "unclear", "level",
         "1~point de pourcentage de moins/1~percentage point less",
         "-5 à +3~points/-5 to +3~points"),
    Case("touches zero below", SHARE, "higher", (0.04, 0.0, 0.08), "unclear", "level",
         "4~points de pourcentage de plus/4~percentage points more",
         "0 à +8~points/0 to +8~points"),
    Case("touches zero above", SHARE, "lower", (-0.04, -0.08, 0.0), "unclear", "level",
         "4~points de pourcentage de moins/4~percentage points less",
         "-8 à 0~point/-8 to 0~points"),
    Case("touches minus zero", SHARE, "lower", (-0.04, -0.08, -0.0), "unclear", "level",
         "4~points de pourcentage de moins/4~percentage points less",
         "-8 à 0~point/-8 to 0~points"),
    Case("exactly zero", SHARE, "higher", (0.0, -0.03, 0.03), "unclear", "level",
         "la différence arrondie entre avant et après est nulle/"
         "the rounded difference between before and after is zero",
         "-3 à +3~points/-3 to +3~points"),
    Case("zero width at zero", SHARE, "higher", (0.0, 0.0, 0.0), "unclear", "level",
         "la différence arrondie entre avant et après est nulle/"
         "the rounded difference between before and after is zero",
         "0 à 0~point/0 to 0~points"),
    Case("all of the scale", SHARE, "higher", (1.0, 0.97, 1.0), "improvement", "up",
         "100~points de pourcentage de plus/100~percentage points more",
         "+97 à +100~points/+97 to +100~points"),
    Case("float noise", SHARE, "higher", (0.29, 0.28999999, 0.30000001), "improvement", "up",
         "29~points de pourcentage de plus/29~percentage points more",
         "+29 à +30~points/+29 to +30~points"),
    Case("small count", SHARE, "higher", (None, None, None), "insufficient", "unknown",
         "protéger de petits effectifs/protect small counts",
         "–/–", "small_count"),
    Case("small count, lower", SHARE, "lower", (None, None, None), "insufficient", "unknown",
         "protéger de petits effectifs/protect small counts",
         "–/–", "small_count"),
    Case("horizon", SHARE, "higher", (None, None, None), "insufficient", "unknown",
         "jusqu’à cet horizon/up to this horizon",
         "–/–", "horizon_not_reached"),
    Case("no pathway", SHARE, "higher", (None, None, None), "insufficient", "unknown",
         "Aucun parcours éligible/No eligible pathway",
         "–/–", "no_pathway"),
    Case("no answer", "top_box", "higher", (None, None, None), "insufficient", "unknown",
         "Aucune réponse/No usable answer",
         "–/–", "no_answer"),
    Case("no event", SHARE, "higher", (None, None, None), "insufficient", "unknown",
         "Aucun événement/No event",
         "–/–", "no_events"),
    Case("period absent", SHARE, "higher", (None, None, None), "insufficient", "unknown",
         "absente des données/absent from the data",
         "–/–", "period_absent"),
    Case("reason of tomorrow", SHARE, "higher", (None, None, None), "insufficient", "unknown",
         "Pas de valeur (model did not converge)/No value (model did not converge)",
         "–/–", "model_did_not_converge"),
    Case("no reason", SHARE, "higher", (None, None, None), "insufficient", "unknown",
         "raison n’a pas été donnée/reason was not given",
         "–/–"),
    Case("no interval", SHARE, "higher", (0.1, None, None), "insufficient", "unknown",
         "10~points de pourcentage de plus/10~percentage points more",
         "–/–"),
    Case("half an interval", SHARE, "higher", (0.1, 0.05, None), "insufficient", "unknown",
         "10~points de pourcentage de plus/10~percentage points more",
         "–/–"),
    Case("withheld wins over numbers", SHARE, "higher", (0.1, 0.05, 0.2), "insufficient", "unknown",
         "protéger de petits effectifs/protect small counts",
         "–/–", "small_count"),
    Case("shorter wait", TIME, "higher", (-3, -5, -1), "improvement", "down",
         "3~jours de moins/3~days less",
         "-5 à -1~jour/-5 to -1~day"),
    Case("longer wait", TIME, "higher", (4, 2, 7), "worsening", "up",
         "4~jours de plus/4~days more",
         "+2 à +7~jours/+2 to +7~days"),
    Case("one day less", TIME, "higher", (-1, -2, -1), "improvement", "down",
         "1~jour de moins/1~day less",
         "-2 à -1~jour/-2 to -1~day"),
    Case("minutes", TIME, "higher", (-42, -60, -20), "improvement", "down",
         "42~minutes de moins/42~minutes less",
         "-60 à -20~minutes/-60 to -20~minutes", unit="minute"),
    Case("thousands of minutes", TIME, "higher", (-1420, -1800, -1000), "improvement", "down",
         f"1{N}420~minutes de moins/1,420~minutes less",
         f"-1{N}800 à -1{N}000~minutes/-1,800 to -1,000~minutes", unit="minute"),
    Case("wait, unclear", TIME, "higher", (-1, -4, 2), "unclear", "level",
         "1~jour de moins/1~day less",
         "-4 à +2~jours/-4 to +2~days"),
    Case("median not reached", TIME, "higher", (None, None, None), "insufficient", "unknown",
         "médiane n’est pas atteinte/median is not reached",
         "–/–", "median_not_reached"),
    Case("fewer still waiting", LEFT, "higher", (-0.1, -0.15, -0.05), "improvement", "down",
         "10~points de pourcentage de moins/10~percentage points less",
         "-15 à -5~points/-15 to -5~points"),
    Case("more still waiting", LEFT, "higher", (0.1, 0.05, 0.15), "worsening", "up",
         "10~points de pourcentage de plus/10~percentage points more",
         "+5 à +15~points/+5 to +15~points"),
    Case("higher score", MEAN, "higher", (5, 2, 8), "improvement", "up",
         "5~points de score de plus/5~score points more",
         "+2 à +8~points de score/+2 to +8~score points"),
    Case("lower score", MEAN, "higher", (-2, -3, -1), "worsening", "down",
         "2~points de score de moins/2~score points less",
         "-3 à -1~point de score/-3 to -1~score point"),
    Case("score, unclear", MEAN, "higher", (1, -1, 3), "unclear", "level",
         "1~point de score de plus/1~score point more",
         "-1 à +3~points de score/-1 to +3~score points"),
    Case("top box", "top_box", "higher", (0.09, 0.01, 0.17), "improvement", "up",
         "9~points de pourcentage de plus/9~percentage points more",
         "+1 à +17~points/+1 to +17~points"),
    Case("response rate", "response_rate", "higher", (0.04, 0.0, 0.08), "unclear", "level",
         "4~points de pourcentage de plus/4~percentage points more",
         "0 à +8~points/0 to +8~points"),
]  # fmt: skip


def described(case: Case, builder: ModuleType, code: str) -> tuple[words.Wording, Comparison]:
    estimate, low, high = case.found
    numbers = {"estimate": estimate, "ci_low": low, "ci_high": high, "withheld": case.withheld}
    row = Row(**builder.figure(measure=case.measure, horizon=30, unit=case.unit, **numbers))
    found = Comparison(case.measure, 30, "overall", "all", None, None, None, row)
    declared = builder.programme().indicators["time_to_referral"].model_copy(update={"better": case.better})
    return words.describe(found, declared, language(code), controlled=False), found


@pytest.mark.parametrize("code", ["fr", "en"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_direction_size_and_interval_agree(case: Case, code: str, builder: ModuleType) -> None:
    wording, found = described(case, builder, code)
    side = 0 if code == "fr" else 1
    assert wording.direction == Direction(case.direction)
    assert wording.movement == Movement(case.movement)
    assert fits(case.gap.split("/")[side]) in wording.size
    if case.direction != "insufficient":
        reach = fits(case.reach.split("/")[side])
        assert words.interval(found.difference, language(code)) == reach
        assert reach in wording.uncertainty


@pytest.mark.parametrize("code", ["fr", "en"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_text_is_clean(case: Case, code: str, builder: ModuleType) -> None:
    text = described(case, builder, code)[0].text
    assert text.endswith(".")
    assert not any(trace in text for trace in ("None", "nan", "{", "}", "_", "..", "  "))
    if code == "fr":
        assert " :" not in text.replace(B + ":", "")
        assert "'" not in text


def test_the_table_has_forty_cases_and_every_direction() -> None:
    assert len(CASES) >= 40
    assert {case.direction for case in CASES} == {str(direction) for direction in Direction} - {"not_judged"}


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


def test_the_summary_counts_every_direction_once(builder: ModuleType) -> None:
    some = [described(case, builder, "en")[0] for case in (CASES[0], CASES[1], CASES[2], CASES[15])]
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
    assert control.limits == ""
    assert "1 is a negative control and is not judged" in words.summary([control], language("en"))

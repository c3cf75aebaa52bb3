"""Every sentence of a comparison: a table of exact texts in both languages, and what holds of any released numbers."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards import ratio_words, words
from dashboards.directions import AVOIDED, PERCENTAGES, Direction, Movement, no_change
from dashboards.language import language
from dashboards.selection import DETECTABLE, INTERACTION, RATIOS, TIMES, Comparison, Row
from dashboards.words import Wording
from transforms import disclosure, intervals
from warehouse.kinds import Indicator, RecurrentEvent

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = tomllib.loads((HERE / "words_cases.toml").read_text(encoding="utf-8"))["case"]
TRACES = re.compile(r"\bNone\b|\b[Nn]a[Nn]\b|\binf\b|[{}_]|\.\.|  |[Ss]ignifi")


def release_builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_builder", HERE / "release_builder.py")
    if "release_builder" not in sys.modules:
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["release_builder"] = module
        spec.loader.exec_module(module)
    return sys.modules["release_builder"]


BUILDER = release_builder()
PROGRAMME = BUILDER.programme()
VISITS = RecurrentEvent.model_validate(
    BUILDER.indicator(
        "recurrent_event", "visits", BUILDER.text("Passages aux urgences", "Emergency visits"), better="lower",
        event={"type": "emergency_visit"}, window=[0, 62], primary={"measure": "rate"},
    )
)  # fmt: skip
INDICATORS: dict[str, Indicator] = {**PROGRAMME.indicators, "visits": VISITS}


def folded(text: str) -> str:
    """The notation of the table: ~ stands for a no-break space, ^ for a narrow one."""
    return text.replace("\N{NO-BREAK SPACE}", "~").replace("\N{NARROW NO-BREAK SPACE}", "^")


def contrast(case: dict[str, Any]) -> Row:
    numbers = dict(zip(("estimate", "ci_low", "ci_high"), [*case["found"], None, None, None], strict=False))
    known = {key: case[key] for key in ("withheld", "unit", "analysis") if key in case}
    if case.get("family") == "ratio" and case["measure"] != AVOIDED:
        known["period"] = "after/before"
    return Row(**BUILDER.figure(measure=case["measure"], horizon=horizon(case), **numbers, **known))


def horizon(case: dict[str, Any]) -> int | None:
    over_time = {"cumulative_incidence", "survival"}
    found: int | None = case.get("horizon", 30 if case["measure"] in over_time else None)
    return found


def comparison(case: dict[str, Any]) -> Comparison:
    row = contrast(case)
    of = {"measure": row.measure, "horizon": row.horizon, "unit": row.unit}
    before, after = (
        Row(**BUILDER.figure(**of, period=period, estimate=case[period])) if period in case else None
        for period in ("before", "after")
    )
    return Comparison(row.measure, row.horizon, "overall", "all", before, None, after, row, row.sensitivity)


def wording(case: dict[str, Any], code: Any) -> Wording:
    """What is said of a case of the table, or of one that Hypothesis makes up."""
    declared = INDICATORS[case.get("indicator", "time_to_referral")].model_copy(update={"better": case["better"]})
    spoken = language(code)
    frame = {name: case.get(name, name == "judged") for name in ("controlled", "judged", "interim")}
    if case.get("family") == "ratio":
        averaged = case.get("average", False)
        return ratio_words.describe(contrast(case), declared, spoken, **frame, changes_with_time=averaged)
    return words.describe(comparison(case), declared, spoken, **frame)


# --- The table ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_sentence_of_the_table(case: dict[str, Any]) -> None:
    said = {code: wording(case, code) for code in ("fr", "en")}
    assert {code: folded(one.text) for code, one in said.items()} == {"fr": case["fr"], "en": case["en"]}
    assert {one.direction for one in said.values()} == {Direction(case["direction"])}
    for code, one in said.items():
        assert one.text.endswith("."), code
        assert not TRACES.search(one.text), code


def test_the_table_tells_every_measure_every_direction_and_every_standing() -> None:
    assert len(CASES) >= 100
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert {case["direction"] for case in CASES} == {str(direction) for direction in Direction}
    assert {case["measure"] for case in CASES if case.get("family") == "ratio"} == RATIOS
    assert {case.get("analysis", "primary").partition(":")[0] for case in CASES} >= {"exploratory", "sensitivity"}
    assert any(case.get("interim") for case in CASES)


PERIODS = ("before", "transition", "after")

# --- Names --------------------------------------------------------------------------------------


def measures_in_code() -> set[str]:
    """Measures that figures are made of: text handed to what makes a figure, and what disclosure control knows."""
    found = {
        *disclosure.COUNTED,
        *disclosure.WHOLE,
        *disclosure.OF_RATES,
        *disclosure.OF_ANSWERS,
        *disclosure.OF_CURVES,
    }
    for path in Path(disclosure.__file__).parent.glob("*figures.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"figure_of", "Figure", "_of_test"}:
                given = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
                found |= {text for text in given[:1] if isinstance(text, str) and text not in PERIODS}
    return found | {DETECTABLE, INTERACTION}


def test_every_measure_has_a_name_in_both_languages() -> None:
    found = measures_in_code() | set(RATIOS) | set(DIFFERENCES)
    assert len(found) >= 29
    for code in ("fr", "en"):
        assert not [measure for measure in found if not language(code).knows(f"measure.{measure}")], code  # type: ignore[arg-type]


def test_every_sensitivity_analysis_has_a_name_in_both_languages() -> None:
    sources = (path.read_text(encoding="utf-8") for path in Path(disclosure.__file__).parent.glob("*.py"))
    found = {name for source in sources for name in re.findall(r'"sensitivity:(\w+)"', source)}
    assert len(found) >= 5
    for code in ("fr", "en"):
        assert not [name for name in found if not language(code).knows(f"sensitivity.{name}")], code  # type: ignore[arg-type]


def test_every_reason_for_a_null_has_words_in_both_languages() -> None:
    """Reasons are the constants of transforms.intervals and their likes: upper case, handed over as null_reason."""
    found: set[str] = set()
    for path in Path(disclosure.__file__).parent.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        named = dict(re.findall(r'^([A-Z_]+) = "([a-z_]+)"', source, re.MULTILINE))
        handed = re.findall(r"(?:absent\(|null_reason=|, )([A-Z_]+)\)", source)
        found |= {named[name] for name in handed if name in named}
    found |= {text for name, text in vars(intervals).items() if name.isupper() and isinstance(text, str)}
    assert len(found) >= 12
    for code in ("fr", "en"):
        assert not [reason for reason in found if not language(code).knows(f"reason.{reason}")], code  # type: ignore[arg-type]


def test_what_rounds_to_zero_is_less_than_the_step_of_disclosure_control() -> None:
    for measure in DIFFERENCES:
        step = 1.0 if measure in TIMES else words.STEPS.get(measure, 0.01)
        assert step == 10.0 ** -disclosure.DECIMALS.get(measure, 2), measure


# --- Any numbers --------------------------------------------------------------------------------

DIFFERENCES = {
    "cumulative_incidence": 2, "survival": 2, "proportion": 2, "top_box": 2, "median_time": 0, "restricted_mean": 0,
    "area_under_incidence": 0, "mean": 0, "rate": 1, "mean_cumulative_count": 2,
}  # fmt: skip
REASONS = ["small_count", "no_event", "no_pathway", "something_new", None]


@st.composite
def released(draw: st.DrawFn) -> dict[str, Any]:
    """Numbers as disclosure control hands them over: rounded, limits about the estimate, or none with a reason."""
    measure = draw(st.sampled_from([*DIFFERENCES, *sorted(RATIOS)]))
    ratio = measure in RATIOS and measure != AVOIDED
    of_unity = measure in {*PERCENTAGES, *(name for name in DIFFERENCES if DIFFERENCES[name] == 2)}
    most = 1.0 if of_unity else 5000.0
    places = 0 if measure == AVOIDED else DIFFERENCES.get(measure, 2)
    raw = st.floats(0.0 if ratio else -most, most, allow_nan=False)
    limits = sorted(round(draw(raw), places) for _ in range(3))
    found = [limits[1], limits[0], limits[2]] if draw(st.integers(0, 5)) else []
    case: dict[str, Any] = {"measure": measure, "found": found, "better": draw(st.sampled_from(["higher", "lower"]))}
    case["analysis"] = draw(st.sampled_from(["primary", "secondary", "exploratory", "sensitivity:adjusted"]))
    case |= {name: draw(st.booleans()) for name in ("controlled", "judged", "interim", "average")}
    if not found and (reason := draw(st.sampled_from(REASONS))):
        case["withheld"] = reason
    return case | ({"family": "ratio"} if measure in RATIOS else {})


SIGNS = {
    "fr": {1: ("de plus", "plus hautes", "multiplication"), -1: ("de moins", "plus basses", "centième")},
    "en": {1: ("more", "higher", "multiplication"), -1: ("less", "fewer", "lower", "hundredth")},
}


@given(released())
@settings(max_examples=300, deadline=None)
def test_number_and_words_cannot_disagree(case: dict[str, Any]) -> None:
    row = contrast(case)
    for code in ("fr", "en"):
        said = wording(case, code)
        assert not TRACES.search(said.text)
        assert said.size
        if row.estimate is None or row.measure == "tipping_point":
            continue
        away = row.estimate - no_change(row)
        assert said.direction is not Direction.INSUFFICIENT
        assert_the_size_is_that_of_the_cell(row, said, code)
        if row.measure != AVOIDED:
            assert_the_sign_is_that_of_the_number(round(away, 2), said.size, code)


def assert_the_size_is_that_of_the_cell(row: Row, said: Wording, code: Any) -> None:
    """The interval of the sentence is that of the table; so is the number, but for a sign that stands in words."""
    spoken = language(code)
    assert words.interval(row, spoken) in said.uncertainty
    cell = re.sub(r"^[+\u2212]", "", words.value(row, spoken)).split("\N{NO-BREAK SPACE}")[0]
    small = round(row.estimate or 0.0, 2) == 0.0
    assert small or cell in said.size


def assert_the_sign_is_that_of_the_number(away: float, size: str, code: str) -> None:
    last = size.rpartition(":")[2].replace("de moins de", "").replace("less than", "")
    for sign, told in SIGNS[code].items():
        found = any(re.search(rf"\b{word}\b", last) for word in told)
        assert found == (sign * away > 0), (size, away)


@given(released())
@settings(max_examples=200, deadline=None)
def test_a_direction_needs_an_interval_that_leaves_no_change_out(case: dict[str, Any]) -> None:
    row = contrast(case)
    said = wording(case, "en")
    if row.estimate is None or row.ci_low is None or row.ci_high is None:
        return
    none = no_change(row)
    outside = not row.ci_low <= none <= row.ci_high
    assert (said.movement in (Movement.UP, Movement.DOWN)) == outside
    if not outside:
        assert said.direction in (Direction.UNCLEAR, Direction.NOT_JUDGED)
        assert "excludes" not in said.text

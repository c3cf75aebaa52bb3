"""The shipped indicators and one of a user's own, in a programme that maps every event type, down to the pages."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from html import unescape
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from flows import steps
from warehouse.declarations import load
from warehouse.errors import DeclarationError
from warehouse.home import open_home, pseudonym_key
from warehouse.kinds import Indicator, Proportion
from warehouse.programme import EVENT_TYPES, Programme
from warehouse.simulate import Simulation, simulate
from warehouse.store import Store

HOME = files("warehouse")
PACOSME = (HOME / "programmes" / "pacosme.toml").read_text(encoding="utf-8")
SHIPPED = sorted(entry.name.removesuffix(".toml") for entry in (HOME / "indicators").iterdir())
CATALOGUE = {**load("sepsis").indicators, **load("pacosme").indicators}
OWN_TYPES = load("sepsis").event_types
OWN = """
kind = "time_to_event"
title = { fr = "Délai avant la première consultation", en = "Time to the first consultation" }
better = "higher"
goal = "coordination"
event = { type = "consultation" }
competing = ["death"]
unit = "day"
window = [0, 91]
horizons = [30, 60, 90]
primary = { measure = "cumulative_incidence", horizon = 60 }
authored_by = "Evaluation unit"
checked_by = "Oncology coordination"
next_review = 2027-01-01
definition = { fr = "Une définition à soi.", en = "A definition of one's own." }
caveat = { fr = "Une réserve à soi.", en = "A caveat of one's own." }
"""


def everything(indicators: list[str]) -> str:
    """``pacosme`` with these indicators and the event types of all shipped programmes."""
    named = ", ".join(f'"{name}"' for name in indicators)
    text = re.sub(r"(?ms)^indicators = \[.*?^\]", f"indicators = [{named}]", PACOSME, count=1)
    types = ", ".join(f'"{name}"' for name in OWN_TYPES)
    mapped = "".join(f'{name.upper()} = "{name}"\n' for name in OWN_TYPES)
    return f"event_types = [{types}]\n" + text.replace("[sources.event_types]\n", f"[sources.event_types]\n{mapped}", 1)


@dataclass(frozen=True)
class Evaluated:
    """A programme of all indicators, what was estimated of it, and its pages."""

    programme: Programme
    figures: pl.DataFrame
    curves: pl.DataFrame
    pages: Path


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    folder = tmp_path_factory.mktemp("catalogue")
    data, home = folder / "data", open_home(folder / "home", demo=True)
    data.mkdir()
    simulate(Simulation(patients=1_500, seed=8), data)
    (folder / "indicators").mkdir()
    (folder / "indicators" / "time_to_consultation.toml").write_text(OWN, encoding="utf-8")
    (folder / "programme.toml").write_text(everything([*SHIPPED, "time_to_consultation"]), encoding="utf-8")
    programme, key = load(folder / "programme.toml"), pseudonym_key(home)
    with Store.open(home) as store:
        for source, path in steps.files_of(programme, data):
            steps.load_file(store, source, path, programme, key, "run-1")
        steps.load_patients(store, programme, data, key, "run-1")
        outcome = steps.compute(store, programme, steps.validate(store, programme), "run-1")
        page = steps.publish_release(store, programme, home, outcome)
        return Evaluated(programme, store.read("out_estimate"), store.read("out_curve"), page.parent)


@pytest.mark.parametrize("name", SHIPPED)
def test_an_indicator_speaks_both_languages_and_says_what_to_keep_in_mind(name: str) -> None:
    indicator = CATALOGUE[name]
    for text in (indicator.title, indicator.definition, indicator.caveat):
        assert text.fr != text.en or text is indicator.title
    assert min(len(text) for text in (*said(indicator), *said_in_short(indicator))) > 3
    assert len(indicator.definition.en) > 80
    assert len(indicator.caveat.en) > 60
    assert indicator.authored_by
    assert indicator.checked_by


def said(indicator: Indicator) -> list[str]:
    return [text for one in (indicator.definition, indicator.caveat) for text in (one.fr, one.en)]


def said_in_short(indicator: Indicator) -> list[str]:
    titles = [indicator.title, *(variant.title for variant in indicator.variants.values())]
    return [text for one in titles for text in (one.fr, one.en)]


def test_no_two_indicators_bear_one_title() -> None:
    for language in ("fr", "en"):
        titles = [getattr(indicator.title, language) for indicator in CATALOGUE.values()]
        assert len(set(titles)) == len(titles) == len(SHIPPED)


def test_the_three_primary_questions_stay_three() -> None:
    assert load("pacosme").analysis.primary == ("time_to_referral", "emergency_return", "satisfaction")
    assert len(load("pacosme").analysis.indicators) == 21


@pytest.mark.parametrize("name", [name for name in SHIPPED if CATALOGUE[name].unit == "day"])
def test_the_definition_names_the_days_of_the_window_or_of_the_headline(name: str) -> None:
    indicator = CATALOGUE[name]
    begins, ends = indicator.window
    days = {abs(begins), abs(ends - 1), abs(ends), indicator.primary.horizon} - {None, 0, 1}
    for text in (indicator.definition.fr, indicator.definition.en):
        assert any(re.search(rf"(?<!\d){day}(?!\d)", text) for day in days), (name, days)


def test_a_death_is_looked_back_from_its_own_day() -> None:
    backwards = {name: one for name, one in CATALOGUE.items() if one.time_zero and one.time_zero.event == "death"}
    windows = {name: (one.kind, one.window) for name, one in backwards.items()}
    assert windows == {
        "palliative_anticipation": ("proportion", (-3650, -90)),
        "emergency_at_end_of_life": ("proportion", (-30, 1)),
        "chemotherapy_at_end_of_life": ("proportion", (-14, 1)),
    }
    anticipation = backwards["palliative_anticipation"]
    assert isinstance(anticipation, Proportion)
    assert anticipation.look_back == 180


@pytest.mark.parametrize(
    ("name", "variants"),
    [
        ("pathway_break", {"main": 60, "after_45_days": 45, "after_90_days": 90}),
        ("emergency_at_end_of_life", {"main": 2, "at_least_one": 1}),
    ],
)
def test_variants_show_another_choice_beside_the_first(name: str, variants: dict[str, int]) -> None:
    declared = load("pacosme").variants_of(CATALOGUE[name])
    key = "longest_days" if name == "pathway_break" else "at_least"
    assert {variant: getattr(one, key) for variant, one in declared.items()} == variants


def test_a_programme_without_the_events_of_an_indicator_is_told_so(tmp_path: Path) -> None:
    without = re.sub(r"(?m)^SUS = .*\n", "", PACOSME)
    (tmp_path / "programme.toml").write_text(without, encoding="utf-8")
    with pytest.raises(DeclarationError) as told:
        load(tmp_path / "programme.toml")
    assert len(told.value.faults) == 2
    for indicator in ("suspicion_to_diagnosis", "time_to_imaging"):
        expected = f"indicators/{indicator}.toml: time_zero.event: expected an event type that a source maps"
        assert any(fault.startswith(expected) for fault in told.value.faults)


def test_all_shipped_indicators_load_together_where_every_event_is_mapped(evaluated: Evaluated) -> None:
    assert sorted(evaluated.programme.indicators) == sorted([*SHIPPED, "time_to_consultation"])
    mapped = {mapping.type for mapping in evaluated.programme.sources[0].mappings().values()}
    assert mapped == {*EVENT_TYPES, *OWN_TYPES}


def test_every_number_is_a_number_or_has_its_reason(evaluated: Evaluated) -> None:
    for frame in (evaluated.figures, evaluated.curves):
        for column in (name for name, dtype in frame.schema.items() if dtype == pl.Float64):
            assert not frame[column].is_nan().any(), column
            assert not frame[column].is_infinite().any(), column
    silent = evaluated.figures.filter(pl.col("estimate").is_null() == pl.col("null_reason").is_null())
    assert silent.is_empty()


# Nobody of this programme has their events: they are absent with a reason, not zero.
OF_SEPSIS_ALONE = {
    "antibiotics_within_hour": "time_zero_not_recorded",
    "time_to_iv_antibiotics": "not_recorded",
    "time_to_lactic_acid": "not_recorded",
}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_indicator_is_answered_in_each_period(evaluated: Evaluated, name: str) -> None:
    indicator = evaluated.programme.indicators[name]
    for variant, one in evaluated.programme.variants_of(indicator).items():
        rows = headline(evaluated.figures, one, variant)
        assert {"before", "transition", "after", "after-before"} <= set(rows), (name, variant)
        assert rows["after"]["null_reason"] == OF_SEPSIS_ALONE.get(name), (name, variant)


def headline(figures: pl.DataFrame, indicator: Indicator, variant: str = "main") -> dict[str, dict[str, object]]:
    """The primary measure of all circuit sites, by period."""
    wanted = (pl.col("indicator_id") == indicator.id) & (pl.col("variant") == variant)
    measured = (pl.col("measure") == indicator.primary.measure) & (pl.col("scope_type") == "overall")
    horizon = pl.col("horizon").eq_missing(pl.lit(indicator.primary.horizon, pl.Int64))
    return {row["period"]: row for row in figures.filter(wanted & measured & horizon).iter_rows(named=True)}


def test_simulated_levels_are_those_of_such_patients(evaluated: Evaluated) -> None:
    after = {
        name: headline(evaluated.figures, evaluated.programme.indicators[name])["after"]["estimate"]
        for name in load("pacosme").indicators
    }
    expected = {
        "time_to_first_contact": (0.2, 0.45),
        "suspicion_to_diagnosis": (0.7, 0.95),
        "diagnosis_to_treatment": (0.2, 0.45),
        "referral_completed": (0.3, 0.6),
        "pathway_break": (0.01, 0.2),
        "emergency_visit_rate": (4, 12),  # per 100 patient-months
        "avoidable_acute_care": (0.005, 0.15),
        "early_palliative_contact": (0.1, 0.3),
        "palliative_anticipation": (0.25, 0.65),
        "emergency_at_end_of_life": (0.005, 0.15),
        "chemotherapy_at_end_of_life": (0.03, 0.25),
        "quality_of_life": (0.1, 0.6),
        "trial_inclusion": (0.03, 0.1),
        "twelve_month_survival": (0.65, 0.9),
    }
    found = {name: after[name] for name in expected}
    assert all(low <= float(str(found[name])) <= high for name, (low, high) in expected.items()), found


def test_an_indicator_of_ones_own_is_one_file_and_has_its_page_in_both_languages(evaluated: Evaluated) -> None:
    own = evaluated.programme.indicators["time_to_consultation"]
    rows = headline(evaluated.figures, own)
    assert rows["after"]["estimate"] is not None
    assert rows["after-before"]["ci_low"] is not None
    declared = tomllib.loads(OWN)
    for language in ("fr", "en"):
        page = unescape((evaluated.pages / language / "indicator-time_to_consultation.html").read_text("utf-8"))
        for key in ("title", "definition", "caveat"):
            assert declared[key][language] in page
        index = unescape((evaluated.pages / language / "index.html").read_text("utf-8"))
        assert declared["title"][language] in index


def test_a_window_before_time_zero_is_said_as_such(evaluated: Evaluated) -> None:
    said = {
        "fr": "de 30 à 0 jour avant le temps zéro, bornes comprises",
        "en": "30 to 0 days before time zero, both included",
    }
    for language, words in said.items():
        page = (evaluated.pages / language / "indicator-emergency_at_end_of_life.html").read_text("utf-8")
        assert words in " ".join(page.split())  # the spaces that do not break among them

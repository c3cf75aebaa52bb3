"""The shipped programmes and indicators say what the evaluation plans say."""

import re
from datetime import date
from importlib.resources import files

import pytest

from warehouse.declarations import load, shipped
from warehouse.kinds import Score, TimeToEvent
from warehouse.programme import CARE_CODES

HOME = files("warehouse")
INDICATORS = sorted(entry.name.removesuffix(".toml") for entry in (HOME / "indicators").iterdir())
BOTH_LANGUAGES = re.compile(r'(fr|en) = "([^"]+)"')


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_programme_loads_and_its_site_comparison_is_possible(name: str) -> None:
    programme = load(name)
    assert programme.id == name
    assert programme.indicators.keys() == set(programme.analysis.indicators)
    assert set(programme.analysis.primary) <= programme.indicators.keys()


def test_every_shipped_indicator_is_used_by_a_shipped_programme() -> None:
    assert sorted({name for programme in shipped() for name in load(programme).indicators}) == INDICATORS


def test_pacosme_has_the_periods_sites_and_primary_questions_of_its_plan() -> None:
    programme = load("pacosme")
    assert {name: (span.start, span.until) for name, span in programme.periods.named()} == {
        "before": (date(2021, 6, 1), date(2022, 1, 1)),
        "transition": (date(2022, 1, 1), date(2023, 1, 1)),
        "after": (date(2023, 1, 1), date(2024, 1, 1)),
    }
    arms = [site.arm for site in programme.sites]
    assert (arms.count("circuit"), arms.count("comparator")) == (8, 4)
    transition = programme.periods.transition
    assert transition is not None
    starts = [site.starts for site in programme.sites if site.arm == "circuit"]
    assert len(set(starts)) == 8
    assert all(start is not None and transition.start <= start < transition.until for start in starts)
    assert programme.analysis.primary == ("time_to_referral", "emergency_return", "satisfaction")
    assert (programme.privacy.smallest_count, programme.privacy.round_to) == (11, 5)


def test_time_to_referral_has_a_variant_for_each_kind_of_care() -> None:
    programme = load("pacosme")
    variants = programme.variants_of(programme.indicators["time_to_referral"])
    for name in ("pain", "nutrition", "physical_activity", "work", "psychology"):
        variant = variants[name]
        assert isinstance(variant, TimeToEvent)
        assert variant.event.code == (name,)
        assert name in CARE_CODES
        assert (variant.window, variant.competing) == ((0, 91), ("death",))
    assert variants["main"].event.code is None


def test_a_visit_of_the_first_day_is_no_return_and_one_of_day_30_is() -> None:
    returns = load("pacosme").indicators["emergency_return"]
    assert isinstance(returns, TimeToEvent)
    assert returns.window == (1, 31)
    assert not returns.excludes_earlier


def test_satisfaction_lets_answers_run_past_the_before_period() -> None:
    satisfaction = load("pacosme").indicators["satisfaction"]
    assert isinstance(satisfaction, Score)
    assert satisfaction.spill_over == "keep"
    assert (satisfaction.window, satisfaction.nearest, satisfaction.top_box) == ((60, 121), 90, 90)


def test_sepsis_windows_hold_the_longest_times_of_the_log() -> None:
    programme = load("sepsis")
    assert programme.indicators["time_to_iv_antibiotics"].window[1] > 1_622
    assert programme.indicators["time_to_lactic_acid"].window[1] > 23_912
    variants = programme.variants_of(programme.indicators["return_after_release"])
    assert {name: (v.unit, v.window[1] - 1) for name, v in variants.items()} == {
        "main": ("day", 30),
        "within_28_days": ("day", 28),
        "within_28_days_elapsed": ("hour", 28 * 24),
    }
    assert variants["main"].time_zero is not None
    assert variants["main"].time_zero.which == "last"


def test_sepsis_maps_every_activity_of_the_log_and_keeps_how_a_patient_left() -> None:
    (source,) = load("sepsis").sources
    assert len(source.mappings()) == 16
    assert {source.mappings()[f"Release {letter}"].code for letter in "ABCDE"} == set("abcde")
    assert not source.drops_duplicates


@pytest.mark.parametrize(
    "file", [*(f"programmes/{name}.toml" for name in shipped()), *(f"indicators/{name}.toml" for name in INDICATORS)]
)
def test_french_texts_are_typeset_as_french(file: str) -> None:
    texts = BOTH_LANGUAGES.findall((HOME / file).read_text(encoding="utf-8"))
    french = [text for language, text in texts if language == "fr"]
    assert len(french) * 2 == len(texts)
    for text in french:
        assert "'" not in text, "an apostrophe is ’"
        assert not re.search(r"[^\u202f][;!?%]", text), "a narrow no-break space goes before ; ! ? %"
        assert not re.search(r"[^\u00a0][:»]|«[^\u00a0]", text), "a no-break space goes before : and within « »"

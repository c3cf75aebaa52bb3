"""The analysis plan as it is declared: what must agree, what its hash covers, and when results are interim."""

from __future__ import annotations

import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from warehouse.declarations import load, shipped
from warehouse.errors import DeclarationError
from warehouse.plan import EPOC_ITEMS, RiskOfBias

PACOSME = (files("warehouse") / "programmes" / "pacosme.toml").read_text(encoding="utf-8")


def written(folder: Path, *replaced: tuple[str, str]) -> Path:
    """The programme in a file of its own, each old text, which must be there, replaced."""
    text = PACOSME
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new, 1)
    file = folder / "pacosme.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('subgroups = ["age_band"', 'subgroups = ["sex"', "analysis.subgroups: expected only names among strata"),
        ("alpha = 0.05", "alpha = 0.5", "analysis.alpha: expected less than 0.5"),
        ('views = ["site"', 'views = ["town"', "analysis.planned.views[0]: expected 'site', 'month'"),
        ("[analysis.estimands.satisfaction]", "[analysis.estimands.needs_assessment]",
         "analysis.estimands: expected only names among analysis.primary, got needs_assessment"),
        ("{ time_to_referral = [", "{ time_to_refer = [",
         "analysis.planned.variants: expected only names among analysis.indicators (perhaps time_to_referral)"),
        ('"pain", "nutrition"', '"pains", "nutrition"', "as analysis.planned.variants has them (perhaps pain)"),
        ('risk = "high"', 'risk = "unknown"', "analysis.risk_of_bias.independent_of_other_changes.risk: expected"),
        ("[analysis.risk_of_bias.shape_pre_specified]", "[analysis.risk_of_bias.shape]",
         "analysis.risk_of_bias.shape: expected no key of this name"),
    ],
)  # fmt: skip
def test_a_fault_of_the_plan_is_told_with_its_key(tmp_path: Path, old: str, new: str, fault: str) -> None:
    with pytest.raises(DeclarationError) as told:
        load(written(tmp_path, (old, new)))
    assert fault in str(told.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("alpha = 0.05", "alpha = 0.01"),
        ('subgroups = ["age_band", "de_novo"]', 'subgroups = ["age_band"]'),
        ('  "area_under_incidence", ', "  "),
        ("au plus tard le 30e jour", "au plus tard le 29e jour"),
    ],
)
def test_the_hash_changes_with_the_plan(tmp_path: Path, old: str, new: str) -> None:
    assert load(written(tmp_path, (old, new))).plan_hash != load("pacosme").plan_hash


def test_the_hash_does_not_change_with_an_answer_a_default_or_a_comment(tmp_path: Path) -> None:
    same = load("pacosme").plan_hash
    assert load(written(tmp_path, ('risk = "high"', 'risk = "unclear"'))).plan_hash == same
    assert load(written(tmp_path, ("alpha = 0.05  ", "# "))).plan_hash == same
    assert load(written(tmp_path, ('which = "first"\n', "\n"))).plan_hash == same


@pytest.mark.parametrize("name", shipped())
def test_shipped_programmes_say_what_each_primary_indicator_estimates(name: str) -> None:
    analysis = load(name).analysis
    assert set(analysis.estimands) == set(analysis.primary)
    for text in analysis.estimands.values():
        assert len(text.fr) > 100
        assert len(text.en) > 100
    answers = dict(analysis.risk_of_bias.items())
    assert tuple(answers) == EPOC_ITEMS == tuple(RiskOfBias.model_fields)
    assert 0 < sum(answer is None for answer in answers.values()) < 7  # honest: some are not answered yet


def test_follow_up_is_complete_when_the_last_window_has_passed() -> None:
    """The last announcement is of 31 December 2023. T1 ends with day 90, E1 with day 30, S1 with day 120."""
    programme = load("pacosme")
    ends = {name: programme.complete_on(programme.indicators[name]) for name in programme.analysis.primary}
    assert ends == {
        "time_to_referral": date(2024, 3, 31),
        "emergency_return": date(2024, 1, 31),
        "satisfaction": date(2024, 4, 30),
    }
    assert programme.incomplete == {"satisfaction": date(2024, 4, 30)}
    later = programme.model_copy(update={"data_lock": date(2024, 4, 30)})
    assert later.incomplete == {}


def test_elapsed_minutes_and_looking_back_have_their_day() -> None:
    sepsis = load("sepsis")
    minutes = sepsis.indicators["time_to_iv_antibiotics"]
    assert minutes.window[1] == 1700  # more than a day after a registration late on 30 June
    assert sepsis.complete_on(minutes) == date(2015, 7, 3)
    back = load("pacosme").indicators["chemotherapy_at_end_of_life"]
    assert back.window[1] <= 1
    assert load("pacosme").complete_on(back) == date(2024, 1, 1)


def test_a_first_programme_shows_the_plan() -> None:
    starter = (files("warehouse") / "starter.toml").read_text(encoding="utf-8")
    for key in ("alpha", "subgroups", "[analysis.planned]", "[analysis.estimands", "[analysis.risk_of_bias"):
        assert key in starter
    assert all(re.search(rf"\b{item}\b", starter) for item in EPOC_ITEMS)

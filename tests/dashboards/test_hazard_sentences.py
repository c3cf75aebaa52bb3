"""What the pages say of ratios of hazards: their number, that it is an average, or why there is none."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from dashboards.indicator_page import content
from dashboards.language import language
from dashboards.selection import opened
from warehouse.schemas import RELEASED_FIGURE, Release

RATIO = {"measure": "hazard_ratio", "period": "after/before", "estimate": 2.23, "ci_low": 1.96, "ci_high": 2.55}
EVENT, COMPETING = "proportional_hazards", "proportional_hazards_competing"


def told(code: Any, release: Release, builder: ModuleType, chances: dict[str, float | None], **own: Any) -> str:
    """What the page of the indicator says of a ratio, beside tests of proportional hazards with these p-values."""
    tests = [builder.figure(measure=name, estimate=3.1, p_value=chance) for name, chance in chances.items()]
    rows = builder.frame([builder.figure(**RATIO | own), *tests], RELEASED_FIGURE)
    published = opened(replace(release, figures=pl.concat([release.figures, rows])))
    sections, _ = content(published, published.programme.indicators["time_to_referral"], language(code))
    (found,) = [
        sentence for sentence in sections["tests"] if language(code).label("measure", "hazard_ratio") in sentence
    ]
    return str(found)


@pytest.mark.parametrize(("chance", "is_average"), [(0.01, True), (0.05, True), (0.06, False), (None, False)])
def test_a_ratio_that_changes_with_time_is_called_an_average(
    chance: float | None, is_average: bool, release: Release, builder: ModuleType
) -> None:
    found = told("en", release, builder, {EVENT: chance, COMPETING: 0.5})
    assert "2.23, that is a multiplication by 2.23" in found
    assert ("average over the follow-up" in found) == is_average


def test_the_test_of_the_competing_event_is_not_that_of_the_event(release: Release, builder: ModuleType) -> None:
    assert "average over the follow-up" not in told("en", release, builder, {COMPETING: 0.01})


@pytest.mark.parametrize(
    ("code", "reason"),
    [("en", "no value is published. No event in one"), ("fr", "pas de valeur publiée. Aucun événement dans")],
)
def test_a_ratio_that_does_not_exist_has_its_reason(
    code: str, reason: str, release: Release, builder: ModuleType
) -> None:
    nothing = dict.fromkeys(("estimate", "ci_low", "ci_high")) | {"withheld": "no_event_in_a_group"}
    found = told(code, release, builder, {EVENT: 0.01}, **nothing)
    assert reason in found
    assert "average" not in found


@pytest.mark.parametrize(("code", "named"), [("en", "error by site"), ("fr", "erreur par site")])
def test_a_sensitivity_analysis_stands_apart_and_says_so(
    code: Any, named: str, release: Release, builder: ModuleType
) -> None:
    row = builder.frame([builder.figure(**RATIO, analysis="sensitivity:site_clustered")], RELEASED_FIGURE)
    published = opened(replace(release, figures=pl.concat([release.figures, row])))
    sections, _ = content(published, published.programme.indicators["time_to_referral"], language(code))
    assert sections["tests"] == []
    (found,) = sections["sensitivity"]
    assert named in found
    assert language(code).say("words.standing.sensitivity") in found


def test_the_cause_is_said_once_on_the_page_with_the_headline(release: Release, builder: ModuleType) -> None:
    assert "programme is its cause" not in told("en", release, builder, {})

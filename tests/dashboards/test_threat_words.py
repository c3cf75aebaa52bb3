"""Threats to the comparison as readers meet them: sentences of both languages made of the released numbers."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from dashboards.language import language
from dashboards.selection import opened
from dashboards.site import build
from dashboards.threat_words import of_indicator, of_programme
from warehouse.schemas import RELEASED_THREAT, Release

FR, EN = language("fr"), language("en")
N, B = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"


def row(threat_id: str, level: str, **own: Any) -> dict[str, Any]:
    base: dict[str, Any] = dict.fromkeys(RELEASED_THREAT.names())
    base |= {"indicator_id": "time_to_referral", "scope_type": "overall", "scope": "all", "unit": "pathway"}
    return base | {"threat_id": threat_id, "level": level, "measure": "share"} | own


def of_data(threat_id: str, level: str, measure: str, unit: str, **own: Any) -> dict[str, Any]:
    keys = {"indicator_id": None, "scope_type": "event_type", "scope": "referral", "measure": measure, "unit": unit}
    return row(threat_id, level, **keys | own)


def released(builder: ModuleType, *rows: dict[str, Any]) -> Release:
    made: Release = builder.pacosme(threats=pl.DataFrame(rows, schema=RELEASED_THREAT))
    return made


START = {"measure": "cumulative_incidence", "horizon": 30, "n_reference": 300, "n_compared": 60, "reference": 0.41}
CASES: list[tuple[dict[str, Any], str, str]] = [
    (
        row("prevalent_at_start", "present", **START, compared=0.71, contrast=0.3, ci_low=0.17, ci_high=0.43),
        "Parcours de la période avant commencés dans les 90 premiers jours des données{B}: 60. "
        f"Part des parcours avec orientation en 30{B}jours{B}: 71{N}% parmi eux, 41{N}% parmi les "
        f"suivants{N}; intervalle à 95{N}% de l’écart{B}: +17 à +43{B}points.",
        "Pathways of the before period that start in the first 90 days of the data: 60. "
        "Share of pathways with referral within 30{B}days: 71% among them, 41% among the "
        "later ones; 95% interval of the difference: +17 to +43{B}points.",
    ),
    (
        row("prevalent_at_start", "cannot_be_told", **START | {"n_compared": None}, withheld="small_count"),
        "Parcours de la période avant commencés dans les 90 premiers jours des données{B}: <{B}11. "
        "Part des parcours avec orientation en 30{B}jours{B}: non publié parmi eux, 41{N}% parmi les suivants.",
        "Pathways of the before period that start in the first 90 days of the data: <{B}11. "
        "Share of pathways with referral within 30{B}days: not published among them, 41% among the later ones.",
    ),
    (
        row("prevalent_at_start", "absent", **START | {"n_compared": 0}),
        "Aucun parcours de la période avant ne commence dans les 90 premiers jours des données.",
        "No pathway of the before period starts in the first 90 days of the data.",
    ),
    (
        of_data("coverage", "present", "events_per_start", "event", reference=0.4, compared=1.25, contrast=3.13),
        "Orientation{B}: 0,4 avant et 1,25 après, par parcours qui commence (rapport{B}: 3,13), dans les six derniers "
        "mois de la période avant et les six premiers de la période après.",
        "Referral: 0.4 before and 1.25 after, per pathway that starts (ratio: 3.13), in the last six months of the "
        "before period and the first six of the after period.",
    ),
    (
        of_data("coverage", "present", "site_changed", "site", n_with_reference=0, n_with_compared=2, n_compared=12),
        "Orientation{B}: sites qui n’en ont qu’après{B}: 2{N}; sites qui n’en ont qu’avant{B}: 0{N}; sites "
        "examinés{B}: 12.",
        "Referral: sites that have it after only: 2; before only: 0; sites looked at: 12.",
    ),
    (
        of_data("missing_months", "cannot_be_told", "month_with_zero", "site_month", n_with_reference=3,
                n_with_compared=0, n_reference=84, n_compared=144),
        "Orientation{B}: mois de site à zéro là où le site en a d’ordinaire sept ou plus{B}: 3 avant, 0 après.",
        "Referral: site-months at zero where the site usually has seven or more: 3 before, 0 after.",
    ),
    (
        row("unequal_follow_up", "present", measure="short_of_horizon", reference=0.12, withheld="small_count"),
        "Part des parcours que les données ne suivent pas jusqu’au terme{B}: 12{N}% avant, non publié après.",
        "Share of pathways that the data do not follow until the end point: 12% before, not published after.",
    ),
    (
        row("informative_loss", "cannot_be_told", measure="lost", unit=None),
        "Les comptes ne séparent pas les pertes de vue des décès, ou aucun mois n’a pu être suivi en entier.",
        "Counts do not separate loss and death, or no month could be followed in full.",
    ),
    (
        row("informative_loss", "present", measure="lost", scope_type="age_band", scope="75+", reference=0.05,
            compared=0.2, contrast=0.15),
        "Âge, 75+, période après{B}: 20{N}%, contre 5{N}% dans les autres groupes.",
        "Age, 75+, after period: 20%, against 5% in the other groups.",
    ),
    (
        row("case_mix", "present", scope_type="age_band", scope="75+", reference=0.16, compared=0.25, contrast=0.22),
        "Âge, 75+{B}: 16{N}% avant, 25{N}% après (différence standardisée{B}: 0,22).",
        "Age, 75+: 16% before, 25% after (standardised difference: 0.22).",
    ),
    (
        row("case_mix", "absent", scope_type="age_band", scope="75+", reference=0.16, compared=0.16, contrast=0.0),
        "Aucune différence standardisée entre les périodes ne dépasse 0,1.",
        "No standardised difference between the periods exceeds 0.1.",
    ),
    (
        row("recorded_by_circuit", "present", measure="declared", unit=None),
        "L’évènement mesuré est enregistré par le parcours lui-même, selon sa déclaration.",
        "As declared, the circuit itself records the measured event.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("planted", "fr", "en"),
    CASES,
    ids=[f"{one['threat_id']}-{one['level']}-{place}" for place, (one, _, _) in enumerate(CASES)],
)
def test_what_was_found_is_said_with_its_numbers_in_both_languages(
    builder: ModuleType, planted: dict[str, Any], fr: str, en: str
) -> None:
    published = opened(released(builder, planted))
    indicator = published.programme.indicators["time_to_referral"]
    for spoken, expected in ((FR, fr), (EN, en)):
        (finding,) = of_indicator(published, indicator, spoken)
        assert finding.sentences == (expected.replace("{B}", B).replace("{N}", N),)
        assert finding.level == planted["level"]
        assert bool(finding.effect and finding.help) == (planted["level"] != "absent")


def test_a_threat_is_as_bad_as_its_worst_part_and_tells_those_parts_alone(builder: ModuleType) -> None:
    parts = [row("case_mix", level, scope_type="age_band", scope=scope, reference=0.2, compared=0.3, contrast=0.2)
             for level, scope in (("absent", "<18"), ("present", "18-49"), ("cannot_be_told", "75+"))]  # fmt: skip
    published = opened(released(builder, *parts))
    (finding,) = of_indicator(published, published.programme.indicators["time_to_referral"], EN)
    assert (finding.level, finding.glyph, finding.word) == ("present", "!", "Present")
    assert [sentence.partition(":")[0] for sentence in finding.sentences] == ["Age, 18-49", "Age, 75+"]


def test_an_indicator_hears_of_the_types_of_events_that_it_reads(builder: ModuleType) -> None:
    rows = [of_data("coverage", "present", "events_per_start", "event", scope=scope)
            for scope in ("referral", "death", "emergency_visit")]  # fmt: skip
    published = opened(released(builder, *rows))
    (finding,) = of_indicator(published, published.programme.indicators["time_to_referral"], EN)
    assert [sentence.partition(":")[0] for sentence in finding.sentences] == ["Referral", "Death"]


def test_the_plan_tells_primary_indicators_in_words_and_all_in_numbers(builder: ModuleType) -> None:
    rows = [
        row("unequal_follow_up", level, indicator_id=name, measure="short_of_horizon", reference=0.2, compared=0.1)
        for name, level in (("time_to_referral", "present"), ("satisfaction", "absent"), ("survival_90", "present"))
    ]
    (finding,) = of_programme(opened(released(builder, *rows)), EN)
    assert finding.sentences == (
        "Time to referral · Share of pathways that the data do not follow until the end point: 20% before, 10% after.",
        "Of 3 indicators: present for 2, cannot be told for 0, not found for 1.",
        "Present for these, too: Survival at 90 days.",
    )


@pytest.fixture(scope="module")
def threatened(builder: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("threats")
    build(released(builder, *(planted for planted, _, _ in CASES)), folder)
    return folder


@pytest.mark.parametrize(("code", "word"), [("fr", "Présente"), ("en", "Present")])
@pytest.mark.parametrize("page", ["plan", "indicator-time_to_referral"])
def test_pages_show_each_threat_by_word_and_glyph(threatened: Path, code: str, word: str, page: str) -> None:
    text = unescape((threatened / code / f"{page}.html").read_text(encoding="utf-8"))
    section = text[text.index('id="threats"') :].partition("</section>")[0]
    assert re.search(rf'<span class="threat present"><span aria-hidden="true">!</span> {word}</span>', section)
    assert section.count("<dt>") == 7


def test_a_release_without_threats_has_no_such_section(builder: ModuleType, tmp_path: Path) -> None:
    build(released(builder), tmp_path)
    assert 'id="threats"' not in (tmp_path / "fr" / "plan.html").read_text(encoding="utf-8")
    assert not (tmp_path / "data" / "threats_fr.csv").exists()


def test_the_numbers_leave_as_a_file_too(threatened: Path) -> None:
    first = (threatened / "data" / "threats_en.csv").read_text(encoding="utf-8-sig").splitlines()[:2]
    assert first[0].split(",")[:4] == ["indicator", "threat_id", "indicator_id", "scope_type"]
    assert first[1].startswith("Time to referral,prevalent_at_start,time_to_referral,overall,all,present")

"""The two catalogues say the same things, and numbers and dates follow each language's typography."""

from __future__ import annotations

import json
import re
import string
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

import dashboards
from dashboards.language import language

FR, EN = language("fr"), language("en")
N, B, M = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
ROOM = Path(dashboards.__file__).parent


def places(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_the_key_sets_are_equal() -> None:
    assert set(FR.catalogue) == set(EN.catalogue)


@pytest.mark.parametrize("key", sorted(FR.catalogue))
def test_both_languages_fill_the_same_places(key: str) -> None:
    assert places(FR.catalogue[key]) == places(EN.catalogue[key])
    assert FR.catalogue[key]
    assert EN.catalogue[key]


def test_no_key_is_declared_twice() -> None:
    for code in ("fr", "en"):
        text = files("dashboards").joinpath("locales", f"{code}.json").read_text(encoding="utf-8")
        pairs = json.loads(text, object_pairs_hook=list)
        assert len(pairs) == len({key for key, _ in pairs})


def test_french_typography() -> None:
    for key, sentence in FR.catalogue.items():
        assert "'" not in sentence, key
        assert not re.search(r"[^\s\u00a0\u202f(][:;!?](\s|$)", sentence), key
        assert not re.search(r" [:;!?»%]", sentence), key
        assert not re.search(r"« ", sentence), key


def test_every_key_of_templates_and_code_exists() -> None:
    sources = [*ROOM.glob("templates/*.html"), *ROOM.glob("*.py")]
    used = {
        key
        for path in sources
        for key in re.findall(r"""\b(?:t|say|counted)\(\s*"([a-z_.]+)["]""", path.read_text(encoding="utf-8"))
    }
    known = set(FR.catalogue) | {key.rpartition(".")[0] for key in FR.catalogue if key.endswith((".one", ".other"))}
    assert len(used) > 60
    assert used - known == set()


def test_an_unknown_key_is_an_error_and_an_unknown_code_is_readable() -> None:
    with pytest.raises(KeyError):
        FR.say("no.such.key")
    assert FR.label("event", "ivy_antibiotics") == "ivy antibiotics"


@pytest.mark.parametrize(
    ("number", "fr", "en"),
    [
        (0, "0", "0"),
        (-0.0, "0", "0"),
        (-0.001, "0", "0"),
        (1234567, f"1{N}234{N}567", "1,234,567"),
        (-3, f"{M}3", f"{M}3"),
        (0.5, "0,5", "0.5"),
        (-1234.25, f"{M}1{N}234,25", f"{M}1,234.25"),
    ],
)
def test_numbers(number: float, fr: str, en: str) -> None:
    assert FR.number(number) == fr
    assert EN.number(number) == en


def test_signs() -> None:
    assert [EN.number(number, signed=True) for number in (2, 0, -2)] == ["+2", "0", f"{M}2"]


def test_percentages_are_whole_and_thresholds_are_not() -> None:
    assert FR.percent(0.34) == f"34{N}%"
    assert EN.percent(0.29) == "29%"
    assert EN.percent(0.005, exact=True) == "0.5%"
    assert FR.percent(0.005, exact=True) == f"0,5{N}%"


def test_days_months_and_quarters() -> None:
    assert FR.day(date(2021, 6, 1)) == "1er juin 2021"
    assert FR.day(date(2021, 6, 11)) == "11 juin 2021"
    assert EN.day(date(2021, 6, 1)) == "1 June 2021"
    assert FR.calendar("2023-05") == "mai 2023"
    assert EN.calendar("2023-Q2") == "Quarter 2 of 2023"
    assert FR.calendar("2023-Q1") == f"1er{B}trimestre 2023"
    assert FR.calendar("2023-Q2") == f"2e{B}trimestre 2023"
    assert FR.calendar("before") == "Avant"
    assert EN.calendar("after-before") == f"After {M} before"


@pytest.mark.parametrize(
    ("number", "fr", "en"),
    [(0, "jour", "days"), (1, "jour", "day"), (-1, "jour", "day"), (1.5, "jour", "days"), (2, "jours", "days")],
)
def test_plurals(number: float, fr: str, en: str) -> None:
    assert FR.counted("unit.day", number, number="x") == f"x{B}{fr}"
    assert EN.counted("unit.day", number, number="x") == f"x{B}{en}"


FRENCH = re.compile(r"[àâçéèêëîïôûùœ«»]|\b(le|la|les|des|du|et|une|pour|dans|avec|sur)\b", re.IGNORECASE)
ENGLISH = re.compile(r"\b(the|of|and|with|are|is|by|to|from|which)\b", re.IGNORECASE)


@pytest.mark.parametrize("key", sorted(set(EN.catalogue) - {"nav.other_language"}))
def test_each_sentence_is_in_its_own_language(key: str) -> None:
    assert not FRENCH.search(EN.catalogue[key])
    assert not ENGLISH.search(re.sub(r"\{[a-z_]+\}", "", FR.catalogue[key]))

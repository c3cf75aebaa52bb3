"""The directory as a whole: complete, reproducible, linked, in one language a page, and inert."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from dashboards.language import language
from dashboards.site import build
from warehouse.errors import StorageError
from warehouse.schemas import Release


class Reader(HTMLParser):
    """Elements, links, ids and visible text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.text: list[str] = []
        self._silent = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        title_of_a_paper = tag == "li" and ("lang", "en") in attrs
        self._silent = tag in ("script", "style") or title_of_a_paper
        for name, value in attrs:
            self.attributes[name] += 1
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text.append(data)


def html(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def built(release: Release, directory: Path) -> Path:
    directory.mkdir()
    build(release, directory)
    return directory


def digests(directory: Path) -> dict[str, str]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_two_builds_are_the_same_bytes(site: Path, builder: ModuleType, tmp_path: Path) -> None:
    assert digests(built(builder.pacosme(), tmp_path / "again")) == digests(site)


def test_the_manifest_holds_the_hash_of_every_other_file(site: Path, release: Release) -> None:
    manifest = json.loads((site / "manifest.json").read_text(encoding="utf-8"))
    found = digests(site)
    del found["manifest.json"]
    assert manifest["files"] == found
    assert manifest["release"] == release.id
    assert manifest["provenance"]["data_lock"] == "2024-04-01"
    assert manifest["disclosure"] == {"smallest_count": 11, "round_to": 5}


def test_a_folder_that_is_missing_or_holds_something_is_refused(release: Release, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="must exist and be empty"):
        build(release, tmp_path / "missing")
    (tmp_path / "something").write_text("kept", encoding="utf-8")
    with pytest.raises(StorageError, match="must exist and be empty"):
        build(release, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["something"]


def test_the_landing_page_is_french_and_leads_to_english(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert '<html lang="fr">' in text
    assert 'href="en/index.html"' in text


def test_every_link_leads_to_a_file_of_the_site(site: Path) -> None:
    for path in html(site):
        for link in Reader(path).links:
            target, _, fragment = link.partition("#")
            assert not re.match(r"[a-z]+:|//", link), (path.name, link)
            found = (path.parent / target).resolve() if target else path
            assert found.is_file(), (path.name, link)
            assert not fragment or fragment in Reader(found).ids, (path.name, link)


def test_ids_are_unique_and_headings_in_order(site: Path) -> None:
    for path in html(site):
        page = Reader(path)
        assert len(page.ids) == len(set(page.ids)), path
        assert page.headings.count(1) == 1
        assert all(lower - upper <= 1 for upper, lower in zip(page.headings, page.headings[1:], strict=False)), path


def test_every_page_forbids_connections_and_names_its_release(site: Path, release: Release) -> None:
    for path in html(site):
        text = path.read_text(encoding="utf-8")
        assert "connect-src &#39;none&#39;" in text
        assert "script-src &#39;self&#39;" in text
        assert f"<code>{release.id}</code>" in text
        assert re.findall(r"<script(?![^>]*(?:src=|application/json))", text) == []


@pytest.mark.parametrize("code", ["fr", "en"])
def test_nothing_of_the_other_language_is_left(site: Path, code: str) -> None:
    own, other = language(code), language(language(code).other)  # type: ignore[arg-type]
    foreign = {
        key: sentence
        for key, sentence in other.catalogue.items()
        if sentence != own.catalogue[key] and "{" not in sentence and len(sentence) > 5 and key != "nav.other_language"
    }
    mine = " ".join(own.catalogue.values())
    for path in sorted((site / code).glob("*.html")):
        text = " ".join(Reader(path).text)
        left = {
            key
            for key, said in foreign.items()
            if re.search(rf"(?<!\w){re.escape(said)}(?!\w)", text) and said not in mine
        }
        assert left == set(), path.name


def test_numbers_keep_their_language(site: Path) -> None:
    english = " ".join(" ".join(Reader(path).text) for path in (site / "en").glob("*.html"))
    french = " ".join(" ".join(Reader(path).text) for path in (site / "fr").glob("*.html"))
    assert not re.search(r"\d\s%", english)
    assert not re.search(r"\d%|\d %", french)
    assert not re.search(r"(?<![\w-])-\d", english + french)


def test_a_program_with_reservations_says_so_on_every_page(site: Path, builder: ModuleType, tmp_path: Path) -> None:
    assert all('class="banner"' in path.read_text(encoding="utf-8") for path in html(site))
    plain = builder.pacosme()
    passed = builder.pacosme(provenance=type(plain.provenance)(**(vars(plain.provenance) | {"verdict": "pass"})))
    assert not any('class="banner"' in p.read_text(encoding="utf-8") for p in html(built(passed, tmp_path / "pass")))


# --- Smaller programmes ------------------------------------------------------------------------


def text_of(path: Path) -> str:
    return re.sub(r"\s+", " ", " ".join(Reader(path).text))


def test_a_single_site_has_no_comparison_and_says_why(builder: ModuleType, tmp_path: Path) -> None:
    declared = builder.programme(sites=[{"id": "hospital"}])
    alone = builder.pacosme(programme=declared)
    alone = builder.pacosme(programme=declared, figures=alone.figures.filter(pl.col("scope_type") == "overall"))
    site = built(alone, tmp_path / "one")
    assert "single site" in text_of(site / "en" / "sites.html")
    assert "There is no comparator site" in text_of(site / "en" / "methods.html")
    assert "<figure" not in (site / "en" / "sites.html").read_text(encoding="utf-8")


def test_old_periods_without_transition_or_primary(builder: ModuleType, tmp_path: Path) -> None:
    periods = {
        "before": {"from": date(2013, 11, 1), "until": date(2014, 7, 1)},
        "after": {"from": date(2014, 7, 1), "until": date(2015, 7, 1)},
    }
    declared = builder.programme(periods=periods, analysis={"indicators": ["time_to_referral", "satisfaction"]})
    site = built(builder.pacosme(programme=declared), tmp_path / "old")
    assert "Covid" not in text_of(site / "en" / "methods.html")
    landing = text_of(site / "en" / "index.html")
    assert "Of 2\xa0primary indicators".replace("\xa0", " ") in landing
    assert "Secondary indicators" not in landing


def test_an_empty_release_still_makes_readable_pages(builder: ModuleType, tmp_path: Path) -> None:
    plain = builder.pacosme()
    frames: dict[str, Any] = {name: getattr(plain, name).clear() for name in
                              ("figures", "curves", "attrition", "checks", "files", "reading")}  # fmt: skip
    site = built(builder.pacosme(**frames), tmp_path / "empty")
    assert "3 have insufficient data" in text_of(site / "en" / "index.html")
    assert "This release holds no measure" in text_of(site / "en" / "indicator-satisfaction.html")
    assert "No check is published" in text_of(site / "en" / "quality.html")
    assert "no result by site" in text_of(site / "en" / "sites.html")


def test_reasons_stand_beside_missing_values(site: Path) -> None:
    assert "The median is not reached" in text_of(site / "en" / "indicator-time_to_referral.html")
    assert "Value withheld to protect small counts" in text_of(site / "en" / "sites.html")
    assert "< 11" in text_of(site / "en" / "indicator-time_to_referral.html")


def test_the_test_of_the_curves_is_told_in_words(site: Path) -> None:
    assert "Log-rank test, before against after: p = 0.28." in text_of(site / "en" / "indicator-survival_90.html")


# --- Hostile texts ------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [0, 7, 23])
def test_hostile_texts_add_no_element_and_no_attribute(
    turn: int, site: Path, hostile: ModuleType, tmp_path: Path
) -> None:
    attacked = built(hostile.hostile(turn), tmp_path / "attacked")
    assert len(hostile.PAYLOADS) >= 60
    for path in html(attacked):
        calm, now = Reader(site / path.relative_to(attacked)), Reader(path)
        watched = ("script", "style", "a", "link", "meta", "button", "h1", "h2", "h3", "details", "figure", "nav")
        assert {tag: now.elements[tag] for tag in watched} == {tag: calm.elements[tag] for tag in watched}, path.name
        assert set(now.elements) <= set(calm.elements) | {"noscript"}
        assert set(now.attributes) <= set(calm.attributes)
        assert now.links == calm.links


def test_hostile_texts_stay_inside_the_json_of_the_charts(hostile: ModuleType, tmp_path: Path) -> None:
    for path in html(built(hostile.hostile(), tmp_path / "attacked")):
        block = re.findall(r'id="specs">(.*?)</script>', path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert len(block) == 1
        assert not re.search("[<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}]", block[0])
        assert set(json.loads(block[0])) == {"charts", "config", "words"}


def test_hostile_texts_start_no_formula(hostile: ModuleType, tmp_path: Path) -> None:
    for path in (built(hostile.hostile(), tmp_path / "attacked") / "data").glob("*_en.csv"):
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            assert not line.startswith(("=", "@", "+"))
            assert not re.search(r',"?[=@+]', line.replace('""', "")) or "evil" not in line

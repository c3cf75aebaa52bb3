"""Every method that an estimate can name has its formula, conventions and source, in both languages."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import transforms
from dashboards.language import CODES, language
from dashboards.methods_catalogue import FAMILIES, Method, catalogue, of_rows, typeset, used
from dashboards.selection import Row, opened
from transforms.hazard_figures import BY_SITE
from transforms.rate_figures import ANDERSEN_GILL
from transforms.recurrent_figures import GHOSH_LIN
from transforms.response_figures import RESPONSE_WEIGHTS
from transforms.whole_curve_figures import AREA, RESTRICTED_MEAN
from warehouse.schemas import Release

METHODS = [method for methods in catalogue().values() for method in methods]
ROOM = Path(transforms.__file__).parent
ENGLISH = re.compile(r"\b(the|of|and|with|are|is|by|to|from|which)\b", re.IGNORECASE)
FRENCH = re.compile(r"[éèêàçùôîœ]|\b(le|la|les|des|du|et|une|pour|dans|avec|sur)\b")
QUOTED = re.compile("«[^»]*»")  # a word of a formula, explained


def emitted() -> dict[str, str]:
    """The beginning of every method that code hands to a figure, and where it stands."""
    found: dict[str, str] = {}
    for path in sorted(ROOM.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        makes_figures = re.search(r"figure_of\(|Figure\(|schema=ESTIMATE", path.read_text(encoding="utf-8"))
        module = importlib.import_module(f"transforms.{path.stem}") if makes_figures else None
        if module is not None:
            sentences = [text for text in vars(module).values() if isinstance(text, str) and " " in text]
            texts = [text for value in _methods(tree) for text in _texts(value, module)]
            of_module = [text for text in [*sentences, *texts] if text != module.__doc__ and text[0].isalpha()]
            found |= dict.fromkeys(of_module, path.stem)
    return found


def _methods(tree: ast.Module) -> Iterator[ast.expr]:
    """What stands behind method=, "method": and assignments to a name method."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "method":
            yield node.value
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "method":
                    yield value
        if isinstance(node, ast.Assign):
            names = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            if "method" in names:
                yield node.value


def _texts(value: ast.expr, module: ModuleType | None) -> Iterator[str]:
    """Constants of the module, and texts, that an expression is made of; each is a method or the beginning of one."""
    first = value.values[0] if isinstance(value, ast.JoinedStr) else value
    for node in ast.walk(first):
        if isinstance(node, ast.Name) and isinstance(getattr(module, node.id, None), str):
            yield getattr(module, node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 8:
            yield node.value


def of_method(text: str, builder: ModuleType) -> tuple[Method, ...]:
    return of_rows([Row(**builder.figure(method=text))])


def test_every_method_of_an_estimate_stands_in_the_catalogue(builder: ModuleType) -> None:
    found = emitted()
    assert len(found) >= 28
    assert not {text: where for text, where in found.items() if not of_method(text, builder)}


def test_every_phrase_of_the_catalogue_is_said_by_a_method(builder: ModuleType) -> None:
    phrases = {phrase for method in METHODS for phrase in method.about}
    said = " ".join(emitted())
    put_together = {
        "over pathways, adjusted for",
        "answers weighted",
        "site-clustered error",
    }
    assert not [phrase for phrase in phrases - put_together if phrase not in said]


def test_an_adjusted_rate_is_explained_by_both_its_model_and_its_standardisation(builder: ModuleType) -> None:
    names = [one.id for one in of_method(f"{ANDERSEN_GILL}, adjusted for stage", builder)]
    assert names == ["g-computation", "andersen-gill", "wald"]


def test_an_error_by_site_is_explained_by_nothing_else(builder: ModuleType) -> None:
    assert [one.id for one in of_method(BY_SITE, builder)] == ["cox", "robust-errors", "wald"]


def test_the_interval_of_every_difference_has_its_own_formula(builder: ModuleType) -> None:
    """Limits made from those of both periods are not Wald's, and differences of areas and means say how they add up."""
    hybrid = [text for text in emitted() if "hybrid" in text or "exact Poisson limits of both" in text]
    added = [AREA, RESTRICTED_MEAN, GHOSH_LIN, RESPONSE_WEIGHTS]
    assert len(hybrid) >= 4
    for text in (*hybrid, *added):
        names = {one.id for one in of_method(text, builder)}
        assert "wald" not in names
        assert ("square-and-add" in names) == (text in added)


def test_each_entry_is_found_somehow_and_says_its_source() -> None:
    assert len(METHODS) >= 35
    assert len({method.id for method in METHODS}) == len(METHODS)
    for method in METHODS:
        assert method.about or method.analyses or method.part, method.id
        assert all(re.search(r"(1[89]|20)\d\d|NHS", source) for source in method.source), method.id


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_each_entry_is_whole_in_both_languages(method: Method) -> None:
    for text in (method.name, method.symbols, method.conventions, method.absent):
        assert not ENGLISH.search(QUOTED.sub("", text.fr)), text.fr
        assert not FRENCH.search(text.en.replace("Anhøj", "")), text.en
        assert not re.search(r" [:;!?»%]|« |'", text.fr), text.fr
        assert "'" not in text.en
        for side in (text.fr, text.en):
            assert not re.search(r"[{}_^]", re.sub(r"<[^>]*>", "", typeset(side))), side
    assert method.conventions.fr.endswith(".")
    assert method.conventions.en.endswith(".")
    for formula in method.formula:
        assert not re.search(r"[{}_^]", re.sub(r"<[^>]*>", "", typeset(formula))), formula


def test_indices_become_html_and_all_else_is_escaped() -> None:
    assert typeset("a_{1} < b^{2}") == "a<sub>1</sub> &lt; b<sup>2</sup>"
    assert typeset("x_{<b>}") == "x<sub>&lt;b&gt;</sub>"


def test_families_have_a_heading_in_both_languages() -> None:
    for code in CODES:
        assert all(language(code).knows(f"methods.family.{family}") for family in FAMILIES)


def test_a_release_shows_what_it_uses_and_links_to_it(site: Path, release: Release) -> None:
    shown = {method.id for methods in used(opened(release)).values() for method in methods}
    assert {"aalen-johansen", "difference-of-incidences", "wilson", "newcombe", "disclosure"} <= shown
    assert "andersen-gill" not in shown
    for code in CODES:
        page = (site / code / "methods.html").read_text(encoding="utf-8")
        assert set(re.findall(r'class="method" id="method-([a-z0-9-]+)"', page)) == shown
        indicator = (site / code / "indicator-satisfaction.html").read_text(encoding="utf-8")
        linked = set(re.findall(r'href="[^"]*methods\.html#method-([a-z0-9-]+)"', indicator))
        assert {"wilson", "newcombe", "mean-score"} <= linked <= shown

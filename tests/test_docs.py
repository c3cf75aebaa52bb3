"""The documentation says what the product does: reference, links, commands, declarations and the whole tutorial."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import declared, generate
from flows.__main__ import app
from flows.telling import REASONS
from warehouse import errors
from warehouse.declarations import load
from warehouse.declared import Declared
from warehouse.kinds import Indicator

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial" / "first-evaluation.md"
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
WRITTEN = [page for page in PAGES if page.parent not in (DOCS / "reference", DOCS / "adr")]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
COMMANDS = [name for name in app if not name.startswith("-")]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


# --- Reference ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    return generate.pages()


def test_the_reference_is_current_and_has_no_page_of_its_own(reference: dict[str, str]) -> None:
    found = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md")}
    outdated = [name for name, text in reference.items() if found.get(name) != text]
    assert not outdated, "run make docs"
    unmarked = {name for name, text in found.items() if generate.GENERATED in text} - set(reference)
    assert not unmarked, "generated once, and no longer"


def test_every_column_has_words_and_all_words_have_a_column() -> None:
    tables = generate.hand_overs()
    undescribed = [
        f"{name}.{c}" for name, schema in tables.items() for c in schema if not generate.description(name, c)
    ]
    assert not undescribed
    assert set(declared.WORDS["tables"]) == set(tables)
    columns = {column for schema in tables.values() for column in schema}
    qualified = {f"{name}.{column}" for name, schema in tables.items() for column in schema}
    assert set(declared.WORDS["columns"]) <= columns | qualified


def test_every_key_of_a_declaration_has_words_and_all_words_have_a_key() -> None:
    models = declared.models()
    keys = {(name, key) for name, model in models.items() for key in declared.keys_of(model)}
    assert not [(name, key) for name, key in sorted(keys) if not declared.meaning(models[name], key)]
    bases: dict[str, type[Declared]] = {base.__name__: base for one in models.values() for base in one.__mro__[:-1]}
    for name, words in declared.WORDS["keys"].items():
        of_model = {field.alias or key for key, field in bases[name].model_fields.items()}
        assert set(words) <= of_model, name


def test_every_kind_of_indicator_is_in_the_guide_that_chooses_one() -> None:
    guide = (DOCS / "how-to" / "add-an-indicator.md").read_text(encoding="utf-8")
    union = Indicator.__args__[0]  # type: ignore[attr-defined]  # the models inside Annotated[... | ...]
    kinds = [model.model_fields["kind"].annotation.__args__[0] for model in union.__args__]
    assert len(kinds) >= 3
    assert not [kind for kind in kinds if f"| `{kind}` |" not in guide]


def test_every_reason_for_leaving_is_explained() -> None:
    text = (DOCS / "explanation" / "meaning-of-times-and-periods.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert explained == set(REASONS) - {"analysed"}


# --- Commands -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_and_stands_in_the_reference(
    command: str, reference: dict[str, str]
) -> None:
    assert f"Example: parcours {command}" in app[command].help
    assert f"## parcours {command}\n" in reference["commands.md"]


def called() -> Iterator[tuple[str, str]]:
    """Every call of parcours that a page shows, with the page's name."""
    for page in PAGES:
        prompted = [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line[:2] == "$ "]
        for line in [*prompted, *(line for block in blocks(page, "sh") for line in block.splitlines())]:
            if line.startswith("parcours "):
                yield named(page), line


@pytest.mark.parametrize(("page", "line"), sorted(set(called())))
def test_every_call_that_a_page_shows_is_one_that_the_command_line_takes(page: str, line: str) -> None:
    tokens = shlex.split(line, comments=True)[1:]
    app.parse_args(tokens, exit_on_error=False, print_error=False)


def test_exit_codes_are_those_of_the_errors_and_the_same_everywhere() -> None:
    raised = {error.exit_code for error in errors.ParcoursError.__subclasses__()} | {errors.ParcoursError.exit_code}
    assert raised <= set(generate.EXIT_CODES)
    table = README.read_text(encoding="utf-8").partition("## Exit codes")[2].partition("##")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(generate.EXIT_CODES)


# --- Links and declarations ---------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors that a Markdown reader makes of the headings, outside code."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def anchor(heading: str) -> str:
    plain = unicodedata.normalize("NFC", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_internal_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, place = target.partition("#")
        if ":" in path:
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (place and place not in anchors(file)):
            broken.append(target)
    assert not broken


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [README]
    while waiting:
        page = waiting.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        targets = [
            (page.parent / target.partition("#")[0]).resolve() for target in LINK.findall(text) if ":" not in target
        ]
        waiting += [
            file for target in targets for file in ([target] if target.suffix == ".md" else target.glob("*.md"))
        ]
    assert not [named(page) for page in PAGES if page not in reached]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=named)
def test_every_declaration_that_a_page_shows_is_lawful_toml(page: Path) -> None:
    assert [tomllib.loads(block) for block in blocks(page, "toml")]


def test_the_indicator_of_the_guide_is_one_that_a_programme_can_name(tmp_path: Path) -> None:
    guide = blocks(DOCS / "how-to" / "add-an-indicator.md", "toml")
    (tmp_path / "indicators").mkdir()
    (tmp_path / "indicators" / "time_to_nurse.toml").write_text("\n".join(guide), encoding="utf-8")
    programme = tutorial_programme().replace("indicators = [", 'indicators = ["time_to_nurse", ', 1)
    (tmp_path / "programme.toml").write_text(programme, encoding="utf-8")
    loaded = load(tmp_path / "programme.toml")
    assert loaded.indicators["time_to_nurse"].title.en in guide[0]
    assert "within_a_week" in loaded.indicators["time_to_nurse"].variants


@pytest.mark.skipif(not (ROOT / "GLOSSARY.md").is_file(), reason="there is no GLOSSARY.md")
def test_every_term_of_the_glossary_stands_once_with_both_languages_and_a_meaning() -> None:
    rows = re.findall(r"^\|(.+)\|$", (ROOT / "GLOSSARY.md").read_text(encoding="utf-8"), re.MULTILINE)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows if not set(row) <= set("|-: ")]
    terms = [row for row in cells if row[0] != "English"]
    assert terms
    assert all(len(row) == 3 and all(row) for row in terms)
    assert len({row[0] for row in terms}) == len(terms)


# --- The tutorial, as its reader does it ----------------------------------------------------------


def tutorial_programme() -> str:
    """The programme that the tutorial ends up with. The day until which data may be held is moved away."""
    (programme,) = (block for block in blocks(TUTORIAL, "toml") if block.startswith("# evaluation/programme.toml"))
    return re.sub(r"(?m)^retention_until = .*$", "retention_until = 2999-12-31", programme)


def conversations() -> list[tuple[str, str]]:
    """Each command of the tutorial with the output that it promises; `…` stands for anything."""
    return [tuple(block.removeprefix("$ ").split("\n", 1)) for block in blocks(TUTORIAL, "console")]  # type: ignore[misc]


def as_pattern(promised: str) -> str:
    lines = (
        r"(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + r"\n" for line in promised.splitlines()
    )
    return "".join(lines)


def parcours(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, as a user without any setting of the developer's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "PARCOURS", "XDG"))}
    return subprocess.run(
        [sys.executable, "-m", "flows", *shlex.split(command)[1:]],
        cwd=folder,
        env=kept | {"HOME": str(folder), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=540,
        check=False,
    )


def test_the_tutorial_shows_the_beginning_of_its_file() -> None:
    shown = blocks(TUTORIAL, "text")[0].splitlines()
    assert (DOCS / "tutorial" / "export.csv").read_text(encoding="utf-8").splitlines()[: len(shown)] == shown


def test_the_tutorial_gives_what_it_promises(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "export.csv").write_bytes((DOCS / "tutorial" / "export.csv").read_bytes())
    for command, promised in conversations():
        done = parcours(command, tmp_path)
        assert done.returncode == 0, (command, done.stdout)
        assert re.fullmatch(as_pattern(promised), done.stdout), (command, done.stdout)
        if command.startswith("parcours init"):
            suggested = load(tmp_path / "evaluation" / "programme.toml")
            assert suggested.sources[0].column_names["value"] == "note"
            (tmp_path / "evaluation" / "programme.toml").write_text(tutorial_programme(), encoding="utf-8")
    page = (tmp_path / "parcours-home" / "releases" / "latest" / "en" / "index.html").read_text(encoding="utf-8")
    quoted = re.findall(r"^> (.+(?:\n> .+)*)", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE)
    said = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert len(quoted) == 2
    for words in quoted:
        assert " ".join(words.replace("\n> ", " ").split()) in said

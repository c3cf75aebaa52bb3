"""The house rules that no linter knows: the module map, who makes a Release, sizes, words, addresses."""

from __future__ import annotations

import ast
import os
import re
import runpy
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("flows", "checks", "transforms", "dashboards", "warehouse")
FUNCTION_LINES, MODULE_LINES = 60, 400
PRINTERS = {"flows/__main__.py", "flows/terminal.py"}
MAP_LINE = re.compile(r"^\| `(?P<path>[\w/.]+\.py)` \| (?P<does>\S.*\S) \|$", re.MULTILINE)
# A release is only made after disclosure control; a pickle runs what it is given; eval and exec too.
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|home|root|Users|mnt)/[\w.]")
ADDRESS = re.compile(r"https?://(?P<host>[\w.-]+\.[a-z]{2,}|localhost|\d[\d.]+)")
# Addresses that a text may name: sources of methods and formats. None is fetched by the product.
QUOTED_HOSTS = {
    "www.w3.org",
    "keepachangelog.com",
    "semver.org",
    "doi.org",
    "www.xes-standard.org",
    "127.0.0.1",
    "localhost",
}


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


every_module = pytest.mark.parametrize("path", modules(), ids=relative)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call by a plain name, ``name(...)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node


def attribute_calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call by an attribute, ``something.name(...)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all imported modules."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def tracked() -> list[Path]:
    """Files under version control, or where there is none, all but what the tools make."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        paths = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
        return [path for path in paths if path.is_file()]
    pytest.skip("not a git checkout: tracked files are not known")


def test_the_map_and_the_tree_agree() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    mapped = MAP_LINE.findall(page)
    assert [path for path, _ in mapped] == [
        relative(path) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if path.name != "__init__.py"
    ], "make docs"
    assert all(20 <= len(does) <= 200 for _, does in mapped)
    rewritten = runpy.run_path(str(ROOT / "docs" / "module_map.py"))["rewritten"]
    assert rewritten(page) == page, "make docs"


def test_every_room_says_what_it_is() -> None:
    for room in ROOMS:
        assert ast.get_docstring(tree_of(ROOT / room / "__init__.py")), room


def test_there_is_no_other_room() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(ROOMS)
    assert not [path for path in modules() if {"utils", "helpers", "common", "misc"} & {path.stem, path.parent.name}]


def test_imports_go_downwards() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


@every_module
def test_only_disclosure_makes_a_release(path: Path) -> None:
    tree = tree_of(path)
    made = [call.lineno for name, call in (*calls(tree), *attribute_calls(tree)) if name == "Release"]
    assert bool(made) == (relative(path) == "transforms/disclosure.py"), made


@every_module
def test_nothing_runs_what_it_is_given(path: Path) -> None:
    tree = tree_of(path)
    assert not imported(tree) & FORBIDDEN_IMPORTS
    assert not {name for name, _ in calls(tree)} & FORBIDDEN_CALLS
    shells = [word for _, call in attribute_calls(tree) for word in call.keywords if word.arg == "shell"]
    assert not shells


@every_module
def test_only_the_command_line_prints(path: Path) -> None:
    printed = [call.lineno for name, call in calls(tree_of(path)) if name == "print"]
    assert not printed or relative(path) in PRINTERS, printed


@every_module
def test_no_error_is_swallowed(path: Path) -> None:
    """An ``except`` whose body only passes hides a failure; contextlib.suppress says so by name."""
    silent = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(part, ast.Pass) for part in node.body)
    ]
    bare = [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.ExceptHandler) and not node.type]
    assert not silent + bare


@every_module
def test_functions_and_modules_stay_small(path: Path) -> None:
    lines = sum(bool(line.strip()) for line in path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES
    sizes = {function.name: (function.end_lineno or 0) - function.lineno + 1 for function in functions(tree_of(path))}
    assert {name: size for name, size in sizes.items() if size > FUNCTION_LINES} == {}


@every_module
def test_public_things_say_what_they_do(path: Path) -> None:
    tree = tree_of(path)
    if path.name != "__init__.py":
        assert ast.get_docstring(tree), "the module has no docstring"
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []


def public(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes, and the public methods of public classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


@every_module
def test_nothing_is_left_to_do(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", text)
    ends = [function.body[-1] for function in functions(ast.parse(text))]
    values = [end.value for end in ends if isinstance(end, ast.Expr)]
    assert not [value for value in values if isinstance(value, ast.Constant) and value.value is ...]


def texts() -> Iterator[tuple[str, str]]:
    """Tracked files that are text, without the libraries that are shipped as they came."""
    for path in tracked():
        if path.suffix in {".png", ".gz", ".ico", ".woff2"} or path.name.endswith(".min.js"):
            continue
        yield relative(path), path.read_text(encoding="utf-8", errors="replace")


def test_no_tracked_file_names_a_place_of_one_machine() -> None:
    found = {name: MACHINE_PATH.findall(text) for name, text in texts() if name != relative(Path(__file__))}
    assert {name: places for name, places in found.items() if places} == {}


def test_the_lock_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links|--trusted-host)\b", lock, re.MULTILINE)
    pinned = re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==", lock, re.MULTILINE)
    assert len(pinned) > 100
    assert lock.count("--hash=sha256:") >= len(pinned)


def test_the_lock_pins_every_declared_dependency_and_build_tool() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = [*declared["project"]["dependencies"], *declared["dependency-groups"]["dev"]]
    names = {re.split(r"[\[<>=!~; ]", each)[0] for each in (*requirements, *declared["build-system"]["requires"])}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", lock, re.MULTILINE))
    assert names - pinned == set()
    exact = {each for each in requirements if "==" in each}
    assert all(re.search(rf"^{re.escape(each)}(?![\w.])", lock, re.MULTILINE) for each in exact)


def test_the_wheel_holds_the_five_rooms() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(declared["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(ROOMS)
    assert declared["project"]["scripts"] == {"parcours": "flows.__main__:main"}


def test_the_product_names_no_host_but_quoted_ones() -> None:
    """The rooms fetch nothing; what they quote is listed here, so that a new address is a decision."""
    hosts = {
        (name, found.group("host"))
        for name, text in texts()
        if name.split("/")[0] in ROOMS
        for found in ADDRESS.finditer(text)
    }
    assert {(name, host) for name, host in hosts if host not in QUOTED_HOSTS} == set()


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    ci = ROOT / ".ci" / "run"
    assert ci.stat().st_mode & stat.S_IXUSR
    commands = [line for line in ci.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "exec make test"]
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")

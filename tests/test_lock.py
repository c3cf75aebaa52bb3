"""The lock names all that set-up installs, so that a package released tomorrow cannot change or break it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path(__file__).parents[1] / "requirements.lock"


def locked() -> list[Requirement]:
    lines = re.sub(r"\\\n", "", LOCK.read_text(encoding="utf-8")).splitlines()
    return [Requirement(line.split(" --hash")[0]) for line in lines if re.match(r"\w", line)]


def asked_for(of: Requirement) -> list[Requirement]:
    """What an installed package requires here, with the extras that it was locked with."""
    try:
        found = [Requirement(text) for text in requires(of.name) or []]
    except PackageNotFoundError:
        return []  # of another platform or version of Python
    return [
        one
        for one in found
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *of.extras))
    ]


def test_every_line_has_one_version_and_hashes() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert all(re.fullmatch(r"==[\w.]+", str(one.specifier)) for one in locked())
    assert text.count(" \\\n    --hash=") >= len(locked()) > 100
    assert "://" not in text, "no address of an index"


def test_extras_that_packages_ask_for_are_locked_with_them() -> None:
    """pip 23 refuses `coverage[toml]` beside `coverage==7.17.3` as soon as a newer coverage is released."""
    extras: dict[str, set[str]] = {}
    for one in locked():
        extras.setdefault(canonicalize_name(one.name), set()).update(one.extras)
    needed = [(of.name, asked) for of in locked() for asked in asked_for(of) if asked.extras]
    assert needed, "pytest-cov, for one, asks for coverage[toml]"
    missing = [f"{of} asks for {asked}" for of, asked in needed if asked.extras - extras[canonicalize_name(asked.name)]]
    assert missing == []

"""Set-up from a bare checkout, with stand-ins for the interpreters so that nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not on the PATH")

# An interpreter that suits, or not; it notes how it is called. As a venv's, it is copied by `-m venv`.
INTERPRETER = """#!/bin/sh
echo "$0 $*" >> "$CALLS"
case "$1" in
  -c) exit {suits} ;;
  --version) echo "Python {version}" ;;
  -m) if [ "$2" = venv ]; then mkdir -p .venv/bin && cp "$0" .venv/bin/python; fi ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "checkout"
    place.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, place / name)
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "head", "id", "mkdir", "cp", "touch", "rm"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    return place


def install(checkout: Path, name: str, version: str, *, suits: bool) -> None:
    path = checkout.parent / "bin" / name
    path.write_text(INTERPRETER.format(version=version, suits=0 if suits else 1), encoding="utf-8")
    path.chmod(0o755)


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": str(checkout.parent / "bin"),
        "CALLS": str(checkout.parent / "calls"),
        "HOME": os.fspath(checkout.parent),
    }
    return subprocess.run(
        [str(MAKE), *arguments], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


def calls(checkout: Path) -> list[str]:
    path = checkout.parent / "calls"
    noted = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in noted if " -c " not in line]


def test_an_unsuitable_interpreter_is_refused_aloud(checkout: Path) -> None:
    install(checkout, "python3", "3.10.13", suits=False)
    refused = make(checkout, ".venv/.set-up")
    assert refused.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in refused.stderr
    assert "python3: Python 3.10.13" in refused.stderr
    assert not (checkout / ".venv").exists()


def test_no_interpreter_at_all_is_refused_aloud(checkout: Path) -> None:
    refused = make(checkout, ".venv/.set-up")
    assert refused.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in refused.stderr


def test_the_first_suitable_interpreter_sets_up_with_hashes_and_without_isolation(checkout: Path) -> None:
    install(checkout, "python3", "3.9.2", suits=False)
    install(checkout, "python3.12", "3.12.1", suits=True)
    done = make(checkout, ".venv/.set-up")
    assert done.returncode == 0, done.stderr
    assert "Python 3.12.1" in done.stderr
    noted = calls(checkout)
    assert any(line.endswith("python3.12 -m venv --clear .venv") for line in noted)
    installs = [line.split(" install ")[1] for line in noted if " -m pip " in line]
    assert installs == [
        "--require-hashes -r requirements.lock",
        "--no-deps --no-build-isolation --editable .",
    ]


def test_a_second_time_nothing_happens_until_the_lock_changes(checkout: Path) -> None:
    install(checkout, "python3", "3.13.0", suits=True)
    assert make(checkout, ".venv/.set-up").returncode == 0
    before = calls(checkout)
    assert make(checkout, ".venv/.set-up").returncode == 0
    assert calls(checkout) == before
    later = (checkout / ".venv" / ".set-up").stat().st_mtime + 10
    os.utime(checkout / "requirements.lock", (later, later))
    assert make(checkout, ".venv/.set-up").returncode == 0
    again = calls(checkout)[len(before) :]
    assert any("--require-hashes" in line for line in again)
    assert not any("-m venv" in line for line in again), "a suitable environment is kept"


def test_a_failed_installation_is_tried_again(checkout: Path) -> None:
    install(checkout, "python3", "3.11.7", suits=True)
    path = checkout.parent / "bin" / "python3"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace("  -m) if", '  -m) if [ "$2" = pip ]; then exit 1; fi; if'), encoding="utf-8")
    assert make(checkout, ".venv/.set-up").returncode != 0
    assert not (checkout / ".venv" / ".set-up").exists()


def test_a_missing_browser_is_said_aloud(checkout: Path) -> None:
    install(checkout, "python3", "3.11.7", suits=True)
    told = make(checkout, "browser")
    assert told.returncode == 0
    assert "NO BROWSER" in told.stderr
    install(checkout, "chromium", "1", suits=True)
    assert "NO BROWSER" not in make(checkout, "browser").stderr


def test_help_tells_every_target(checkout: Path) -> None:
    for tool in ("sed", "tr", "expand"):
        (checkout.parent / "bin" / tool).symlink_to(str(shutil.which(tool)))
    told = make(checkout).stdout
    assert [line.split()[1] for line in told.splitlines()] == [
        "help", "demo", "test", "lint", "format", "docs", "bench", "calibrate", "hooks", "browser", "lock", "clean",
    ]  # fmt: skip

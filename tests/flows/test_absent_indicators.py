"""Indicators of which the data say nothing are absent with a reason, in the terminal and on the pages, never zero."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

Parcours = Callable[..., subprocess.CompletedProcess[str]]
KEPT = ("time_to_referral", "emergency_return", "satisfaction", "trial_inclusion", "emergency_at_end_of_life")
TITLES = {"fr": "n’est jamais survenu", "en": "this is not a zero"}


@pytest.fixture(scope="module")
def lacking(parcours: Parcours, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A hospital whose system knows neither trials nor deaths, and a programme of five indicators."""
    folder = tmp_path_factory.mktemp("lacking")
    done = parcours("simulate", folder / "data", "--patients", 400, "--seed", 5)
    assert done.returncode == 0, done.stderr
    for file in (folder / "data" / "events").iterdir():
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if ";ESS;" not in line and ";DCD;" not in line]
        file.write_text("".join(kept), encoding="utf-8")
    declared = (files("warehouse") / "programmes" / "pacosme.toml").read_text(encoding="utf-8")
    start = declared.index("indicators = [")
    end = declared.index("]", start) + 1
    declared = declared[:start] + f"indicators = {json.dumps(KEPT)}" + declared[end:]
    programme = folder / "pacosme.toml"
    programme.write_text(declared, encoding="utf-8")
    return folder, programme


def test_each_absent_indicator_is_told_with_its_reason(parcours: Parcours, lacking: tuple[Path, Path]) -> None:
    folder, programme = lacking
    home = folder / "home"
    done = parcours("run", programme, "--data", folder / "data", "--home", home, "--key-file", folder / "k", "--json")
    assert done.returncode in (0, 4), done.stderr
    told = json.loads(done.stdout)
    assert list(told["absent"]) == ["trial_inclusion", "emergency_at_end_of_life"]
    assert "not zero" in told["absent"]["trial_inclusion"]
    assert "no pathway begins" in told["absent"]["emergency_at_end_of_life"]
    pages = Path(told["page"]).parent
    for language, words in TITLES.items():
        page = (pages / language / "indicator-trial_inclusion.html").read_text(encoding="utf-8")
        assert words in page
    status = parcours("status", programme, "--home", home)
    assert "absent: trial_inclusion: the data hold no event of the kind" in status.stdout

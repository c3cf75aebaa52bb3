"""Every reference says which call and versions made it, and every script has its reference."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
SCRIPTS = sorted(path for path in FOLDER.glob("*.R") if path.name != "common.R")


def numbers(node) -> int:
    """How many numbers of figures, cells and patients left out."""
    if isinstance(node, dict):
        return sum(numbers(value) for key, value in node.items() if key not in ("cells", "patients", "events", "n"))
    if isinstance(node, list):
        return sum(numbers(value) for value in node)
    return isinstance(node, float)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_reference_names_its_call_and_versions(script):
    made_by = json.loads(script.with_suffix(".json").read_text())["made_by"]
    assert made_by["call"] == f"Rscript {script.name}"
    assert made_by["r"] >= "R version 4.2"
    assert all(made_by["packages"].values())


def test_no_reference_is_without_its_script():
    assert {path.stem for path in FOLDER.glob("*.json")} == {script.stem for script in SCRIPTS}


def test_there_are_hundreds_of_figures():
    assert sum(numbers(json.loads(script.with_suffix(".json").read_text())["cases"]) for script in SCRIPTS) > 1000

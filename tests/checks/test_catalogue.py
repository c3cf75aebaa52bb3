"""The reference page of the checks says what is declared."""

from __future__ import annotations

from pathlib import Path

from checks.report import catalogue
from checks.rules import row_rules
from warehouse.programme import Programme

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"
MADE = "<!-- Below this line: made from the declarations, and kept so by tests/checks/test_catalogue.py -->\n"


def test_the_reference_page_is_current(programme: Programme) -> None:
    by_hand, found, made = PAGE.read_text(encoding="utf-8").partition(MADE)
    assert by_hand
    assert found
    assert made == catalogue(row_rules(programme)), (
        "checks.md: replace what follows the marker by report.catalogue(...)"
    )


def test_every_check_stands_in_it_once(programme: Programme) -> None:
    ids = [line.split("`")[1] for line in catalogue(row_rules(programme)).splitlines()[2:]]
    assert len(ids) == len(set(ids)) == 24 + 27 + 11

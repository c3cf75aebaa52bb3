"""CSV files that spreadsheets open as they are, and that run nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from dashboards import exports
from dashboards.language import language
from dashboards.selection import opened
from warehouse.schemas import RELEASED_FIGURE, Release

STARTS = ("=", "+", "-", "@", "\t", "\r")
BODIES = ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("https://x.org","x")', "SUM(A1:A9)", "2-3")
PAYLOADS = [start + body for start in STARTS for body in BODIES]


def test_there_are_thirty_payloads() -> None:
    assert len(set(PAYLOADS)) == 30


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_that_starts_a_formula_is_defused(payload: str) -> None:
    assert exports.cell(payload, language("fr")) == f"'{payload}"


@pytest.mark.parametrize(
    ("value", "fr", "en"),
    [(None, "", ""), (-0.03, "-0,03", "-0.03"), (24.0, "24", "24"), (525, "525", "525"), ("a;b", "a;b", "a;b")],
)
def test_numbers_keep_their_sign_and_take_the_decimal_of_the_language(value: object, fr: str, en: str) -> None:
    assert exports.cell(value, language("fr")) == fr
    assert exports.cell(value, language("en")) == en


@pytest.mark.parametrize(("code", "separator"), [("fr", ";"), ("en", ",")])
def test_files_open_by_a_double_click(site: Path, code: str, separator: str) -> None:
    raw = (site / "data" / f"indicator_time_to_referral_{code}.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=separator))
    assert rows[0] == ["indicator", *RELEASED_FIGURE.names()]
    assert {len(row) for row in rows} == {len(rows[0])}
    title = "Délai d’orientation" if code == "fr" else "Time to referral"
    assert {row[0] for row in rows[1:]} == {title}


def test_every_released_figure_is_in_one_file(release: Release) -> None:
    texts = dict(exports.tables(opened(release), language("en")))
    lines = sum(len(list(csv.reader(io.StringIO(t)))) - 1 for n, t in texts.items() if n.startswith("indicator_"))
    assert lines == release.figures.height


def test_withheld_values_are_empty_and_their_reason_is_told(release: Release) -> None:
    text = dict(exports.tables(opened(release), language("en")))["indicator_time_to_referral"]
    rows = list(csv.DictReader(io.StringIO(text.removeprefix(exports.BYTE_ORDER_MARK))))
    hidden = [row for row in rows if row["withheld"]]
    assert hidden
    assert {row["estimate"] + row["ci_low"] + row["ci_high"] for row in hidden} == {""}

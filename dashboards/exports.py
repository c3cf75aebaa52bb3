"""The CSV files behind the pages: what spreadsheets of each language open by a double click.

UTF-8 with a byte order mark. French: ``;`` between cells and a decimal comma; English: ``,`` and a
point. A cell of text that a spreadsheet would run as a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

import polars as pl

from dashboards.language import Language
from dashboards.selection import Published

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
SEPARATOR = {"fr": ";", "en": ","}
DECIMAL = {"fr": ",", "en": "."}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def tables(published: Published, language: Language) -> Iterator[tuple[str, str]]:
    """File names and texts: figures and curves of each indicator, attrition, checks, rows read, threats, activity."""
    release = published.release
    titles = {indicator.id: language.pick(indicator.title) for indicator in published.indicators}
    for name in titles:
        of_it = pl.col("indicator_id") == name
        yield f"indicator_{name}", _text(release.figures.filter(of_it), titles, language)
        curves = release.curves.filter(of_it)
        if curves.height:
            yield f"curves_{name}", _text(curves, titles, language)
        for kind, frame in (("charts", release.charts), ("funnels", release.funnels)):
            mine = frame.filter(of_it)
            if mine.height:
                yield f"{kind}_{name}", _text(mine, titles, language)
    if release.chart_summaries.height:
        yield "chart_summaries", _text(release.chart_summaries, titles, language)
    yield "attrition", _text(release.attrition, titles, language)
    yield "checks", _text(release.checks, titles, language)
    yield "files", _text(release.files, titles, language)
    yield "reading", _text(release.reading, titles, language)
    further = {"threats": release.threats, "activity": release.activity, "references": release.references}
    for name, frame in further.items():
        if frame.height:
            yield name, _text(frame, titles, language)


def _text(frame: pl.DataFrame, titles: Mapping[str, str], language: Language) -> str:
    """The frame as CSV, with the indicator's title beside its id."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=SEPARATOR[language.code], lineterminator="\r\n")
    with_title = "indicator_id" in frame.columns
    writer.writerow([*(["indicator"] if with_title else []), *frame.columns])
    for row in frame.iter_rows(named=True):
        title = [titles.get(row["indicator_id"], "")] if with_title else []
        writer.writerow([cell(value, language) for value in (*title, *row.values())])
    return BYTE_ORDER_MARK + out.getvalue()


def cell(value: object, language: Language) -> str:
    """One cell: numbers in the language's decimal sign, text made safe for spreadsheets, null empty."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value).removesuffix(".0").replace(".", DECIMAL[language.code])
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA_STARTS) else text

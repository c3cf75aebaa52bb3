"""Tables of the pages: the twin of every chart, and what no chart shows. Texts only, already formatted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from dashboards import inference_words, words
from dashboards.language import Language
from dashboards.selection import Comparison, Point, Row
from warehouse.kinds import Indicator
from warehouse.schemas import Release

ATTRITION_ORDER = (
    "analysed", "earlier_event", "not_started", "comparator", "prevalent", "outside_periods", "site_unknown",
    "immature", "not_alive", "no_answer",
)  # fmt: skip
STATUS_SIGNS = {"pass": "✓", "pass_with_failures": "✓", "fail": "✗", "error": "✗", "not_applicable": "–"}


@dataclass(frozen=True)
class Column:
    """A column with its title; numbers stand to the right, words to the left."""

    title: str
    is_text: bool = False


@dataclass(frozen=True)
class Table:
    """A caption, columns and rows of text; the first cell of a row is its header."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Line:
    """A labelled comparison: one line of a table of before and after."""

    label: str
    comparison: Comparison


def of_comparisons(caption: str, first: str, lines: Sequence[Line], least: int, language: Language) -> Table:
    """Before, after and difference of each line, with its level of analysis, counts, intervals and remarks if any."""
    say = language.say
    rows = [_comparison_row(line, least, language) for line in lines]
    titles = [Column(first, is_text=True), Column(say("table.analysis"), is_text=True)]
    for period in ("before", "after"):
        named = language.label("period", period)
        titles += [Column(named), Column(say("table.interval")), Column(say("table.n_of", period=named.lower()))]
    titles += [Column(say("table.difference")), Column(say("table.interval"))]
    return with_remarks(caption, titles, rows, [words.remark(_parts(line), language) for line in lines], language)


def _parts(line: Line) -> list[Row | None]:
    return [line.comparison.before, line.comparison.after, line.comparison.difference]


def _comparison_row(line: Line, least: int, language: Language) -> list[str]:
    cells = [line.label, inference_words.level(line.comparison, language)]
    for row in (line.comparison.before, line.comparison.after):
        n = words.NO_NUMBER_SYMBOL if row is None else words.count(row.n, least, language)
        cells += [words.value(row, language), words.interval(row, language), n]
    difference = line.comparison.difference
    return [*cells, words.value(difference, language), words.interval(difference, language)]


def with_remarks(
    caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], remarks: Sequence[str], language: Language
) -> Table:
    """The table with a last column of reasons, unless there is none to give."""
    if not any(remarks):
        return Table(caption, tuple(columns), tuple(tuple(row) for row in rows))
    titles = (*columns, Column(language.say("table.remark"), is_text=True))
    return Table(caption, titles, tuple((*row, remark) for row, remark in zip(rows, remarks, strict=True)))


def of_series(caption: str, series: Mapping[str, Sequence[Row]], least: int, language: Language) -> Table:
    """One line per month or quarter and group."""
    say = language.say
    columns = [Column(say("table.period"), is_text=True), Column(say("table.group"), is_text=True)]
    columns += [Column(say("table.value")), Column(say("table.interval")), Column(say("table.n"))]
    found = sorted(((row, name) for name, rows in series.items() for row in rows), key=lambda pair: pair[0].period)
    rows = [
        [
            language.calendar(row.period),
            name,
            words.value(row, language),
            words.interval(row, language),
            words.count(row.n, least, language),
        ]
        for row, name in found
    ]
    return with_remarks(caption, columns, rows, [words.remark([row], language) for row, _ in found], language)


def of_curves(
    caption: str, by_period: Mapping[str, Sequence[Point]], unit: str, least: int, language: Language
) -> Table:
    """One line per published time, the periods side by side."""
    columns = [Column(language.say("table.time"), is_text=True)]
    for period in by_period:
        named = language.label("period", period)
        columns += [Column(named), Column(language.say("table.interval")), Column(language.say("table.at_risk"))]
    times = sorted({point.time for points in by_period.values() for point in points})
    at = {period: {point.time: point for point in points} for period, points in by_period.items()}
    rows = []
    for time in times:
        cells = [words.duration(time, unit, language)]
        for period in by_period:
            cells += _point_cells(at[period].get(time), least, language)
        rows.append(tuple(cells))
    return Table(caption, tuple(columns), tuple(rows))


def _point_cells(point: Point | None, least: int, language: Language) -> list[str]:
    if point is None:
        return [words.NO_NUMBER_SYMBOL] * 3
    at_risk = words.count(point.at_risk, least, language)
    if point.estimate is None or point.ci_low is None or point.ci_high is None:
        return [words.WITHHELD_SYMBOL, words.WITHHELD_SYMBOL, at_risk]
    low, high = language.percent(point.ci_low), language.percent(point.ci_high)
    return [language.percent(point.estimate), language.say("interval", low=low, high=high), at_risk]


def of_attrition(release: Release, indicator: Indicator, language: Language) -> Table | None:
    """How many pathways of each period were analysed or left out, by reason."""
    mine = release.attrition.filter((pl.col("indicator_id") == indicator.id) & (pl.col("variant") == "main"))
    if mine.is_empty():
        return None
    order = ("before", "transition", "after", "outside")
    periods = sorted(mine["period"].unique().to_list(), key=lambda name: _place(name, order))
    reasons = sorted(mine["reason"].unique().to_list(), key=lambda name: _place(name, ATTRITION_ORDER))
    n = {(row["reason"], row["period"]): row["n"] for row in mine.iter_rows(named=True)}
    least = release.smallest_count
    rows = tuple(
        (
            language.label("attrition", reason),
            *(
                words.count(n[reason, period], least, language) if (reason, period) in n else words.NO_NUMBER_SYMBOL
                for period in periods
            ),
        )
        for reason in reasons
    )
    columns = (
        Column(language.say("table.reason"), is_text=True),
        *(Column(language.label("period", p)) for p in periods),
    )
    return Table(language.say("attrition.caption", indicator=language.pick(indicator.title)), columns, rows)


def _place(name: str, order: Sequence[str]) -> tuple[int, str]:
    """Known names in their order, then the unknown by name."""
    return (order.index(name) if name in order else len(order), name)


def of_checks(release: Release, category: str, language: Language) -> Table:
    """The checks of one Kahn category, failures first."""
    say = language.say
    order = ("fail", "error", "pass_with_failures", "pass", "not_applicable")
    mine = release.checks.filter(pl.col("category") == category).rows(named=True)
    titles = ("table.check", "table.scope", "table.severity", "table.status", "table.violated", "table.denominator")
    columns = [Column(say(title), is_text=position < 4) for position, title in enumerate(titles)]
    columns += [Column(say("table.share")), Column(say("table.threshold"))]
    ranked = sorted(mine, key=lambda row: (_place(row["status"], order), row["check_id"], row["scope"]))
    rows = tuple(tuple(_check_cells(row, release.smallest_count, language)) for row in ranked)
    return Table(language.label("category", category), tuple(columns), rows)


def _check_cells(row: Mapping[str, object], least: int, language: Language) -> list[str]:
    scope, status = str(row["scope"]), str(row["status"])
    return [
        str(row[f"sentence_{language.code}"]),
        language.say("scope.all") if scope == "all" else scope,
        language.label("severity", str(row["severity"])),
        f"{STATUS_SIGNS.get(status, '·')} {language.label('status', status)}",
        *_check_counts(row, least, language),
    ]


def _check_counts(row: Mapping[str, object], least: int, language: Language) -> list[str]:
    if row["status"] == "not_applicable":
        return [words.NO_NUMBER_SYMBOL] * 4
    counts = [words.count(_integer(row[name]), least, language) for name in ("violated", "denominator")]
    shares = [row["share"], row["threshold"]]
    return counts + [
        language.percent(s, exact=True) if isinstance(s, float) else words.NO_NUMBER_SYMBOL for s in shares
    ]


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None


def of_reading(release: Release, language: Language) -> Table:
    """What became of the loaded rows."""
    columns = (Column(language.say("table.became"), is_text=True), Column(language.say("table.rows")))
    rows = tuple(
        (language.label("reading", row["reason"]), words.count(row["n"], release.smallest_count, language))
        for row in release.reading.iter_rows(named=True)
    )
    return Table(language.say("reading.caption"), columns, rows)


def of_files(release: Release, language: Language) -> Table:
    """Rows of each source: read = loaded + duplicates + quarantined."""
    names = ("rows_in", "loaded", "duplicates", "quarantined")
    columns = (
        Column(language.say("table.source"), is_text=True),
        *(Column(language.say(f"table.{n}")) for n in names),
    )
    rows = tuple(
        (row["source"], *(words.count(row[name], release.smallest_count, language) for name in names))
        for row in release.files.iter_rows(named=True)
    )
    return Table(language.say("files.caption"), columns, rows)

"""The page beside the outcomes: what the programme did by site and month, and published figures as context.

Nothing here is contrasted: neither periods with each other, nor our figures with those of others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from dashboards import implementation_figures, words
from dashboards.charts import Chart
from dashboards.figures import label
from dashboards.implementation_figures import Count, Share
from dashboards.indicator_page import site_name
from dashboards.language import Language
from dashboards.selection import Published
from dashboards.tables import Column, Table, with_remarks
from warehouse.implementation import ActivityItem, ActivityKind, Reference, ReferenceItem
from warehouse.programme import Site
from warehouse.schemas import CONFIDENCE, Release

WHOLE = "all"
SITES_ABREAST = 8  # columns of a table that fit on paper


@dataclass(frozen=True)
class Section:
    """One activity: its name, a sentence, its chart, its sites, and the shares of its items."""

    id: str
    title: str
    sentence: str
    chart: Chart | None
    sites: tuple[Table, ...]
    items: Chart | None


@dataclass(frozen=True)
class Context:
    """One published survey: when, of how many, by whom, and its shares."""

    id: str
    title: str
    dated: str
    source: str
    chart: Chart


def is_present(release: Release) -> bool:
    """Whether there is anything to show."""
    return bool(release.activity.height or release.references.height)


def headlines(published: Published, language: Language) -> list[tuple[str, str]]:
    """Each activity in a sentence, for the summary."""
    return [(language.pick(kind.title), _sentence(published, kind, language)) for kind in _kinds(published)]


def content(published: Published, language: Language) -> tuple[dict[str, Any], tuple[Chart, ...]]:
    """What the template needs, and the charts in the order of the page."""
    sections = [_section(published, kind, language) for kind in _kinds(published)]
    released = published.release.references["reference_id"]
    contexts = [_context(published, one, language) for one in published.programme.references if one.id in released]
    drawn = [chart for section in sections for chart in (section.chart, section.items) if chart is not None]
    sections_and_contexts = {"sections": sections, "contexts": contexts, "has_people": _has_people(published)}
    return sections_and_contexts, (*drawn, *(context.chart for context in contexts))


def _kinds(published: Published) -> list[ActivityKind]:
    """The declared activities of which something is stated."""
    file, stated = published.programme.activity, published.release.activity["activity"]
    return [kind for kind in file.kinds if kind.id in stated] if file is not None else []


def _has_people(published: Published) -> bool:
    return any(kind.counts == "people" for kind in _kinds(published))


def _rows(published: Published, kind: ActivityKind, scope_type: str) -> pl.DataFrame:
    frame = published.release.activity
    return frame.filter(
        (pl.col("activity") == kind.id) & (pl.col("scope_type") == scope_type) & pl.col("item").is_null()
    )


# --- What the programme did ---------------------------------------------------------------------


def _section(published: Published, kind: ActivityKind, language: Language) -> Section:
    return Section(
        id=f"activity-{kind.id}",
        title=language.pick(kind.title),
        sentence=_sentence(published, kind, language),
        chart=_counts_chart(published, kind, language),
        sites=tuple(_site_tables(published, kind, language)),
        items=_items_chart(published, kind, language),
    )


def _sentence(published: Published, kind: ActivityKind, language: Language) -> str:
    """The total of the circuit's sites, and from when to when it is stated."""
    rows = _rows(published, kind, "overall")
    periods = _periods(rows)
    if not periods:
        return language.say("activity.elsewhere")
    total = rows.filter(pl.col("period") == WHOLE)["n"].to_list()[0]
    least = published.release.smallest_count
    first, last = language.calendar(periods[0]), language.calendar(periods[-1])
    return language.say("activity.total", number=words.count(total, least, language), first=first, last=last)


def _periods(rows: pl.DataFrame) -> list[str]:
    return sorted(set(rows["period"].to_list()) - {WHOLE})


def _series(rows: pl.DataFrame, least: int, language: Language) -> list[Count]:
    series = rows.filter(pl.col("period") != WHOLE).sort("period")
    return [
        Count(period, n, cumulative, _told(period, n, cumulative, least, language))
        for period, n, cumulative in series.select("period", "n", "cumulative").iter_rows()
    ]


def _told(period: str, n: int | None, cumulative: int | None, least: int, language: Language) -> str:
    when = label(language.calendar(period))
    if n is None or cumulative is None:
        return f"<b>{when}</b><br>{label(words.count(None, least, language))}"
    so_far = language.say("activity.so_far", number=language.number(cumulative))
    return f"<b>{when}</b><br>{language.number(n)}<br>{label(so_far)}"


def _counts_chart(published: Published, kind: ActivityKind, language: Language) -> Chart | None:
    least = published.release.smallest_count
    series = _series(_rows(published, kind, "overall"), least, language)
    if not series:
        return None
    spec = implementation_figures.counts(series, published.programme.periods.named(), language)
    title = language.say(f"activity.chart.{series[0].step}", activity=language.pick(kind.title))
    return Chart(
        id=f"activity-{kind.id}",
        title=title,
        summary=_summary(series, language),
        spec=spec,
        table=_counts_table(title, series, least, language),
        csv="activity",
        height=spec["layout"]["height"],
    )


def _summary(series: Sequence[Count], language: Language) -> str:
    shown = [one.n for one in series if one.n is not None]
    if not shown:
        return language.say("chart.run.empty")
    return language.say(
        "activity.summary",
        shown=language.counted("chart.run.points", len(shown), number=len(shown)),
        low=language.number(min(shown)),
        high=language.number(max(shown)),
        first=language.calendar(series[0].period),
        last=language.calendar(series[-1].period),
    )


def _counts_table(caption: str, series: Sequence[Count], least: int, language: Language) -> Table:
    columns = [Column(language.say("table.period"), is_text=True)]
    columns += [Column(language.say("table.number")), Column(language.say("activity.panel.cumulative"))]
    rows = [
        [language.calendar(one.period), words.count(one.n, least, language), _cumulative(one, language)]
        for one in series
    ]
    remarks = ["" if one.n is not None else words.reason_in_words(words.WITHHELD, language) for one in series]
    return with_remarks(caption, columns, rows, remarks, language)


def _cumulative(one: Count, language: Language) -> str:
    return words.WITHHELD_SYMBOL if one.cumulative is None else language.number(one.cumulative)


def _site_tables(published: Published, kind: ActivityKind, language: Language) -> Iterator[Table]:
    """Periods down, sites across, in declared order; several tables where the sites are many."""
    rows = _rows(published, kind, "site")
    n = {(scope, period): count for scope, period, count in rows.select("scope", "period", "n").iter_rows()}
    stated = [site for site in published.programme.sites if (site.id, WHOLE) in n]
    caption = language.say("activity.by_site", activity=language.pick(kind.title))
    first = Column(language.say("table.period"), is_text=True)
    for start in range(0, len(stated), SITES_ABREAST):
        abreast = stated[start : start + SITES_ABREAST]
        columns = [Column(_site_name(site, language)) for site in abreast]
        lines = [
            (name, *(_cell(n, site.id, period, published.release.smallest_count, language) for site in abreast))
            for period, name in _lines(rows, language)
        ]
        yield Table(caption, (first, *columns), tuple(lines))


def _lines(rows: pl.DataFrame, language: Language) -> list[tuple[str, str]]:
    named = [(period, language.calendar(period)) for period in _periods(rows)]
    return [*named, (WHOLE, language.say("activity.whole"))]


def _site_name(site: Site, language: Language) -> str:
    name = site_name(site, language)
    return name if site.arm == "circuit" else language.say("sites.comparator", site=name)


def _cell(n: dict[tuple[str, str], int | None], site: str, period: str, least: int, language: Language) -> str:
    """A count, that it is small, or that nothing was stated."""
    return words.count(n[site, period], least, language) if (site, period) in n else words.NO_NUMBER_SYMBOL


# --- Shares -------------------------------------------------------------------------------------


def _items_chart(published: Published, kind: ActivityKind, language: Language) -> Chart | None:
    """What those counted said, in declared order; None where no item is stated."""
    frame = published.release.activity
    found = {row["item"]: row for row in frame.filter(pl.col("activity") == kind.id).iter_rows(named=True)}
    items = [item for item in kind.items if item.id in found]
    if not items:
        return None
    least = published.release.smallest_count
    rows = [_share(item, found[item.id], language, exact=False) for item in items]
    title = language.say("activity.items", activity=language.pick(kind.title))
    columns = _share_columns(language, language.say("table.n"))
    cells = [
        [row.label, *_share_cells(row, language, exact=False), words.count(found[item.id]["n"], least, language)]
        for item, row in zip(items, rows, strict=True)
    ]
    remarks = ["" if row.estimate is not None else words.reason_in_words(words.WITHHELD, language) for row in rows]
    table = with_remarks(title, columns, cells, remarks, language)
    return _shares_chart(f"items-{kind.id}", title, rows, table, "activity", language, exact=False)


def _share(item: ActivityItem | ReferenceItem, row: dict[str, Any], language: Language, *, exact: bool) -> Share:
    name = language.pick(item.title)
    share = Share(name, row["estimate"], row["ci_low"], row["ci_high"], "")
    value, limits = _share_cells(share, language, exact=exact)
    return Share(name, share.estimate, share.low, share.high, f"<b>{label(name)}</b><br>{value} ({limits})")


def _share_cells(row: Share, language: Language, *, exact: bool) -> tuple[str, str]:
    """The share in whole per cent, and its interval; a published figure has limits to a tenth."""
    if row.estimate is None or row.low is None or row.high is None:
        return words.WITHHELD_SYMBOL, words.WITHHELD_SYMBOL
    low, high = (language.percent(limit, exact=exact) for limit in (row.low, row.high))
    return language.percent(row.estimate), language.say("interval", low=low, high=high)


def _share_columns(language: Language, last: str) -> list[Column]:
    titles = [Column(language.say("table.answer"), is_text=True), Column(language.say("table.share"))]
    level = language.percent(CONFIDENCE)
    return [*titles, Column(language.say("table.interval_at", level=level)), Column(last)]


def _shares_chart(
    name: str, title: str, rows: Sequence[Share], table: Table, csv: str, language: Language, *, exact: bool
) -> Chart:
    spec = implementation_figures.shares(rows, language)
    told = [f"{row.label} ({_share_cells(row, language, exact=exact)[0]})" for row in rows if row.estimate is not None]
    summary = language.say("activity.items.summary", items=language.say("list.semicolon").join(told))
    if not told:
        summary = language.say("chart.run.empty")
    return Chart(name, title, summary, spec, table, csv, height=spec["layout"]["height"])


# --- Published figures of others ----------------------------------------------------------------


def _context(published: Published, reference: Reference, language: Language) -> Context:
    frame = published.release.references.filter(pl.col("reference_id") == reference.id)
    found = {row["item"]: row for row in frame.iter_rows(named=True)}
    rows = [_share(item, found[item.id], language, exact=True) for item in reference.items]
    title = language.pick(reference.title)
    cells = [
        (row.label, *_share_cells(row, language, exact=True), _nearest(found[item.id], language))
        for item, row in zip(reference.items, rows, strict=True)
    ]
    columns = _share_columns(language, language.say("reference.count", n=language.number(reference.n)))
    table = Table(title, tuple(columns), tuple(cells))
    last = date.fromordinal(reference.until.toordinal() - 1)
    name, heading = f"reference-{reference.id}", language.say("reference.chart")
    return Context(
        id=name,
        title=title,
        dated=language.say(
            "reference.dated", first=language.day(reference.start), last=language.day(last),
            n=language.number(reference.n),
        ),
        source=language.pick(reference.source),
        chart=_shares_chart(name, heading, rows, table, "references", language, exact=True),
    )  # fmt: skip


def _nearest(row: dict[str, Any], language: Language) -> str:
    """The nearest count and, where a percentage stands for several, those."""
    nearest, least, most = (language.number(row[name]) for name in ("n_yes", "n_yes_least", "n_yes_most"))
    return nearest if least == most else language.say("reference.nearest", nearest=nearest, least=least, most=most)

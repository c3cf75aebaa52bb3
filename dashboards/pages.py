"""What each page says: from a release to the texts, tables and charts that the templates lay out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from dashboards import (
    charts,
    control_charts,
    directions,
    glyphs,
    implementation_page,
    indicator_page,
    methods_catalogue,
    plan_page,
    response_words,
    tables,
    words,
)
from dashboards.charts import Chart
from dashboards.language import Language
from dashboards.methods_catalogue import Method
from dashboards.selection import Comparison, Published
from dashboards.tables import Line
from warehouse.kinds import Indicator
from warehouse.programme import Period
from warehouse.schemas import CONFIDENCE, Release

CATEGORIES = ("conformance", "completeness", "plausibility")
KINDS = ("time_to_event", "gap", "recurrent_event", "proportion", "score")
STATUSES = ("pass", "pass_with_failures", "fail", "error", "not_applicable")
PANDEMIC = (date(2020, 3, 1), date(2022, 8, 1))  # the French state of health emergency, whole months


@dataclass(frozen=True)
class Page:
    """One page: its file name without ending, its template, what the template needs, and its charts."""

    name: str
    template: str
    title: str
    content: dict[str, Any]
    charts: tuple[Chart, ...] = field(default=())


@dataclass(frozen=True)
class Tile:
    """The headline of one indicator: three values, their direction in words, and a small scale."""

    title: str
    href: str
    goal: str
    measure: str
    wording: words.Wording
    before: dict[str, str]
    after: dict[str, str]
    difference: dict[str, str]
    marks: tuple[glyphs.Mark, ...]
    reason: str
    icons: tuple[glyphs.Icon, ...] = ()
    warning: str = ""


@dataclass(frozen=True)
class ForestLine:
    """One indicator's difference on the common scale."""

    title: str
    href: str
    measure: str
    wording: words.Wording
    cells: tuple[str, ...]
    mark: glyphs.Mark | None
    reason: str


def pages(published: Published, language: Language) -> Iterator[Page]:
    """Every page of one language: summary, one per indicator, sites, implementation if any, plan, quality, methods."""
    yield summary(published, language)
    listed = published.indicators
    for position, indicator in enumerate(listed):
        neighbours = (listed[position - 1] if position else None, next(iter(listed[position + 1 :]), None))
        yield _indicator(published, indicator, neighbours, language)
    yield sites(published, language)
    if implementation_page.is_present(published.release):
        content, drawn = implementation_page.content(published, language)
        yield Page("implementation", "implementation.html", language.say("nav.implementation"), content, drawn)
    plan = plan_page.content(published, language) | {"periods": _periods(published, language)}
    yield Page("plan", "plan.html", language.say("nav.plan"), plan)
    yield quality(published.release, language)
    yield methods(published, language)


def page_of(indicator: Indicator) -> str:
    """The file name of an indicator's page, without ending; no declared id can meet another page's name."""
    return f"indicator-{indicator.id}"


def _indicator(
    published: Published, indicator: Indicator, neighbours: tuple[Indicator | None, Indicator | None],
    language: Language,
) -> Page:  # fmt: skip
    content, drawn = indicator_page.content(published, indicator, language)
    around = [None if other is None else (f"{page_of(other)}.html", language.pick(other.title)) for other in neighbours]
    more = {"tile": _tile(published, indicator, language), "previous": around[0], "next": around[1]}
    return Page(page_of(indicator), "indicator.html", language.pick(indicator.title), content | more, drawn)


# --- Summary ------------------------------------------------------------------------------------


def summary(published: Published, language: Language) -> Page:
    """The landing page: tiles, months, and all differences on one scale."""
    tiles = [_tile(published, indicator, language) for indicator in published.primary]
    runs = [charts.run(published, indicator, language, small=True) for indicator in published.primary]
    drawn = tuple(chart for chart in runs if chart is not None)
    named = list(published.indicators)
    scale = glyphs.scale_of(published.headline(indicator) for indicator in named)
    content = {
        "tiles": tiles,
        "sentence": words.summary([tile.wording for tile in tiles], language),
        "periods": _periods(published, language),
        "runs": [(chart, f"indicator-{chart.id.removeprefix('run-')}.html") for chart in drawn],
        "primary": [_forest_line(published, indicator, scale, language) for indicator in published.primary],
        "secondary": [_forest_line(published, indicator, scale, language) for indicator in published.secondary],
        "scale": [language.number(round(scale * 100 * side), signed=True) for side in (-1, 0, 1)],
        "has_comparator": published.programme.has_comparator,
        "activities": implementation_page.headlines(published, language),
    }
    return Page("index", "index.html", language.pick(published.programme.title), content, drawn)


def _wording(published: Published, indicator: Indicator, language: Language) -> words.Wording:
    programme = published.programme
    return words.describe(
        published.headline(indicator),
        indicator,
        language,
        controlled=programme.has_comparator,
        judged=not programme.negative_control,
        interim=indicator.id in programme.incomplete,
    )


def _tile(published: Published, indicator: Indicator, language: Language) -> Tile:
    found = published.headline(indicator)
    marks = (glyphs.of_share(found.before, "before"), glyphs.of_share(found.after, "after"))
    least = published.release.smallest_count
    wording = _wording(published, indicator, language)
    insufficient = wording.direction is directions.Direction.INSUFFICIENT
    return Tile(
        title=language.pick(indicator.title),
        href=f"{page_of(indicator)}.html",
        goal=language.say(f"tile.aim.{indicator.better}", goal=language.label("goal", indicator.goal)),
        measure=words.measure_in_words(found, indicator, language),
        wording=wording,
        before=_values(found, "before", least, language),
        after=_values(found, "after", least, language),
        difference=_values(found, "difference", least, language),
        marks=tuple(mark for mark in marks if mark is not None),
        reason=words.reason(found.difference, language) if insufficient else "",
        icons=control_charts.icons(published, indicator, language),
        warning=response_words.warning(published, indicator, language),
    )


def _values(found: Comparison, period: str, least: int, language: Language) -> dict[str, str]:
    row = getattr(found, period)
    n = words.NO_NUMBER_SYMBOL if row is None else words.count(row.n, least, language)
    return {"value": words.value(row, language), "interval": words.interval(row, language), "n": n}


def _forest_line(published: Published, indicator: Indicator, scale: float, language: Language) -> ForestLine:
    found = published.headline(indicator)
    wording = _wording(published, indicator, language)
    insufficient = wording.direction is directions.Direction.INSUFFICIENT
    return ForestLine(
        title=language.pick(indicator.title),
        href=f"{page_of(indicator)}.html",
        measure=words.measure_in_words(found, indicator, language),
        wording=wording,
        cells=(
            words.value(found.before, language),
            words.value(found.after, language),
            words.value(found.difference, language),
            words.interval(found.difference, language),
        ),
        mark=glyphs.of_difference(found.difference, wording.direction, scale),
        reason=words.reason(found.difference, language) if insufficient else "",
    )


def _periods(published: Published, language: Language) -> list[tuple[str, str, str]]:
    """The periods by name and first and last day, both included."""
    return [
        (name, language.label("period", name), span(period, language))
        for name, period in published.programme.periods.named()
    ]


def span(period: Period, language: Language) -> str:
    """From the first to the last day of a half-open period, in words."""
    last = date.fromordinal(period.until.toordinal() - 1)
    return language.say("period.span", first=language.day(period.start), last=language.day(last))


# --- Sites --------------------------------------------------------------------------------------


def sites(published: Published, language: Language) -> Page:
    """Each primary indicator by site, in declared order, or why there is no such comparison."""
    declared = published.programme.sites
    drawn = [_site_chart(published, indicator, language) for indicator in published.primary]
    found = tuple(chart for chart in drawn if chart is not None) if len(declared) > 1 else ()
    absent = "" if found else language.say("sites.single" if len(declared) == 1 else "sites.absent")
    return Page("sites", "sites.html", language.say("sites.title"), {"charts": found, "absent": absent}, found)


def _site_chart(published: Published, indicator: Indicator, language: Language) -> Chart | None:
    lines = [
        Line(_site_label(site.arm, label, language), published.headline(indicator, "main", "site", site.id))
        for site in published.programme.sites
        for label in [indicator_page.site_name(site, language)]
    ]
    if not any(line.comparison.is_present for line in lines):
        return None
    measure = words.measure_in_words(published.headline(indicator), indicator, language)
    return charts.dots(
        f"sites-{indicator.id}", language.pick(indicator.title), language.say("table.site"), lines, measure,
        published, f"indicator_{indicator.id}", language,
    )  # fmt: skip


def _site_label(arm: str, name: str, language: Language) -> str:
    return language.say("sites.comparator", site=name) if arm == "comparator" else name


# --- Data quality -------------------------------------------------------------------------------


def quality(release: Release, language: Language) -> Page:
    """The verdict, the checks by Kahn's categories and the accounts of the files read."""
    counts = [(language.label("category", name), _status_counts(release, name)) for name in CATEGORIES]
    present = set(release.checks["category"].unique().to_list())
    others = sorted(present - set(CATEGORIES))
    content = {
        "verdict": language.label("verdict", release.provenance.verdict),
        "is_warning": release.provenance.verdict == "warning",
        "statuses": [language.label("status", status) for status in STATUSES],
        "overview": counts,
        "checks": [tables.of_checks(release, name, language) for name in (*CATEGORIES, *others) if name in present],
        "files": tables.of_files(release, language) if release.files.height else None,
        "reading": tables.of_reading(release, language) if release.reading.height else None,
    }
    return Page("quality", "quality.html", language.say("nav.quality"), content)


def _status_counts(release: Release, category: str) -> list[int]:
    found = release.checks.filter(release.checks["category"] == category)["status"].to_list()
    return [found.count(status) for status in STATUSES]


# --- Methods ------------------------------------------------------------------------------------


def methods(published: Published, language: Language) -> Page:
    """Conventions and formulas in words, limits, disclosure control and the legend of the symbols."""
    release, programme = published.release, published.programme
    kinds = [kind for kind in KINDS if _has_kind(published.indicators, kind)]
    content = {
        "periods": _periods(published, language),
        "time_zero": _time_zero(published, language),
        "kinds": [(language.label("kind", kind), language.say(f"method.kind.{kind}")) for kind in kinds],
        "measures": [(language.label("measure", name), _methods_of(published, name)) for name in published.measures],
        "catalogue": methods_catalogue.used(published),
        "typeset": methods_catalogue.typeset,
        "level": language.percent(CONFIDENCE),
        "controlled": programme.has_comparator,
        "charted": release.charts.height > 0,
        "screened": programme.analysis.screen_moving_ranges,
        "pandemic": _meets_pandemic([period for _, period in programme.periods.named()]),
        "least": release.smallest_count,
        "largest_hidden": release.smallest_count - 1,
        "round_to": release.round_to,
        "purpose": programme.privacy.purpose,
        "retention": language.day(programme.privacy.retention_until),
        "symbols": [(symbol, language.say(f"symbol.{name}", least=release.smallest_count))
                    for symbol, name in _symbols(release.smallest_count, language)],
        "csv_separator": language.say("csv.separator"),
    }  # fmt: skip
    return Page("methods", "methods.html", language.say("nav.methods"), content)


def _has_kind(indicators: Sequence[Indicator], kind: str) -> bool:
    return any(indicator.kind == kind for indicator in indicators)


def _time_zero(published: Published, language: Language) -> str:
    zero = published.programme.time_zero
    return language.say(f"method.time_zero.{zero.which}", event=language.label("event", zero.event))


def _methods_of(published: Published, measure: str) -> tuple[Method, ...]:
    rows = (row for rows in published.figures.values() for row in rows if row.measure == measure)
    return methods_catalogue.of_rows(rows)


def _meets_pandemic(periods: Sequence[Period]) -> bool:
    return any(period.start < PANDEMIC[1] and period.until > PANDEMIC[0] for period in periods)


def _symbols(least: int, language: Language) -> list[tuple[str, str]]:
    return [
        (language.say("count.below", least=least), "below"),
        (words.WITHHELD_SYMBOL, "withheld"),
        (words.NO_NUMBER_SYMBOL, "none"),
        *((arrow, f"arrow.{movement}") for movement, arrow in directions.ARROWS.items() if movement != "unknown"),
    ]

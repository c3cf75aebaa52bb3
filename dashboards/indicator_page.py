"""The page of one indicator: its curves, months, variants, groups, pathways left out and definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards import (
    charts,
    control_charts,
    inference_words,
    methods_catalogue,
    ratio_words,
    tables,
    threat_words,
    words,
)
from dashboards.charts import Chart
from dashboards.language import Language, readable
from dashboards.selection import DETECTABLE, PROPORTIONALITY, RATIOS, SHARES, TESTS, Published, Row, comparisons
from dashboards.tables import Line, Table
from warehouse.kinds import Gap, Indicator, RecurrentEvent, Score, TimeToEvent
from warehouse.programme import Site
from warehouse.schemas import CONFIDENCE

_COMPLEMENTS = {"survival": "cumulative_incidence", "cumulative_incidence": "survival"}


def content(published: Published, indicator: Indicator, language: Language) -> tuple[dict[str, Any], tuple[Chart, ...]]:
    """What the template needs, and the charts in the order of the page."""
    curves = charts.curves(published, indicator, language) if isinstance(indicator, TimeToEvent | Gap) else []
    control = control_charts.section(published, indicator, language)
    run = charts.run(published, indicator, language) if control is None else None
    names = {site.id: site_name(site, language) for site in published.programme.sites}
    funnel = control_charts.funnel(published, indicator, names, language)
    variants = _variants(published, indicator, language)
    strata = _strata(published, indicator, language)
    comparator = _measures(published, indicator, "arm", "comparator", language)
    sections: dict[str, Any] = {
        "is_primary": indicator in published.primary,
        "curves": curves,
        "control": control,
        "run": run,
        "funnel": funnel,
        "measures": _measures(published, indicator, "overall", "all", language),
        "comparator": comparator,
        "inference": inference_words.sentences(published, indicator, language),
        "interactions": inference_words.of_factors(published, indicator, language),
        "tests": _tests(published, indicator, language),
        "sensitivity": _sensitivity(published, indicator, language),
        "methods": methods_catalogue.of_rows(published.rows(indicator.id)),
        "variants": variants,
        "strata": strata,
        "attrition": tables.of_attrition(published.release, indicator, language),
        "threats": threat_words.of_indicator(published, indicator, language),
        "definition": _definition(indicator, language),
        "caveat": language.pick(indicator.caveat),
        "subtraction": _subtraction(indicator, language),
        "csv": f"indicator_{indicator.id}",
    }
    of_months = [run] if control is None else control.charts
    of_sites = None if funnel is None else funnel.chart
    drawn = (*curves, *of_months, of_sites, variants, strata)
    return sections, tuple(chart for chart in drawn if chart is not None)


def site_name(site: Site, language: Language) -> str:
    """The declared title of a site, or its id made readable."""
    return language.pick(site.title) if site.title is not None else readable(site.id).title()


def _measures(
    published: Published, indicator: Indicator, scope_type: str, scope: str, language: Language
) -> Table | None:
    """Every measure and horizon of one scope, but tests and what is one minus the primary measure."""
    hidden = {*TESTS, *RATIOS, DETECTABLE, _COMPLEMENTS.get(indicator.primary.measure, "")}
    found = [c for c in comparisons(published.rows(indicator.id), scope_type, scope) if c.measure not in hidden]
    if not found:
        return None
    found.sort(key=lambda c: (c.measure != indicator.primary.measure, c.measure, c.horizon or 0, c.sensitivity or ""))
    lines = [Line(words.measure_in_words(c, indicator, language), c) for c in found]
    caption = language.say("measures.caption.comparator" if scope_type == "arm" else "measures.caption.circuit")
    return tables.of_comparisons(
        caption, language.say("table.measure"), lines, published.release.smallest_count, language
    )


def _tests(published: Published, indicator: Indicator, language: Language) -> list[str]:
    """The tests and the ratios of the circuit's pathways, each in its sentences; no sensitivity analyses."""
    rows = [
        row
        for row in published.rows(indicator.id)
        if row.measure in TESTS | RATIOS and row.scope_type == "overall" and row.sensitivity is None
    ]
    chances = {row.measure: row.p_value for row in rows}
    return [
        _ratio(row, chances, published, indicator, language) if row.measure in RATIOS else _test(row, language)
        for row in rows
    ]


def _sensitivity(published: Published, indicator: Indicator, language: Language) -> list[str]:
    """The ratios of the circuit's pathways again, as sensitivity analyses give them."""
    rows = [
        row
        for row in published.rows(indicator.id)
        if row.measure in RATIOS and row.scope_type == "overall" and row.sensitivity is not None
    ]
    return [_ratio(row, {}, published, indicator, language) for row in rows]


def _ratio(
    row: Row, chances: Mapping[str, float | None], published: Published, indicator: Indicator, language: Language
) -> str:
    """Everything that is said of a ratio; where a test says so, that it is an average over the follow-up."""
    chance = chances.get(PROPORTIONALITY.get(row.measure, ""))
    programme = published.programme
    wording = ratio_words.describe(
        row,
        indicator,
        language,
        controlled=programme.has_comparator,
        judged=not programme.negative_control,
        interim=indicator.id in programme.incomplete,
        changes_with_time=chance is not None and chance <= 1 - CONFIDENCE,
    )
    return wording.beside_headline + inference_words.after_adjustment(row, language)


def _test(row: Row, language: Language) -> str:
    named = language.label("measure", row.measure)
    if row.p_value is None:
        said = language.say("test.absent", test=named, reason=words.reason(row, language))
    else:
        said = language.say("test.sentence", test=named, p=words.test(row, language))
    return said + inference_words.after_a_test(row, language)


def _variants(published: Published, indicator: Indicator, language: Language) -> Chart | None:
    """The indicator and its variants, each by its own primary measure; a chart only where all are shares."""
    lines = []
    for name, declared in published.programme.variants_of(indicator).items():
        found = published.headline(indicator, name)
        title = language.say("variant.main") if name == "main" else language.pick(indicator.variants[name].title)
        if found.is_present and found.measure in SHARES:
            lines.append(Line(_variant(title, declared, indicator, language), found))
    if len(lines) < 2:
        return None
    title, first = language.say("variants.title"), language.say("table.variant")
    axis = language.say("axis.share")
    return charts.dots("variants", title, first, lines, axis, published, f"indicator_{indicator.id}", language)


def _variant(title: str, declared: Indicator, main: Indicator, language: Language) -> str:
    """The variant's title, with its horizon where that is not the indicator's own."""
    horizon = declared.primary.horizon
    if horizon is None or (horizon, declared.unit) == (main.primary.horizon, main.unit):
        return title
    return language.say("variant.line", variant=title, horizon=words.duration(horizon, declared.unit, language))


def _strata(published: Published, indicator: Indicator, language: Language) -> Chart | None:
    """The primary measure in each group of pathways that the programme declares."""
    scopes = [s for s in published.scopes(indicator) if s[0] not in ("overall", "arm", "site")]
    lines = [
        Line(_stratum(factor, level, language), found)
        for factor, level in scopes
        for found in [published.headline(indicator, "main", factor, level)]
        if found.is_present
    ]
    if not lines:
        return None
    title, first = language.say("strata.title"), language.say("table.stratum")
    axis = words.measure_in_words(published.headline(indicator), indicator, language)
    return charts.dots("strata", title, first, lines, axis, published, f"indicator_{indicator.id}", language)


def _stratum(factor: str, level: str, language: Language) -> str:
    return language.say("stratum.line", factor=language.label("stratum", factor), level=language.label("level", level))


# --- Definition ---------------------------------------------------------------------------------


def _definition(indicator: Indicator, language: Language) -> list[tuple[str, str]]:
    """Terms and their descriptions, in reading order."""
    terms = {
        "definition": language.pick(indicator.definition),
        "time_zero": _time_zero(indicator, language),
        "numerator": _numerator(indicator, language),
        "denominator": language.say(f"define.denominator.{indicator.kind}"),
        "window": window(indicator, language),
        "better": language.say(f"define.better.{indicator.better}"),
        "authored": indicator.authored_by,
        "checked": indicator.checked_by,
        "review": language.day(indicator.next_review),
        "id": indicator.id,
    }
    return [(language.say(f"define.{name}"), text) for name, text in terms.items() if text]


def _time_zero(indicator: Indicator, language: Language) -> str:
    """The time zero that the indicator declares for itself; empty where it is the programme's."""
    zero = indicator.time_zero
    return (
        ""
        if zero is None
        else language.say(f"define.time_zero.{zero.which}", event=language.label("event", zero.event))
    )


def _subtraction(indicator: Indicator, language: Language) -> str:
    """Why a difference may not be the subtraction of the values beside it."""
    said = [language.say("note.rates")] if isinstance(indicator, RecurrentEvent) else []
    return " ".join([*said, language.say("note.rounding")])


def _numerator(indicator: Indicator, language: Language) -> str:
    if isinstance(indicator, Gap):
        contacts = language.say("list.separator").join(language.label("event", name) for name in indicator.contacts)
        return language.say("define.numerator.gap", event=contacts, number=indicator.longest_days)
    event = language.label("event", indicator.event.type)
    if isinstance(indicator, RecurrentEvent):
        return language.say("define.numerator.recurrent_event", event=event, number=indicator.episode_hours)
    if isinstance(indicator, Score):
        return language.say("define.numerator.score", event=event, top=indicator.top_box, maximum=indicator.range[1])
    if isinstance(indicator, TimeToEvent):
        competing = language.say("list.separator").join(language.label("event", name) for name in indicator.competing)
        key = "define.numerator.time_to_event" + (".competing" if competing else "")
        return language.say(key, event=event, competing=competing)
    return language.counted("define.numerator.proportion", indicator.at_least, event=event, number=indicator.at_least)


def window(indicator: Indicator, language: Language) -> str:
    """The first and the last offset from time zero that count, in words."""
    first, last = indicator.window[0], indicator.window[1] - 1
    back = first < 0 and last <= 0
    return language.say(
        "define.window.back" if back else "define.window.text",
        first=language.number(abs(first) if back else first),
        last=words.duration(abs(last) if back else last, indicator.unit, language),
    )

"""The page of the analysis plan: what was planned, what it found beside its adjusted p-values, and the risk of bias."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashboards import inference_words, threat_words, words
from dashboards.indicator_page import window
from dashboards.language import Language
from dashboards.selection import TESTS, Published, Row
from dashboards.tables import Column, Table, with_remarks
from warehouse.kinds import Indicator

SECONDARY = "secondary"


def content(published: Published, language: Language) -> dict[str, Any]:
    """What the template needs: the plan, tables of families, interactions, and the form on the risk of bias."""
    programme = published.programme
    analysis = programme.analysis
    return {
        "hash": programme.plan_hash,
        "alpha": language.percent(analysis.alpha, exact=True),
        "interim_statement": language.pick(analysis.interim) if analysis.interim and programme.incomplete else "",
        "estimands": [
            (language.pick(indicator.title), language.pick(text))
            for name, text in analysis.estimands.items()
            for indicator in [programme.indicators[name]]
        ],
        "without_estimand": [
            language.pick(one.title) for one in published.primary if one.id not in analysis.estimands
        ],
        "primary": _family(language.say("plan.primary.caption"), _primary(published), published, language),
        "families": _families(published, language),
        "interactions": _interactions(published, language),
        "indicators": _indicators(published, language),
        "planned": _planned(published, language),
        "form": _form(published, language),
        "threats": threat_words.of_programme(published, language),
    }  # fmt: skip


Member = tuple[Indicator, str, Row | None]  # of a family: the indicator, its variant and the contrast


def _primary(published: Published) -> list[Member]:
    named = published.programme.analysis.primary
    return [(one, "main", published.headline(one).difference) for one in published.primary if one.id in named]


def _families(published: Published, language: Language) -> list[Table]:
    """One table per goal: every planned secondary p-value of the circuit sites together."""
    by_goal: dict[str, list[Member]] = {}
    for indicator in published.indicators:
        for variant in published.programme.variants_of(indicator):
            rows = published.rows(indicator.id, variant)
            tested = [row for row in rows if _is_planned_test(row)]
            by_goal.setdefault(indicator.goal, []).extend((indicator, variant, row) for row in tested)
    return [
        _family(language.label("goal", goal), members, published, language)
        for goal, members in by_goal.items()
        if members
    ]


def _is_planned_test(row: Row) -> bool:
    return row.analysis == SECONDARY and row.scope_type == "overall" and row.p_value is not None


def _family(caption: str, members: Iterable[Member], published: Published, language: Language) -> Table:
    """One line per hypothesis: what is measured, its difference, p-value, adjusted p-value, and what was detectable."""
    say, listed = language.say, list(members)
    titles = [Column(say("table.indicator"), is_text=True), Column(say("table.measure"), is_text=True)]
    titles += [
        Column(say(f"table.{name}")) for name in ("difference", "interval", "p_value", "p_adjusted", "detectable")
    ]
    rows = [_line(indicator, variant, row, published, language) for indicator, variant, row in listed]
    return with_remarks(caption, titles, rows, [words.remark([row], language) for _, _, row in listed], language)


def _line(indicator: Indicator, variant: str, row: Row | None, published: Published, language: Language) -> list[str]:
    declared = published.programme.variants_of(indicator)[variant]
    title = language.pick(indicator.title)
    if variant != "main":
        title = f"{title} · {language.pick(indicator.variants[variant].title)}"
    is_headline = row is not None and variant == "main" and row == published.headline(indicator).difference
    measure = declared.primary.measure if row is None else row.measure
    horizon = declared.primary.horizon if row is None else row.horizon
    p_value = words.symbol(row) if row is None else words.chance(row.p_value, row, language)
    return [
        title,
        words.measure_name(measure, horizon, declared, language),
        words.NO_NUMBER_SYMBOL if measure in TESTS else words.value(row, language),
        words.interval(row, language),
        p_value,
        inference_words.adjusted(row, language),
        inference_words.detectable(published, indicator, language) if is_headline else "",
    ]


def _interactions(published: Published, language: Language) -> Table | None:
    """One line per indicator and factor."""
    found = [(one, row) for one in published.indicators for row in inference_words.interactions(published, one)]
    if not found:
        return None
    say = language.say
    columns = [Column(say(f"table.{name}"), is_text=True) for name in ("indicator", "factor", "analysis")]
    columns += [Column(say("table.p_value")), Column(say("table.p_adjusted"))]
    rows = [
        [
            language.pick(indicator.title),
            language.label("stratum", row.scope_type),
            language.label("analysis", row.analysis),
            words.test(row, language),
            inference_words.adjusted(row, language),
        ]
        for indicator, row in found
    ]
    remarks = [words.remark([row], language) for _, row in found]
    return with_remarks(say("plan.interactions.caption"), columns, rows, remarks, language)


def _indicators(published: Published, language: Language) -> Table:
    """What each indicator measures, at which level, in which window and by which horizons."""
    say, named = language.say, published.programme.analysis.primary
    columns = [Column(say(f"table.{name}"), is_text=True) for name in ("indicator", "analysis", "measure", "window")]
    rows = tuple(
        (
            language.pick(one.title),
            language.label("analysis", "primary" if one.id in named else SECONDARY),
            words.measure_name(one.primary.measure, one.primary.horizon, one, language),
            window(one, language),
            _horizons(one, language),
        )
        for one in published.indicators
    )
    return Table(say("plan.indicators.caption"), (*columns, Column(say("table.horizons"), is_text=True)), rows)


def _horizons(indicator: Indicator, language: Language) -> str:
    """The declared horizons with their unit; a dash where the window alone decides."""
    found = getattr(indicator, "horizons", ())
    if not found:
        return words.NO_NUMBER_SYMBOL
    shown = [language.number(horizon) for horizon in found[:-1]] + [words.duration(found[-1], indicator.unit, language)]
    return words.enumeration(shown, language)


def _planned(published: Published, language: Language) -> list[tuple[str, str]]:
    """Terms and what the plan says of them."""
    analysis, none = published.programme.analysis, language.say("plan.none")
    variants = [
        f"{language.pick(one.title)} · {language.pick(one.variants[name].title)}"
        for one in published.indicators
        for name in analysis.planned.variants.get(one.id, ())
    ]
    told = {
        "subgroups": [language.label("stratum", factor) for factor in analysis.subgroups],
        "measures": [_measure(name, published, language) for name in analysis.planned.measures],
        "variants": variants,
        "views": [language.say(f"plan.view.{name}") for name in analysis.planned.views],
    }
    return [
        (language.say(f"plan.planned.{name}"), language.say("list.separator").join(found) or none)
        for name, found in told.items()
    ]


def _measure(name: str, published: Published, language: Language) -> str:
    """The words for a planned measure; one that no figure of the release has is said to be without."""
    label = language.label("measure", name)
    return label if name in published.measures else language.say("plan.measure.absent", measure=label)


def _form(published: Published, language: Language) -> Table:
    """EPOC's seven items, answered or not."""
    say = language.say
    columns = [Column(say(f"table.{name}"), is_text=True) for name in ("risk_item", "risk", "reason_of_answer")]
    rows = tuple(
        (
            say(f"risk.item.{name}"),
            say("risk.unanswered") if answer is None else language.label("risk", answer.risk),
            words.NO_NUMBER_SYMBOL if answer is None else language.pick(answer.reason),
        )
        for name, answer in published.programme.analysis.risk_of_bias.items()
    )
    return Table(say("risk.caption"), tuple(columns), rows)

"""The frame of inference in words: level of analysis, p-values, smallest detectable difference, interim results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dashboards import words
from dashboards.language import Language
from dashboards.selection import DETECTABLE, INTERACTION, Comparison, Published, Row
from warehouse.kinds import Indicator
from warehouse.programme import Programme


def level(found: Comparison, language: Language) -> str:
    """At which level the comparison was planned: primary, secondary, exploratory, or a sensitivity analysis."""
    rows = [row for row in (found.difference, found.after, found.before) if row is not None]
    if not rows:
        return words.NO_NUMBER_SYMBOL
    return language.say("analysis.sensitivity") if rows[0].sensitivity else language.label("analysis", rows[0].analysis)


def is_exploratory(rows: Sequence[Row | None]) -> bool:
    """Whether nothing among them was planned; false where there is no row."""
    found = [row for row in rows if row is not None]
    return bool(found) and all(row.analysis == words.EXPLORATORY for row in found)


def mark(rows: Sequence[Row | None], language: Language) -> str:
    """The word for a chart of which nothing was planned; empty otherwise."""
    return language.label("analysis", words.EXPLORATORY) if is_exploratory(rows) else ""


def adjusted(row: Row | None, language: Language) -> str:
    """The adjusted p-value, or the symbol that stands for its absence."""
    return words.symbol(row) if row is None else words.chance(row.p_adjusted, row, language)


def after_a_test(row: Row, language: Language) -> str:
    """What follows a test in a sentence: its p-value adjusted within its family, or that it was not planned."""
    if row.p_adjusted is None and row.analysis == words.EXPLORATORY:
        return " " + language.say("test.exploratory")
    return after_adjustment(row, language)


def after_adjustment(row: Row, language: Language) -> str:
    """The p-value adjusted within its family, where there is one; else nothing."""
    return "" if row.p_adjusted is None else " " + language.say("test.adjusted", p=adjusted(row, language))


def detectable(published: Published, indicator: Indicator, language: Language) -> str:
    """The smallest difference that could be expected to be found, or the symbol that stands for its absence."""
    row = next((row for row in published.rows(indicator.id) if row.measure == DETECTABLE), None)
    if row is None or row.estimate is None:
        return words.symbol(row)
    return words.amount(row.estimate, replace(row, measure=indicator.primary.measure), language)


def interactions(published: Published, indicator: Indicator) -> list[Row]:
    """The tests of interaction of an indicator, one per factor, by name."""
    found = [row for row in published.rows(indicator.id) if row.measure == INTERACTION]
    return sorted(found, key=lambda row: row.scope_type)


def sentences(published: Published, indicator: Indicator, language: Language) -> list[str]:
    """The test of the headline, its smallest detectable difference, and one test of interaction per factor."""
    found, told = published.headline(indicator).difference, []
    if found is not None and found.p_value is not None:
        p = words.chance(found.p_value, found, language)
        told.append(language.say("inference.headline", p=p) + after_a_test(found, language))
    least = detectable(published, indicator, language)
    if least not in (words.NO_NUMBER_SYMBOL, words.WITHHELD_SYMBOL):
        told.append(language.say("inference.detectable", difference=least))
    return told


def of_factors(published: Published, indicator: Indicator, language: Language) -> list[str]:
    """Each test of interaction in a sentence."""
    return [_of_factor(row, language) for row in interactions(published, indicator)]


def _of_factor(row: Row, language: Language) -> str:
    factor = language.label("stratum", row.scope_type)
    if row.p_value is None:
        return language.say("inference.interaction.absent", factor=factor, reason=words.reason(row, language))
    said = language.say("inference.interaction", factor=factor, p=words.test(row, language))
    return said + after_a_test(row, language)


def interim(programme: Programme, language: Language) -> str:
    """Which primary indicators are not followed up yet, and until when; empty where all are."""
    ends = [
        language.say(
            "interim.indicator", indicator=language.pick(programme.indicators[name].title), day=language.day(day)
        )
        for name, day in programme.incomplete.items()
    ]
    return language.say("interim.text", indicators=words.enumeration(ends, language)) if ends else ""

"""What must be said beside a score when few answered, or when the periods answered unequally."""

from __future__ import annotations

from dashboards.language import Language
from dashboards.selection import Published, comparison, response_is_doubtful
from warehouse.kinds import Indicator, Score
from warehouse.schemas import LARGEST_RESPONSE_DIFFERENCE, LOWEST_RESPONSE


def warning(published: Published, indicator: Indicator, language: Language) -> str:
    """The published response of both periods and why it is doubtful, in words; nothing where it is not."""
    if not isinstance(indicator, Score):
        return ""
    rates = comparison(published.rows(indicator.id), "response_rate", None, "overall", "all")
    if not response_is_doubtful(rates):
        return ""
    least = language.percent(LOWEST_RESPONSE)
    most = language.number(100 * LARGEST_RESPONSE_DIFFERENCE)
    before, after = (row.estimate if row is not None else None for row in (rates.before, rates.after))
    if before is None or after is None:
        return language.say("response.unknown", least=least, most=most)
    return language.say(
        "response.doubtful", before=language.percent(before), after=language.percent(after), least=least, most=most
    )

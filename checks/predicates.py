"""What a programme asks for, in the words of the rules: event types, codes, and SQL literals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from warehouse.kinds import EventSelector, Gap, Indicator, Score
from warehouse.programme import CARE_CODES, Programme

CARE_EVENTS = ("referral", "supportive_contact")


def every_variant(programme: Programme) -> Iterator[Indicator]:
    """Every indicator of the programme, and each of its variants as an indicator of its own."""
    for indicator in programme.indicators.values():
        yield from programme.variants_of(indicator).values()


def measured_types(programme: Programme) -> set[str]:
    """Event types that an indicator measures."""
    return {selector.type for indicator in every_variant(programme) for selector in measured(indicator)}


def measured(indicator: Indicator) -> tuple[EventSelector, ...]:
    """The events that an indicator looks for: its event, or the contacts whose absence is a gap."""
    if isinstance(indicator, Gap):
        return tuple(EventSelector(type=contact) for contact in indicator.contacts)
    return (indicator.event,)


def scores(programme: Programme) -> Iterator[Score]:
    """The indicators read from questionnaires."""
    return (indicator for indicator in every_variant(programme) if isinstance(indicator, Score))


def time_zero_types(programme: Programme) -> set[str]:
    """Event types that start a pathway, for the programme or for one of its indicators."""
    overriding = (indicator.time_zero for indicator in programme.indicators.values())
    return {programme.time_zero.event, *(zero.event for zero in overriding if zero is not None)}


def types_timed_within_the_day(programme: Programme) -> set[str]:
    """Event types whose time of day enters an indicator in hours or minutes."""
    timed = [indicator for indicator in every_variant(programme) if indicator.unit != "day"]
    zeros = {(indicator.time_zero or programme.time_zero).event for indicator in timed}
    return zeros | {selector.type for indicator in timed for selector in measured(indicator)}


def care_codes(programme: Programme) -> set[str]:
    """The shared kinds of care, and those that the indicators name."""
    selectors = [selector for indicator in every_variant(programme) for selector in measured(indicator)]
    return {*CARE_CODES, *(code for s in selectors if s.type in CARE_EVENTS for code in s.code or ())}


def selects(selector: EventSelector) -> str:
    """SQL that is true for the events of a selector."""
    of_type = f"event_type = {literal(selector.type)}"
    return f"{of_type} AND code IN ({quoted(selector.code)})" if selector.code else of_type


def any_of(conditions: Iterable[str]) -> str:
    """SQL that is true where one of the conditions is; false where there is none."""
    return " OR ".join(f"({condition})" for condition in conditions) or "false"


def quoted(words: Iterable[str]) -> str:
    """A list for IN, in a fixed order; a list of nothing holds null, which nothing equals."""
    return ", ".join(literal(word) for word in sorted(words)) or "NULL"


def literal(word: str) -> str:
    """A text as an SQL literal."""
    return "'" + word.replace("'", "''") + "'"

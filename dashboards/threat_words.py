"""Threats to the comparison in words: what was found with its numbers, what it can do, what would help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dashboards import words
from dashboards.language import Language
from dashboards.selection import SHARES, Published
from warehouse.kinds import Indicator
from warehouse.schemas import CONFIDENCE
from warehouse.threat_schemas import ABSENT, CANNOT_BE_TOLD, PRESENT, THREATS

OF_DATA = ("coverage", "missing_months")  # by type of event, whichever indicator reads it
WORST_FIRST = (PRESENT, CANNOT_BE_TOLD, ABSENT)
GLYPHS = {PRESENT: "!", CANNOT_BE_TOLD: "?", ABSENT: "\N{CHECK MARK}"}
STANDARDISED = 0.1  # above it a standardised difference is called a change of case mix


@dataclass(frozen=True)
class Row:
    """One released threat: the columns of RELEASED_THREAT."""

    threat_id: str
    indicator_id: str | None
    scope_type: str
    scope: str
    level: str
    measure: str
    horizon: int | None
    unit: str | None
    n_reference: int | None
    n_with_reference: int | None
    reference: float | None
    n_compared: int | None
    n_with_compared: int | None
    compared: float | None
    contrast: float | None
    ci_low: float | None
    ci_high: float | None
    withheld: str | None


@dataclass(frozen=True)
class Finding:
    """One threat as a page shows it. ``effect`` and ``help`` are empty where it is absent."""

    title: str
    level: str
    glyph: str
    word: str
    sentences: tuple[str, ...]
    effect: str
    help: str


def of_indicator(published: Published, indicator: Indicator, language: Language) -> list[Finding]:
    """Every threat to one indicator, those of the types of events that it reads among them."""
    rows = _rows(published)
    read = {*indicator.selected, *indicator.competing, published.programme.zero_of(indicator).event}
    own = [row for row in rows if row.indicator_id == indicator.id]
    shared = [row for row in rows if row.threat_id in OF_DATA and (row.scope in read or row.scope_type == "overall")]
    least = published.release.smallest_count
    return [
        _finding(name, chosen, _sentences(name, chosen, indicator, least, language), language)
        for name in THREATS
        if (chosen := [row for row in (*shared, *own) if row.threat_id == name])
    ]


def of_programme(published: Published, language: Language) -> list[Finding]:
    """Every threat once: of the data as a whole, of the primary indicators in words, of the others in numbers."""
    rows, least = _rows(published), published.release.smallest_count
    found = []
    for name in THREATS:
        chosen = [row for row in rows if row.threat_id == name]
        if name in OF_DATA:
            told = _sentences(name, chosen, None, least, language)
        else:
            told = (*_of_primary(name, chosen, published, language), *_of_all(chosen, published, language))
        if chosen:
            found.append(_finding(name, chosen, told, language))
    return found


def level_of(rows: Iterable[Row]) -> str:
    """The worst level of several rows."""
    return min((row.level for row in rows), key=WORST_FIRST.index, default=ABSENT)


def _rows(published: Published) -> list[Row]:
    return [Row(**row) for row in published.release.threats.iter_rows(named=True)]


def _finding(name: str, rows: Sequence[Row], sentences: Iterable[str], language: Language) -> Finding:
    level = level_of(rows)
    there = level != ABSENT
    return Finding(
        title=language.say(f"threat.{name}"),
        level=level,
        glyph=GLYPHS[level],
        word=language.say(f"threat.level.{level}"),
        sentences=tuple(sentences),
        effect=language.say(f"threat.{name}.effect") if there else "",
        help=language.say(f"threat.{name}.help") if there else "",
    )


def _of_primary(name: str, rows: Sequence[Row], published: Published, language: Language) -> Iterator[str]:
    """What was found of each primary indicator, its title before it; nothing of those where it is absent."""
    for indicator in published.primary:
        own = [row for row in rows if row.indicator_id == indicator.id]
        if level_of(own) != ABSENT:
            told = " ".join(_sentences(name, own, indicator, published.release.smallest_count, language))
            yield language.say("threat.of_indicator", title=language.pick(indicator.title), text=told)


def _of_all(rows: Sequence[Row], published: Published, language: Language) -> Iterator[str]:
    """For how many indicators the threat is present or open, and which of the secondary ones it is present for."""
    ids = dict.fromkeys(row.indicator_id for row in rows)
    levels = {name: level_of([row for row in rows if row.indicator_id == name]) for name in ids}
    numbers = {level: list(levels.values()).count(level) for level in WORST_FIRST}
    yield language.say("threat.of_all", total=len(levels), **numbers)
    others = [language.pick(one.title) for one in published.secondary if levels.get(one.id) == PRESENT]
    if others:
        yield language.say("threat.others", titles=words.enumeration(others, language))


def _sentences(
    name: str, rows: Sequence[Row], indicator: Indicator | None, least: int, language: Language
) -> tuple[str, ...]:
    """What was found, each part that is present or open in a sentence; one sentence where none is."""
    there = [row for row in rows if row.level != ABSENT]
    if name in OF_DATA:
        of_types = tuple(_of_data(row, language) for row in there)
        missing = [_of_data(row, language) for row in rows if row.measure == "month_missing" and row not in there]
        types = len({row.scope for row in rows if row.scope_type == "event_type"})
        nothing = language.counted(f"threat.{name}.absent", types, number=types)
        return (*missing, *of_types) if there else (*missing, nothing)
    if name in ("case_mix", "recorded_by_circuit") and not there:
        threshold = language.number(STANDARDISED)
        return (language.say(f"threat.{name}.absent", threshold=threshold),)
    told = there if name == "case_mix" else [row for row in rows if row in there or row.scope_type == "overall"]
    return tuple(_of_groups(row, indicator, least, language) for row in told)


def _of_data(row: Row, language: Language) -> str:
    event = _capital(language.label("event", row.scope))
    counts = {
        name: words.NO_NUMBER_SYMBOL if number is None else language.number(number)
        for name, number in {
            "before": row.n_with_reference, "of_before": row.n_reference,
            "after": row.n_with_compared, "of_after": row.n_compared,
        }.items()
    }  # fmt: skip
    if row.unit != "event":
        return language.say(f"threat.{row.threat_id}.{row.measure}", event=event, **counts)
    return language.say(
        "threat.coverage.found",
        event=event,
        per=language.say(f"threat.per.{row.measure}"),
        reference=_number(row.reference, language),
        compared=_number(row.compared, language),
        contrast=_number(row.contrast, language),
    )


def _of_groups(row: Row, indicator: Indicator | None, least: int, language: Language) -> str:
    say, key = language.say, f"threat.{row.threat_id}"
    if row.threat_id == "recorded_by_circuit":
        return say(f"{key}.found")
    if row.unit is None or (row.level == CANNOT_BE_TOLD and row.contrast is None and row.withheld is None):
        return say(f"{key}.open")
    if row.threat_id == "prevalent_at_start":
        return _of_start(row, indicator, least, language)
    shares = {"reference": _share(row.reference, language), "compared": _share(row.compared, language)}
    if row.scope_type == "overall":
        return say(f"{key}.found", **shares)
    group = say("threat.group", factor=language.label("stratum", row.scope_type),
                level=language.label("level", row.scope))  # fmt: skip
    return say(f"{key}.level", group=group, contrast=_number(row.contrast, language), **shares)


def _of_start(row: Row, indicator: Indicator | None, least: int, language: Language) -> str:
    """How many pathways begin with the data, and what is measured of them and of the later ones."""
    if row.n_compared == 0 or indicator is None:
        return language.say("threat.prevalent_at_start.absent")
    shown = _share if row.measure in SHARES else _number
    numbers = {
        "n": words.count(row.n_compared, least, language),
        "measure": words.measure_name(row.measure, row.horizon, indicator, language),
        "compared": shown(row.compared, language),
        "reference": shown(row.reference, language),
    }
    if row.ci_low is None or row.ci_high is None:
        return language.say("threat.prevalent_at_start.alone", **numbers)
    scale = 100 if row.measure in SHARES else 1
    low, high = (language.number(round(scale * limit, 2), signed=True) for limit in (row.ci_low, row.ci_high))
    interval = language.say("interval", low=low, high=high)
    if row.measure in SHARES:
        interval = language.counted("unit.point", 2, number=interval)
    level = language.percent(CONFIDENCE)
    return language.say("threat.prevalent_at_start.found", interval=interval, level=level, **numbers)


def _share(number: float | None, language: Language) -> str:
    return language.say("threat.not_told") if number is None else language.percent(number)


def _number(number: float | None, language: Language) -> str:
    return language.say("threat.not_told") if number is None else language.number(number)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

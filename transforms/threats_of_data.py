"""Threats that lie in the data themselves: kinds of events that come or go with the programme, months without data.

They are told from the number of events by site, local month and type, and from days at risk by calendar month; no
patient is looked at. Only whole months before the data lock take part.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from transforms.threat import Threat
from warehouse.kinds import RecurrentEvent
from warehouse.programme import Period, Programme
from warehouse.schemas import MONTH_TALLY
from warehouse.threat_schemas import ABSENT, CANNOT_BE_TOLD, PRESENT

COVERAGE, MISSING = "coverage", "missing_months"
LEAVING = ("death", "transfer_out", "last_news")
MONTHS_EITHER_SIDE = 6
DAYS_A_MONTH = 30.4375
LARGEST_RATIO = 2.0  # of events, after to before, set against what they come from; and its inverse
FEWEST_EVENTS = 10  # below it a ratio is chance; none where so many were expected comes by chance once in 22,000
SURPRISING = 7.0  # a month without event at a site that has seven a month comes by chance once in 1,100 (Poisson)

Cell = tuple[str, str]  # site and month
Numbers = dict[str, int]  # by month


def threats_of_data(volumes: pl.DataFrame, months: pl.DataFrame, programme: Programme) -> Iterator[Threat]:
    """Missing months first, then each type of event that an indicator reads, the programme's time zero apart.

    ``volumes`` has one row per site, local month and type with events, and their number ``n``; ``months`` is
    MONTH_TALLY.
    """
    yield from _missing_months(volumes, programme)
    spans = _spans(programme)
    circuit = volumes.filter(pl.col("site").is_in([site.id for site in programme.sites if site.arm == "circuit"]))
    for event_type in sorted(types_read(programme) - {programme.time_zero.event}):
        if all(spans):
            at_risk = _at_risk(event_type, months, programme)
            yield _coverage(event_type, *_change(event_type, circuit, at_risk, spans, programme))
        yield from _sites(event_type, volumes, programme)


def types_read(programme: Programme) -> set[str]:
    """The types of events that indicators look for or start from, and those that compete."""
    return {
        name
        for indicator in programme.indicators.values()
        for name in (*indicator.selected, *indicator.competing, programme.zero_of(indicator).event)
    }


# --- Coverage -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """Numbers of events before and after, and of what they are set against."""

    measure: str
    events: tuple[int, int]
    against: tuple[float, float]

    @property
    def values(self) -> tuple[float | None, float | None]:
        """Events per one of what they are set against; null without any."""
        before, after = (n / of if of > 0 else None for n, of in zip(self.events, self.against, strict=True))
        return before, after

    @property
    def ratio(self) -> float | None:
        """After to before; null where either is unknown, or without events before."""
        before, after = self.values
        return after / before if before and after is not None else None

    @property
    def distance(self) -> float:
        """How far the ratio is from 1, on the scale of logarithms."""
        return abs(math.log(self.ratio)) if self.ratio else math.inf


def _spans(programme: Programme) -> tuple[list[str], list[str]]:
    """The last six whole months of before and the first six of after."""
    before, after = (
        period.whole_months(programme.data_lock) for period in (programme.periods.before, programme.periods.after)
    )
    return before[-MONTHS_EITHER_SIDE:], after[:MONTHS_EITHER_SIDE]


def _at_risk(event_type: str, months: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """The calendar months of the first indicator that counts every event of the type; none without such."""
    for name, indicator in programme.indicators.items():
        if isinstance(indicator, RecurrentEvent) and indicator.event.type == event_type and not indicator.event.code:
            return months.filter(indicator_id=name, variant="main", arm="circuit")
    return MONTH_TALLY.to_frame()


def _change(
    event_type: str,
    volumes: pl.DataFrame,
    at_risk: pl.DataFrame,
    spans: tuple[list[str], list[str]],
    programme: Programme,
) -> tuple[Change, bool]:
    """How the events changed, and whether what they come from explains it, one way or the other.

    Where days at risk are counted, events are set against them. Else against the pathways that start and against the
    patients known, both of which grow as an extract goes on; the ratio nearer to 1 is told, and where the two lie on
    either side of 1 the truth lies between.
    """
    if at_risk.height:
        rows = [at_risk.filter(pl.col("period").is_in(span)) for span in spans]
        before, after = (float(part["exposure"].sum()) / DAYS_A_MONTH for part in rows)
        counted, later = (int(part["events"].sum()) for part in rows)
        return Change("events_per_patient_month", (counted, later), (before, after)), False
    found, starts = _by_month(volumes, event_type), _by_month(volumes, programme.time_zero.event)
    left = [_by_month(volumes, name) for name in LEAVING]
    known = {month: _known(starts, left, month) for span in spans for month in span}
    events, begun, there = (_over(numbers, spans) for numbers in (found, starts, known))
    changes = (Change("events_per_start", events, begun), Change("events_per_patient_known", events, there))
    nearer, other = sorted(changes, key=lambda change: change.distance)
    either_side = bool(nearer.ratio and other.ratio and (nearer.ratio - 1) * (other.ratio - 1) <= 0)
    return nearer, either_side


def _by_month(volumes: pl.DataFrame, event_type: str) -> Numbers:
    of_type = volumes.filter(pl.col("event_type") == event_type)
    return dict(of_type.group_by("month").agg(pl.col("n").sum()).iter_rows())


def _over(numbers: Numbers, spans: tuple[list[str], list[str]]) -> tuple[int, int]:
    before, after = (sum(numbers.get(month, 0) for month in span) for span in spans)
    return before, after


def _known(starts: Numbers, left: Iterable[Numbers], month: str) -> int:
    """Patients who had started by the end of a month, less those who had left before it."""
    begun = sum(n for when, n in starts.items() if when <= month)
    return max(begun - sum(n for leaving in left for when, n in leaving.items() if when < month), 0)


def _coverage(event_type: str, change: Change, explained: bool) -> Threat:
    before, after = change.values
    far = change.distance > math.log(LARGEST_RATIO)
    level = CANNOT_BE_TOLD if max(change.events) < FEWEST_EVENTS else PRESENT if far and not explained else ABSENT
    return Threat(
        COVERAGE,
        level,
        change.measure,
        scope_type="event_type",
        scope=event_type,
        unit="event",
        n_reference=round(change.against[0]),
        n_with_reference=change.events[0],
        reference=before,
        n_compared=round(change.against[1]),
        n_with_compared=change.events[1],
        compared=after,
        contrast=change.ratio,
    )


def _sites(event_type: str, volumes: pl.DataFrame, programme: Programme) -> Iterator[Threat]:
    """How many declared sites have the type in one period alone, where many were expected of the other too.

    ``n_with_reference`` are those that have it before alone, ``n_with_compared`` those that have it after alone.
    """
    declared = pl.col("site").is_in([site.id for site in programme.sites])
    of_type = volumes.filter((pl.col("event_type") == event_type) & declared)
    spans = [span.whole_months(programme.data_lock) for span in (programme.periods.before, programme.periods.after)]
    lengths = [len(span) for span in spans]
    judged = came = went = 0
    for _, of_site in of_type.group_by("site"):
        before, after = (int(of_site.filter(pl.col("month").is_in(span))["n"].sum()) for span in spans)
        judged += bool(before or after)
        came += not before and _many(after, lengths[1], lengths[0])
        went += not after and _many(before, lengths[0], lengths[1])
    if judged:
        level = PRESENT if came or went else ABSENT
        yield Threat(
            COVERAGE,
            level,
            "site_changed",
            scope_type="event_type",
            scope=event_type,
            unit="site",
            n_reference=judged,
            n_with_reference=went,
            n_compared=judged,
            n_with_compared=came,
        )


def _many(events: int, months: int, other: int) -> bool:
    """Whether as many months as the other period has would have led to expect many events there."""
    return months > 0 and events / months * other >= FEWEST_EVENTS


# --- Missing months -----------------------------------------------------------------------------


def _missing_months(volumes: pl.DataFrame, programme: Programme) -> Iterator[Threat]:
    """Months of a site without any event, before and after; and of each type, months without it that surprise.

    A month without any event is no month with zero: nothing is known of it. Where a site that has at least seven
    events of a type a month has none in a month with other events, the data cannot tell zero from not collected.
    """
    held = [_held(volumes, programme, period) for period in (programme.periods.before, programme.periods.after)]
    missing = [(sum(not n for n in months.values()), len(months)) for months in held]
    yield _site_months("month_missing", PRESENT, missing)
    for event_type in sorted(types_read(programme)):
        of_type = _counted(volumes.filter(pl.col("event_type") == event_type))
        zeros = [_zeros(of_type, [cell for cell, n in months.items() if n]) for months in held]
        yield _site_months("month_with_zero", CANNOT_BE_TOLD, zeros, scope_type="event_type", scope=event_type)


def _site_months(measure: str, if_any: str, counted: list[tuple[int, int]], **scope: str) -> Threat:
    (before, of_before), (after, of_after) = counted
    return Threat(
        MISSING,
        if_any if before or after else ABSENT if of_before and of_after else CANNOT_BE_TOLD,
        measure,
        scope_type=scope.get("scope_type", "overall"),
        scope=scope.get("scope", "all"),
        unit="site_month",
        n_reference=of_before,
        n_with_reference=before,
        n_compared=of_after,
        n_with_compared=after,
    )


def _held(volumes: pl.DataFrame, programme: Programme, period: Period) -> dict[Cell, int]:
    """Number of events in every whole month of the period, of every declared site that has any at all."""
    found, seen = _counted(volumes), set(volumes["site"])
    return {
        (site.id, month): found.get((site.id, month), 0)
        for site in programme.sites
        if site.id in seen
        for month in period.whole_months(programme.data_lock)
    }


def _counted(volumes: pl.DataFrame) -> dict[Cell, int]:
    totals = volumes.group_by("site", "month").agg(pl.col("n").sum())
    return {(site, month): n for site, month, n in totals.iter_rows()}


def _zeros(of_type: dict[Cell, int], held: list[Cell]) -> tuple[int, int]:
    """Surprising months without the type, and all months that hold data."""
    by_site: dict[str, list[int]] = {}
    for cell in held:
        by_site.setdefault(cell[0], []).append(of_type.get(cell, 0))
    return sum(ns.count(0) for ns in by_site.values() if sum(ns) >= SURPRISING * len(ns)), len(held)

"""The meaning of pathways, outcomes and counts, patient by patient, in plain Python.

Slow on purpose and written from the text of the design, so that it can disagree with the frames.
Nothing here is vectorised: a pathway is followed tick by tick through what happened to the patient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import combinations, pairwise
from typing import Any

from oracle.builders import Happening, midnight
from oracle.estimators import Course

from warehouse.kinds import EventSelector, Gap, Indicator, Proportion, RecurrentEvent, Score, TimeToEvent, TimeZero
from warehouse.programme import Programme

CENSORED, EVENT, COMPETED = 0, 1, 2
ELIGIBLE, INVITED, ANSWERED = 0, 1, 2
SECONDS = {"minute": 60, "hour": 3600}
LOSSES = {"transfer_out", "last_news"}
Cell = tuple[Any, ...]


@dataclass(frozen=True)
class Pathway:
    patient: int
    at: datetime
    on: date
    period: str | None
    arm: str | None
    site: str | None
    strata: Mapping[str, str]
    excluded: str | None
    observed_from: date | None = None  # later than time zero


@dataclass(frozen=True)
class Found:
    """An outcome: a reason, or a cell (time, status), (events, exposure) or (stage, followed, value)."""

    cell: Cell | None = None
    excluded: str | None = None


# ---------------------------------------------------------------- time zero, period, arm, strata


def selects(selector: EventSelector | TimeZero, one: Happening) -> bool:
    wanted = selector.event if isinstance(selector, TimeZero) else selector.type
    return one.type == wanted and (selector.code is None or one.code in selector.code)


def reading_order(one: Happening) -> tuple[datetime, bool, int]:
    """A day-only value comes before the timed ones of its day; then the order of reading."""
    return one.at, not one.day_only, one.sequence


def zeros_of(happenings: Iterable[Happening], time_zero: TimeZero) -> list[Happening]:
    candidates = sorted((one for one in happenings if selects(time_zero, one)), key=reading_order)
    if not candidates or time_zero.which == "each":
        return candidates
    if time_zero.which == "first":
        return candidates[:1]
    latest = reading_order(candidates[-1])[:2]
    return [next(one for one in candidates if reading_order(one)[:2] == latest)]


def day_of(one: Happening, programme: Programme) -> date:
    return one.at.astimezone(programme.zone).date()


def period_on(day: date, programme: Programme) -> str | None:
    for name, span in programme.periods.named():
        if span.start <= day < span.until:
            return name
    return None


def arm_at(site_id: str | None, day: date, period: str | None, programme: Programme) -> str | None:
    for site in programme.sites:
        if site.id == site_id:
            waits = site.arm == "circuit" and site.starts is not None and day < site.starts
            return "not_started" if waits and period == "after" else site.arm
    return None


def band(age: int, bounds: Sequence[int]) -> str:
    if age < bounds[0]:
        return f"<{bounds[0]}"
    for low, high in pairwise(bounds):
        if low <= age < high:
            return f"{low}-{high - 1}"
    return f"{bounds[-1]}+"


def level(person: Mapping[str, Any], factor: str, bands: tuple[int, ...] | bool, day: date) -> str:
    if isinstance(bands, tuple):
        born = person.get("birth_year")
        return "missing" if born is None else band(day.year - born, bands)
    value = person.get(factor)
    return "missing" if value is None else str(value)


def exclusion(day: date, period: str | None, site: str | None, time_zero: TimeZero, programme: Programme) -> str | None:
    if time_zero.which == "first" and day < programme.periods.before.start:
        return "prevalent"
    if period is None:
        return "outside_periods"
    return "site_unknown" if site is None else None


def pathway_from(
    zero: Happening, person: Mapping[str, Any], programme: Programme, time_zero: TimeZero, *, late: bool = False
) -> Pathway:
    """``late``: a pathway that is on the way already enters on the first day of the before period."""
    day = zero.at.astimezone(programme.zone).date()
    begins = programme.periods.before.start
    if late and time_zero.which == "first" and day < begins:
        known = pathway_from(zero, person, programme, time_zero)
        without_site = None if zero.site else "site_unknown"
        return replace(known, period="before", excluded=without_site, observed_from=begins)
    period = period_on(day, programme)
    return Pathway(
        patient=zero.patient,
        at=zero.at,
        on=day,
        period=period,
        arm=arm_at(zero.site, day, period, programme),
        site=zero.site,
        strata={name: level(person, name, bands, day) for name, bands in programme.strata.items()},
        excluded=exclusion(day, period, zero.site, time_zero, programme),
    )


# ---------------------------------------------------------------- the clock and the follow-up


@dataclass(frozen=True)
class Clock:
    """Ticks since time zero: local days, or elapsed seconds where the unit is minute or hour."""

    pathway: Pathway
    programme: Programme
    unit: str

    def scaled(self, offset: int) -> int:
        return offset if self.unit == "day" else offset * SECONDS[self.unit]

    def at(self, instant: datetime) -> int:
        if self.unit == "day":
            return (instant.astimezone(self.programme.zone).date() - self.pathway.on).days
        elapsed = instant - self.pathway.at
        return elapsed.days * 86_400 + elapsed.seconds

    def day_begins(self, day: date) -> int:
        return self.at(midnight(day, self.programme.zone))


@dataclass(frozen=True)
class FollowUp:
    """``closed`` is the first tick not observed; on the others the follow-up ends, that tick observed."""

    closed: int
    deaths: set[int]
    losses: set[int]
    competing: set[int]


def follow_up(clock: Clock, happenings: Iterable[Happening], programme: Programme, of: Indicator) -> FollowUp:
    known = list(happenings)
    closed = [clock.scaled(of.window[1]), clock.day_begins(programme.data_lock)]
    if clock.pathway.period == "before" and (of.spill_over or programme.follow_up.spill_over) == "cut":
        closed.append(clock.day_begins(programme.periods.before.until))
    competing, ending = set(of.competing), LOSSES | set(of.censored_by)
    losses = {clock.at(one.at) for one in known if one.type in ending - competing}
    if of.window[0] >= 0:  # who left before time zero is back; windows that look back need them all the time
        losses = {tick for tick in losses if tick >= 0}
    if (of.alive_until or programme.follow_up.alive_until) == "last_event":
        losses.add(max(clock.at(one.at) for one in known))
    deaths = {clock.at(one.at) for one in known if one.type == "death" and "death" not in competing}
    return FollowUp(min(closed), deaths, losses, {clock.at(one.at) for one in known if one.type in competing})


# ---------------------------------------------------------------- outcomes


def time_to_event(pathway: Pathway, happenings: Sequence[Happening], programme: Programme, of: TimeToEvent) -> Found:
    clock = Clock(pathway, programme, of.unit)
    ticks = [clock.at(one.at) for one in happenings if selects(of.event, one)]
    default = "exclude" if of.window[0] == 0 else "ignore"
    if (of.earlier_event or default) == "exclude" and any(tick < 0 for tick in ticks):
        return Found(excluded="earlier_event")
    start, end = clock.scaled(of.window[0]), clock.scaled(of.window[1])
    outcome = {tick for tick in ticks if start <= tick < end}
    return _first_to_happen(outcome, follow_up(clock, happenings, programme, of), clock)


def _first_to_happen(outcome: set[int], ends: FollowUp, clock: Clock) -> Found:
    late = clock.pathway.observed_from
    begins = 0 if late is None else clock.day_begins(late)  # the first tick observed
    for tick in sorted({ends.closed} | outcome | ends.deaths | ends.losses | ends.competing):
        found = _on_tick(tick, outcome, ends)
        if found is not None:
            last = min(tick, ends.closed - 1)  # at risk for the last time on the day before a cut or the lock
            if last < 0:
                return Found(excluded="no_follow_up")
            return Found((begins - 1, last, found)) if last >= begins else Found(excluded="ended_before_entry")
    raise AssertionError("the follow-up always closes")


def _on_tick(tick: int, outcome: set[int], ends: FollowUp) -> int | None:
    """What ends the pathway on this tick: outcome before death before transfer; a closed tick holds nothing."""
    if tick >= ends.closed:
        return CENSORED
    if tick in outcome:
        return EVENT
    if tick in ends.competing:
        return COMPETED
    return CENSORED if tick in ends.deaths | ends.losses else None


def gap(pathway: Pathway, happenings: Sequence[Happening], programme: Programme, of: Gap) -> Found:
    """Day by day: a break is noticed on the first day on which too many have passed, whoever comes that day."""
    clock = Clock(pathway, programme, "day")
    contacts = {clock.at(one.at) for one in happenings if one.type in of.contacts}
    breaks, last = set(), 0
    for day in range(1, of.window[1]):
        if day - last == of.longest_days + 1:
            breaks.add(day)
        if day in contacts:
            last = day
    breaks = {day for day in breaks if of.window[0] <= day}
    return _first_to_happen(breaks, follow_up(clock, happenings, programme, of), clock)


def episode_starts(visits: Iterable[Happening], hours: int, programme: Programme) -> list[Happening]:
    """The first visit of each episode, of all visits of the patient."""
    starts: list[Happening] = []
    for visit in sorted(visits, key=reading_order):
        if hours == 0 or not starts or not belongs(visit, starts[-1], hours, programme):
            starts.append(visit)
    return starts


def belongs(visit: Happening, first: Happening, hours: int, programme: Programme) -> bool:
    if visit.day_only or first.day_only:
        return visit.at.astimezone(programme.zone).date() == first.at.astimezone(programme.zone).date()
    return visit.at - first.at < timedelta(hours=hours)


def recurrent_event(
    pathway: Pathway, happenings: Sequence[Happening], programme: Programme, of: RecurrentEvent
) -> Found:
    """Day by day: every observed day may hold an episode; that of a death or a departure is no time at risk."""
    days = observed_days(pathway, happenings, programme, of)
    cell = (sum(events for _, events, _ in days), sum(at_risk for _, _, at_risk in days))
    return Found(cell) if days else Found(excluded="no_follow_up")


def observed_days(
    pathway: Pathway, happenings: Sequence[Happening], programme: Programme, of: RecurrentEvent
) -> list[tuple[date, int, bool]]:
    """The days on which an episode is seen: which day, how many episodes began, and whether it is time at risk."""
    clock = Clock(pathway, programme, "day")
    visits = [one for one in happenings if selects(of.event, one)]
    starts = Counter(clock.at(one.at) for one in episode_starts(visits, of.episode_hours, programme))
    ends = follow_up(clock, happenings, programme, of)
    found = []
    for day in range(*of.window):
        if day >= ends.closed or any(day > end for end in ends.deaths | ends.losses):
            break
        found.append((pathway.on + timedelta(days=day), starts[day], day not in ends.deaths | ends.losses))
    return found


def _leaves(ends: FollowUp, never: int) -> int:
    return min(ends.deaths | ends.losses, default=never)


def proportion(pathway: Pathway, happenings: Sequence[Happening], programme: Programme, of: Proportion) -> Found:
    clock = Clock(pathway, programme, of.unit)
    ticks = [clock.at(one.at) for one in happenings if selects(of.event, one)]
    if of.earlier_event == "exclude" and any(tick < 0 for tick in ticks):
        return Found(excluded="earlier_event")
    start, end = clock.scaled(of.window[0]), clock.scaled(of.window[1])
    ends = follow_up(clock, happenings, programme, of)
    if ends.closed < end:
        return Found(excluded="immature")
    leaves = _leaves(ends, end)
    whole = leaves >= end
    if start < 0:  # looked back from, its last day is that of a death; and it is seen whole or not at all
        whole = leaves >= end - 1
        if not whole:
            return Found(excluded="no_follow_up")
    if of.look_back and (pathway.on - min(day_of(one, programme) for one in happenings)).days < of.look_back:
        return Found(excluded="not_known_before")
    events = sum(1 for tick in ticks if start <= tick < end and tick <= leaves)
    return Found((ANSWERED, int(whole), int(events >= of.at_least)))


def score(pathway: Pathway, happenings: Sequence[Happening], programme: Programme, of: Score) -> Found:
    clock = Clock(pathway, programme, "day")
    start, end = of.window
    ends = follow_up(clock, happenings, programme, of)
    if ends.closed < end:
        return Found(excluded="immature")
    followed = int(_leaves(ends, end) >= end)
    answers = [
        one
        for one in happenings
        if selects(of.event, one)
        and start <= clock.at(one.at) < end
        and one.value is not None
        and of.range[0] <= one.value <= of.range[1]
    ]
    if answers:
        nearest = min(answers, key=lambda one: (abs(clock.at(one.at) - of.nearest), reading_order(one)))
        return Found((ANSWERED, followed, round(nearest.value * 1_000_000)))
    invited = of.invited_by is not None and any(
        selects(of.invited_by, one) and clock.at(one.at) < end for one in happenings
    )
    return Found((INVITED if invited else ELIGIBLE, followed, None))


KINDS = {
    "time_to_event": time_to_event,
    "gap": gap,
    "recurrent_event": recurrent_event,
    "proportion": proportion,
    "score": score,
}


def outcome_of(pathway: Pathway, happenings: Sequence[Happening], programme: Programme, of: Indicator) -> Found:
    if pathway.excluded:
        return Found(excluded=pathway.excluded)
    return KINDS[of.kind](pathway, happenings, programme, of)


# ---------------------------------------------------------------- counts


@dataclass(frozen=True, repr=False)
class Counts:
    """Pathways counted by (indicator, variant, view, period, arm, site, stratum) and cell.

    ``pairs`` counts pairs of pathways of one patient where time zero is ``each``; ``owners`` tells whose the
    pathways of each key of ``time`` are, and ``courses`` what became of each pathway with recurrent events: what
    counts do not know.
    """

    time: Counter[Cell] = field(default_factory=Counter)
    count: Counter[Cell] = field(default_factory=Counter)
    score: Counter[Cell] = field(default_factory=Counter)
    attrition: Counter[Cell] = field(default_factory=Counter)
    pairs: Counter[Cell] = field(default_factory=Counter)
    months: dict[Cell, list[int]] = field(default_factory=dict)
    recurrences: Counter[Cell] = field(default_factory=Counter)
    owners: dict[Cell, list[int]] = field(default_factory=dict, compare=False)
    courses: dict[Cell, list[Course]] = field(default_factory=dict, compare=False)

    def of_kind(self, kind: str) -> Counter[Cell]:
        return {"time_to_event": self.time, "gap": self.time, "recurrent_event": self.count}.get(kind, self.score)


def counts(happenings: Iterable[Happening], people: Mapping[int, Mapping[str, Any]], programme: Programme) -> Counts:
    by_patient: dict[int, list[Happening]] = {}
    for one in happenings:
        by_patient.setdefault(one.patient, []).append(one)
    counted = Counts()
    for indicator in programme.indicators.values():
        for variant, changed in programme.variants_of(indicator).items():
            for patient, known in by_patient.items():
                zero = indicator.time_zero or programme.time_zero
                keys: list[Cell] = []
                for one in zeros_of(known, zero):
                    late = changed.prevalent == "enter_late"
                    pathway = pathway_from(one, people.get(patient, {}), programme, zero, late=late)
                    found = outcome_of(pathway, known, programme, changed)
                    keys += _count(counted, pathway, found, programme, changed, variant)
                    if isinstance(changed, RecurrentEvent) and found.cell:
                        _count_courses(counted, pathway, known, programme, changed, variant)
                if zero.which == "each":
                    _count_pairs(counted, keys, patient)
    return counted


def _count(
    counted: Counts, pathway: Pathway, found: Found, programme: Programme, of: Indicator, variant: str
) -> list[Cell]:
    """Counts one pathway, and gives the keys under which it is counted, one per view."""
    named = (of.id, variant)
    counted.attrition[(*named, "overall", pathway.period, pathway.arm, None, None, _reason(found, of))] += 1
    if found.cell is None:
        return []
    views = _views(pathway, programme, of, variant)
    keys = [(*named, view, period, pathway.arm, site, stratum, *found.cell) for view, period, site, stratum in views]
    for key in keys:
        counted.of_kind(of.kind)[key] += 1
    return keys


def _count_months(counted: Counts, pathway: Pathway, days: list[tuple[date, int, bool]], indicator_id: str) -> None:
    """Pathways observed, those with an episode, episodes and days at risk of every calendar month."""
    of_month: dict[str, list[int]] = {}
    for day, events, at_risk in days:
        sums = of_month.setdefault(f"{day:%Y-%m}", [0, 0])
        sums[0] += events
        sums[1] += at_risk
    for month, (events, at_risk) in of_month.items():
        total = counted.months.setdefault((indicator_id, "main", "overall", month, pathway.arm, None, None), [0] * 4)
        for place, more in enumerate((1, events > 0, events, at_risk)):
            total[place] += more


def _count_courses(
    counted: Counts,
    pathway: Pathway,
    known: Sequence[Happening],
    programme: Programme,
    of: RecurrentEvent,
    variant: str,
) -> None:
    days = observed_days(pathway, known, programme, of)
    if variant == "main":
        _count_months(counted, pathway, days, of.id)
    died = any(one.type == "death" and day_of(one, programme) == days[-1][0] for one in known)
    course = course_of(pathway, days, COMPETED if died else CENSORED)
    for view, period, site, stratum in _views(pathway, programme, of, variant):
        if view != "month":
            count_recurrences(counted, (of.id, variant, view, period, pathway.arm, site, stratum), course)


def course_of(pathway: Pathway, days: list[tuple[date, int, bool]], status: int) -> Course:
    offsets = [(day - pathway.on).days for day, events, _ in days for _ in range(events)]
    return Course((days[-1][0] - pathway.on).days, status, sum(at_risk for _, _, at_risk in days), tuple(offsets))


def count_recurrences(counted: Counts, key: Cell, course: Course, n: int = 1) -> None:
    """Its end, each of its events with that end, and every two of its events, an event with itself among them."""
    end = (course.last, course.status)
    counted.courses.setdefault(key, []).extend([course] * n)
    counted.recurrences[(*key, None, None, None, *end)] += n
    for place, day in enumerate(course.events):
        counted.recurrences[(*key, day, place == 0, None, *end)] += n
        for other in course.events:
            if day <= other:
                counted.recurrences[(*key, day, None, other, None, None)] += n


def _count_pairs(counted: Counts, keys: list[Cell], patient: int) -> None:
    """The keys of one patient's pathways in the order of their time zeros; pairs differ in period and cell alone."""
    for key in keys:
        counted.owners.setdefault(key, []).append(patient)
    for one, other in combinations(keys, 2):
        shared = (*one[:3], *one[4:7])
        if shared == (*other[:3], *other[4:7]):
            counted.pairs[(*shared, one[3], *one[7:], other[3], *other[7:])] += 1


def _reason(found: Found, of: Indicator) -> str:
    if found.excluded or found.cell is None:
        return found.excluded or ""
    if of.kind == "score" and found.cell[0] != ANSWERED:
        return "no_answer" if found.cell[1] else "left_before_answer"
    return "analysed"


def _views(
    pathway: Pathway, programme: Programme, of: Indicator, variant: str
) -> list[tuple[str, str | None, str | None, str | None]]:
    found: list[tuple[str, str | None, str | None, str | None]] = [("overall", pathway.period, None, None)]
    if variant != "main":
        return found
    if len(programme.sites) > 1:
        found.append(("site", pathway.period, pathway.site, None))
    found.append(("month", f"{pathway.on:%Y-%m}", None, None))
    factors = programme.strata if of.strata is None else of.strata
    found += [(f"equity:{factor}", pathway.period, None, pathway.strata[factor]) for factor in factors]
    if programme.analysis.adjust_for:
        pattern = "\x1f".join(pathway.strata[factor] for factor in programme.analysis.adjust_for)
        found.append(("adjust", pathway.period, None, pattern))
    return found

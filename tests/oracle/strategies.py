"""Random programmes, patients and events, dense in the cases that matter.

Dates cluster round the borders of periods, the lock and the changes of clock; times of day repeat, so
that same-instant and same-day ties are common; events come in any order, before time zero and after
death; some are known to the day only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from oracle.builders import (
    BREAK,
    REFERRAL,
    RETURN,
    SATISFACTION,
    VISITS,
    Happening,
    event_frame,
    patient_frame,
    programme,
)

from warehouse.programme import Programme

EXAMPLES = settings(
    max_examples=20, deadline=None, derandomize=True, database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
FIRST_DAY = date(2021, 2, 25)  # the clocks of Paris and New York change within the periods that follow
SITES = ("north", "south", "east")
DAYTIME = (None, time(0), time(9), time(9, 0, 30), time(14, 59, 59), time(23, 59))
TIES = (None, None, time(0), time(9))
NIGHT = (*DAYTIME, time(1, 30), time(2, 30), time(3))  # local times that a change of clock skips or repeats
STARTING = ("announcement", "announcement", "announcement", "discharge")
FOLLOWING = (
    *["referral"] * 5, *["emergency_visit"] * 4, *["questionnaire"] * 6, *["announcement"] * 2, "discharge",
    "invitation", "icu_admission", "death", "transfer_out", "last_news",
)  # fmt: skip
CODES = {"referral": ("pain", "work", None), "questionnaire": ("overall",) * 5 + ("other",)}
OFFSETS = (0, 0, 0, 0, 1, 1, 2, 3, -1, *range(4, 42))
CLOSE = (0, 0, 0, 1, 6)
ZEROS = st.sampled_from(
    (
        None, None, {"event": "discharge", "which": "last"}, {"event": "announcement", "which": "each"},
        {"event": "emergency_visit", "which": "each"},
    )
)  # fmt: skip
LATE = {"title": {"fr": "Tardifs", "en": "Late"}, "prevalent": "enter_late"}
ANSWERS = (None, -1.0, 100.5, 0.0, 33.3, 50.0, 75.0, 89.9, 90.0, 99.9, 100.0)


@dataclass(frozen=True)
class World:
    """What a programme is evaluated on."""

    programme: Programme
    happenings: tuple[Happening, ...]
    people: dict[int, dict[str, Any]]

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The events and the patients as the warehouse hands them over."""
        people = [{"patient": patient, **person} for patient, person in self.people.items()]
        return event_frame(self.happenings, self.programme.zone), patient_frame(people, de_novo=pl.String)


def _windows(draw: st.DrawFn, longest: int, starts: tuple[int, ...]) -> tuple[int, int]:
    start = draw(st.sampled_from(starts))
    return start, start + draw(st.sampled_from((1, 2, longest // 4, longest // 2, longest)))


@st.composite
def times(draw: st.DrawFn, units: tuple[str, ...] = ("day", "minute", "hour")) -> dict[str, Any]:
    """A time to an event: any unit, window, competing and censoring events, with one variant."""
    unit = draw(st.sampled_from(units))
    longest = {"day": 40, "hour": 200, "minute": 3000}[unit]
    window = _windows(draw, longest, (0, 0, 0, 1, 2))
    horizons = tuple(sorted(draw(st.sets(st.integers(window[0], window[1] - 1), min_size=1, max_size=3))))
    later = max(horizons) + 1 + draw(st.integers(0, longest))
    changed = {
        "title": {"fr": "Autre", "en": "Other"},
        **draw(st.sampled_from(({"event": {"type": "referral", "code": ("work",)}}, {"window": (window[0], later)}))),
    }
    competing = draw(st.sampled_from(((), ("death",), ("death", "icu_admission"))))
    return {
        **REFERRAL,
        **_follow_up(draw),
        "time_zero": draw(ZEROS),
        "event": draw(st.sampled_from(({"type": "referral"}, {"type": "referral", "code": ("pain",)}))),
        "competing": competing,
        "censored_by": draw(st.sampled_from(((), ("transfer_out",), ("icu_admission",)))),
        "unit": unit,
        "window": window,
        "earlier_event": draw(st.sampled_from((None, "exclude", "ignore"))),
        "horizons": horizons,
        "primary": {"measure": "cumulative_incidence", "horizon": draw(st.sampled_from(horizons))},
        "variants": draw(st.sampled_from(({}, {"other": changed}, {"late": LATE}))),
    }


@st.composite
def breaks(draw: st.DrawFn) -> dict[str, Any]:
    """A break between contacts, with another length as a variant."""
    window = _windows(draw, 40, (0, 0, 3))
    horizons = tuple(sorted(draw(st.sets(st.integers(window[0], window[1] - 1), min_size=1, max_size=2))))
    other = {"title": {"fr": "Autre", "en": "Other"}, "longest_days": draw(st.integers(1, 20))}
    measure = draw(st.sampled_from(("cumulative_incidence", "survival")))
    return {
        **BREAK,
        **_follow_up(draw),
        "time_zero": draw(ZEROS),
        "contacts": draw(st.sampled_from((("emergency_visit",), ("emergency_visit", "referral")))),
        "longest_days": draw(st.integers(1, 8)),
        "competing": ("death",) if measure == "cumulative_incidence" else (),
        "window": window,
        "horizons": horizons,
        "primary": {"measure": measure, "horizon": draw(st.sampled_from(horizons))},
        "variants": draw(st.sampled_from(({}, {"other": other}, {"late": LATE}))),
    }


@st.composite
def rates(draw: st.DrawFn) -> dict[str, Any]:
    """Episodes of visits per time at risk, with others as a variant: longer, shorter or single visits."""
    other = {"title": {"fr": "Autre", "en": "Other"}, "episode_hours": draw(st.sampled_from((0, 1, 48)))}
    return {
        **VISITS,
        **_follow_up(draw),
        "window": _windows(draw, 40, (0, 0, 1, -3)),
        "censored_by": draw(st.sampled_from(((), ("icu_admission",)))),
        "episode_hours": draw(st.sampled_from((24, 24, 72))),
        "variants": draw(st.sampled_from(({}, {"other": other}))),
    }


@st.composite
def shares(draw: st.DrawFn, units: tuple[str, ...] = ("day", "minute", "hour")) -> dict[str, Any]:
    """A proportion of pathways with at least so many events."""
    unit = draw(st.sampled_from(units))
    return {
        **RETURN,
        **_follow_up(draw),
        "unit": unit,
        "window": _windows(draw, {"day": 40, "hour": 200, "minute": 3000}[unit], (0, 1, -4)),
        "look_back": draw(st.sampled_from((None, None, 1, 3))),
        "earlier_event": draw(st.sampled_from((None, "exclude", "ignore"))),
        "at_least": draw(st.integers(1, 2)),
    }


@st.composite
def scores(draw: st.DrawFn) -> dict[str, Any]:
    """A questionnaire score with its window, range and invitation."""
    start = draw(st.sampled_from((0, 0, 5, -5)))
    window = (start, start + draw(st.sampled_from((3, 12, 30))))
    return {
        **SATISFACTION,
        **_follow_up(draw),
        "window": window,
        "nearest": draw(st.integers(window[0], window[1] - 1)),
        "range": (0, 100),
        "top_box": draw(st.sampled_from((50, 90))),
        "invited_by": draw(st.sampled_from((None, {"type": "invitation"}))),
    }


def _follow_up(draw: st.DrawFn) -> dict[str, Any]:
    zero = {"event": "discharge", "which": "last"}
    return {
        "spill_over": draw(st.sampled_from((None, "cut", "keep"))),
        "alive_until": draw(st.sampled_from((None, "data_lock", "last_event"))),
        "time_zero": draw(st.sampled_from((None, None, zero))),
        "strata": draw(st.sampled_from((None, ()))),
    }


@st.composite
def _periods(draw: st.DrawFn) -> dict[str, Any]:
    start = FIRST_DAY + timedelta(days=draw(st.integers(0, 10)))
    middle = start + timedelta(days=draw(st.integers(10, 40)))
    later = middle + timedelta(days=draw(st.integers(0, 20)))
    named = {"before": {"from": start, "until": middle}, "after": {"from": later, "until": later + timedelta(days=40)}}
    if later > middle and draw(st.booleans()):
        named["transition"] = {"from": middle, "until": later}
    return named


@st.composite
def programmes(draw: st.DrawFn, units: tuple[str, ...] = ("day", "minute", "hour")) -> Programme:
    """A programme with one indicator of each kind."""
    periods = draw(_periods())
    after = periods["after"]
    names = SITES[: draw(st.integers(1, 3))]
    strata = draw(st.sampled_from(({}, {"de_novo": True}, {"age_band": (18, 50, 65), "de_novo": True})))
    started = st.one_of(st.none(), st.integers(-5, 20).map(lambda days: after["from"] + timedelta(days=days)))
    sites = [
        {"id": name, "arm": draw(st.sampled_from(("circuit", "circuit", "comparator"))), "starts": draw(started)}
        for name in names
    ]
    return programme(
        adjust_for=draw(st.sampled_from(((), tuple(strata), tuple(strata)[::-1]))),
        timezone=draw(st.sampled_from(("Europe/Paris", "America/New_York"))),
        data_lock=after["until"] + timedelta(days=draw(st.integers(-25, 40))),
        periods=periods,
        sites=tuple(sites),
        time_zero={"event": "announcement", "which": draw(st.sampled_from(("first", "first", "last")))},
        strata=strata,
        event_types=("invitation",),
        follow_up={
            "spill_over": draw(st.sampled_from(("cut", "keep"))),
            "alive_until": draw(st.sampled_from(("data_lock", "last_event"))),
        },
        indicators={
            "time": draw(times(units)),
            "break": draw(breaks()),
            "rate": draw(rates()),
            "share": draw(shares(units)),
            "score": draw(scores()),
        },
    )


@st.composite
def _happening(
    draw: st.DrawFn, declared: Programme, day: date, types: tuple[str, ...], clock: tuple[time | None, ...]
) -> dict[str, Any]:
    """A row without its patient and its place in the reading order."""
    at = draw(st.sampled_from(clock))
    local = datetime.combine(day, at or time(), ZoneInfo(declared.timezone)).replace(fold=draw(st.integers(0, 1)))
    kind = draw(st.sampled_from(types))
    return {
        "type": kind,
        "at": local.astimezone(UTC),
        "day_only": at is None,
        "code": draw(st.sampled_from(CODES.get(kind, (None,)))),
        "site": draw(st.sampled_from([*(site.id for site in declared.sites)] * 5 + [None])),
        "value": draw(st.sampled_from(ANSWERS)) if kind == "questionnaire" else None,
    }


@st.composite
def _story(
    draw: st.DrawFn, declared: Programme, clock: tuple[time | None, ...], apart: tuple[int, ...]
) -> list[dict[str, Any]]:
    """The rows of one patient: what starts a pathway on a day near a border, then events round and after it."""
    spans = [span for _, span in declared.periods.named()]
    borders = [spans[0].until, spans[0].start, spans[-1].start, spans[-1].start, declared.data_lock]
    day = draw(st.sampled_from(borders)) + timedelta(days=draw(st.sampled_from((*range(-6, 0), *range(0, 10), 20, 30))))
    offsets = draw(st.lists(st.sampled_from(apart), min_size=2, max_size=8))
    first = draw(_happening(declared, day, STARTING, clock))
    return [first, *(draw(_happening(declared, day + timedelta(days=days), FOLLOWING, clock)) for days in offsets)]


PERSON = st.fixed_dictionaries(
    {
        "birth_year": st.sampled_from((None, 1950, 1956, 1971, 1990, 2010)),
        "de_novo": st.sampled_from((None, "yes", "no")),
    }
)


@st.composite
def worlds(
    draw: st.DrawFn,
    units: tuple[str, ...] = ("day", "minute", "hour"),
    clock: tuple[time | None, ...] = NIGHT,
    apart: tuple[int, ...] = OFFSETS,
) -> World:
    """A programme, the events before its lock in random reading order, and some of the patients' covariates."""
    declared = draw(programmes(units))
    stories = draw(st.lists(_story(declared, clock, apart), min_size=4, max_size=10))
    rows = [{"patient": patient, **row} for patient, story in enumerate(stories, 1) for row in story]
    order = draw(st.permutations(range(len(rows))))
    happenings = tuple(
        found
        for sequence, row in zip(order, rows, strict=True)
        if (found := Happening(sequence=sequence, **row)).at.astimezone(declared.zone).date() < declared.data_lock
    )
    people = draw(st.dictionaries(st.integers(1, len(stories)), PERSON, max_size=len(stories)))
    return World(declared, happenings, people)


def crowded_worlds() -> st.SearchStrategy[World]:
    """Worlds whose events fall on few days and fewer instants: ties everywhere."""
    return worlds(clock=TIES, apart=CLOSE)

"""Small worlds for tests: a programme with its indicators, events and patients, in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from transforms.calendar_months import tally_months
from transforms.estimates import estimate
from transforms.follow_up import History
from transforms.outcomes import courses, outcomes
from transforms.pathways import admitted, pathways
from transforms.recurrences import tally_recurrences
from transforms.tallies import merge, tally
from warehouse.kinds import RecurrentEvent
from warehouse.programme import Programme
from warehouse.schemas import EVENT, PATIENT, Estimates, Tallies

PARIS = ZoneInfo("Europe/Paris")
TITLE = {"fr": "Titre", "en": "Title"}
DESCRIBED: dict[str, Any] = {
    "title": TITLE,
    "definition": TITLE,
    "caveat": TITLE,
    "better": "higher",
    "goal": "coordination",
    "authored_by": "the tests",
    "checked_by": "the tests",
    "next_review": date(2030, 1, 1),
}
REFERRAL: dict[str, Any] = {
    "kind": "time_to_event",
    "event": {"type": "referral"},
    "competing": ("death",),
    "censored_by": ("transfer_out",),
    "unit": "day",
    "window": (0, 91),
    "horizons": (14, 30, 60, 90),
    "primary": {"measure": "cumulative_incidence", "horizon": 30},
}
RETURN: dict[str, Any] = {
    "kind": "proportion",
    "event": {"type": "emergency_visit"},
    "window": (1, 31),
    "primary": {"measure": "proportion"},
}
VISITS: dict[str, Any] = {
    "kind": "recurrent_event",
    "event": {"type": "emergency_visit"},
    "window": (0, 91),
    "primary": {"measure": "rate"},
}
BREAK: dict[str, Any] = {
    "kind": "gap",
    "contacts": ("consultation", "nurse_contact"),
    "longest_days": 60,
    "competing": ("death",),
    "window": (0, 181),
    "horizons": (90, 180),
    "primary": {"measure": "cumulative_incidence", "horizon": 180},
}
EACH_REFERRAL: dict[str, Any] = {"event": "referral", "which": "each"}
SATISFACTION: dict[str, Any] = {
    "kind": "score",
    "event": {"type": "questionnaire", "code": ("overall",)},
    "window": (60, 121),
    "nearest": 90,
    "top_box": 90,
    "spill_over": "keep",
    "primary": {"measure": "top_box"},
}


def programme(
    *,
    indicators: Mapping[str, Mapping[str, Any]] | None = None,
    adjust_for: tuple[str, ...] = (),
    **declared: Any,
) -> Programme:
    """A programme of 2021, 2022 and 2023 in Paris, locked on 2024-04-01; ``declared`` replaces its keys."""
    indicators = indicators or {"time_to_referral": REFERRAL}
    named = {key: {**DESCRIBED, "id": key, **indicator} for key, indicator in indicators.items()}
    keys: dict[str, Any] = {
        "id": "small",
        "title": TITLE,
        "timezone": "Europe/Paris",
        "data_lock": date(2024, 4, 1),
        "periods": {
            "before": {"from": date(2021, 1, 1), "until": date(2022, 1, 1)},
            "transition": {"from": date(2022, 1, 1), "until": date(2023, 1, 1)},
            "after": {"from": date(2023, 1, 1), "until": date(2024, 1, 1)},
        },
        "time_zero": {"event": "announcement"},
        "sites": ({"id": "north"},),
        "sources": ({"id": "ehr", "path": "events.csv"},),
        "analysis": {"indicators": tuple(named), "primary": tuple(named), "adjust_for": adjust_for},
        "privacy": {"purpose": "tests", "retention_until": date(2030, 1, 1)},
        "indicators": named,
        "plan_hash": "plan",
    }
    return Programme.model_validate({**keys, **declared})


@dataclass(frozen=True)
class Happening:
    """One event as recorded: an instant in UTC, or a local day at whose midnight it then stands."""

    patient: int
    type: str
    at: datetime
    sequence: int
    day_only: bool = False
    code: str | None = None
    site: str | None = "north"
    value: float | None = None


def happening(
    patient: int, event_type: str, when: str, sequence: int = 0, *, zone: str = "Europe/Paris", **known: Any
) -> Happening:
    """An event of local time: ``2023-05-01`` for a day, ``2023-05-01 10:30`` for an instant."""
    local = datetime.fromisoformat(when).replace(tzinfo=ZoneInfo(zone))
    return Happening(patient, event_type, local.astimezone(UTC), sequence, day_only=len(when) == 10, **known)


def log(*rows: tuple[Any, ...], **shared: Any) -> list[Happening]:
    """Events in reading order from (patient, type, when) and, as a fourth, further columns."""
    return [
        happening(patient, event_type, when, sequence, **shared, **(known[0] if known else {}))
        for sequence, (patient, event_type, when, *known) in enumerate(rows)
    ]


def event_frame(happenings: Iterable[Happening], zone: ZoneInfo = PARIS) -> pl.DataFrame:
    """The rows of EVENT, as ingest leaves them: instants in UTC, days in the programme's zone."""
    rows = [
        (
            one.sequence, one.patient, one.type, one.code, one.at.astimezone(UTC).replace(tzinfo=None),
            one.at.astimezone(zone).date(), "day" if one.day_only else "second", one.site, one.value,
        )
        for one in happenings
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=EVENT, orient="row")


def patient_frame(people: Iterable[Mapping[str, Any]] = (), **covariates: Any) -> pl.DataFrame:
    """The rows of PATIENT with further covariates (name=dtype)."""
    return pl.DataFrame(list(people), schema={**PATIENT, **covariates})


def history(events: pl.DataFrame) -> History:
    """The events with the last one of each patient, as the warehouse hands them over."""
    on = pl.col("occurred_on")
    last = events.group_by("patient").agg(last_at=pl.col("occurred_at").max(), last_on=on.max(), first_on=on.min())
    return History(events, last)


def outcome_rows(
    happenings: Iterable[Happening], declared: Programme, indicator_id: str = "", variant: str = "main"
) -> list[dict[str, Any]]:
    """The outcomes of one indicator (the first), one row per pathway, without its key."""
    indicator = declared.indicators[indicator_id or next(iter(declared.indicators))]
    known = history(event_frame(happenings, declared.zone))
    started = pathways(known.events, patient_frame(), declared, indicator.time_zero or declared.time_zero)
    changed = declared.variants_of(indicator)[variant]
    found = outcomes(admitted(started, declared, changed), known, declared, changed)
    return found.drop("pathway").to_dicts()


def tallied(events: pl.DataFrame, patients: pl.DataFrame, declared: Programme) -> Tallies:
    """The counts of every indicator and variant."""
    known, parts = history(events), []
    for indicator_id, indicator in declared.indicators.items():
        started = pathways(events, patients, declared, indicator.time_zero or declared.time_zero)
        for variant, changed in declared.variants_of(indicator).items():
            looked_at = admitted(started, declared, changed)
            found = outcomes(looked_at, known, declared, changed)
            parts.append(tally(looked_at, found, declared, indicator_id=indicator_id, variant=variant))
            if isinstance(changed, RecurrentEvent):
                followed = courses(looked_at, known, declared, changed)
                parts.append(tally_recurrences(followed, declared, indicator_id=indicator_id, variant=variant))
                if variant == "main":
                    parts.append(tally_months(followed, indicator_id=indicator_id))
    return merge(*parts)


def estimated(tallies: Tallies, declared: Programme) -> Estimates:
    """The estimates of a run named ``run``."""
    return estimate(tallies, declared, "run")


def referred_after(days: Iterable[int | None], announced: str = "2023-01-02", first: int = 1) -> list[Happening]:
    """One patient per element, announced on one day; referred so many days later, or never."""
    start, found = date.fromisoformat(announced), []
    for patient, delay in enumerate(days, first):
        found.append((patient, "announcement", announced))
        if delay is not None:
            found.append((patient, "referral", (start + timedelta(days=delay)).isoformat()))
    return log(*found)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins."""
    return datetime.combine(day, time(), zone).astimezone(UTC)

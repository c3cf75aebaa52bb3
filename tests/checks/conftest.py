"""A small programme with one indicator of each kind that the checks read, and evidence without a fault."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from checks.coverage import VOLUME, months
from checks.dating import DATING
from checks.results import Results
from checks.rules import row_rules
from checks.tables import COUNTS, RULE_RESULT, Evidence
from warehouse.kinds import Score, TimeToEvent
from warehouse.programme import Programme
from warehouse.schemas import ATTRITION_TALLY, ESTIMATE, LEDGER

WORDS = {"fr": "mots", "en": "words"}
AUTHORS = {"authored_by": "a", "checked_by": "b", "next_review": date(2027, 1, 1)}
LOCK = date(2024, 4, 1)


def _time_to_event(id: str, event: dict[str, Any], unit: str = "day", **more: Any) -> TimeToEvent:
    return TimeToEvent.model_validate(
        {
            "kind": "time_to_event",
            "id": id,
            "title": WORDS,
            "definition": WORDS,
            "caveat": WORDS,
            "better": "higher",
            "goal": "announcement",
            "primary": {"measure": "cumulative_incidence", "horizon": 30},
            "window": (0, 91),
            "horizons": (30,),
            "unit": unit,
            "event": event,
            **AUTHORS,
            **more,
        }
    )


def _score(id: str, code: str, low: int, high: int) -> Score:
    return Score.model_validate(
        {
            "kind": "score",
            "id": id,
            "title": WORDS,
            "definition": WORDS,
            "caveat": WORDS,
            "better": "higher",
            "goal": "satisfaction",
            "primary": {"measure": "top_box"},
            "window": (60, 121),
            "event": {"type": "questionnaire", "code": (code,)},
            "range": (low, high),
            "nearest": 90,
            "top_box": high,
            **AUTHORS,
        }
    )


def _with_variants(indicator: TimeToEvent) -> TimeToEvent:
    variants = {"pain": {"title": WORDS, "event": {"type": "referral", "code": ("pain",)}}}
    late = {"late": {"title": WORDS, "prevalent": "enter_late"}}
    return TimeToEvent.model_validate({**dict(indicator), "variants": variants | late})


@pytest.fixture(scope="session")
def programme() -> Programme:
    indicators = {
        "referral": _with_variants(
            _time_to_event("referral", {"type": "referral", "code": ("pain", "l'art-thérapie")})
        ),
        "antibiotics": _time_to_event("antibiotics", {"type": "treatment_start"}, unit="minute"),
        "emergency": _time_to_event("emergency", {"type": "emergency_visit"}),
        "satisfaction": _score("satisfaction", "overall", 0, 100),
        "distress": _score("distress", "thermometer", 0, 10),
    }
    return Programme.model_validate(
        {
            "id": "small",
            "title": WORDS,
            "timezone": "Europe/Paris",
            "data_lock": LOCK,
            "periods": {
                "before": {"from": date(2021, 6, 1), "until": date(2022, 1, 1)},
                "transition": {"from": date(2022, 1, 1), "until": date(2023, 1, 1)},
                "after": {"from": date(2023, 1, 1), "until": date(2024, 1, 1)},
            },
            "time_zero": {"event": "announcement"},
            "sites": ({"id": "north"}, {"id": "south", "arm": "comparator"}),
            "sources": (
                {"id": "ehr", "path": "events.csv"},
                {"id": "survey", "path": "answers.csv", "optional": True},
            ),
            "strata": {"age_band": (50, 65)},
            "analysis": {"indicators": tuple(indicators), "primary": ("referral", "satisfaction")},
            "privacy": {"purpose": "evaluation", "retention_until": date(2030, 1, 1)},
            "indicators": indicators,
            "plan_hash": "0" * 64,
        }
    )


def _dating() -> list[tuple[Any, ...]]:
    """A thousand visits in winter and in summer, spread evenly over the days, at half past twelve on average."""
    spread = (1000, 33, 33, 3, 600, 1000, 3, 45_000 * 1000, 1000 * (45_000.0**2 + 14_400.0**2))
    return [("ehr", "emergency_visit", offset, *spread) for offset in (3600, 7200)]


@pytest.fixture
def clean(programme: Programme) -> Evidence:
    """Everything holds: both sites have 20 events of every measured type in every month."""
    types = ("announcement", "referral", "treatment_start", "emergency_visit", "questionnaire")
    volumes = [
        (site, month, event_type, 20)
        for site in ("north", "south")
        for month in months(date(2021, 6, 1), LOCK)
        for event_type in types
    ]
    events = sum(row[3] for row in volumes)
    ledger = [
        ("ehr", "events.csv", "a" * 64, events + 17, events + 10, 4, 3),
        ("survey", "answers.csv", "b" * 64, 5, 5, 0, 0),
    ]
    counts = {**dict.fromkeys(COUNTS, 0), "events": events, "patients": 2000, "set_aside_rows": 15}
    results = [(source, rule.id, 0, 100) for source in ("ehr", "survey") for rule in row_rules(programme)]
    return Evidence(
        programme=programme,
        rule_results=pl.DataFrame(results, schema=RULE_RESULT, orient="row"),
        ledger=pl.DataFrame(ledger, schema=LEDGER, orient="row"),
        volumes=pl.DataFrame(volumes, schema=VOLUME, orient="row"),
        dating=pl.DataFrame(_dating(), schema=DATING, orient="row"),
        counts=counts,
    )


def _figure(indicator_id: str, measure: str, period: str, **known: Any) -> dict[str, Any]:
    keys = {"programme_id": "small", "run_id": "r1", "variant": "main", "kind": "k", "unit": "day", "method": "m"}
    scope = {"analysis": "secondary", "scope_type": "overall", "scope": "all", "plan_hash": "0" * 64}
    return keys | scope | {"indicator_id": indicator_id, "measure": measure, "period": period} | known


def _figures() -> list[dict[str, Any]]:
    one = {"estimate": 0.4, "ci_low": 0.3, "ci_high": 0.5, "std_error": 0.05}
    group, contrast = one | {"n": 100, "n_events": 40}, one | {"p_value": 0.04}
    rows = []
    for name, measure, horizon in (
        ("referral", "cumulative_incidence", 30),
        ("satisfaction", "top_box", None),
        ("antibiotics", "cumulative_incidence", 30),
        ("emergency", "cumulative_incidence", 30),
        ("distress", "top_box", None),
    ):
        analysis = "primary" if name in ("referral", "satisfaction") else "secondary"
        for period in ("before", "after", "after-before"):
            numbers = contrast if period == "after-before" else group
            rows.append(_figure(name, measure, period, horizon=horizon, **{"analysis": analysis, **numbers}))
    return [*rows, _figure("antibiotics", "log_rank", "after-before", estimate=1.2, p_value=0.28)]


def _attrition() -> list[tuple[Any, ...]]:
    names = [(name, "main") for name in ("referral", "satisfaction", "antibiotics", "emergency", "distress")]
    counted = [
        (name, variant, period, reason, n)
        for name, variant in [*names, ("referral", "pain")]
        for period, reason, n in (("before", "analysed", 100), ("after", "analysed", 100), (None, "prevalent", 7))
    ]
    entered_late = [("referral", "late", period, "analysed", n) for period, n in (("before", 107), ("after", 100))]
    return [
        (name, variant, "overall", period, "circuit", None, None, reason, n)
        for name, variant, period, reason, n in [*counted, *entered_late]
    ]


@pytest.fixture
def results(programme: Programme) -> Results:
    """Sixteen figures that hold, and the attrition they come from."""
    return Results(
        programme,
        pl.DataFrame(_figures(), schema=ESTIMATE),
        pl.DataFrame(_attrition(), schema=ATTRITION_TALLY, orient="row"),
    )

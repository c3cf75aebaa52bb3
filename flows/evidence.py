"""What the checks judge: counts of the warehouse, gathered from the store. No row of a patient is handed over."""

from __future__ import annotations

import polars as pl

from checks.tables import Evidence
from transforms.pathways import matching
from warehouse.programme import Programme
from warehouse.store import Store

OLDEST = 115  # years of age at time zero


def evidence(store: Store, programme: Programme) -> Evidence:
    """Rule results, ledger, events by site, month and type, how they are dated, and the counts of COUNTS."""
    return Evidence(
        programme=programme,
        rule_results=store.rule_results(),
        ledger=store.ledger(),
        volumes=store.facts(programme),
        dating=store.dating(programme),
        counts=_rows(store, programme) | _patients(store, programme),
    )


def _rows(store: Store, programme: Programme) -> dict[str, int]:
    reading, totals = store.reading(programme), store.totals(programme)
    return {
        "events": reading["current"],
        "superseded_rows": reading["superseded"],
        "cancelled_rows": reading["cancelled"],
        "set_aside_rows": reading["on_or_after_lock"],
        "out_of_order_rows": _number(totals["out_of_order"]),
        "same_instant_groups": _number(totals["same_instant_groups"]),
        "events_after_death": _number(totals["after_death"]),
        "patients": _number(totals["patients"]),
        "patients_with_several_deaths": _number(totals["patients_with_two_deaths"]),
    }


def _number(count: object) -> int:
    return int(count) if isinstance(count, int) else 0


def _patients(store: Store, programme: Programme) -> dict[str, int]:
    """Patients by what is missing of them, and those of an age that nobody has."""
    zeros = store.events(programme, [programme.time_zero.event]).filter(matching(programme.time_zero))
    first = zeros.group_by("patient").agg(pl.col("occurred_on").min())
    patients = store.patients(programme)
    covariates = [name for name in patients.columns if name != "patient"] if programme.patients else []
    aged = patients.join(first, on="patient").select(age=pl.col("occurred_on").dt.year() - pl.col("birth_year"))
    total = _number(store.totals(programme)["patients"])
    return {
        "patients_without_time_zero": total - first.height,
        "patients_without_covariates": patients.filter(pl.any_horizontal(pl.col(covariates).is_null())).height
        if covariates
        else 0,
        "patients_of_implausible_age": aged.filter(~pl.col("age").is_between(0, OLDEST)).height,
    }

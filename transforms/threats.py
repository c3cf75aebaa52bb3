"""Threats to the contrast that the programme finds by itself, each with its numbers and whether it is there."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from transforms.threat import Threat
from transforms.threats_of_data import threats_of_data
from transforms.threats_to_groups import threats_to_groups
from warehouse.programme import Programme
from warehouse.schemas import THREAT, Tallies
from warehouse.threat_schemas import ABSENT, PRESENT

RECORDED = "recorded_by_circuit"


def threats(tallies: Tallies, volumes: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """Every threat as THREAT, those of the programme first, then by indicator in declared order.

    ``volumes`` has one row per site, local month and type of event: ``site, month, event_type, n``.
    """
    found = [vars(threat) for threat in _threats(tallies, volumes, programme)]
    return pl.DataFrame(found, schema=THREAT)


def _threats(tallies: Tallies, volumes: pl.DataFrame, programme: Programme) -> Iterator[Threat]:
    yield from threats_of_data(volumes, tallies.months, programme)
    for name, indicator in programme.indicators.items():
        yield from threats_to_groups(tallies, indicator, programme)
        level = PRESENT if indicator.recorded_by_circuit else ABSENT
        yield Threat(RECORDED, level, "declared", indicator_id=name)

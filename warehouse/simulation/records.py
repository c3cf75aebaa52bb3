"""What the information system makes of events: texts, with late, corrected, repeated and broken rows.

The clean content stays what happened: a wrong first version is superseded by the right one, an event
that never happened is cancelled, and broken rows are added beside the events, never instead of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from warehouse.programme import Programme, Source
from warehouse.simulation.cohort import Cohort, day_number, patient_ids
from warehouse.simulation.model import Simulation

BROKEN: Final = (
    "impossible_date",
    "missing_patient",
    "unknown_event_type",
    "unknown_site",
    "score_out_of_range",
    "wrong_field_count",
)
EVENTS_A_PATIENT: Final = 100  # event numbers set apart for each patient, more than are ever used
_DAYS_AFTER_LOCK: Final = 14
_DAYS_LATE: Final = (30, 121)
_MINUTES_A_DAY: Final = 1440
_OPENING: Final = 8 * 60  # nothing is recorded earlier in the day
_FIELDS_KEPT: Final = 3  # of a line cut short


@dataclass(frozen=True)
class Records:
    """Lines of the event files of one cohort, and how many of each kind.

    ``rows`` has the columns of the source as text under our names, and ``file``, the month in which
    they were recorded. ``cut`` has the lines of too few fields.
    """

    rows: pl.DataFrame
    cut: pl.DataFrame
    counts: dict[str, int]


def record(
    history: pl.DataFrame, cohort: Cohort, simulation: Simulation, programme: Programme, rng: np.random.Generator
) -> Records:
    """Write down what happened before and shortly after the lock, and go wrong as told."""
    lock = day_number(programme.data_lock)
    events = _recorded(history.filter(pl.col("day") < lock + _DAYS_AFTER_LOCK), simulation, rng)
    current, superseded = _corrected(events, simulation, rng)
    cancelled = _cancelled(events, simulation, rng)
    lines = _in_words(pl.concat([current, superseded, cancelled]), cohort, programme)
    duplicates = _some(lines, simulation.duplicate_share, rng)
    broken = _broken(lines, programme.sources[0], cohort, simulation, rng)
    cut = broken.pop("wrong_field_count")
    counts = {
        "clean": current.height,
        "superseded": superseded.height,
        "cancelled": cancelled.height,
        "duplicates": duplicates.height,
        "late": current.filter(pl.col("lag_days") >= _DAYS_LATE[0]).height,
        "after_lock": current.filter(pl.col("day") >= lock).height,
        **{kind: rows.height for kind, rows in broken.items()},
        "wrong_field_count": cut.height,
    }
    rows = pl.concat([lines, duplicates, *broken.values()]).sort("recorded_minute", "event_id", maintain_order=True)
    return Records(rows, cut, counts)


def _recorded(events: pl.DataFrame, simulation: Simulation, rng: np.random.Generator) -> pl.DataFrame:
    """Adds a number for each event, its status, and when it was recorded: mostly the same day or the next."""
    soon = rng.geometric(0.7, events.height) - 1
    late = rng.random(events.height) < simulation.late_share
    lag = np.where(late, rng.integers(*_DAYS_LATE, events.height), soon)
    minute = np.maximum(events["minute"].to_numpy(), _OPENING) + rng.integers(0, 30, events.height)
    return events.with_columns(
        event=pl.int_range(pl.len(), dtype=pl.Int64),
        status=pl.lit("active"),
        lag_days=pl.Series(lag),
        recorded_minute=(pl.col("day") + pl.Series(lag)) * _MINUTES_A_DAY
        + pl.Series(np.minimum(minute, _MINUTES_A_DAY - 1)),
    )


def _corrected(
    events: pl.DataFrame, simulation: Simulation, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Current versions, some of them corrections, and the wrong first versions that those replace."""
    chosen = pl.Series(rng.random(events.height) < simulation.corrected_share)
    wait = pl.Series(rng.integers(1, 21, events.height) * _MINUTES_A_DAY)
    current = events.with_columns(
        status=pl.when(chosen).then(pl.lit("corrected")).otherwise(pl.col("status")),
        recorded_minute=pl.col("recorded_minute") + pl.when(chosen).then(wait).otherwise(0),
    )
    first = events.filter(chosen)
    return current, first.with_columns(day=pl.col("day") - pl.Series(rng.integers(1, 4, first.height)))


def _cancelled(events: pl.DataFrame, simulation: Simulation, rng: np.random.Generator) -> pl.DataFrame:
    """Emergency visits that never were: recorded once, then cancelled under the same event number."""
    first = _some(events, simulation.cancelled_share, rng).with_columns(
        event=events.height + pl.int_range(pl.len(), dtype=pl.Int64),
        event_type=pl.lit("emergency_visit"),
        code=pl.lit(None, pl.String),
        value=pl.lit(None, pl.Float64),
    )
    wait = pl.Series(rng.integers(1, 21, first.height) * _MINUTES_A_DAY)
    return pl.concat(
        [first, first.with_columns(status=pl.lit("cancelled"), recorded_minute=pl.col("recorded_minute") + wait)]
    )


def _some(rows: pl.DataFrame, share: float, rng: np.random.Generator) -> pl.DataFrame:
    return rows.filter(pl.Series(rng.random(rows.height) < share))


def _in_words(events: pl.DataFrame, cohort: Cohort, programme: Programme) -> pl.DataFrame:
    """The texts of the file, one column per declared column of the source, and the file's month."""
    source = programme.sources[0]
    codes = {mapping.type: raw for raw, mapping in source.mappings().items()}
    units = {site: raw for raw, site in source.sites.items()}
    site_of = pl.Series([units[site.id] for site in programme.sites]).gather(cohort.site)
    patient = events["patient"]
    recorded = _instant(pl.col("recorded_minute"))
    return events.select(
        "recorded_minute",
        file=recorded.dt.strftime("%Y-%m"),
        event_id=_event_ids(cohort, pl.col("event")),
        patient_id=patient_ids(patient.to_numpy() + cohort.first),
        event_type=pl.col("event_type").replace_strict(codes),
        code="code",
        occurred_at=_instant(pl.col("day") * _MINUTES_A_DAY + pl.col("minute")).dt.strftime(pattern(source)),
        site=site_of.gather(patient),
        value=pl.col("value").cast(pl.String).str.replace(".", source.decimal, literal=True),
        status="status",
        recorded_at=recorded.dt.strftime(pattern(source)),
    )


def _broken(
    lines: pl.DataFrame, source: Source, cohort: Cohort, simulation: Simulation, rng: np.random.Generator
) -> dict[str, pl.DataFrame]:
    """Rows that must be refused, equally many of each kind, each an event of its own."""
    each = math.ceil(simulation.broken_share * lines.height / len(BROKEN))
    chosen = lines[rng.integers(0, lines.height, each * len(BROKEN))]
    last = EVENTS_A_PATIENT * cohort.size - 1
    fresh = chosen.with_columns(event_id=_event_ids(cohort, last - pl.int_range(pl.len(), dtype=pl.Int64)))
    codes = {mapping.type: raw for raw, mapping in source.mappings().items()}
    spoiled: dict[str, dict[str, pl.Expr]] = {
        "impossible_date": {"occurred_at": pl.lit("31/02/2023 10:00")},
        "missing_patient": {"patient_id": pl.lit(None, pl.String)},
        "unknown_event_type": {"event_type": pl.lit("ZZZ")},
        "unknown_site": {"site": pl.lit("9999")},
        "score_out_of_range": {
            "event_type": pl.lit(codes["questionnaire"]),
            "code": pl.lit("overall_satisfaction"),
            "value": pl.lit(f"250{source.decimal}0"),
        },
        "wrong_field_count": {},
    }
    return {
        kind: fresh.slice(position * each, each).with_columns(**spoiled[kind]) for position, kind in enumerate(BROKEN)
    }


def cut_lines(rows: pl.DataFrame, source: Source) -> str:
    """Lines that end after their first fields."""
    kept = list(source.columns)[:_FIELDS_KEPT]
    return "".join(f"{source.delimiter.join(map(str, row))}\n" for row in rows.select(kept).iter_rows())


def pattern(source: Source) -> str:
    """How the source writes an instant."""
    return "%Y-%m-%d %H:%M" if source.date_format == "iso" else source.date_format


def _instant(minutes: pl.Expr) -> pl.Expr:
    """Local wall-clock time from minutes since 1970."""
    return (minutes * 60_000_000).cast(pl.Datetime("us"))


def _event_ids(cohort: Cohort, number: pl.Expr) -> pl.Expr:
    return pl.lit("E") + (number + cohort.first * EVENTS_A_PATIENT).cast(pl.String).str.zfill(10)

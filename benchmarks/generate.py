"""A synthetic log of care events of any size, with a known share of faulty rows and of repeats.

One row per recorded event, about ten a patient, in no order. Patients are made in groups of 100,000, each
group from a seed of its own: a smaller log is the beginning of a larger one.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

GROUP = 100_000
FIRST_DAY, DAYS, TRANSITION, AFTER = date(2021, 6, 1), 944, 214, 579  # days counted from the first
SITES = ("nord", "sud", "est", "ouest", "centre", "rive")
SHARE_OF_SITES = (0.35, 0.22, 0.16, 0.12, 0.09, 0.06)
DELAY_AT_SITE = np.array([1.0, 0.87, 1.18, 0.95, 1.43, 0.77])
CARE = ("pain", "nutrition", "physical_activity", "work", "psychology")
NEVER = 10**6
REPEATED, FAULTY = 0.01, 0.005  # of all rows

Integers = np.ndarray[tuple[int], np.dtype[np.int64]]


def write_log(file: Path, patients: int, seed: int = 2023) -> int:
    """Write the log of so many patients as CSV; the number of its rows."""
    rows = 0
    with file.open("wb") as stream:
        for first in range(0, patients, GROUP):
            random = np.random.default_rng([seed, first // GROUP])
            events = _events(random, first, min(GROUP, patients - first))
            events = pl.concat([events, events.sample(fraction=REPEATED, seed=seed), _faulty(events, random, seed)])
            events = events.sample(fraction=1.0, shuffle=True, seed=seed + first).with_row_index("source_row", rows)
            events.write_csv(stream, include_header=first == 0)
            rows += events.height
    return rows


def _events(random: np.random.Generator, first: int, size: int) -> pl.DataFrame:
    """The events of one group of patients, none after death, transfer or the last day."""
    everybody = np.arange(size)
    site = random.choice(len(SITES), size, p=SHARE_OF_SITES)
    start = random.integers(0, DAYS, size)
    period = (start >= TRANSITION).astype(int) + (start >= AFTER)
    death = start + 1 + random.exponential(np.array([1000, 1050, 1100])[period]).astype(int)
    transfer = start + 1 + random.exponential(5000, size).astype(int)
    leaving = np.minimum(np.minimum(death, transfer), DAYS)
    referred = random.random(size) < np.array([0.75, 0.82, 0.88])[period]
    delay = random.exponential(np.array([40, 28, 18])[period] * DELAY_AT_SITE[site]).astype(int)
    referral = np.where(referred, start + delay, NEVER)

    def repeated(rate: Integers | float) -> tuple[Integers, Integers]:
        """Patients and days of events that come at this rate in the first year."""
        year = np.minimum(leaving - start, 365)
        who = np.repeat(everybody, random.poisson(rate * year / 365))
        return who, start[who] + (random.random(len(who)) * (year[who] + 1)).astype(int)

    again = np.repeat(everybody, np.where(referral <= leaving, random.poisson(0.8, size), 0))
    visits = repeated(np.array([1.0, 0.85, 0.7])[period])
    treated = everybody[random.random(size) < 0.9]
    asked = everybody[random.random(size) < 0.6]
    parts = [
        ("announcement", everybody, start),
        ("referral", everybody, referral),
        ("referral", again, referral[again] + random.integers(1, 120, len(again))),
        *(("nurse_contact", *repeated(3.1)), ("consultation", *repeated(3.3)), ("admission", *repeated(1.2))),
        ("treatment_start", treated, start[treated] + random.integers(5, 45, len(treated))),
        ("emergency_visit", *visits),
        ("questionnaire", asked, start[asked] + random.integers(60, 121, len(asked))),
        ("death", everybody, np.where(death <= transfer, death, NEVER)),
        ("transfer_out", everybody, np.where(transfer < death, transfer, NEVER)),
    ]
    frames = [_typed(random, name, who, day, site, first, leaving, period) for name, who, day in parts]
    return pl.concat(frames)


def _typed(
    random: np.random.Generator, name: str, who: Integers, day: Integers, site: Integers, first: int,
    leaving: Integers, period: Integers,
) -> pl.DataFrame:  # fmt: skip
    """Events of one type as rows of the log."""
    kept = day <= np.minimum(leaving[who], DAYS - 1)
    who, day = who[kept], day[kept]
    minute = day * 1440 + random.integers(8 * 60, 18 * 60, len(day))
    detail = np.array(CARE)[random.integers(0, len(CARE), len(who))] if name == "referral" else None
    mood = random.normal(np.array([6.9, 7.2, 7.7])[period[who]], 1.8).round().clip(0, 10).astype(int)
    frame = pl.DataFrame({"patient": who + first, "site": np.array(SITES)[site[who]], "minute": minute})
    return frame.select(
        patient_id=pl.format("P{}", pl.col("patient").cast(pl.String).str.zfill(8)),
        site="site",
        event_type=pl.lit(name),
        event_at=(pl.lit(FIRST_DAY).cast(pl.Datetime) + pl.duration(minutes="minute")).dt.strftime("%Y-%m-%d %H:%M:%S"),
        detail=pl.Series(detail, dtype=pl.String) if detail is not None else pl.lit(None, pl.String),
        score=pl.Series(mood, dtype=pl.Int64) if name == "questionnaire" else pl.lit(None, pl.Int64),
    )


def _faulty(events: pl.DataFrame, random: np.random.Generator, seed: int) -> pl.DataFrame:
    """Further rows, each with one of eight faults in turn."""
    rows = events.sample(fraction=FAULTY, seed=seed + 1).with_row_index("kind").with_columns(pl.col("kind") % 8)
    fault, column = pl.col("kind"), pl.col
    is_answer = fault.is_in([5, 6])
    future = pl.format("{}{}", pl.lit("2027"), column("event_at").str.slice(4)).str.replace("02-29", "02-28")
    past = pl.lit("2021-02-10 10:00:00")
    return rows.select(
        patient_id=pl.when(fault != 0).then("patient_id"),
        site=pl.when(fault == 1).then(pl.lit("elsewhere")).otherwise("site"),
        event_type=pl.when(fault == 2).then(pl.lit("unlisted")).when(is_answer).then(pl.lit("questionnaire"))
        .when(fault == 7).then(pl.lit("referral")).otherwise("event_type"),
        event_at=pl.when(fault == 3).then(pl.lit("2022-13-45 10:00:00")).when(fault == 4).then(future)
        .when(fault == 7).then(past).otherwise("event_at"),
        detail=pl.when(is_answer).then(None).when(fault == 7).then(pl.lit("pain")).otherwise("detail"),
        score=pl.when(fault == 5).then(11).when(~is_answer & (column("event_type") == "questionnaire") & (fault != 7))
        .then("score"),
    )  # fmt: skip

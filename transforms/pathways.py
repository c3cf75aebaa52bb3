"""Events become pathways: one row per patient and time zero, with period, arm, site and strata."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import polars as pl

from warehouse.kinds import EventSelector, Indicator, TimeZero
from warehouse.programme import Periods, Programme
from warehouse.schemas import ARM, PATHWAY, PERIOD, REASON, WORD
from warehouse.threat_schemas import DAYS_OF_START, FIRST_DAYS, LATER, START

MISSING = "missing"
PREVALENT, SITE_UNKNOWN = "prevalent", "site_unknown"
KNOWN_TO_THE_DAY = pl.col("precision") == "day"  # such an event stands at midnight, before the timed ones of its day


def matching(selector: EventSelector | TimeZero) -> pl.Expr:
    """True for the events that a selector names: its type, and one of its codes where it has some."""
    event_type = selector.event if isinstance(selector, TimeZero) else selector.type
    of_type = pl.col("event_type") == event_type
    return of_type & pl.col("code").is_in(list(selector.code)) if selector.code else of_type


def pathways(events: pl.DataFrame, patients: pl.DataFrame, programme: Programme, time_zero: TimeZero) -> pl.DataFrame:
    """One row per patient who has the event of time zero, or per such event (PATHWAY and one column per stratum).

    ``events`` is EVENT, ``patients`` is PATIENT with the declared covariates. Time zero is the
    first (or last) such event in all loaded history: a day-only value comes before the timed ones
    of its day, and of equal instants the earlier row is taken. ``each`` makes a pathway of every
    such event, those of one patient in that order. A first event before the before period makes the
    pathway ``prevalent``; an index date in no period puts it ``outside_periods``; both are excluded,
    and kept so that the attrition adds up. Period, site and strata are those of the index date.
    """
    zeros = _zeros(events, time_zero).select("patient", "site", index_at="occurred_at", index_on="occurred_on")
    placed = _with_covariates(zeros, patients, programme).with_columns(
        pathway=pl.int_range(pl.len(), dtype=pl.Int64),
        index_month=pl.col("index_on").dt.month_start(),
        entered_on=pl.col("index_on"),
        period=_period_of(pl.col("index_on"), programme.periods),
    )
    placed = placed.with_columns(
        arm=_arm(programme),
        excluded=_exclusion(programme, time_zero),
        **{factor: _stratum(factor, bands) for factor, bands in programme.strata.items()},
    )
    return placed.select(*PATHWAY, *programme.strata)


def _zeros(events: pl.DataFrame, time_zero: TimeZero) -> pl.DataFrame:
    """The events that start a pathway, by patient and, of one patient, in the order of time."""
    found, last = events.filter(matching(time_zero)), time_zero.which == "last"
    order: list[pl.Expr | str] = ["occurred_at", KNOWN_TO_THE_DAY, "sequence"]
    if time_zero.which == "each":
        return found.sort("patient", *order, descending=[False, False, True, False])
    return first_of_each(found, "patient", *order, descending=[last, not last, False]).sort("patient")


def first_of_each(rows: pl.DataFrame, key: str, *order: pl.Expr | str, descending: list[bool]) -> pl.DataFrame:
    """The first row of each key in this order. Keys that have one row, most of them, are not sorted."""
    alone = rows[key].is_unique()
    several = rows.filter(~alone).sort(*order, descending=descending)
    return pl.concat([rows.filter(alone), several.unique(key, keep="first", maintain_order=True)])


def _with_covariates(zeros: pl.DataFrame, patients: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    if not programme.strata:
        return zeros
    return zeros.join(_covariates(patients, programme), on="patient", how="left", maintain_order="left")


def _covariates(patients: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """The covariates that strata are made of; birth year only where a band is declared."""
    needed = {"birth_year" if isinstance(bands, tuple) else factor for factor, bands in programme.strata.items()}
    absent = sorted(needed - set(patients.columns))
    return patients.select(
        "patient",
        *sorted(needed & set(patients.columns)),
        *(pl.lit(None, pl.Int64 if name == "birth_year" else pl.String).alias(name) for name in absent),
    )


def _period_of(day: pl.Expr, periods: Periods) -> pl.Expr:
    """The period that holds the day, ``start <= day < until``; null outside all periods."""
    return pl.coalesce(
        pl.when((day >= span.start) & (day < span.until)).then(pl.lit(name, PERIOD)) for name, span in periods.named()
    )


def _arm(programme: Programme) -> pl.Expr:
    """The arm of the site; ``not_started`` in the after period before the site's own start."""
    site = pl.col("site")
    of_arm = {arm: [one.id for one in programme.sites if one.arm == arm] for arm in ("circuit", "comparator")}
    arm = pl.coalesce(pl.when(site.is_in(ids)).then(pl.lit(name, ARM)) for name, ids in of_arm.items())
    waiting = pl.any_horizontal(
        pl.lit(False),
        *(
            (site == one.id) & (pl.col("index_on") < one.starts)
            for one in programme.sites
            if one.starts and one.arm == "circuit"
        ),
    )
    return pl.when((pl.col("period") == "after") & waiting).then(pl.lit("not_started", ARM)).otherwise(arm)


def _exclusion(programme: Programme, time_zero: TimeZero) -> pl.Expr:
    early: date = programme.periods.before.start
    prevalent = (pl.col("index_on") < early) & pl.lit(time_zero.which == "first")
    return (
        pl.when(prevalent)
        .then(pl.lit(PREVALENT, REASON))
        .when(pl.col("period").is_null())
        .then(pl.lit("outside_periods", REASON))
        .when(pl.col("site").is_null())
        .then(pl.lit(SITE_UNKNOWN, REASON))
    )


def admitted(pathways: pl.DataFrame, programme: Programme, indicator: Indicator) -> pl.DataFrame:
    """The pathways that an indicator looks at: all as they are, or the prevalent ones as pathways that enter late.

    These are then of the before period and come under observation on its first day, ``entered_on``; their time
    still runs from time zero. Arm, site and strata stay those of time zero.
    """
    if indicator.prevalent == "exclude":
        return pathways
    late = (pl.col("excluded") == PREVALENT).fill_null(False)
    no_site = pl.when(pl.col("site").is_null()).then(pl.lit(SITE_UNKNOWN, REASON))
    return pathways.with_columns(
        period=pl.when(late).then(pl.lit("before", PERIOD)).otherwise("period"),
        entered_on=pl.when(late).then(pl.lit(programme.periods.before.start)).otherwise("entered_on"),
        excluded=pl.when(late).then(no_site).otherwise("excluded"),
    )


def with_start(pathways: pl.DataFrame, first_on: date) -> pl.DataFrame:
    """Adds ``start``: whether time zero lies within the first 90 days of the data, which begin on ``first_on``.

    That is the day of the first event that may start a pathway, of all patients. Of those who begin right then some
    had theirs before, out of sight: their first event is not the first. Half-open: day 90 is later.
    """
    words = pl.Enum([FIRST_DAYS, LATER])
    first_days = pl.col("index_on") < first_on + timedelta(days=DAYS_OF_START)
    return pathways.with_columns(
        pl.when(first_days).then(pl.lit(FIRST_DAYS, words)).otherwise(pl.lit(LATER, words)).alias(START)
    )


def _stratum(factor: str, bands: tuple[int, ...] | bool) -> pl.Expr:
    """A band of age (year of time zero - birth year), or the covariate as it stands; ``missing`` is a level."""
    if isinstance(bands, tuple):
        labels = band_labels(bands)
        age = pl.col("index_on").dt.year().cast(pl.Int64) - pl.col("birth_year")
        below = [pl.when(age < bound).then(pl.lit(label)) for bound, label in zip(bands, labels, strict=False)]
        value = pl.coalesce(*below, pl.when(age.is_not_null()).then(pl.lit(labels[-1])))
    else:
        value = pl.col(factor).cast(pl.String)
    return value.fill_null(MISSING).cast(WORD)


def band_labels(bands: tuple[int, ...]) -> list[str]:
    """Labels of half-open bands: (18, 50) gives ``<18``, ``18-49``, ``50+``."""
    inner = [f"{low}-{high - 1}" for low, high in pairwise(bands)]
    return [f"<{bands[0]}", *inner, f"{bands[-1]}+"]

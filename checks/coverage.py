"""Coverage: which sites, months and types of event the data hold, and where they begin or stop.

A missing month is not a month with zero, and an event that is only collected since the programme
began makes its own effect. Everything is counted by local month, ``2023-05``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from checks.predicates import measured_types, time_zero_types
from warehouse.programme import Programme

# One row per site, local month and event type: number of current events before the data lock. Null where no site.
VOLUME = pl.Schema({"site": pl.String, "month": pl.String, "event_type": pl.String, "n": pl.Int64})

EMERGENCY = "emergency_visit"
FRESH_MONTHS = 3
# Absence is a change of coverage where this many events were to be expected: by chance once in 22,000 (Poisson).
EXPECTED_AT_LEAST = 10.0
FEWEST_PER_MONTH = 10  # below it a third and three times the median are chance


class Measured(NamedTuple):
    """How many violate, of how many."""

    violated: int
    denominator: int


def months(start: date, until: date) -> list[str]:
    """The months that ``start <= day < until`` touches, in order."""
    first, last = _index(start), _index(until - timedelta(days=1))
    return [f"{index // 12}-{index % 12 + 1:02d}" for index in range(first, last + 1)]


def silent_sites(volumes: pl.DataFrame, programme: Programme) -> Measured:
    """Declared sites without any event."""
    seen = set(volumes.filter(pl.col("n") > 0)["site"])
    return Measured(sum(site.id not in seen for site in programme.sites), len(programme.sites))


def periods_without_time_zero(volumes: pl.DataFrame, programme: Programme) -> Measured:
    """Of the before and after periods, those whose months have no event of the programme's time zero."""
    seen = set(_of_types(volumes, [programme.time_zero.event])["month"])
    spans = (programme.periods.before, programme.periods.after)
    return Measured(sum(seen.isdisjoint(months(span.start, span.until)) for span in spans), len(spans))


def missing_months(volumes: pl.DataFrame, programme: Programme) -> Measured:
    """Months of the evaluation without any event, between the first and the last month of their site."""
    evaluated = months(programme.periods.before.start, programme.periods.after.until)
    missing = expected = 0
    for seen in _months_by_site(volumes, programme):
        span = [month for month in evaluated if min(seen) <= month <= max(seen)]
        expected += len(span)
        missing += sum(month not in seen for month in span)
    return Measured(missing, expected)


def months_without_time_zero(volumes: pl.DataFrame, programme: Programme) -> Measured:
    """Whole months of a site, before and after, without any event of time zero."""
    contrasted = _contrasted_months(programme)
    zeros = set(_of_types(volumes, time_zero_types(programme)).select("site", "month").iter_rows())
    sites = _present(volumes, programme)
    return Measured(
        sum((site, month) not in zeros for site in sites for month in contrasted), len(sites) * len(contrasted)
    )


def unstable_emergency(volumes: pl.DataFrame, programme: Programme) -> Measured:
    """Sites whose emergency visits appear or vanish between the before and the after period.

    Emergency visits often happen elsewhere and reach a site by an agreement on data: one that began
    with the programme looks like an effect. Speaks of nothing where no indicator measures them.
    """
    return _unstable(volumes, programme, {EMERGENCY} & measured_types(programme))


def unstable_events(volumes: pl.DataFrame, programme: Programme) -> Measured:
    """Pairs of site and other measured type of event that appear or vanish between before and after."""
    return _unstable(volumes, programme, measured_types(programme) - {EMERGENCY})


def stale_sites(volumes: pl.DataFrame, programme: Programme) -> Measured:
    """Sites whose last event lies before the last three months that ended by the data lock."""
    lock = programme.data_lock
    fresh = _index(lock) - FRESH_MONTHS
    oldest = f"{fresh // 12}-{fresh % 12 + 1:02d}"
    last = [max(seen) for seen in _months_by_site(volumes, programme)]
    return Measured(sum(month < oldest for month in last), len(last))


def outlying_months(volumes: pl.DataFrame, programme: Programme) -> Measured:
    """Whole months of a site with less than a third or more than three times its median number of events."""
    inside = pl.col("month").is_in(_contrasted_months(programme))
    monthly = volumes.filter(inside).group_by("site", "month").agg(pl.col("n").sum())
    judged = monthly.with_columns(median=pl.col("n").median().over("site")).filter(pl.col("median") >= FEWEST_PER_MONTH)
    outlying = judged.filter(~pl.col("n").is_between(pl.col("median") / 3, pl.col("median") * 3))
    return Measured(outlying.height, judged.height)


def _unstable(volumes: pl.DataFrame, programme: Programme, types: Iterable[str]) -> Measured:
    spans = [span.whole_months(programme.data_lock) for span in (programme.periods.before, programme.periods.after)]
    changed = judged = 0
    for site in _present(volumes, programme):
        for event_type in sorted(types):
            of_site = _of_types(volumes, [event_type]).filter(pl.col("site") == site)
            numbers = [int(of_site.filter(pl.col("month").is_in(span))["n"].sum()) for span in spans]
            judged += any(numbers)
            changed += _changes(numbers, [len(span) for span in spans])
    return Measured(changed, judged)


def _changes(numbers: Sequence[int], lengths: Sequence[int]) -> bool:
    """One period has no event where the rate of the other leads to expect many."""
    expected = (
        (n / length * other) for n, length, other in zip(numbers, lengths, lengths[::-1], strict=True) if length
    )
    return 0 in numbers and max(expected, default=0.0) >= EXPECTED_AT_LEAST


def _contrasted_months(programme: Programme) -> list[str]:
    periods = programme.periods
    return [month for span in (periods.before, periods.after) for month in span.whole_months(programme.data_lock)]


def _of_types(volumes: pl.DataFrame, types: Iterable[str]) -> pl.DataFrame:
    return volumes.filter(pl.col("event_type").is_in(sorted(types)), pl.col("n") > 0)


def _present(volumes: pl.DataFrame, programme: Programme) -> list[str]:
    seen = set(volumes.filter(pl.col("n") > 0)["site"])
    return [site.id for site in programme.sites if site.id in seen]


def _months_by_site(volumes: pl.DataFrame, programme: Programme) -> list[set[str]]:
    events = volumes.filter(pl.col("n") > 0)
    return [set(events.filter(pl.col("site") == site)["month"]) for site in _present(volumes, programme)]


def _index(day: date) -> int:
    """Months since year 0: consecutive months differ by one."""
    return day.year * 12 + day.month - 1

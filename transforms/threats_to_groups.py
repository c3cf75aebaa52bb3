"""Threats that lie in who is compared: who began with the data, who was followed how long, who was lost, who they are.

All of them are told from counts, of the circuit sites together and of the indicator itself, its variants apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from transforms.estimates import cells_of, contrast, headline
from transforms.figure import CONTRAST, Figure
from transforms.follow_up import ticks_per_unit
from transforms.threat import Counted, Threat, of_shares
from warehouse.kinds import SECONDS_IN, Indicator, Proportion, RecurrentEvent, Score, Timed
from warehouse.programme import Programme
from warehouse.schemas import CENSORED, Tallies
from warehouse.threat_schemas import ABSENT, CANNOT_BE_TOLD, FIRST_DAYS, LATER, PRESENT, START

PREVALENT, FOLLOW_UP, LOSS, CASE_MIX = "prevalent_at_start", "unequal_follow_up", "informative_loss", "case_mix"
LARGEST_DIFFERENCE = 0.05  # of shares followed or lost
LARGEST_STANDARDISED = 0.1  # Austin (2009)
WAITING = ("analysed", "no_answer", "left_before_answer", "immature")  # whose window is complete, and whose is not


def threats_to_groups(tallies: Tallies, indicator: Indicator, programme: Programme) -> Iterator[Threat]:
    """Every threat of one indicator that its counts can tell."""
    named = (pl.col("indicator_id") == indicator.id) & (pl.col("variant") == "main") & (pl.col("arm") == "circuit")
    cells = cells_of(tallies, indicator).filter(named)
    yield from _prevalent_at_start(cells, tallies.recurrences.filter(named), indicator, programme)
    yield _unequal_follow_up(cells, tallies, named, indicator)
    yield from _informative_loss(cells, indicator, programme)
    yield from _case_mix(cells, indicator)


# --- Those who began with the data --------------------------------------------------------------


def _prevalent_at_start(
    cells: pl.DataFrame, recurrences: pl.DataFrame, indicator: Indicator, programme: Programme
) -> Iterator[Threat]:
    """Pathways of the before period that began in the first 90 days of the data, against those that began later.

    Some of the former began before, out of sight: their first event in the data is not the first. Present where the
    two differ (95 % interval), absent where there are none of the former; else they are there, and it is open whether
    they matter. Only where time zero is the first of its events.
    """
    if programme.zero_of(indicator).which != "first":
        return
    before, recurring = (frame.filter(view=START, period="before") for frame in (cells, recurrences))
    early, later = before.filter(stratum=FIRST_DAYS), before.filter(stratum=LATER)
    counted = recurring.filter(stratum=FIRST_DAYS), recurring.filter(stratum=LATER)
    if early.is_empty() or later.is_empty():
        level = ABSENT if before.is_empty() or early.is_empty() else CANNOT_BE_TOLD
        yield replace(_two_groups(_headline(early, indicator), _headline(later, indicator), indicator), level=level)
        return
    found = _two_groups(_headline(early, indicator), _headline(later, indicator), indicator)
    difference = next(f for f in contrast(early, later, indicator, None, counted) if _is_headline(f, indicator))
    yield replace(
        found,
        level=PRESENT if _leaves_out_zero(difference) else CANNOT_BE_TOLD,
        contrast=difference.estimate,
        ci_low=difference.ci_low,
        ci_high=difference.ci_high,
    )


def _headline(cells: pl.DataFrame, indicator: Indicator) -> Figure | None:
    return None if cells.is_empty() else next(iter(headline("before", cells, indicator, None)))


def _is_headline(figure: Figure, indicator: Indicator) -> bool:
    wanted = (indicator.primary.measure, indicator.primary.horizon, CONTRAST)
    return (figure.measure, figure.horizon, figure.period) == wanted


def _two_groups(early: Figure | None, later: Figure | None, indicator: Indicator) -> Threat:
    return Threat(
        PREVALENT,
        ABSENT,
        indicator.primary.measure,
        indicator_id=indicator.id,
        horizon=indicator.primary.horizon,
        unit="pathway",
        n_reference=later.n if later else 0,
        n_with_reference=_with_event(later),
        reference=later.estimate if later else None,
        n_compared=early.n if early else 0,
        n_with_compared=_with_event(early),
        compared=early.estimate if early else None,
    )


def _with_event(figure: Figure | None) -> int:
    """Pathways with the event: of rates not the number of events."""
    if figure is None:
        return 0
    return (figure.n_events if figure.n_with is None else figure.n_with) or 0


def _leaves_out_zero(difference: Figure) -> bool:
    low, high = difference.ci_low, difference.ci_high
    return (low is not None and low > 0) or (high is not None and high < 0)


# --- How long they were followed ----------------------------------------------------------------


def _unequal_follow_up(cells: pl.DataFrame, tallies: Tallies, named: pl.Expr, indicator: Indicator) -> Threat:
    """Shares not followed to the primary horizon, or to the window's end, without event or death before it.

    Of shares and scores: pathways whose window was not complete, of all that might have been counted.
    """
    if isinstance(indicator, Timed):
        of_view = cells.filter(view="overall")
        short = {period: _short(of_view.filter(period=period), indicator) for period in ("before", "after")}
    elif isinstance(indicator, RecurrentEvent):
        ends = tallies.recurrences.filter(named & pl.col("first").is_null(), view="overall")
        cut = (pl.col("status") == CENSORED) & (pl.col("end") < indicator.window[1] - 1)
        short = {period: _counted(ends.filter(period=period), cut) for period in ("before", "after")}
    else:
        waited = tallies.attrition.filter(named & pl.col("reason").is_in(WAITING))
        immature = pl.col("reason") == "immature"
        short = {period: _counted(waited.filter(period=period), immature) for period in ("before", "after")}
    horizon = indicator.primary.horizon
    return of_shares(
        FOLLOW_UP, "short_of_horizon", short["after"], short["before"], LARGEST_DIFFERENCE,
        indicator_id=indicator.id, horizon=horizon,
    )  # fmt: skip


def _short(cells: pl.DataFrame, indicator: Timed) -> Counted:
    """Pathways censored before the primary horizon, and all."""
    tick = (indicator.primary.horizon or 0) * ticks_per_unit(indicator.unit)
    return _counted(cells, (pl.col("status") == CENSORED) & (pl.col("time") < tick))


def _counted(frame: pl.DataFrame, which: pl.Expr) -> Counted:
    return int(frame.filter(which)["n"].sum()), int(frame["n"].sum())


# --- Who was lost -------------------------------------------------------------------------------


def _informative_loss(cells: pl.DataFrame, indicator: Indicator, programme: Programme) -> Iterator[Threat]:
    """Shares that left before the primary horizon, by loss or transfer, before and after, and by level.

    Counts do not say why a pathway is censored. But in a month whose last pathway could be followed to the horizon,
    neither the lock nor the cut can censor one before it: who is censored has left. Of months after which none
    could, nothing is told. By level where the whole after period could. Shares, rates and scores count deaths
    and losses together, so that nothing can be told of them.
    """
    if isinstance(indicator, Proportion | Score | RecurrentEvent):
        yield Threat(LOSS, CANNOT_BE_TOLD, "lost", indicator_id=indicator.id)
        return
    lost = {period: _lost(cells, period, indicator, programme) for period in ("before", "after")}
    horizon = indicator.primary.horizon
    yield of_shares(
        LOSS, "lost", lost["after"], lost["before"], LARGEST_DIFFERENCE, indicator_id=indicator.id, horizon=horizon
    )
    if programme.periods.after.until + _days(indicator) > programme.data_lock:
        return
    for view in sorted(set(cells.filter(pl.col("view").str.starts_with("equity:"))["view"])):
        after = cells.filter(view=view, period="after")
        for level in sorted(set(after["stratum"])):
            of_level = pl.col("stratum") == level
            yield of_shares(
                LOSS, "lost", _short(after.filter(of_level), indicator), _short(after.filter(~of_level), indicator),
                LARGEST_DIFFERENCE, indicator_id=indicator.id, horizon=horizon,
                scope_type=view.removeprefix("equity:"), scope=level,
            )  # fmt: skip


def _lost(cells: pl.DataFrame, period: str, indicator: Timed, programme: Programme) -> Counted:
    """Those who left before the horizon, of the pathways of the months that could all be followed to it."""
    span = getattr(programme.periods, period)
    cut = period == "before" and (indicator.spill_over or programme.follow_up.spill_over) == "cut"
    end = min(programme.data_lock, span.until) if cut else programme.data_lock
    months = cells.filter(view="month")
    complete = [
        month
        for month in months["period"].unique().to_list()
        if span.start <= _first_day(month) and _next(month) <= span.until and _next(month) + _days(indicator) <= end
    ]
    return _short(months.filter(pl.col("period").is_in(complete)), indicator)


def _days(indicator: Timed) -> timedelta:
    """Whole days, rounded up, from time zero to the end of the day or tick of the horizon."""
    seconds = (indicator.primary.horizon or 0) * SECONDS_IN[indicator.unit]
    return timedelta(days=math.ceil(seconds / SECONDS_IN["day"]))


def _first_day(month: str) -> date:
    return date(int(month[:4]), int(month[5:]), 1)


def _next(month: str) -> date:
    """The first day of the next month."""
    return (_first_day(month) + timedelta(days=31)).replace(day=1)


# --- Who they are -------------------------------------------------------------------------------


def _case_mix(cells: pl.DataFrame, indicator: Indicator) -> Iterator[Threat]:
    """Each level of each factor: its share before and after, and the standardised difference of the two."""
    for view in sorted(set(cells.filter(pl.col("view").str.starts_with("equity:"))["view"])):
        of_view = cells.filter((pl.col("view") == view) & pl.col("period").is_in(["before", "after"]))
        for level in sorted(set(of_view["stratum"])):
            of_level = pl.col("stratum") == level
            before, after = (_counted(of_view.filter(period=period), of_level) for period in ("before", "after"))
            yield _of_level(before, after, indicator.id, view.removeprefix("equity:"), level)


def _of_level(before: Counted, after: Counted, indicator_id: str, factor: str, level: str) -> Threat:
    (k0, n0), (k1, n1) = before, after
    known = bool(n0 and n1)
    smd = standardised_difference(k1 / n1, k0 / n0) if known else None
    apart = known and (smd is None or abs(smd) > LARGEST_STANDARDISED)
    return Threat(
        CASE_MIX,
        PRESENT if apart else ABSENT if known else CANNOT_BE_TOLD,
        "share",
        indicator_id=indicator_id,
        scope_type=factor,
        scope=level,
        unit="pathway",
        n_reference=n0,
        n_with_reference=k0,
        reference=k0 / n0 if n0 else None,
        n_compared=n1,
        n_with_compared=k1,
        compared=k1 / n1 if n1 else None,
        contrast=smd,
    )


def standardised_difference(after: float, before: float) -> float | None:
    """The difference of two shares over the root of their mean variance (Austin 2009); null where it is infinite.

    d = (p1 - p0) / sqrt((p1 (1 - p1) + p0 (1 - p0)) / 2). It does not grow with the number of patients, as a test
    would.
    """
    variance = (after * (1 - after) + before * (1 - before)) / 2
    if variance == 0:
        return 0.0 if after == before else None
    return (after - before) / math.sqrt(variance)

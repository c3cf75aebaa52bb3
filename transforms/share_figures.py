"""Figures of shares and scores: Wilson and Newcombe intervals, top box, mean as a footnote, response rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl

from transforms import scores
from transforms.cells import Floats, Integers
from transforms.figure import CONTRAST, Figure, figure_of
from transforms.intervals import NO_PATHWAY, Difference, Interval
from transforms.proportions import newcombe, wilson
from warehouse.kinds import Proportion, Score
from warehouse.schemas import ANSWERED, INVITED, SCORE_UNIT

WILSON = "Wilson score interval"
NEWCOMBE = "Newcombe hybrid score interval"
STUDENT = "mean, Student interval"
NO_ANSWER = "no_answer"
WELCH = "difference of means, Welch interval"

Found = TypeVar("Found", Interval, Difference)
Share = tuple[str, int, int]  # measure, numerator, denominator


def share_group(period: str, frame: pl.DataFrame, indicator: Proportion | Score) -> Iterator[Figure]:
    """The share, or for a score the top box, the response rate (and that of invitation) and the mean.

    Rates of response and invitation are among those alive and followed to the end of the window: who died or left
    before is not silent.
    """
    for measure, events, n in _shares(frame, indicator):
        yield figure_of(or_nobody(wilson(events, n)), measure, period, n=n, n_events=events, method=WILSON)
    if isinstance(indicator, Score):
        values, counts = answers(frame)
        _, top, answered = _shares(frame, indicator)[0]
        mean = or_nobody(scores.mean_of(values, counts))
        yield figure_of(mean, "mean", period, n=answered, n_events=top, method=STUDENT)


def or_nobody(found: Found) -> Found:
    """There are pathways in the group: where an estimator saw none, nobody of them answered or was followed."""
    return replace(found, null_reason=NO_ANSWER) if found.null_reason == NO_PATHWAY else found


def share_headline(period: str, frame: pl.DataFrame, indicator: Proportion | Score) -> Iterator[Figure]:
    """The primary share alone, for months and quarters."""
    return (figure for figure in share_group(period, frame, indicator) if figure.measure == indicator.primary.measure)


def share_contrast(after: pl.DataFrame, before: pl.DataFrame, indicator: Proportion | Score) -> Iterator[Figure]:
    """Differences, after - before, of every share and of the means."""
    for (measure, events, n), (_, events_before, n_before) in zip(
        _shares(after, indicator), _shares(before, indicator), strict=True
    ):
        yield figure_of(or_nobody(newcombe(events, n, events_before, n_before)), measure, CONTRAST, method=NEWCOMBE)
    if isinstance(indicator, Score):
        difference = or_nobody(scores.mean_difference(*answers(after), *answers(before)))
        yield figure_of(difference, "mean", CONTRAST, method=WELCH)


def _shares(frame: pl.DataFrame, indicator: Proportion | Score) -> list[Share]:
    """Numerators and denominators: the share itself first."""
    n, stage, value = _columns(frame)
    answered = stage == ANSWERED
    if isinstance(indicator, Proportion):
        return [("proportion", int(n[value == 1].sum()), int(n[answered].sum()))]
    top = answered & (value >= indicator.top_box * SCORE_UNIT)
    followed = frame["followed"].to_numpy() == 1
    found = [
        ("top_box", int(n[top].sum()), int(n[answered].sum())),
        ("response_rate", int(n[answered & followed].sum()), int(n[followed].sum())),
    ]
    if indicator.invited_by is not None:
        invited = stage >= INVITED
        found.append(("invitation_rate", int(n[invited & followed].sum()), int(n[followed].sum())))
    return found


def answers(frame: pl.DataFrame) -> tuple[Floats, Integers]:
    """The distinct answers, in points, with the number of pathways that gave each."""
    n, stage, value = _columns(frame)
    answered = stage == ANSWERED
    values, place = np.unique(value[answered], return_inverse=True)
    return values / SCORE_UNIT, np.bincount(place, n[answered], len(values)).astype(np.int64)


def _columns(frame: pl.DataFrame) -> tuple[Integers, Integers, Floats]:
    """Counts, stages and values of rows of SCORE_TALLY; no value is not a number, which equals and exceeds nothing.

    Hundreds of small groups are summed for each indicator: arrays do that in a tenth of the time of queries.
    """
    return frame["n"].to_numpy(), frame["stage"].to_numpy(), frame["value"].cast(pl.Float64).to_numpy()

"""What every program of the benchmark means by the same words.

Windows are half-open day offsets from the first announcement. Nothing is known from the lock on. Deaths
and transfers end follow-up, and their day can still hold an event; the day of the lock cannot. Of the
repeats of one key the first row stays, after the faulty rows are gone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

BEFORE, TRANSITION, AFTER, LOCK = date(2021, 6, 1), date(2022, 1, 1), date(2023, 1, 1), date(2024, 1, 1)
ZONE = "Europe/Paris"  # 24 hours are 24 hours, also on the days when clocks change
LAST_DAY = LOCK - timedelta(days=1)
PERIODS = ("before", "transition", "after")
SITES = ("nord", "sud", "est", "ouest", "centre", "rive")
TYPES = (
    "announcement", "referral", "nurse_contact", "consultation", "admission", "treatment_start",
    "emergency_visit", "questionnaire", "death", "transfer_out",
)  # fmt: skip
KEY = ("patient_id", "site", "event_type", "event_at", "detail")
HORIZONS = (14, 30, 90)
RETURN_WINDOW, ANSWER_WINDOW, NEAREST, TOP_BOX = (1, 31), (60, 121), 90, 9
EPISODE_SECONDS, MONTH_DAYS = 24 * 3600, 30.4375
NORMAL = 1.959963984540054

Figures = dict[str, float | None]


def share(events: int, n: int) -> float | None:
    """The share of some; none of nobody."""
    return events / n if n else None


def share_figures(name: str, events: int, n: int) -> Figures:
    """Number, share and Wilson's score interval under the names that all programs use."""
    low, high = _wilson(events, n) if n else (None, None)
    return {f"{name}/n": n, f"{name}/share": share(events, n), f"{name}/low": low, f"{name}/high": high}


def _wilson(events: int, n: int) -> tuple[float, float]:
    observed, square = events / n, NORMAL**2
    middle, scale = observed + square / (2 * n), 1 + square / n
    half = NORMAL * (observed * (1 - observed) / n + square / (4 * n * n)) ** 0.5
    return (middle - half) / scale, (middle + half) / scale


def first_visits(patients: Sequence[int], seconds: Sequence[int]) -> list[bool]:
    """Which visits, sorted by patient and time, begin an episode: later ones within 24 hours belong to it."""
    starts: list[bool] = []
    patient, begun = None, 0
    for who, at in zip(patients, seconds, strict=True):
        starts.append(who != patient or at - begun >= EPISODE_SECONDS)
        if starts[-1]:
            patient, begun = who, at
    return starts


class Phases:
    """Wall and CPU seconds of each phase of a process, its peak memory, and the figures it found."""

    def __init__(self) -> None:
        self._seconds: dict[str, tuple[float, float]] = {}
        self._last = time.perf_counter(), time.process_time()

    def end(self, name: str) -> None:
        """The phase of this name ends here, and the next one begins."""
        now = time.perf_counter(), time.process_time()
        self._seconds[name] = now[0] - self._last[0], now[1] - self._last[1]
        self._last = now

    def report(self, figures: Figures, file: Path) -> None:
        """Write what was measured and found."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        file.write_text(json.dumps({"seconds": self._seconds, "peak_mb": peak, "figures": figures}))


def arguments() -> tuple[Path, Path, Path]:
    """The log, the folder to work in and the file of the report: the arguments of every program."""
    log, folder, report = map(Path, sys.argv[1:4])
    return log, folder, report

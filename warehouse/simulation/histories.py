"""What happens to the patients: one row per event, on local days and minutes, before anything goes wrong.

All waiting times are geometric, so that the daily hazards of the cohort are the exact ones of the
files, and the truth has a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from warehouse.simulation.cohort import NEVER, Booleans, Cohort, Floats, Integers
from warehouse.simulation.model import Simulation
from warehouse.simulation.truth import ANSWER_DAY_MEAN, ANSWER_DAY_SD, ANSWER_DAYS, ANSWER_STEP

# One row per event. ``day`` counts from 1970 and ``minute`` from midnight, both local.
HISTORY: Final = pl.Schema(
    {
        "patient": pl.Int64,  # position in the cohort
        "event_type": pl.String,
        "code": pl.String,
        "day": pl.Int64,
        "minute": pl.Int64,
        "value": pl.Float64,
    }
)
_REFERRAL_DAYS: Final = 120  # nobody is referred later
_VISIT_DAYS: Final = 365
_MOST_VISITS: Final = 6
_LATER_VISITS: Final = 0.4  # of the hazard, once the first month is over
_FOREVER: Final = 10**6
_OFFICE: Final = (8 * 60, 18 * 60)
_LAST_MINUTE: Final = 23 * 60 + 30  # deaths and departures, after all else of their day


@dataclass
class _Pages:
    """Rows as they are written, with the random numbers they need."""

    cohort: Cohort
    rng: np.random.Generator
    last_day: Integers  # after the announcement, the last with any event
    frames: list[pl.DataFrame] = field(default_factory=list)

    def chance(self, share: float | Floats) -> Booleans:
        """True for about this share of the patients."""
        return self.rng.random(self.cohort.size) < share

    def add(
        self,
        event_type: str,
        happens: Booleans,
        offset: Integers,
        *,
        code: str | pl.Series | None = None,
        minute: Integers | None = None,
        value: Floats | None = None,
    ) -> None:
        """One event for each patient to whom it happens, unless the follow-up ended on an earlier day."""
        chosen = np.flatnonzero(happens & (offset <= self.last_day))
        minutes = self.rng.integers(*_OFFICE, self.cohort.size) if minute is None else minute
        codes = code.gather(chosen) if isinstance(code, pl.Series) else _constant(code, len(chosen))
        self.frames.append(
            pl.DataFrame(
                {
                    "patient": chosen,
                    "event_type": _constant(event_type, len(chosen)),
                    "code": codes,
                    "day": self.cohort.index_day[chosen] + offset[chosen],
                    "minute": minutes[chosen],
                    "value": None if value is None else value[chosen],
                },
                schema=HISTORY,
            )
        )


def _constant(text: str | None, length: int) -> pl.Series:
    return pl.repeat(text, length, dtype=pl.String, eager=True)


def draw_histories(cohort: Cohort, simulation: Simulation, rng: np.random.Generator) -> pl.DataFrame:
    """All events of a cohort (HISTORY), sorted by patient and time."""
    pages = _endings(cohort, simulation, rng)
    for write in (_diagnosis, _referrals, _emergencies, _support, _treatment):
        write(pages, simulation)
    _answers(pages, simulation)
    return pl.concat(pages.frames).sort("patient", "day", "minute", "event_type", "code")


def _waits(hazard: Floats | float, rng: np.random.Generator, size: int | tuple[int, int]) -> Integers:
    """Days until the event, the first day being day 1; a hazard of 0 waits for ever."""
    return np.minimum(rng.geometric(np.maximum(hazard, 1e-12), size), _FOREVER)


def _endings(cohort: Cohort, simulation: Simulation, rng: np.random.Generator) -> _Pages:
    """Death, transfer or loss, whichever comes first; on one day death goes before the others."""
    death = _waits(cohort.death, rng, cohort.size)
    transfer = _waits(simulation.transfer_per_day, rng, cohort.size)
    loss = _waits(simulation.loss_per_day, rng, cohort.size)
    last = np.minimum(np.minimum(death, transfer), loss)
    pages = _Pages(cohort, rng, last)
    late = np.full(cohort.size, _LAST_MINUTE)
    pages.add("death", death == last, death, minute=late)
    pages.add("transfer_out", (transfer == last) & (death > last), transfer, minute=late)
    pages.add("last_news", (loss == last) & (death > last) & (transfer > last), loss, minute=late)
    return pages


def _diagnosis(pages: _Pages, simulation: Simulation) -> None:
    """The announcement, and what led to it."""
    rng, size = pages.rng, pages.cohort.size
    everyone = np.ones(size, dtype=np.bool_)
    histology = -rng.integers(5, 21, size)
    biopsy = histology - rng.integers(2, 6, size)
    imaging = biopsy - rng.poisson(8.1, size)
    pages.add("announcement", everyone, np.zeros(size, dtype=np.int64))
    pages.add("imaging", pages.chance(0.45), imaging)
    pages.add("biopsy", pages.chance(0.45), biopsy)
    pages.add("histology", pages.chance(0.85), histology)
    pages.add("mdt_decision", pages.chance(0.8), -rng.integers(0, 5, size))


def _referrals(pages: _Pages, simulation: Simulation) -> None:
    """The first referral of each kind from day 0 on, and the contacts that follow."""
    rng, cohort = pages.rng, pages.cohort
    hazards = cohort.care_hazards(simulation)
    for position, kind in enumerate(simulation.care_mix):
        offset = _waits(hazards[:, position], rng, cohort.size) - 1
        referred = offset <= _REFERRAL_DAYS
        pages.add("referral", referred, offset, code=kind)
        contact = offset + _waits(0.1, rng, cohort.size)
        pages.add("supportive_contact", referred & pages.chance(0.4), contact, code=kind)
    kinds = pl.Series(list(simulation.care_mix))
    earlier = cohort.earlier_care != NEVER
    before = -rng.integers(1, 31, cohort.size)
    pages.add("referral", earlier, before, code=kinds.gather(np.maximum(cohort.earlier_care, 0)))


def _emergencies(pages: _Pages, simulation: Simulation) -> None:
    """Visits from day 1 on, with a thinner hazard after the first month; some end in an admission."""
    rng, size = pages.rng, pages.cohort.size
    pages.add("emergency_visit", pages.chance(0.03), -rng.integers(1, 21, size), minute=_any_hour(rng, size))
    pages.add("emergency_visit", pages.chance(0.02), np.zeros(size, dtype=np.int64), minute=_any_hour(rng, size))
    offset = np.zeros(size, dtype=np.int64)
    for _ in range(_MOST_VISITS):
        offset = offset + _waits(pages.cohort.emergency, rng, size)
        kept = (offset <= 30) | pages.chance(_LATER_VISITS)
        visit = kept & (offset <= _VISIT_DAYS)
        minute = _any_hour(rng, size)
        pages.add("emergency_visit", visit, offset, minute=minute)
        admitted = visit & pages.chance(0.35)
        pages.add("admission", admitted, offset, minute=_never_at_two(minute + 90))
        pages.add("discharge", admitted, offset + rng.integers(1, 12, size))


def _any_hour(rng: np.random.Generator, size: int) -> Integers:
    """Any minute but 2 to 3 in the morning, which one night a year does not have, and the end of the day."""
    return _never_at_two(rng.integers(0, 21 * 60, size))


def _never_at_two(minutes: Integers) -> Integers:
    return np.where(minutes // 60 == 2, minutes + 60, minutes)


def _support(pages: _Pages, simulation: Simulation) -> None:
    """Needs assessment from day 0 on, nurse and palliative contacts, inclusion in a trial."""
    rng, cohort = pages.rng, pages.cohort
    assessed = _waits(cohort.needs, rng, cohort.size) - 1
    pages.add("needs_assessment", assessed <= _REFERRAL_DAYS, assessed)
    pages.add("nurse_contact", pages.chance(np.where(cohort.exposed, 0.65, 0.25)), rng.integers(1, 15, cohort.size))
    pages.add("palliative_contact", pages.chance(0.5), _waits(1 / 120, rng, cohort.size))
    pages.add("trial_inclusion", pages.chance(0.06), rng.integers(10, 61, cohort.size))


def _treatment(pages: _Pages, simulation: Simulation) -> None:
    """A first line of treatment and its follow-up consultations."""
    rng, size = pages.rng, pages.cohort.size
    treated = pages.chance(0.9)
    start = 3 + rng.poisson(18, size)
    pages.add("treatment_start", treated, start)
    for cycle in (1, 2):
        pages.add("treatment_administration", treated & pages.chance(0.4), start + 21 * cycle)
    pages.add("consultation", pages.chance(0.6), 30 + rng.integers(-5, 6, size))
    pages.add("consultation", pages.chance(0.4), 90 + rng.integers(-10, 11, size))


def _answers(pages: _Pages, simulation: Simulation) -> None:
    """The questionnaire at three months, and for some an earlier one, outside the window."""
    rng, cohort = pages.rng, pages.cohort
    middle = np.rint(rng.normal(ANSWER_DAY_MEAN, ANSWER_DAY_SD, cohort.size)).astype(np.int64)
    at_three_months = np.clip(middle, *ANSWER_DAYS)
    early = rng.integers(5, 21, cohort.size)
    for share, offset in ((0.2, early), (simulation.response_rate, at_three_months)):
        scores = _scores(pages, simulation)
        pages.add("questionnaire", pages.chance(share), offset, code="overall_satisfaction", value=scores)


def _scores(pages: _Pages, simulation: Simulation) -> Floats:
    drawn = pages.rng.normal(pages.cohort.satisfaction, simulation.satisfaction_sd)
    return np.clip(np.rint(drawn / ANSWER_STEP) * ANSWER_STEP, 0, 100)

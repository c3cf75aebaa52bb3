"""What happens to the patients: one row per event, on local days and minutes, before anything goes wrong.

All waiting times are geometric, so that the daily hazards of the cohort are the exact ones of the
files, and the truth has a closed form.

What has no part in the primary effects (suspicion, further visits and cycles, reasons of visits, further
scores) is drawn with random numbers of its own: it can change and leave all else as it is.
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
_VISIT_EVERY: Final = 40  # days between planned consultations
_CYCLE: Final = 21
_LAST_MONTH: Final = 30
_REASONS: Final = ("pain", "fever", "dehydration", "anaemia", "emesis", "neutropenia", "pneumonia", "sepsis")
_REASON_SHARE: Final = 0.45  # of emergency visits and admissions; the others have no code or another reason
_LONG_FORM: Final = 0.5  # of those who answer at three months
_ITEMS: Final = (*range(1, 8), *range(20, 28), 29, 30)  # of QLQ-C30: functional scales, and quality of life
_OF_QUALITY_OF_LIFE: Final = (29, 30)  # answered from 1 to 7, the others from 1 to 4, where 1 is best
_SCALES: Final = {"care_coordination": -4.0, "information": -8.0}  # points beside overall satisfaction


@dataclass
class _Pages:
    """Rows as they are written, with the random numbers they need."""

    cohort: Cohort
    rng: np.random.Generator
    last_day: Integers  # after the announcement, the last with any event
    frames: list[pl.DataFrame] = field(default_factory=list)

    def continued(self, rng: np.random.Generator) -> _Pages:
        """The same pages, written on with other random numbers."""
        return _Pages(self.cohort, rng, self.last_day, self.frames)

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
    (own,) = rng.spawn(1)
    death, pages = _endings(cohort, simulation, rng)
    imaging = _diagnosis(pages)
    _referrals(pages, simulation)
    _emergencies(pages)
    _support(pages)
    treated, start = _treatment(pages)
    answered, answer_day = _answers(pages, simulation)
    more = pages.continued(own)
    _suspicion(more, imaging)
    _visits(more)
    _cycles(more, treated, start)
    _last_month(more, death)
    _scales(more, answered, answer_day, simulation)
    _items(more, answered, answer_day)
    events = _with_reasons(pl.concat(pages.frames), own)
    return events.sort("patient", "day", "minute", "event_type", "code")


def _waits(hazard: Floats | float, rng: np.random.Generator, size: int | tuple[int, int]) -> Integers:
    """Days until the event, the first day being day 1; a hazard of 0 waits for ever."""
    return np.minimum(rng.geometric(np.maximum(hazard, 1e-12), size), _FOREVER)


def _endings(cohort: Cohort, simulation: Simulation, rng: np.random.Generator) -> tuple[Integers, _Pages]:
    """Death, transfer or loss, whichever comes first; on one day death goes before the others. And the day of death."""
    death = _waits(cohort.death, rng, cohort.size)
    transfer = _waits(simulation.transfer_per_day, rng, cohort.size)
    loss = _waits(simulation.loss_per_day, rng, cohort.size)
    last = np.minimum(np.minimum(death, transfer), loss)
    pages = _Pages(cohort, rng, last)
    late = np.full(cohort.size, _LAST_MINUTE)
    pages.add("death", death == last, death, minute=late)
    pages.add("transfer_out", (transfer == last) & (death > last), transfer, minute=late)
    pages.add("last_news", (loss == last) & (death > last) & (transfer > last), loss, minute=late)
    return death, pages


def _diagnosis(pages: _Pages) -> Integers:
    """The announcement, and what led to it. Returns the day of imaging, recorded or not."""
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
    return imaging


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


def _emergencies(pages: _Pages) -> None:
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


def _support(pages: _Pages) -> None:
    """Needs assessment from day 0 on, nurse and palliative contacts, inclusion in a trial."""
    rng, cohort = pages.rng, pages.cohort
    assessed = _waits(cohort.needs, rng, cohort.size) - 1
    pages.add("needs_assessment", assessed <= _REFERRAL_DAYS, assessed)
    pages.add("nurse_contact", pages.chance(np.where(cohort.exposed, 0.65, 0.25)), rng.integers(1, 15, cohort.size))
    pages.add("palliative_contact", pages.chance(0.5), _waits(1 / 120, rng, cohort.size))
    pages.add("trial_inclusion", pages.chance(0.06), rng.integers(10, 61, cohort.size))


def _treatment(pages: _Pages) -> tuple[Booleans, Integers]:
    """A first line of treatment and its first consultations. Returns who is treated, and from which day."""
    rng, size = pages.rng, pages.cohort.size
    treated = pages.chance(0.9)
    start = 3 + rng.poisson(18, size)
    pages.add("treatment_start", treated, start)
    for cycle in (1, 2):
        pages.add("treatment_administration", treated & pages.chance(0.4), start + _CYCLE * cycle)
    pages.add("consultation", pages.chance(0.6), 30 + rng.integers(-5, 6, size))
    pages.add("consultation", pages.chance(0.4), 90 + rng.integers(-10, 11, size))
    return treated, start


def _answers(pages: _Pages, simulation: Simulation) -> tuple[Booleans, Integers]:
    """The questionnaire at three months, and for some an earlier one, outside the window.

    Returns who answers at three months, and on which day.
    """
    rng, cohort = pages.rng, pages.cohort
    middle = np.rint(rng.normal(ANSWER_DAY_MEAN, ANSWER_DAY_SD, cohort.size)).astype(np.int64)
    at_three_months = np.clip(middle, *ANSWER_DAYS)
    early = rng.integers(5, 21, cohort.size)
    for share, offset in ((0.2, early), (simulation.response_rate, at_three_months)):
        scores = _scores(pages, simulation)
        answered = pages.chance(share)
        pages.add("questionnaire", answered, offset, code="overall_satisfaction", value=scores)
    return answered, at_three_months


def _scores(pages: _Pages, simulation: Simulation, shift: float = 0.0) -> Floats:
    drawn = pages.rng.normal(pages.cohort.satisfaction + shift, simulation.satisfaction_sd)
    return np.clip(np.rint(drawn / ANSWER_STEP) * ANSWER_STEP, 0, 100)


def _scales(pages: _Pages, answered: Booleans, day: Integers, simulation: Simulation) -> None:
    """The further scales of those who answer at three months."""
    for scale, shift in _SCALES.items():
        pages.add("questionnaire", answered, day, code=scale, value=_scores(pages, simulation, shift))


def _items(pages: _Pages, answered: Booleans, day: Integers) -> None:
    """The items of a longer questionnaire, of which some are left out; one state of health behind them all."""
    rng, size = pages.rng, pages.cohort.size
    filled_in = answered & pages.chance(_LONG_FORM)
    minute = rng.integers(*_OFFICE, size)
    health = np.clip(rng.normal(np.where(pages.cohort.exposed, 0.66, 0.62), 0.2), 0, 1)
    for item in _ITEMS:
        level = 1 + 6 * health if item in _OF_QUALITY_OF_LIFE else 1 + 3 * (1 - health)
        highest = 7 if item in _OF_QUALITY_OF_LIFE else 4
        value = np.clip(np.rint(level + rng.normal(0, 0.5, size)), 1, highest)
        code = f"qlq_c30_{item}"
        pages.add("questionnaire", filled_in & pages.chance(0.96), day, code=code, minute=minute, value=value)


def _suspicion(pages: _Pages, imaging: Integers) -> None:
    """The first suspicion, known for some: imaging follows within days or weeks."""
    pages.add("suspicion", pages.chance(0.6), imaging - pages.rng.poisson(9, pages.cohort.size))


def _visits(pages: _Pages) -> None:
    """Planned consultations through the year, of which fewer are missed where the circuit has started."""
    kept = np.where(pages.cohort.exposed, 0.94, 0.88)
    for planned in range(_VISIT_EVERY, _VISIT_DAYS, _VISIT_EVERY):
        pages.add("consultation", pages.chance(kept), planned + pages.rng.integers(-4, 5, pages.cohort.size))


def _cycles(pages: _Pages, treated: Booleans, start: Integers) -> None:
    """Further administrations of the first line, up to half a year."""
    for cycle in range(3, 9):
        pages.add("treatment_administration", treated & pages.chance(0.4), start + _CYCLE * cycle)


def _last_month(pages: _Pages, death: Integers) -> None:
    """Visits before death, none of them in the month after the announcement."""
    rng, size = pages.rng, pages.cohort.size
    late = death > 2 * _LAST_MONTH + 1
    for share in (0.25, 0.10):
        offset = death - rng.integers(0, _LAST_MONTH + 1, size)
        pages.add("emergency_visit", late & pages.chance(share), offset, minute=_any_hour(rng, size))


def _with_reasons(events: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The events, some emergency visits and admissions with the reason for which they took place."""
    coded = pl.Series(rng.random(events.height) < _REASON_SHARE)
    reason = pl.Series(_REASONS).gather(pl.Series(rng.integers(0, len(_REASONS), events.height)))
    acute = pl.col("event_type").is_in(["emergency_visit", "admission"])
    return events.with_columns(code=pl.when(acute & coded).then(reason).otherwise("code"))

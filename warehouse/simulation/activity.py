"""What a simulated programme did: staff trained, workshops held, answers to a needs survey, by site and month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from warehouse.programme import Period, Programme
from warehouse.schemas import ACTIVITY
from warehouse.simulation.model import Simulation

_TRAINED: Final = (26.0, 17.0, 12.0)  # professionals, in the first months of a site
_WORKSHOPS: Final = 1.6  # a month, from the start of a site on
_ANSWERS: Final = 15.0  # a month and site, of a simulation of the usual size
_AUGUST: Final = 0.5
# Shares of yes, near those of the national survey of 2020.
_YES: Final = {"announcement_hardest": 0.62, "individual_coaching": 0.41, "town_care": 0.36, "group_workshops": 0.25}
_Row = tuple[str, str, str, str | None, int]


def draw_activity(simulation: Simulation, programme: Programme) -> pl.DataFrame:
    """The rows of the file of activity (ACTIVITY): a full statement up to the end of the after period.

    Its random numbers are its own: with or without it, the patients are the same.
    """
    rng = np.random.default_rng([simulation.seed, len(_YES)])
    rows = [*_survey(simulation, programme, rng), *_sessions(programme, rng)]
    return pl.DataFrame(rows, schema=ACTIVITY, orient="row")


def _survey(simulation: Simulation, programme: Programme, rng: np.random.Generator) -> Iterator[_Row]:
    """Answers in the before period, in which needs were analysed; as many as there are patients to ask."""
    expected = _ANSWERS * simulation.patients / Simulation().patients
    for site in _circuit(programme):
        for month in _months(programme.periods.before):
            answers = int(rng.poisson(expected * (_AUGUST if month.month == 8 else 1)))
            yield site, _label(month), "needs_survey_answers", None, answers
            for item, share in _YES.items():
                yield site, _label(month), "needs_survey_answers", item, int(rng.binomial(answers, share))


def _sessions(programme: Programme, rng: np.random.Generator) -> Iterator[_Row]:
    """From the start of each site: three months of training, and workshops until the after period ends."""
    for site in programme.sites:
        if site.arm == "comparator" or site.starts is None:
            continue
        months = list(_months(Period(start=site.starts, until=programme.periods.after.until)))
        for month, trained in zip(months, _TRAINED, strict=False):
            yield site.id, _label(month), "professionals_trained", None, int(rng.poisson(trained))
        for month in months:
            yield site.id, _label(month), "workshops", None, int(rng.poisson(_WORKSHOPS))


def _circuit(programme: Programme) -> list[str]:
    return [site.id for site in programme.sites if site.arm == "circuit"]


def _months(period: Period) -> Iterator[date]:
    """The first day of every month that the period meets."""
    first, last = (
        day.year * 12 + day.month - 1 for day in (period.start, date.fromordinal(period.until.toordinal() - 1))
    )
    return (date(number // 12, number % 12 + 1, 1) for number in range(first, last + 1))


def _label(month: date) -> str:
    return f"{month:%Y-%m}"

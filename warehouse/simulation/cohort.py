"""Who falls ill, where and when: one entry per patient, with the patient's own daily hazards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse.programme import Programme
from warehouse.simulation.model import Level, Simulation

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

EPOCH: Final = date(1970, 1, 1)
NEVER: Final = -1  # no kind of care
_PREVALENT_DAYS: Final = 180
_ELDERLY: Final = 75
_MOST_FRAIL: Final = 20.0  # times the hazard of others
_LARGEST_HAZARD: Final = 0.95


def day_number(day: date) -> int:
    """Days since 1 January 1970."""
    return (day - EPOCH).days


@dataclass(frozen=True)
class SiteEffects:
    """Factors on hazards, and points of satisfaction, one per site of the programme."""

    referral: Floats
    emergency: Floats
    needs: Floats
    satisfaction: Floats

    @classmethod
    def draw(cls, simulation: Simulation, programme: Programme, rng: np.random.Generator) -> SiteEffects:
        """Sites differ by a log-normal factor, each hazard on its own."""
        deviations = rng.normal(0, simulation.site_sd, (4, len(programme.sites)))
        referral, emergency, needs = np.exp(deviations[:3])
        return cls(referral, emergency, needs, deviations[3] * 10)


@dataclass(frozen=True)
class Cohort:
    """Patients numbered from ``first``: one entry per patient in every array."""

    first: int
    site: Integers  # position in programme.sites
    index_day: Integers  # days since 1970
    age: Integers
    is_woman: Booleans
    is_de_novo: Booleans
    de_novo_known: Booleans
    quintile: Integers
    exposed: Booleans  # announced where and when the circuit had started
    earlier_care: Integers  # kind of care of a referral before the announcement, or NEVER
    referral: Floats  # per day, all kinds together
    emergency: Floats
    needs: Floats
    death: Floats
    satisfaction: Floats  # mean, points

    @property
    def size(self) -> int:
        """Number of patients."""
        return len(self.site)

    def care_hazards(self, simulation: Simulation) -> Floats:
        """Patients x kinds of care: probability per day of the first referral of that kind."""
        return np.outer(self.referral, list(simulation.care_mix.values()))

    def covariates(self) -> pl.DataFrame:
        """One row per patient, as the file of patients has them."""
        years = (self.index_day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)) + EPOCH.year
        known = pl.Series(self.de_novo_known)
        return pl.DataFrame(
            {
                "patient_id": patient_ids(np.arange(self.first, self.first + self.size)),
                "birth_year": years - self.age,
                "sex": pl.Series(self.is_woman).replace_strict({True: "F", False: "M"}),
                "de_novo": pl.Series(self.is_de_novo).replace_strict({True: "oui", False: "non"}),
                "deprivation_quintile": self.quintile,
            }
        ).with_columns(de_novo=pl.when(known).then(pl.col("de_novo")))


def patient_ids(numbers: Integers) -> pl.Series:
    """Hospital identifiers are text: they begin with zeros."""
    return pl.Series(numbers).cast(pl.String).str.zfill(10)


def draw_cohort(
    simulation: Simulation,
    programme: Programme,
    sites: SiteEffects,
    first: int,
    size: int,
    rng: np.random.Generator,
) -> Cohort:
    """``size`` patients, announced on weekdays spread evenly over the periods."""
    site = _sites(simulation, programme, size, rng)
    index_day = _index_days(simulation, programme, size, rng)
    years = (index_day - day_number(programme.periods.before.start)) / 365.25
    age = np.clip(np.rint(rng.normal(61 + simulation.ageing_per_year * years, 13)), 25, 95).astype(np.int64)
    is_de_novo = rng.random(size) < simulation.de_novo_share + simulation.de_novo_per_year * years
    exposed = _exposed(programme, site, index_day, staggered=simulation.staggered)
    trend = simulation.yearly_trend**years
    elderly = age >= _ELDERLY
    kinds = len(simulation.care_mix)
    earlier = np.where(rng.random(size) < simulation.referred_earlier_share, rng.integers(0, kinds, size), NEVER)
    return Cohort(
        first=first,
        site=site,
        index_day=index_day,
        age=age,
        is_woman=rng.random(size) < 0.99,
        is_de_novo=is_de_novo,
        de_novo_known=rng.random(size) < 0.99,
        quintile=rng.integers(1, 6, size),
        exposed=exposed,
        earlier_care=earlier,
        referral=_level(simulation.referral_per_day, exposed)
        * sites.referral[site]
        * trend
        * np.where(elderly, 0.85, 1.0)
        * np.where(is_de_novo, 1.1, 1.0),
        emergency=np.minimum(
            _level(simulation.emergency_per_day, exposed)
            * sites.emergency[site]
            * np.where(elderly, 1.2, 1.0)
            * _varying(simulation, index_day, rng),
            _LARGEST_HAZARD,
        ),
        needs=_level(simulation.needs_assessment_per_day, exposed) * sites.needs[site],
        death=simulation.death_per_day * np.where(elderly, 1.5, 1.0) * np.where(is_de_novo, 0.8, 1.0),
        satisfaction=_level(simulation.satisfaction_mean, exposed) + sites.satisfaction[site],
    )


def _sites(simulation: Simulation, programme: Programme, size: int, rng: np.random.Generator) -> Integers:
    circuit = np.flatnonzero([site.arm == "circuit" for site in programme.sites])
    comparator = np.flatnonzero([site.arm == "comparator" for site in programme.sites])
    compared = rng.random(size) < (simulation.comparator_share if len(comparator) else 0)
    return np.where(compared, rng.choice(comparator, size), rng.choice(circuit, size)).astype(np.int64)


def _index_days(simulation: Simulation, programme: Programme, size: int, rng: np.random.Generator) -> Integers:
    begin, end = programme.periods.before.start, programme.periods.after.until
    recent = rng.choice(_weekdays(begin, end), size)
    earlier = rng.choice(_weekdays(begin - timedelta(_PREVALENT_DAYS), begin), size)
    return np.where(rng.random(size) < simulation.prevalent_share, earlier, recent)


def _weekdays(begin: date, end: date) -> Integers:
    days = np.arange(day_number(begin), day_number(end))
    return days[(days + 3) % 7 < 5]  # 1 January 1970 was a Thursday


def _varying(simulation: Simulation, index_day: Integers, rng: np.random.Generator) -> Floats:
    """Factors on the hazard of emergency visits: the season of the announcement, and the patient's own frailty."""
    season: Floats = 1 + simulation.seasonality * np.cos(2 * np.pi * index_day / 365.25)
    if not simulation.frailty_sd:
        return season
    log_frailty = rng.normal(-(simulation.frailty_sd**2) / 2, simulation.frailty_sd, len(index_day))
    return season * np.minimum(np.exp(log_frailty), _MOST_FRAIL)


def _exposed(programme: Programme, site: Integers, index_day: Integers, *, staggered: bool) -> Booleans:
    """Announced at a circuit site, on or after the day it started (the after period where it names no day)."""
    default = programme.periods.after.start
    starts = np.array([day_number((staggered and s.starts) or default) for s in programme.sites])
    circuit = np.array([s.arm == "circuit" for s in programme.sites])
    exposed: Booleans = circuit[site] & (index_day >= starts[site])
    return exposed


def _level(level: Level, exposed: Booleans) -> Floats:
    return np.where(exposed, level.circuit, level.usual)

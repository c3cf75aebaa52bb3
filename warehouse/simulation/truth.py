"""The true effects, worked out from the hazards of the very patients simulated, nothing drawn.

On a day the outcome comes before death. A patient with daily hazard h of the outcome from day a on,
and g of death from day 1 on, has the outcome by day t with death competing with probability

    F(t) = sum over d = a .. t of  h (1 - h)^(d - a)  x  (1 - g)^max(d - 1, 0),

no outcome before d, and alive when d begins. A referral of any kind has h = 1 - prod (1 - h_k). The
truth of a period is the mean of F over the patients of its primary contrast. The top-box share is the
mean over patients of Pr(score >= threshold), weighted with the probability that they answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, TypeVar

import numpy as np

from warehouse.errors import DeclarationError
from warehouse.kinds import Proportion, Score, TimeToEvent
from warehouse.programme import Programme
from warehouse.simulation.cohort import NEVER, Booleans, Cohort, Floats, day_number
from warehouse.simulation.model import Simulation

# Day of the answer: normal about the middle of the window, rounded, kept within it.
ANSWER_DAY_MEAN: Final = 90
ANSWER_DAY_SD: Final = 9
ANSWER_DAYS: Final = (60, 120)
ANSWER_STEP: Final = 0.5  # scores are recorded in half points


@dataclass(frozen=True)
class Effect:
    """The true value of one primary figure at the circuit sites, before and after, as a fraction."""

    indicator_id: str
    variant: str
    measure: str
    horizon: int | None  # in the unit of the indicator
    before: float
    after: float

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


@dataclass(frozen=True)
class Truth:
    """What a simulation planted: the true effects, and how many rows of each kind it wrote.

    ``rows`` counts every line of the event files but the headers: ``clean`` (each event once),
    ``superseded`` and ``cancelled`` (two versions of an event that never happened), ``duplicates``,
    and ``broken`` by kind. ``late`` and ``after_lock`` are among the clean ones.
    """

    patients: int
    seed: int
    effects: tuple[Effect, ...]
    rows: int
    clean: int
    superseded: int
    cancelled: int
    duplicates: int
    late: int
    after_lock: int
    broken: Mapping[str, int]

    def effect(self, indicator_id: str, variant: str = "main") -> Effect:
        """The effect of one indicator and variant. Raises ``KeyError`` where none is known."""
        return {(e.indicator_id, e.variant): e for e in self.effects}[indicator_id, variant]

    def as_dict(self) -> dict[str, object]:
        """The content of ``truth.json``."""
        effects = [{**asdict(effect), "difference": effect.difference} for effect in self.effects]
        return {**asdict(self), "effects": effects, "broken": dict(self.broken)}


def incidence(hazard: Floats, death: Floats, first_day: int, horizon: int) -> Floats:
    """Probability of the outcome from ``first_day`` to ``horizon``, both included, death competing."""
    days = np.arange(first_day, horizon + 1)[:, None]
    alive = (1 - death) ** np.maximum(days - 1, 0)
    by_day: Floats = hazard * (1 - hazard) ** (days - first_day) * alive
    return np.asarray(by_day.sum(axis=0))


def answer_days() -> tuple[Floats, Floats]:
    """Days on which an answer may come, and the probability of each; the ends take the tails."""
    days = np.arange(ANSWER_DAYS[0], ANSWER_DAYS[1] + 1, dtype=np.float64)
    upper = _normal_cdf((days + 0.5 - ANSWER_DAY_MEAN) / ANSWER_DAY_SD)
    upper[-1] = 1.0
    return days, np.diff(upper, prepend=0.0)


def _normal_cdf(z: Floats) -> Floats:
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in z])


@dataclass
class _Mean:
    total: float = 0.0
    weight: float = 0.0

    def add(self, values: Floats, weights: Floats) -> None:
        self.total += float((values * weights).sum())
        self.weight += float(weights.sum())

    @property
    def value(self) -> float:
        return self.total / self.weight


Figure = tuple[str, str, str, int | None]  # indicator, variant, measure, horizon


@dataclass
class TruthSoFar:
    """Sums over the patients seen so far, one mean per figure and period."""

    simulation: Simulation
    programme: Programme
    _means: dict[tuple[Figure, str], _Mean] = field(default_factory=dict)

    def add(self, cohort: Cohort) -> None:
        """Take further patients into account."""
        for period, patients in self._contrast(cohort):
            for figure, values, weights in self._figures(cohort):
                self._means.setdefault((figure, period), _Mean()).add(values[patients], weights[patients])

    def effects(self) -> tuple[Effect, ...]:
        """The effects of all patients seen; none for a figure without a patient in one of the periods."""
        counted = {key for key, mean in self._means.items() if mean.weight}
        figures = [figure for figure, period in self._means if period == "before"]
        return tuple(
            Effect(*figure, before=self._means[figure, "before"].value, after=self._means[figure, "after"].value)
            for figure in figures
            if {(figure, "before"), (figure, "after")} <= counted
        )

    def _contrast(self, cohort: Cohort) -> Iterator[tuple[str, Booleans]]:
        """Patients of the before and of the after period in the primary contrast: circuit sites that had started."""
        circuit = np.array([site.arm == "circuit" for site in self.programme.sites])[cohort.site]
        for name in ("before", "after"):
            period = self.programme.periods.before if name == "before" else self.programme.periods.after
            within = (cohort.index_day >= day_number(period.start)) & (cohort.index_day < day_number(period.until))
            yield name, circuit & within & (cohort.exposed | (name == "before"))

    def _figures(self, cohort: Cohort) -> Iterator[tuple[Figure, Floats, Floats]]:
        """Every figure with its value and its weight for each patient."""
        yield from self._referrals(cohort)
        everybody = np.ones(cohort.size)
        returns = _declared(self.programme, "emergency_return", TimeToEvent)
        horizon = _horizon(returns)
        by_horizon = incidence(cohort.emergency, cohort.death, returns.window[0], horizon)
        yield (returns.id, "main", "cumulative_incidence", horizon), by_horizon, everybody
        yield self._satisfaction(cohort)
        needs = _declared(self.programme, "needs_assessment", Proportion)
        assessed = incidence(cohort.needs, cohort.death, needs.window[0], needs.window[1] - 1)
        yield (needs.id, "main", "proportion", None), assessed, everybody

    def _referrals(self, cohort: Cohort) -> Iterator[tuple[Figure, Floats, Floats]]:
        indicator = _declared(self.programme, "time_to_referral", TimeToEvent)
        by_kind = cohort.care_hazards(self.simulation)
        kinds = list(self.simulation.care_mix)
        variants = {"main": indicator, **{name: indicator.changed_by(v) for name, v in indicator.variants.items()}}
        for name, variant in variants.items():
            codes = variant.event.code or tuple(kinds)
            chosen = [position for position, kind in enumerate(kinds) if kind in codes]
            hazard = 1 - np.prod(1 - by_kind[:, chosen], axis=1)
            eligible = ~np.isin(cohort.earlier_care, chosen) | (cohort.earlier_care == NEVER)
            horizon = _horizon(variant)
            figure = (indicator.id, name, "cumulative_incidence", horizon)
            yield figure, incidence(hazard, cohort.death, variant.window[0], horizon), eligible.astype(np.float64)

    def _satisfaction(self, cohort: Cohort) -> tuple[Figure, Floats, Floats]:
        indicator = _declared(self.programme, "satisfaction", Score)
        threshold = indicator.top_box - ANSWER_STEP / 2  # scores are rounded to the nearest step
        share = _normal_cdf((cohort.satisfaction - threshold) / self.simulation.satisfaction_sd)
        mature = cohort.index_day + indicator.window[1] <= day_number(self.programme.data_lock)
        weight = np.where(mature, self._answers(cohort), 0.0)
        return (indicator.id, "main", "top_box", None), share, weight

    def _answers(self, cohort: Cohort) -> Floats:
        """Probability that a patient answers: response, and presence on the day of the answer."""
        days, chances = answer_days()
        stays = (1 - cohort.death) * (1 - self.simulation.transfer_per_day) * (1 - self.simulation.loss_per_day)
        present = sum(chance * stays ** (day - 1) for day, chance in zip(days, chances, strict=True))
        return np.asarray(self.simulation.response_rate * present)


Kind = TypeVar("Kind", TimeToEvent, Proportion, Score)


def _declared(programme: Programme, name: str, kind: type[Kind]) -> Kind:
    indicator = programme.indicators.get(name)
    if not isinstance(indicator, kind):
        raise DeclarationError(f"{programme.id}: analysis.indicators: expected {name}, whose effect is simulated")
    return indicator


def _horizon(indicator: TimeToEvent) -> int:
    """The primary horizon; a ``TimeToEvent`` always has one."""
    return indicator.horizons[-1] if indicator.primary.horizon is None else indicator.primary.horizon

"""What a simulation is told: how many patients, which effects, which defects of recording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from warehouse.errors import DeclarationError
from warehouse.programme import CARE_CODES

LARGEST_HAZARD: Final = 0.5
MOST_PATIENTS: Final = 5_000_000


@dataclass(frozen=True)
class Level:
    """A quantity under usual care, and where the circuit has started."""

    usual: float
    circuit: float


_PARTS: Final = tuple(item.name for item in fields(Level))


def _care_mix() -> dict[str, float]:
    return {
        "psychology": 0.28,
        "pain": 0.20,
        "nutrition": 0.18,
        "physical_activity": 0.16,
        "work": 0.10,
        "social": 0.08,
    }


@dataclass(frozen=True)
class Simulation:
    """Size, seed, true effects and shares of defects. Hazards are probabilities per day.

    Levels of response, of emergency visits and of palliative contact are those of the French
    literature: answers to the national survey about one in three, about half of the patients
    without any palliative contact, histology about a week after imaging.
    """

    patients: int = 4_000
    seed: int = 2025
    comparator_share: float = 0.35
    # The sum over kinds of care: each kind has this hazard times its share in the mix.
    referral_per_day: Level = Level(0.012, 0.024)
    care_mix: Mapping[str, float] = field(default_factory=_care_mix)
    emergency_per_day: Level = Level(0.0058, 0.0038)
    needs_assessment_per_day: Level = Level(0.020, 0.045)
    satisfaction_mean: Level = Level(73.0, 80.0)
    satisfaction_sd: float = 16.0
    response_rate: float = 0.37
    death_per_day: float = 0.0006
    transfer_per_day: float = 0.0001
    loss_per_day: float = 0.0002
    site_sd: float = 0.15  # of log hazards; ten times as much, in points, of satisfaction
    yearly_trend: float = 1.02  # of hazards of referral, in every site
    frailty_sd: float = 0.0  # of the log hazards of emergency visits of patients, whose mean stays the same
    seasonality: float = 0.0  # of hazards of emergency visits: this much more for announcements of early January
    staggered: bool = True  # the circuit acts from the day its site started; else from the after period on, everywhere
    ageing_per_year: float = 0.0  # years by which patients are older each year
    de_novo_share: float = 0.3
    de_novo_per_year: float = 0.0  # points by which that share grows each year, as a fraction
    prevalent_share: float = 0.01
    referred_earlier_share: float = 0.02
    late_share: float = 0.03  # of rows, recorded 30 to 120 days after the fact
    duplicate_share: float = 0.004
    corrected_share: float = 0.004
    cancelled_share: float = 0.002
    broken_share: float = 0.0015  # all kinds of broken rows together, equally many of each

    def __post_init__(self) -> None:
        faults = [f"{name}: expected {expected}" for name, lawful, expected in self._conditions() if not lawful]
        if faults:
            raise DeclarationError(faults)

    def _conditions(self) -> list[tuple[str, bool, str]]:
        named = {item.name: getattr(self, item.name) for item in fields(self)}
        numbers = {**named, **_of_levels(named)}
        shares = [name for name in numbers if name.endswith("_share") or name == "response_rate"]
        hazards = [name for name in numbers if "_per_day" in name and not isinstance(numbers[name], Level)]
        return [
            *(
                (name, math.isfinite(number), "a finite number")
                for name, number in numbers.items()
                if isinstance(number, float)
            ),
            ("patients", 1 <= self.patients <= MOST_PATIENTS, f"from 1 to {MOST_PATIENTS}"),
            ("seed", self.seed >= 0, "0 or more"),
            ("care_mix", self.care_mix.keys() <= set(CARE_CODES), f"kinds of care among {', '.join(CARE_CODES)}"),
            ("care_mix", abs(sum(self.care_mix.values()) - 1) < 1e-9, "shares that add up to 1"),
            ("satisfaction_sd", self.satisfaction_sd > 0, "a number above 0"),
            ("yearly_trend", 0.5 <= self.yearly_trend <= 2, "from 0.5 to 2"),
            ("site_sd", 0 <= self.site_sd <= 1, "from 0 to 1"),
            ("frailty_sd", 0 <= self.frailty_sd <= 2, "from 0 to 2"),
            ("seasonality", 0 <= self.seasonality < 1, "from 0 to less than 1"),
            ("ageing_per_year", -10 <= self.ageing_per_year <= 10, "from -10 to 10"),
            ("de_novo_per_year", -0.2 <= self.de_novo_per_year <= 0.2, "from -0.2 to 0.2"),
            *((name, 0 <= numbers[name] <= 1, "a share from 0 to 1") for name in shares),
            *((name, 0 <= numbers[name] <= LARGEST_HAZARD, f"from 0 to {LARGEST_HAZARD}") for name in hazards),
        ]


def _of_levels(named: Mapping[str, object]) -> dict[str, float]:
    levels = {name: value for name, value in named.items() if isinstance(value, Level)}
    return {f"{name}.{part}": getattr(level, part) for name, level in levels.items() for part in ("usual", "circuit")}


def simulation_of(patients: int, seed: int, settings: Iterable[str] = ()) -> Simulation:
    """The simulation with some values set, each as ``name=value`` or ``name.usual=value``, ``name.circuit=value``.

    Raises ``DeclarationError`` for an unknown name, with those there are, for what is no number, and for an unlawful
    value.
    """
    numbers = _numbers(settings)
    whole: dict[str, Any] = {"patients": patients, "seed": seed}
    for item in fields(Simulation):
        default = item.default
        if isinstance(default, Level):
            level = (numbers.get(f"{item.name}.{part}", getattr(default, part)) for part in _PARTS)
            whole[item.name] = Level(*level)
        elif item.name in numbers:
            whole[item.name] = bool(numbers[item.name]) if isinstance(default, bool) else numbers[item.name]
    return Simulation(**whole)


def _numbers(settings: Iterable[str]) -> dict[str, float]:
    """What is set, by name."""
    lawful, found = _names(), {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in lawful:
            raise DeclarationError(f"--set {name}: expected NAME=VALUE, NAME being one of {', '.join(lawful)}")
        try:
            found[name] = float({"true": "1", "false": "0"}.get(value, value))
        except ValueError:
            raise DeclarationError(f"--set {name}: expected a number after =") from None
    return found


def _names() -> list[str]:
    """Everything that can be set: levels by their two parts, and all numbers but size and seed."""
    settable = [item for item in fields(Simulation) if item.name not in ("patients", "seed", "care_mix")]
    levels = {item.name for item in settable if isinstance(item.default, Level)}
    return [
        name
        for item in settable
        for name in ([f"{item.name}.{part}" for part in _PARTS] if item.name in levels else [item.name])
    ]

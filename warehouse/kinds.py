"""The kinds of indicators, as a TOML file declares them. Every window is half-open: ``start <= t < end``."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from warehouse.declared import Declared, Slug, Text, Word, fault

SECONDS_IN: dict[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
Codes = Annotated[tuple[str, ...], Field(min_length=1, strict=False)]


class EventSelector(Declared):
    """Events of one type, all of them or those with one of the codes."""

    type: Slug
    code: Codes | None = None


class TimeZero(Declared):
    """Which event starts a pathway: the first or the last of its type in all loaded history, or each of them.

    ``each`` is for indicators that end in a time: a patient may have several pathways.
    """

    event: Slug
    code: Codes | None = None
    which: Literal["first", "last", "each"] = "first"


class PrimaryMeasure(Declared):
    """The measure, and for times the horizon, that the tile of the indicator shows."""

    measure: Literal["cumulative_incidence", "survival", "proportion", "top_box", "rate"]
    horizon: int | None = Field(default=None, ge=0)


class Scale(Declared):
    """How the answers to the items of a scale, one event each, make a score from 0 to 100.

    The items are the codes of the indicator's event. An answer is a whole number from ``lowest`` to
    ``highest``; ``reversed`` gives 100 to the lowest, as in the functional scales of QLQ-C30.
    """

    lowest: int = Field(ge=0)
    highest: int
    reversed: bool = False

    @model_validator(mode="after")
    def _answers_differ(self) -> Self:
        if self.highest <= self.lowest:
            raise fault("highest", f"expected more than lowest ({self.lowest}), got {self.highest}")
        return self


class Variant(Declared):
    """The same indicator with some keys replaced: a kind of care, another window or unit.

    ``prevalent = "enter_late"`` admits pathways that began before the before period, at risk from its
    first day on (left truncation); the indicator itself is always of those that begin in a period.
    """

    title: Text
    event: EventSelector | None = None
    unit: Literal["minute", "hour", "day"] | None = None
    window: tuple[int, int] | None = Field(default=None, strict=False)
    horizons: tuple[int, ...] | None = Field(default=None, min_length=1, strict=False)
    primary: PrimaryMeasure | None = None
    at_least: int | None = Field(default=None, ge=1)
    episode_hours: int | None = Field(default=None, ge=0)
    longest_days: int | None = Field(default=None, ge=1)
    scale: Scale | None = None
    prevalent: Literal["enter_late"] | None = None


class IndicatorBase(Declared):
    """What every kind of indicator declares. ``id`` is the file's name."""

    id: Slug
    title: Text
    definition: Text
    caveat: Text
    better: Literal["higher", "lower"]
    goal: Literal["announcement", "coordination", "diagnosis", "emergency", "palliative", "satisfaction", "safety"]
    authored_by: Word
    checked_by: Word
    next_review: date
    primary: PrimaryMeasure
    target: float | None = Field(default=None, ge=0)
    time_zero: TimeZero | None = None
    spill_over: Literal["cut", "keep"] | None = None
    alive_until: Literal["data_lock", "last_event"] | None = None
    strata: tuple[Slug, ...] | None = Field(default=None, strict=False)
    recorded_by_circuit: bool = False
    window: tuple[int, int] = Field(strict=False)
    competing: tuple[Slug, ...] = Field(default=(), max_length=0, strict=False)
    censored_by: tuple[Slug, ...] = Field(default=(), max_length=0, strict=False)
    prevalent: Literal["exclude", "enter_late"] = "exclude"
    variants: dict[Slug, Variant] = Field(default_factory=dict)

    @property
    def selected(self) -> set[str]:
        """The event types that the indicator and its variants look for, those that end follow-up apart."""
        named = {selector.type for name in ("event", "invited_by") if (selector := getattr(self, name, None))}
        return named | {variant.event.type for variant in self.variants.values() if variant.event}

    def changed_by(self, variant: Variant) -> Self:
        """The same indicator with the keys that the variant declares, validated again."""
        changes = {name: getattr(variant, name) for name in variant.model_fields_set - {"title"}}
        return type(self).model_validate({**dict(self), **changes, "variants": {}})

    @property
    def target_value(self) -> float | None:
        """The target in the unit of estimates: shares, declared in per cent, as fractions; rates as they are."""
        return self.target if self.target is None or self.primary.measure == "rate" else self.target / 100

    @model_validator(mode="after")
    def _target_is_in_the_unit_shown(self) -> Self:
        if self.target and self.primary.measure != "rate" and not 1 <= self.target <= 100:
            raise fault("target", f"expected per cent, 0 or from 1 to 100, got {self.target}")
        return self

    @model_validator(mode="after")
    def _window_is_not_empty(self) -> Self:
        if self.window[1] <= self.window[0]:
            raise fault("window", f"expected a window that ends after it begins, got {list(self.window)}")
        return self


Kind = TypeVar("Kind", bound=IndicatorBase)


def _shows(indicator: Kind, measure: Literal["proportion", "top_box", "rate"]) -> Kind:
    """Refuse another primary measure, or a horizon where the window alone decides."""
    if indicator.primary != PrimaryMeasure(measure=measure):
        raise fault("primary", f"expected measure {measure} and no horizon: the window decides")
    return indicator


class Timed(IndicatorBase):
    """What indicators that end in a time declare: horizons inside the window, and what competes."""

    competing: tuple[Slug, ...] = Field(default=(), strict=False)
    censored_by: tuple[Slug, ...] = Field(default=(), strict=False)
    horizons: tuple[int, ...] = Field(min_length=1, strict=False)
    unit: Literal["minute", "hour", "day"] = "day"

    @model_validator(mode="after")
    def _horizons_lie_in_the_window(self) -> Self:
        if self.window[0] < 0:
            raise fault("window", f"expected to start at time zero or later, got {list(self.window)}")
        if any(not self.window[0] <= h < self.window[1] for h in self.horizons):
            raise fault("horizons", f"expected all inside the window {list(self.window)}, got {list(self.horizons)}")
        if self.primary.measure not in ("cumulative_incidence", "survival"):
            raise fault("primary.measure", f"expected cumulative_incidence or survival, got {self.primary.measure}")
        if self.primary.horizon not in self.horizons:
            raise fault("primary.horizon", f"expected one of the horizons {list(self.horizons)}")
        return self


class TimeToEvent(Timed):
    """Time from time zero to the first event in the window, deaths competing where declared."""

    kind: Literal["time_to_event"]
    event: EventSelector
    earlier_event: Literal["exclude", "ignore"] | None = None

    @property
    def excludes_earlier(self) -> bool:
        """Pathways whose event came before time zero leave this indicator (default: windows from 0)."""
        return (self.earlier_event or ("exclude" if self.window[0] == 0 else "ignore")) == "exclude"


class Gap(Timed):
    """Time to the first pathway break: more than ``longest_days`` days without any of the planned contacts.

    The break is on the first day on which that many days have passed since the last contact, time zero
    being one. There is no standard length: it is declared, with others as variants.
    """

    kind: Literal["gap"]
    contacts: tuple[Slug, ...] = Field(min_length=1, strict=False)
    unit: Literal["day"] = "day"
    longest_days: int = Field(ge=1)

    @property
    def selected(self) -> set[str]:
        """The types of the planned contacts."""
        return set(self.contacts)


class RecurrentEvent(IndicatorBase):
    """Episodes of an event per time at risk in the window: rates per 100 patient-months.

    Events less than ``episode_hours`` after the first of an episode belong to it; the same day where
    only days are known; 0 counts every event.
    """

    kind: Literal["recurrent_event"]
    event: EventSelector
    censored_by: tuple[Slug, ...] = Field(default=(), strict=False)
    unit: Literal["day"] = "day"
    episode_hours: int = Field(default=24, ge=0)
    month_days: float = Field(default=30.4375, gt=0)

    @model_validator(mode="after")
    def _shows_a_rate(self) -> Self:
        return _shows(self, "rate")


class Proportion(IndicatorBase):
    """Share of pathways, followed to the end of the window, with at least ``at_least`` events in it.

    A window of negative offsets looks back from time zero, such as a death. ``look_back`` then asks that
    the patient be known for so many days before it.
    """

    kind: Literal["proportion"]
    event: EventSelector
    unit: Literal["minute", "hour", "day"] = "day"
    earlier_event: Literal["exclude", "ignore"] | None = None
    at_least: int = Field(default=1, ge=1)
    look_back: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _shows_a_proportion(self) -> Self:
        return _shows(self, "proportion")

    @property
    def excludes_earlier(self) -> bool:
        """Only when declared: a proportion ignores what came before time zero."""
        return self.earlier_event == "exclude"


class Score(IndicatorBase):
    """The questionnaire answer nearest a day within the window; share at or above ``top_box``, and mean."""

    kind: Literal["score"]
    event: EventSelector
    invited_by: EventSelector | None = None
    unit: Literal["day"] = "day"
    range: tuple[int, int] = Field(default=(0, 100), strict=False)
    nearest: int
    top_box: int
    scale: Scale | None = None

    @property
    def answers(self) -> tuple[int, int]:
        """Lowest and highest lawful answer as recorded: to an item where there is a scale, else the score."""
        return self.range if self.scale is None else (self.scale.lowest, self.scale.highest)

    @model_validator(mode="after")
    def _values_lie_in_the_range(self) -> Self:
        if self.range[1] <= self.range[0]:
            raise fault("range", f"expected the lowest and the highest score, got {list(self.range)}")
        if not self.range[0] <= self.top_box <= self.range[1]:
            raise fault("top_box", f"expected a score inside the range {list(self.range)}, got {self.top_box}")
        if not self.window[0] <= self.nearest < self.window[1]:
            raise fault("nearest", f"expected a day inside the window {list(self.window)}, got {self.nearest}")
        if self.scale is not None and (self.event.code is None or self.range != (0, 100)):
            raise fault("scale", "expected the items as event.code, and the range [0, 100]")
        return _shows(self, "top_box")


Indicator = Annotated[TimeToEvent | Gap | RecurrentEvent | Proportion | Score, Field(discriminator="kind")]

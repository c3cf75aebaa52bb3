"""What is evaluated and what is measured: the frozen models of the TOML declarations.

Code knows kinds of indicators, never programmes. Every window and period is half-open:
``start <= t < end``. Calendar days are local, in the programme's time zone.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

EVENT_TYPES: tuple[str, ...] = (
    "suspicion", "imaging", "biopsy", "histology", "mdt_decision", "announcement", "needs_assessment", "referral",
    "nurse_contact", "supportive_contact", "palliative_contact", "trial_inclusion", "treatment_start",
    "treatment_administration", "treatment_end", "consultation", "emergency_visit", "admission", "discharge",
    "icu_admission", "questionnaire", "transfer_out", "opposition", "last_news", "death",
)  # fmt: skip
CARE_CODES: tuple[str, ...] = (
    "pain", "nutrition", "physical_activity", "work", "psychology", "palliative", "individual_coaching",
    "group_workshop", "town_care", "social",
)  # fmt: skip
CANONICAL_COLUMNS: tuple[str, ...] = (
    "patient_id", "event_type", "occurred_at", "site", "event_id", "code", "value", "status", "recorded_at",
)  # fmt: skip
REQUIRED_COLUMNS: tuple[str, ...] = ("patient_id", "event_type", "occurred_at")
PERIOD_NAMES: tuple[str, ...] = ("before", "transition", "after")
SECONDS_IN: dict[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("expected an IANA time zone such as Europe/Paris")
    return name


def _day_pattern(pattern: str) -> str:
    if pattern != "iso" and not ("%d" in pattern and "%m" in pattern and ("%Y" in pattern or "%y" in pattern)):
        raise ValueError('expected "iso" or a pattern such as %d/%m/%Y %H:%M')
    return pattern


def _inside_the_data(path: str) -> str:
    if path.startswith(("/", "\\", "~")) or ":" in path or ".." in path.replace("\\", "/").split("/"):
        raise ValueError("expected a path inside the data directory")
    return path


Zone = Annotated[str, AfterValidator(_known_zone)]
DatePattern = Annotated[Word, AfterValidator(_day_pattern)]
DataPath = Annotated[Word, AfterValidator(_inside_the_data)]
Codes = Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
Character = Annotated[str, StringConstraints(min_length=1, max_length=1)]
# Lower bounds of bands, or true: the covariate's own values are the strata.
Stratum = Annotated[tuple[int, ...], Field(min_length=1, strict=False)] | Literal[True]


def _fault(key: str, expected: str) -> PydanticCustomError:
    """A fault of a whole table that is to be read at one of its keys."""
    return PydanticCustomError("declaration", "{expected}", {"key": key, "expected": expected})


class Declared(BaseModel):
    """Base of all declarations: frozen, strict, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Text(Declared):
    """A sentence in both languages of the pages."""

    fr: Word
    en: Word


class Period(Declared):
    """A half-open span of local days: ``start <= day < until``."""

    start: date = Field(alias="from")
    until: date

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.until <= self.start:
            raise _fault("until", f"expected a day after from ({self.start}), got {self.until}")
        return self


class Periods(Declared):
    """The calendar of the evaluation. Pathways of the transition are shown, never contrasted."""

    before: Period
    transition: Period | None = None
    after: Period

    @model_validator(mode="after")
    def _in_order_without_overlap(self) -> Self:
        for (name, earlier), (other, later) in pairwise(self.named()):
            if later.start < earlier.until:
                raise _fault(other, f"expected to start on or after the end of {name} ({earlier.until})")
        return self

    def named(self) -> list[tuple[str, Period]]:
        """The declared periods with their names, in calendar order."""
        return [(name, span) for name in PERIOD_NAMES if (span := getattr(self, name)) is not None]


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


class Site(Declared):
    """A hospital site. Circuit sites have the programme, comparators do not."""

    id: Slug
    title: Text | None = None
    arm: Literal["circuit", "comparator"] = "circuit"
    starts: date | None = None


class EventMapping(Declared):
    """The event type, and optionally the code, that a source's own code stands for."""

    type: Slug
    code: Slug | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_type_alone(cls, raw: Any) -> Any:
        return {"type": raw} if isinstance(raw, str) else raw


class Source(Declared):
    """One raw format, declared and never sniffed. ``columns`` maps our names to the file's."""

    id: Slug
    format: Literal["csv", "xes"] = "csv"
    path: DataPath
    timezone: Zone | None = None
    delimiter: Character = ","
    quote: Character = '"'
    encoding: Literal["utf-8", "cp1252", "latin-1", "utf-16"] = "utf-8"
    decimal: Literal[".", ","] = "."
    date_format: DatePattern = "iso"
    columns: dict[str, Word] = {}
    event_types: dict[str, EventMapping] = {}
    sites: dict[str, Slug] = {}
    site: Slug | None = None
    duplicates: Literal["drop", "keep"] | None = None
    natural_key: tuple[str, ...] | None = Field(default=None, min_length=1, strict=False)
    optional: bool = False

    @property
    def drops_duplicates(self) -> bool:
        """Rows equal in every column are dropped, unless the source or the format says otherwise."""
        return (self.duplicates or ("keep" if self.format == "xes" else "drop")) == "drop"

    @property
    def column_names(self) -> dict[str, str]:
        """Our column name -> the file's, the canonical names where nothing is declared."""
        return dict(self.columns) or {name: name for name in CANONICAL_COLUMNS}

    def mappings(self) -> dict[str, EventMapping]:
        """The source's own event codes, each with the type and code it stands for."""
        return self.event_types


class PatientFile(Declared):
    """The file of covariates, one row per patient. ``columns`` maps our names to the file's."""

    path: DataPath
    delimiter: Character = ","
    quote: Character = '"'
    encoding: Literal["utf-8", "cp1252", "latin-1", "utf-16"] = "utf-8"
    columns: dict[str, Word] = {}
    optional: bool = False


class FollowUp(Declared):
    """When follow-up ends beside death, transfer and loss."""

    spill_over: Literal["cut", "keep"] = "cut"
    alive_until: Literal["data_lock", "last_event"] = "data_lock"


class Bootstrap(Declared):
    """Replicates and seed of the resampling, where no influence function serves."""

    replicates: int = Field(default=2000, ge=200, le=100_000)
    seed: int = Field(default=20231231, ge=0)


class Analysis(Declared):
    """What is computed, and which indicators carry the conclusion."""

    indicators: tuple[Slug, ...] = Field(min_length=1, max_length=50, strict=False)
    primary: tuple[Slug, ...] = Field(default=(), strict=False)
    adjust_for: tuple[Slug, ...] = Field(default=(), strict=False)
    bootstrap: Bootstrap = Bootstrap()


class Privacy(Declared):
    """Why the data are held, until when, and the smallest count that may be published."""

    purpose: Word
    retention_until: date
    smallest_count: int = Field(default=11, ge=5, le=100)
    round_to: int = Field(default=5, ge=1, le=50)


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
            raise _fault("highest", f"expected more than lowest ({self.lowest}), got {self.highest}")
        return self


class Variant(Declared):
    """The same indicator with some keys replaced: a kind of care, another window or unit."""

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
    time_zero: TimeZero | None = None
    spill_over: Literal["cut", "keep"] | None = None
    alive_until: Literal["data_lock", "last_event"] | None = None
    strata: tuple[Slug, ...] | None = Field(default=None, strict=False)
    window: tuple[int, int] = Field(strict=False)
    competing: tuple[Slug, ...] = Field(default=(), max_length=0, strict=False)
    censored_by: tuple[Slug, ...] = Field(default=(), max_length=0, strict=False)
    variants: dict[Slug, Variant] = {}

    @property
    def selected(self) -> set[str]:
        """The event types that the indicator and its variants look for, those that end follow-up apart."""
        named = {selector.type for name in ("event", "invited_by") if (selector := getattr(self, name, None))}
        return named | {variant.event.type for variant in self.variants.values() if variant.event}

    def changed_by(self, variant: Variant) -> Self:
        """The same indicator with the keys that the variant declares, validated again."""
        changes = {name: getattr(variant, name) for name in variant.model_fields_set - {"title"}}
        return type(self).model_validate({**dict(self), **changes, "variants": {}})

    @model_validator(mode="after")
    def _window_is_not_empty(self) -> Self:
        if self.window[1] <= self.window[0]:
            raise _fault("window", f"expected a window that ends after it begins, got {list(self.window)}")
        return self


Kind = TypeVar("Kind", bound=IndicatorBase)


def _shows(indicator: Kind, measure: Literal["proportion", "top_box", "rate"]) -> Kind:
    """Refuse another primary measure, or a horizon where the window alone decides."""
    if indicator.primary != PrimaryMeasure(measure=measure):
        raise _fault("primary", f"expected measure {measure} and no horizon: the window decides")
    return indicator


class Timed(IndicatorBase):
    """What indicators that end in a time declare: horizons inside the window, and what competes."""

    competing: tuple[Slug, ...] = Field(default=(), strict=False)
    censored_by: tuple[Slug, ...] = Field(default=(), strict=False)
    horizons: tuple[int, ...] = Field(min_length=1, strict=False)
    unit: Literal["minute", "hour", "day"] = "day"

    @model_validator(mode="after")
    def _horizons_lie_in_the_window(self) -> Self:
        if any(not self.window[0] <= h < self.window[1] for h in self.horizons):
            raise _fault("horizons", f"expected all inside the window {list(self.window)}, got {list(self.horizons)}")
        if self.primary.measure not in ("cumulative_incidence", "survival"):
            raise _fault("primary.measure", f"expected cumulative_incidence or survival, got {self.primary.measure}")
        if self.primary.horizon not in self.horizons:
            raise _fault("primary.horizon", f"expected one of the horizons {list(self.horizons)}")
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
            raise _fault("range", f"expected the lowest and the highest score, got {list(self.range)}")
        if not self.range[0] <= self.top_box <= self.range[1]:
            raise _fault("top_box", f"expected a score inside the range {list(self.range)}, got {self.top_box}")
        if not self.window[0] <= self.nearest < self.window[1]:
            raise _fault("nearest", f"expected a day inside the window {list(self.window)}, got {self.nearest}")
        if self.scale is not None and (self.event.code is None or self.range != (0, 100)):
            raise _fault("scale", "expected the items as event.code, and the range [0, 100]")
        return _shows(self, "top_box")


Indicator = Annotated[TimeToEvent | Gap | RecurrentEvent | Proportion | Score, Field(discriminator="kind")]


class Programme(Declared):
    """One evaluation: periods, sites, sources, strata, analysis and privacy, with its indicators."""

    id: Slug
    title: Text
    summary: Text | None = None
    negative_control: bool = False
    timezone: Zone
    data_lock: date
    periods: Periods
    time_zero: TimeZero
    sites: tuple[Site, ...] = Field(min_length=1, strict=False)
    sources: tuple[Source, ...] = Field(min_length=1, strict=False)
    patients: PatientFile | None = None
    event_types: tuple[Slug, ...] = Field(default=(), strict=False)
    strata: dict[Slug, Stratum] = {}
    follow_up: FollowUp = FollowUp()
    analysis: Analysis
    privacy: Privacy
    indicators: dict[str, Indicator] = {}
    plan_hash: str = ""

    @property
    def zone(self) -> ZoneInfo:
        """The programme's time zone, in which days and months are counted."""
        return ZoneInfo(self.timezone)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Event types that may stand in the warehouse: the shared ones and the programme's own."""
        return (*EVENT_TYPES, *self.event_types)

    @property
    def has_comparator(self) -> bool:
        """Whether at least one site is a comparator."""
        return any(site.arm == "comparator" for site in self.sites)

    def zero_of(self, indicator: Indicator) -> TimeZero:
        """The time zero of the indicator: its own, else the programme's."""
        return indicator.time_zero or self.time_zero

    def variants_of(self, indicator: Indicator) -> dict[str, Indicator]:
        """The indicator itself under ``main``, then each variant with its replaced keys."""
        return {"main": indicator, **{name: indicator.changed_by(v) for name, v in indicator.variants.items()}}

"""What is evaluated and what is measured: the frozen models of the TOML declarations.

Code knows kinds of indicators, never programmes. Every window and period is half-open:
``start <= t < end``. Calendar days are local, in the programme's time zone.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, model_validator

from warehouse.declared import Character, DataPath, Declared, Encoding, Slug, Text, Word, fault
from warehouse.implementation import ActivityFile, Reference
from warehouse.kinds import SECONDS_IN, Indicator, TimeZero
from warehouse.plan import Analysis

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


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("expected an IANA time zone such as Europe/Paris")
    return name


def _day_pattern(pattern: str) -> str:
    if pattern != "iso" and not ("%d" in pattern and "%m" in pattern and ("%Y" in pattern or "%y" in pattern)):
        raise ValueError('expected "iso" or a pattern such as %d/%m/%Y %H:%M')
    return pattern


Zone = Annotated[str, AfterValidator(_known_zone)]
DatePattern = Annotated[Word, AfterValidator(_day_pattern)]
# Between groups of three digits. The three blanks look alike: one stands for all of them.
BLANKS: tuple[str, ...] = (" ", "\u00a0", "\u202f")
Thousands = Literal[" ", "\u00a0", "\u202f", ".", ",", "'", "\u2019"]
# Lower bounds of bands, or true: the covariate's own values are the strata.
Stratum = Annotated[tuple[int, ...], Field(min_length=1, strict=False)] | Literal[True]


class Period(Declared):
    """A half-open span of local days: ``start <= day < until``."""

    start: date = Field(alias="from")
    until: date

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.until <= self.start:
            raise fault("until", f"expected a day after from ({self.start}), got {self.until}")
        return self

    def whole_months(self, lock: date) -> list[str]:
        """The months, ``2023-05``, that lie wholly in the period and before the data lock, in order."""
        until = min(self.until, lock)
        first = self.start.year * 12 + self.start.month - 1 + (self.start.day > 1)
        return [f"{index // 12}-{index % 12 + 1:02d}" for index in range(first, until.year * 12 + until.month - 1)]


class Periods(Declared):
    """The calendar of the evaluation. Pathways of the transition are shown, never contrasted."""

    before: Period
    transition: Period | None = None
    after: Period

    @model_validator(mode="after")
    def _in_order_without_overlap(self) -> Self:
        for (name, earlier), (other, later) in pairwise(self.named()):
            if later.start < earlier.until:
                raise fault(other, f"expected to start on or after the end of {name} ({earlier.until})")
        return self

    def named(self) -> list[tuple[str, Period]]:
        """The declared periods with their names, in calendar order."""
        return [(name, span) for name in PERIOD_NAMES if (span := getattr(self, name)) is not None]


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
    format: Literal["csv", "parquet", "xes"] = "csv"
    path: DataPath
    timezone: Zone | None = None
    delimiter: Character = ","
    quote: Character = '"'
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Thousands | None = None
    date_format: DatePattern = "iso"
    offset: Literal["read", "ignore"] = "read"
    precision: Literal["as_written", "day"] = "as_written"
    columns: dict[str, Word] = Field(default_factory=dict)
    event_types: dict[str, EventMapping] = Field(default_factory=dict)
    sites: dict[str, Slug] = Field(default_factory=dict)
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
    encoding: Encoding = "utf-8"
    columns: dict[str, Word] = Field(default_factory=dict)
    optional: bool = False


class FollowUp(Declared):
    """When follow-up ends beside death, transfer and loss."""

    spill_over: Literal["cut", "keep"] = "cut"
    alive_until: Literal["data_lock", "last_event"] = "data_lock"


class Privacy(Declared):
    """Why the data are held, until when, and the smallest count that may be published."""

    purpose: Word
    retention_until: date
    smallest_count: int = Field(default=11, ge=5, le=100)
    round_to: int = Field(default=5, ge=1, le=50)


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
    activity: ActivityFile | None = None
    references: tuple[Reference, ...] = Field(default=(), max_length=20, strict=False)
    event_types: tuple[Slug, ...] = Field(default=(), strict=False)
    strata: dict[Slug, Stratum] = Field(default_factory=dict)
    follow_up: FollowUp = FollowUp()
    analysis: Analysis
    privacy: Privacy
    indicators: dict[str, Indicator] = Field(default_factory=dict)
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

    def complete_on(self, indicator: Indicator) -> date:
        """The earliest data lock at which the window of every pathway of the after period has passed."""
        end = indicator.window[1]
        if indicator.unit == "day":
            return self.periods.after.until + timedelta(days=max(end, 1) - 1)
        elapsed = -(-max(end, 0) * SECONDS_IN[indicator.unit] // SECONDS_IN["day"])  # whole days, rounded up
        return self.periods.after.until + timedelta(days=elapsed)

    @property
    def incomplete(self) -> dict[str, date]:
        """Primary indicators (all, where none is named) whose follow-up the data lock cuts, with the day it ends."""
        wanted = self.analysis.primary or self.analysis.indicators
        ends = {name: self.complete_on(self.indicators[name]) for name in wanted if name in self.indicators}
        return {name: day for name, day in ends.items() if day > self.data_lock}

"""What a programme did beside what became of its patients: the file of its activity, and published figures for context.

Neither knows a patient. Activity is counted by site and month; a reference is a survey that others
published, shown with its date and never contrasted.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from warehouse.declared import Character, DataPath, Declared, Encoding, Slug, Text, Word, fault

ACTIVITY_COLUMNS: tuple[str, ...] = ("site", "month", "activity", "item", "n")
REQUIRED_ACTIVITY_COLUMNS: tuple[str, ...] = ("site", "month", "activity", "n")
ROUNDING_SLACK = 0.5  # percentage points per answer: the most that rounding adds


class ActivityItem(Declared):
    """Something that those counted may answer yes to, such as an offer they would use."""

    id: Slug
    title: Text


class ActivityKind(Declared):
    """One activity. Where people are counted, disclosure control applies to them; actions are nobody."""

    id: Slug
    title: Text
    counts: Literal["people", "actions"]
    items: tuple[ActivityItem, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _only_people_answer(self) -> Self:
        if self.items and self.counts != "people":
            raise fault("items", "expected no items, as actions give no answers")
        return self


class ActivityFile(Declared):
    """The file of activity: one row per site, month, activity and item. It states everything, every time."""

    path: DataPath
    delimiter: Character = ","
    quote: Character = '"'
    encoding: Encoding = "utf-8"
    columns: dict[str, Word] = Field(default_factory=dict)
    sites: dict[str, Slug] = Field(default_factory=dict)
    kinds: tuple[ActivityKind, ...] = Field(min_length=1, max_length=50, strict=False)
    optional: bool = False

    @property
    def column_names(self) -> dict[str, str]:
        """Our column -> the file's, the same names where nothing is declared."""
        return dict(self.columns) or {name: name for name in ACTIVITY_COLUMNS}

    @property
    def required(self) -> frozenset[str]:
        """Columns that the file must have: the declared ones, or all but the item."""
        return frozenset(self.columns) or frozenset(REQUIRED_ACTIVITY_COLUMNS)


class ReferenceItem(Declared):
    """One published answer: a whole percentage as printed, or the count itself."""

    id: Slug
    title: Text
    percent: int | None = Field(default=None, ge=0, le=100)
    count: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.percent is None) == (self.count is None):
            raise fault("percent", "expected either percent or count")
        return self


class Reference(Declared):
    """A published survey of other people, ``from <= day < until``. Dated context, no comparator."""

    id: Slug
    title: Text
    source: Text
    start: date = Field(alias="from")
    until: date
    n: int = Field(ge=1)
    several_answers: bool
    items: tuple[ReferenceItem, ...] = Field(min_length=1, max_length=50, strict=False)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.until <= self.start:
            raise fault("until", f"expected a day after from ({self.start}), got {self.until}")
        if any(item.count is not None and item.count > self.n for item in self.items):
            raise fault("items", f"expected counts of at most n ({self.n})")
        shares = [item.percent if item.percent is not None else 100 * (item.count or 0) / self.n for item in self.items]
        if not self.several_answers and sum(shares) > 100 + ROUNDING_SLACK * len(self.items):
            raise fault("several_answers", "expected true, as the shares of the answers add up to more than 100 %")
        return self

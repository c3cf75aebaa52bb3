"""The analysis plan of a programme: what is planned, at which level, and the form on the risk of bias.

What is not planned is computed and shown all the same, and labelled exploratory. The plan is part of
the hash that every page prints and every estimate carries; the answers of the form are not: they
judge what was done, and are given when it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from warehouse.declared import Declared, Slug, Text

# EPOC's items for interrupted time series (Cochrane EPOC, Suggested risk of bias criteria), in its order.
EPOC_ITEMS: tuple[str, ...] = (
    "independent_of_other_changes", "shape_pre_specified", "unlikely_to_affect_data_collection",
    "knowledge_of_allocation", "incomplete_data", "selective_reporting", "other",
)  # fmt: skip


Names = Annotated[tuple[Slug, ...], Field(strict=False)]


class Bootstrap(Declared):
    """Replicates and seed of the resampling, where no influence function serves: the difference of two medians."""

    replicates: int = Field(default=2000, ge=200, le=100_000)
    seed: int = Field(default=20231231, ge=0)


class Judgement(Declared):
    """One answer of the form on the risk of bias, with its reason."""

    risk: Literal["low", "high", "unclear"]
    reason: Text


class RiskOfBias(Declared):
    """EPOC's seven items. An item without an answer is printed as unanswered."""

    independent_of_other_changes: Judgement | None = None
    shape_pre_specified: Judgement | None = None
    unlikely_to_affect_data_collection: Judgement | None = None
    knowledge_of_allocation: Judgement | None = None
    incomplete_data: Judgement | None = None
    selective_reporting: Judgement | None = None
    other: Judgement | None = None

    def items(self) -> Iterator[tuple[str, Judgement | None]]:
        """Every item in EPOC's order, with its answer where there is one."""
        return ((name, getattr(self, name)) for name in EPOC_ITEMS)


class Planned(Declared):
    """What is planned beside the primary measure of every indicator, of the circuit sites together."""

    measures: tuple[Slug, ...] = Field(default=(), strict=False)
    variants: dict[Slug, Names] = Field(default_factory=dict)
    views: tuple[Literal["site", "month", "comparator"], ...] = Field(default=(), strict=False)


class Analysis(Declared):
    """What is computed, which indicators carry the conclusion, and what else was planned."""

    indicators: tuple[Slug, ...] = Field(min_length=1, max_length=50, strict=False)
    primary: tuple[Slug, ...] = Field(default=(), strict=False)
    estimands: dict[Slug, Text] = Field(default_factory=dict)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    subgroups: tuple[Slug, ...] = Field(default=(), strict=False)
    planned: Planned = Planned()
    interim: Text | None = None
    adjust_for: tuple[Slug, ...] = Field(default=(), strict=False)
    bootstrap: Bootstrap = Bootstrap()
    screen_moving_ranges: bool = False
    risk_of_bias: RiskOfBias = RiskOfBias()

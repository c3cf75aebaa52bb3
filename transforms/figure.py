"""One estimate of one group or contrast, before the keys of its indicator and scope are added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from transforms.intervals import Difference, Interval

CONTRAST = "after-before"
RATIO = "after/before"
ALL_PERIODS = "all"  # before, transition and after together: a description that is not released
PERIOD_ABSENT = "period_absent"


@dataclass(frozen=True)
class Figure:
    """A row of ESTIMATE without its keys. Shares are fractions, times and horizons in the indicator's unit."""

    measure: str
    period: str
    n: int | None = None
    n_events: int | None = None
    # Pathways with the event, where that is not the number of events. Where a patient may have several pathways,
    # the fewest patients behind those with the event or behind those without it: what disclosure control looks at.
    n_with: int | None = None
    exposure: float | None = None
    horizon: int | None = None
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    std_error: float | None = None
    p_value: float | None = None
    method: str | None = None
    null_reason: str | None = None
    unit: str | None = None  # null where it is the indicator's
    # Null where the plan decides (primary, secondary, exploratory); else what the estimator says: sensitivity:<name>.
    analysis: str | None = None


def fewest() -> pl.Expr:
    """Of rows of ESTIMATE, the smaller of those with and those without the event: what disclosure control looks at."""
    with_event = pl.coalesce("n_with", "n_events")
    return pl.min_horizontal(with_event, pl.col("n") - with_event)


def figure_of(found: Interval | Difference, measure: str, period: str, **known: Any) -> Figure:
    """The figure of an estimator's answer, with what else is known of it: counts, horizon, method."""
    return Figure(
        measure,
        period,
        estimate=found.estimate,
        ci_low=found.low,
        ci_high=found.high,
        std_error=found.std_error,
        null_reason=found.null_reason,
        **({"p_value": found.p_value} if isinstance(found, Difference) else {}) | known,
    )

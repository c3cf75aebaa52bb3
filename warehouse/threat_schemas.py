"""The hand-overs of threats to the contrast, which ``warehouse.schemas`` hands on with all others."""

from __future__ import annotations

import polars as pl

from warehouse.chart_schemas import schema_of

THREATS: tuple[str, ...] = (
    "prevalent_at_start", "coverage", "missing_months", "unequal_follow_up", "informative_loss", "case_mix",
    "recorded_by_circuit",
)  # fmt: skip
PRESENT, ABSENT, CANNOT_BE_TOLD = "present", "absent", "cannot_be_told"
START, FIRST_DAYS, LATER, DAYS_OF_START = "start", "first_90_days", "later", 90  # the view of tallies, and its strata
# One row per threat x indicator (null: of the programme) x scope x measure: two groups side by side. Of
# ``prevalent_at_start`` they are the pathways of the before period that begin later, and those that begin in the first
# 90 days of the data; within one period those of the other levels and of this one; else before and after. Confidential.
THREAT = schema_of(
    {
        "threat_id": pl.String,  # prevalent_at_start, coverage, missing_months, unequal_follow_up, ...
        "indicator_id": pl.String,
        "scope_type": pl.String,  # overall (circuit sites), event_type, or the name of a stratum
        "scope": pl.String,  # all, the type of event, the level
        "level": pl.String,  # present, absent, cannot_be_told
        "measure": pl.String,  # what ``reference`` and ``compared`` are
        "horizon": pl.Int64,  # in the unit of the indicator
        "unit": pl.String,  # what ``n`` counts: pathway, event, site, site_month; null where nothing is counted
        "n_reference": pl.Int64,
        "n_with_reference": pl.Int64,  # those of them with what is measured
        "reference": pl.Float64,
        "n_compared": pl.Int64,
        "n_with_compared": pl.Int64,
        "compared": pl.Float64,
        "contrast": pl.Float64,  # compared - reference; of events the ratio, of a case mix the SMD
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
    }
)
# The same with counts of pathways and events rounded, and without numbers where a group is small.
RELEASED_THREAT = schema_of({**THREAT, "withheld": pl.String})

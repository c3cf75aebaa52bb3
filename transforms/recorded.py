"""Whether the data hold what an indicator looks for: what was never recorded is absent, it is not zero."""

from __future__ import annotations

import polars as pl

from transforms.pathways import matching
from warehouse.kinds import Gap, Indicator
from warehouse.schemas import EVENT_SEEN, REASON

NOT_RECORDED = "not_recorded"
NO_TIME_ZERO = "time_zero_not_recorded"


def is_recorded(found: pl.DataFrame, events: pl.DataFrame, indicator: Indicator) -> bool:
    """Whether any event of the kind stands in the data. ``found`` are outcomes, ``events`` is EVENT of all patients.

    Of pathway breaks it is the planned contacts: without any of them every pathway would be broken.
    """
    if isinstance(indicator, Gap):
        return not events.filter(pl.col("event_type").is_in(list(indicator.contacts))).is_empty()
    return _has_happened(found) or not events.filter(matching(indicator.event)).is_empty()


def excluded_as_unrecorded(found: pl.DataFrame) -> pl.DataFrame:
    """The outcomes, all of them excluded; whoever was excluded for another reason stays so."""
    return found.with_columns(excluded=pl.coalesce("excluded", pl.lit(NOT_RECORDED, REASON)))


def _has_happened(found: pl.DataFrame) -> bool:
    """Whether any pathway has the outcome, which spares a search in all events."""
    if "status" in found.columns:
        return bool((found["status"] == EVENT_SEEN).any())
    return bool((found["events" if "events" in found.columns else "value"] > 0).any())


def told_why_absent(figures: pl.DataFrame, attrition: pl.DataFrame) -> pl.DataFrame:
    """ESTIMATE whose figures say so where nothing of the kind was recorded, or no pathway could begin.

    ``attrition`` is ATTRITION_TALLY: it has no row of an indicator whose time zero stands nowhere in the data.
    """
    keys = ["indicator_id", "variant"]
    counted = attrition.group_by(keys).agg(unrecorded=(pl.col("reason") == NOT_RECORDED).any())
    joined = figures.join(counted, on=keys, how="left", maintain_order="left")
    nothing = pl.col("null_reason").is_not_null().all().over(keys)
    begun = pl.col("unrecorded").is_not_null()
    why = pl.when(nothing & ~begun).then(pl.lit(NO_TIME_ZERO)).when(nothing & pl.col("unrecorded"))
    return joined.with_columns(null_reason=why.then(pl.lit(NOT_RECORDED)).otherwise("null_reason")).drop("unrecorded")

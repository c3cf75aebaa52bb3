"""The hand-overs between rooms: columns, types, units and grain, said once.

Frames are polars. Null where there is no number, with a reason beside it; never NaN, never 0
for "none". Times of an indicator are whole days where its unit is ``day`` and elapsed seconds
where it is ``minute`` or ``hour``: they are divided by the unit only on output.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import polars as pl

from warehouse.chart_schemas import CHART as CHART  # re-exported: the hand-overs of this module are all there are
from warehouse.chart_schemas import CHART_SUMMARY as CHART_SUMMARY
from warehouse.chart_schemas import FUNNEL as FUNNEL
from warehouse.chart_schemas import RELEASED_CHART as RELEASED_CHART
from warehouse.chart_schemas import RELEASED_CHART_SUMMARY as RELEASED_CHART_SUMMARY
from warehouse.chart_schemas import RELEASED_FUNNEL as RELEASED_FUNNEL
from warehouse.chart_schemas import schema_of as _schema
from warehouse.programme import PERIOD_NAMES, Programme
from warehouse.threat_schemas import RELEASED_THREAT as RELEASED_THREAT
from warehouse.threat_schemas import THREAT as THREAT

# Words that stand in many rows are kept once and numbered.
WORD = pl.Categorical()
PERIOD = pl.Enum(PERIOD_NAMES)
ARM = pl.Enum(["circuit", "comparator", "not_started"])
PRECISION = pl.Enum(["day", "minute", "second"])
REASON = pl.Enum(  # why a pathway is not analysed, the first that holds
    [
        "prevalent", "outside_periods", "site_unknown", "earlier_event", "immature", "no_follow_up",
        "ended_before_entry", "not_known_before", "not_recorded",
    ]
)  # fmt: skip

# One row per current event before the data lock, in reading order of ``sequence``.
EVENT = _schema(
    {
        "sequence": pl.Int64,  # reading order over all files: stable order of same-instant events
        "patient": pl.Int64,  # surrogate, meaningless outside this warehouse
        "event_type": WORD,
        "code": WORD,
        "occurred_at": pl.Datetime("us"),  # UTC; local midnight where only the day is known
        "occurred_on": pl.Date,  # local calendar date
        "precision": PRECISION,
        "site": WORD,
        "value": pl.Float64,
    }
)
# One row per site, month, activity and item stated: what the programme did, no patient.
ACTIVITY = _schema(
    {
        "site": pl.String,
        "month": pl.String,  # 2022-03
        "activity": pl.String,
        "item": pl.String,  # null where the row counts the activity itself
        "n": pl.Int64,  # people or actions; of an item, those people who said yes
    }
)
# One row per patient. One further String or Int64 column per declared covariate.
PATIENT = _schema({"patient": pl.Int64, "birth_year": pl.Int64})
# One row per patient x time zero (``each``: a patient has several), in the order of patients and of time. One further
# column of words per declared stratum.
PATHWAY = _schema(
    {
        "pathway": pl.Int64,  # the number of the row
        "patient": pl.Int64,
        "index_at": pl.Datetime("us"),
        "index_on": pl.Date,
        "index_month": pl.Date,  # first day of the month of time zero
        "entered_on": pl.Date,  # first day of observation: that of time zero, or a later one of those who enter late
        "period": PERIOD,  # null outside all periods
        "arm": ARM,
        "site": WORD,
        "excluded": REASON,  # null, or prevalent, outside_periods, site_unknown
    }
)
# One row per pathway and variant of an indicator, in the order of the pathways. Exactly one of ``excluded`` and the
# result is null.
OUTCOME_TIME = _schema(
    {"pathway": pl.Int64, "entry": pl.Int64, "time": pl.Int64, "status": pl.UInt8, "excluded": REASON}
)
OUTCOME_SCORE = _schema(
    {"pathway": pl.Int64, "stage": pl.UInt8, "followed": pl.UInt8, "value": pl.Int64, "excluded": REASON}
)

OUTCOME_COUNT = _schema({"pathway": pl.Int64, "events": pl.Int64, "exposure": pl.Int64, "excluded": REASON})

CENSORED, EVENT_SEEN, COMPETED = 0, 1, 2  # status of a time
ELIGIBLE, INVITED, ANSWERED = 0, 1, 2  # stage of a questionnaire; a proportion is always ANSWERED
CONFIDENCE = 0.95  # of every interval
LOWEST_RESPONSE, LARGEST_RESPONSE_DIFFERENCE = 0.50, 0.10  # below the one, or above the other, a score is doubtful
FROM_THE_START = -1  # entry of a pathway at risk from day 0: the tick before the first one that is observed
SCORE_UNIT = 1_000_000  # ``value`` of a score tally is the answer in millionths; of a proportion 0 or 1

# Keys of every tally. A view counts each pathway once: never add across views.
TALLY_KEYS = _schema(
    {
        "indicator_id": pl.String,
        "variant": pl.String,  # main, or the name of a variant
        "view": pl.String,  # overall, site, month, equity:<factor>, adjust
        "period": pl.String,  # before, transition, after; in the month view the month of time zero, 2023-05
        "arm": pl.String,
        "site": pl.String,  # null where the view has no site
        "stratum": pl.String,  # null where the view has no factor
    }
)
# Between the levels of a stratum in the view ``adjust``, in the order of ``analysis.adjust_for``: the separator of
# units that ASCII keeps for this, as no text of a file may hold it by chance.
LEVEL_SEPARATOR = "\x1f"
# One row per keys x (entry, time, status): number of pathways.
TIME_TALLY = _schema(
    {**TALLY_KEYS, "entry": pl.Int64, "time": pl.Int64, "status": pl.UInt8, "n": pl.Int64},
)
# One row per keys x (events, exposure in days): number of pathways.
COUNT_TALLY = _schema({**TALLY_KEYS, "events": pl.Int64, "exposure": pl.Int64, "n": pl.Int64})
# One row per keys x (stage, followed, value): number of pathways.
SCORE_TALLY = _schema(
    {**TALLY_KEYS, "stage": pl.UInt8, "followed": pl.UInt8, "value": pl.Int64, "n": pl.Int64},
)
# One row per keys without the period x the cells of two pathways of one patient: number of such pairs. The first
# pathway began before the second (or stands before it, of one instant), so that each pair is counted once and
# the periods are in calendar order. Only where time zero is ``each``; used, and not kept in the warehouse.
PAIR_TALLY = _schema(
    {
        **{name: dtype for name, dtype in TALLY_KEYS.items() if name != "period"},
        "period_a": pl.String,
        "entry_a": pl.Int64,
        "time_a": pl.Int64,
        "status_a": pl.UInt8,
        "period_b": pl.String,
        "entry_b": pl.Int64,
        "time_b": pl.Int64,
        "status_b": pl.UInt8,
        "n": pl.Int64,
    }
)
# One row per keys: what happened in one calendar month, whenever the pathways began. ``period`` is that month, 2023-05;
# only the view ``overall`` of an indicator of recurrent events, its variants apart. For charts, not for inference on
# patients: most pathways stand in several months.
MONTH_TALLY = _schema(
    {
        **TALLY_KEYS,
        "n": pl.Int64,  # pathways observed on at least one day of the month
        "n_with": pl.Int64,  # those of them with at least one event in it
        "events": pl.Int64,
        "exposure": pl.Int64,  # days at risk
    }
)
# One row per keys x what happened on days since time zero, of recurrent events; only the view ``overall`` of an
# indicator, its variants apart. Three sorts of row, told by what is null: ends of pathways (no ``first``), single
# events with the end of their pathway (no ``second``), and pairs of events of one pathway (no ``end``; an event with
# itself is a pair too, so that k events of one day make k^2). Only pairs carry the variance. Used, and not kept in
# the warehouse.
RECURRENCE_TALLY = _schema(
    {
        **TALLY_KEYS,
        "first": pl.Int64,  # day of the event, or of the earlier one
        "opens": pl.Boolean,  # whether a single event is the first of its pathway
        "second": pl.Int64,  # day of the later event, first <= second
        "end": pl.Int64,  # last day on which an event could be seen
        "status": pl.UInt8,  # why the pathway ended there: 0 censored, 2 death
        "n": pl.Int64,
    }
)
# One row per keys x reason: number of pathways. ``analysed`` is one of the reasons, so that they add up.
ATTRITION_TALLY = _schema({**TALLY_KEYS, "reason": pl.String, "n": pl.Int64})

# One row per indicator x variant x measure x scope x period or contrast x horizon x analysis. Confidential.
ESTIMATE = _schema(
    {
        "programme_id": pl.String,
        "run_id": pl.String,
        "indicator_id": pl.String,
        "variant": pl.String,
        "kind": pl.String,
        "measure": pl.String,  # cumulative_incidence, survival, median_time, log_rank, top_box, mean, response_rate ...
        "analysis": pl.String,  # primary, secondary, sensitivity:<name>, exploratory
        "scope_type": pl.String,  # overall (circuit sites), arm, site, or the name of a stratum
        "scope": pl.String,  # all, comparator, the site's id, the stratum's value
        "period": pl.String,  # before, transition, after, all, 2023-05, 2023-Q2, after-before
        "horizon": pl.Int64,  # in ``unit``
        "unit": pl.String,  # of horizon and of times: minute, hour, day; of scores: point
        "n": pl.Int64,
        "n_events": pl.Int64,
        "n_with": pl.Int64,  # pathways with at least one event: what disclosure control looks at
        "exposure": pl.Float64,  # patient-months
        "estimate": pl.Float64,  # shares as fractions 0..1, times in ``unit``
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
        "std_error": pl.Float64,
        "p_value": pl.Float64,
        "p_adjusted": pl.Float64,
        "method": pl.String,
        "null_reason": pl.String,
        "plan_hash": pl.String,
    }
)
# One row per step of a fitted curve. Confidential.
CURVE = _schema(
    {
        "indicator_id": pl.String,
        "variant": pl.String,
        "scope_type": pl.String,
        "scope": pl.String,
        "period": pl.String,
        "time": pl.Float64,  # in the unit of the indicator
        "unit": pl.String,
        "estimate": pl.Float64,  # cumulative incidence of the event
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
        "at_risk": pl.Int64,
        "n": pl.Int64,
        "n_events": pl.Int64,  # up to this time
    }
)
# One row per check and scope.
CHECK = _schema(
    {
        "check_id": pl.String,
        "category": pl.String,  # conformance, completeness, plausibility
        "severity": pl.String,  # fatal, warning, info
        "scope": pl.String,  # source id, or all
        "violated": pl.Int64,
        "denominator": pl.Int64,
        "share": pl.Float64,
        "threshold": pl.Float64,  # largest share that passes
        "status": pl.String,  # pass, pass_with_failures, fail, error, not_applicable
        "sentence_fr": pl.String,
        "sentence_en": pl.String,
    }
)
# One row per file read: rows_in = loaded + duplicates + quarantined, always.
LEDGER = _schema(
    {
        "source": pl.String,
        "file": pl.String,
        "sha256": pl.String,
        "rows_in": pl.Int64,
        "loaded": pl.Int64,
        "duplicates": pl.Int64,
        "quarantined": pl.Int64,
    }
)

Category = Literal["conformance", "completeness", "plausibility"]
Severity = Literal["fatal", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """A check of single rows, declared once. ``predicate`` is SQL, true where the row violates it.

    It reads the columns of the staged events (docs/reference/checks.md). A rule with
    ``quarantines`` keeps the row out of the warehouse; the others only count. ``denominator`` is
    SQL, true for the rows the rule speaks of. ``threshold`` is the largest share that passes.
    """

    id: str
    category: Category
    severity: Severity
    column: str
    predicate: str
    sentence_fr: str
    sentence_en: str
    threshold: float = 0.0
    denominator: str = "true"
    quarantines: bool = True


@dataclass(frozen=True)
class Tallies:
    """Integer counts of disjoint pathways. No identifier and no date; confidential all the same."""

    time: pl.DataFrame  # TIME_TALLY
    count: pl.DataFrame  # COUNT_TALLY
    score: pl.DataFrame  # SCORE_TALLY
    attrition: pl.DataFrame  # ATTRITION_TALLY
    pairs: pl.DataFrame = field(default_factory=PAIR_TALLY.to_frame)  # empty unless time zero is ``each``
    months: pl.DataFrame = field(default_factory=MONTH_TALLY.to_frame)  # of recurrent events alone
    recurrences: pl.DataFrame = field(default_factory=RECURRENCE_TALLY.to_frame)  # of recurrent events alone


@dataclass(frozen=True)
class Estimates:
    """What was computed, exact and confidential: single figures and curves."""

    figures: pl.DataFrame  # ESTIMATE
    curves: pl.DataFrame  # CURVE
    charts: pl.DataFrame = field(default_factory=CHART.to_frame)
    chart_summaries: pl.DataFrame = field(default_factory=CHART_SUMMARY.to_frame)
    funnels: pl.DataFrame = field(default_factory=FUNNEL.to_frame)
    threats: pl.DataFrame = field(default_factory=THREAT.to_frame)


# What leaves: counts rounded, shares whole percentages, small cells withheld.
# ``withheld`` is null, or the reason there is no number: small_count, or the estimate's null_reason.
_NOT_RELEASED = ("programme_id", "run_id", "n_with", "exposure", "std_error", "null_reason", "plan_hash")
RELEASED_FIGURE = _schema(
    {name: dtype for name, dtype in ESTIMATE.items() if name not in _NOT_RELEASED} | {"withheld": pl.String}
)
RELEASED_CURVE = CURVE
# One row per indicator x variant x period x reason; n rounded, null where withheld.
RELEASED_ATTRITION = _schema(
    {
        "indicator_id": pl.String,
        "variant": pl.String,
        "period": pl.String,
        "reason": pl.String,
        "n": pl.Int64,
        "withheld": pl.String,
    }
)
# Checks and files with rounded counts. ``status`` is the verdict on the exact ones.
RELEASED_CHECK = CHECK
RELEASED_FILE = _schema({name: LEDGER[name] for name in ("source", "rows_in", "loaded", "duplicates", "quarantined")})

# What became of the loaded rows: current, superseded, cancelled, on_or_after_lock; n rounded, null where small.
RELEASED_READING = _schema({"reason": pl.String, "n": pl.Int64})

# One row per activity, scope and period of the programme's own activity, and one per item of it. Counts of people are
# rounded and withheld where small; counts of actions are exact.
RELEASED_ACTIVITY = _schema(
    {
        "activity": pl.String,
        "item": pl.String,  # null where the row counts the activity itself
        "scope_type": pl.String,  # overall (circuit sites), site
        "scope": pl.String,  # all, or the site's id
        "period": pl.String,  # all; 2023-05 or, where some month is withheld, 2023-Q2
        "n": pl.Int64,  # people or actions; of an item, the people asked
        "cumulative": pl.Int64,  # n up to the end of the period; null for all
        "n_yes": pl.Int64,  # of an item: those who said yes
        "estimate": pl.Float64,  # n_yes / n as a fraction
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
        "withheld": pl.String,
    }
)
# One row per item of a declared reference: figures that others published, so that nothing is withheld.
RELEASED_REFERENCE = _schema(
    {
        "reference_id": pl.String,
        "item": pl.String,
        "n": pl.Int64,  # people asked
        "percent": pl.Int64,  # as published; null where the count was
        "n_yes": pl.Int64,  # the nearest count
        "n_yes_least": pl.Int64,  # the counts that round to the published percentage
        "n_yes_most": pl.Int64,
        "estimate": pl.Float64,  # as published, else n_yes / n; the interval is that of n_yes
        "ci_low": pl.Float64,
        "ci_high": pl.Float64,
    }
)


@dataclass(frozen=True)
class Provenance:
    """Where a release comes from. No path of a machine, no value of a patient."""

    software_version: str
    code_revision: str
    plan_hash: str
    data_lock: date
    input_hashes: tuple[str, ...]
    verdict: str  # pass, warning
    withheld_cells: int
    released_cells: int


@dataclass(frozen=True)
class Release:
    """What may leave the hospital, after disclosure control: the only type that pages accept.

    Only ``transforms.disclosure`` constructs it.
    """

    programme: Programme
    figures: pl.DataFrame  # RELEASED_FIGURE
    curves: pl.DataFrame  # RELEASED_CURVE
    attrition: pl.DataFrame  # RELEASED_ATTRITION
    checks: pl.DataFrame  # RELEASED_CHECK
    files: pl.DataFrame  # RELEASED_FILE
    reading: pl.DataFrame  # RELEASED_READING
    provenance: Provenance
    id: str
    smallest_count: int = 11
    round_to: int = 5
    charts: pl.DataFrame = field(default_factory=RELEASED_CHART.to_frame)
    chart_summaries: pl.DataFrame = field(default_factory=RELEASED_CHART_SUMMARY.to_frame)
    funnels: pl.DataFrame = field(default_factory=RELEASED_FUNNEL.to_frame)
    activity: pl.DataFrame = field(default_factory=RELEASED_ACTIVITY.to_frame)
    references: pl.DataFrame = field(default_factory=RELEASED_REFERENCE.to_frame)
    threats: pl.DataFrame = field(default_factory=RELEASED_THREAT.to_frame)

"""Table checks: what must hold of everything that was loaded, each declared once.

They read counts only: the ledger, the results of the row rules, events per site, month and type,
and a few named totals. No identifier and no day reaches this module. Every check is a pure
function of the evidence and gives two numbers, violated and denominator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import polars as pl

from checks import coverage, dating
from checks.coverage import Measured
from checks.predicates import measured_types
from warehouse.programme import Programme
from warehouse.schemas import Category, Rule, Severity

# One row per source and row rule.
RULE_RESULT = pl.Schema({"source": pl.String, "rule": pl.String, "violated": pl.Int64, "denominator": pl.Int64})
# What the warehouse counts beside: rows and events of all sources, patients of all sites.
COUNTS: tuple[str, ...] = (
    "events",  # current events before the data lock
    "superseded_rows",  # replaced by a later version
    "cancelled_rows",  # current version says that it never happened
    "set_aside_rows",  # on or after the data lock
    "out_of_order_rows",  # events earlier than the event before them, of the same patient and source
    "same_instant_groups",  # patient x instant with more than one event
    "events_after_death",  # on a later day than the patient's first death
    "patients",  # with at least one current event
    "patients_without_time_zero",
    "patients_with_several_deaths",
    "patients_without_covariates",  # at least one declared covariate is null, or no row in the file
    "patients_of_implausible_age",  # birth year known, age at time zero under 0 or over 115
)


@dataclass(frozen=True)
class Evidence:
    """What the flow hands over for judgement: counts of the whole warehouse, and the declarations."""

    programme: Programme
    rule_results: pl.DataFrame  # RULE_RESULT
    ledger: pl.DataFrame  # LEDGER
    volumes: pl.DataFrame  # coverage.VOLUME: current events before the lock
    dating: pl.DataFrame  # dating.DATING: the same by the days and times they bear
    counts: Mapping[str, int]  # one entry per name of COUNTS

    @property
    def event_ledger(self) -> pl.DataFrame:
        """The files of events, without that of the covariates."""
        return self.ledger.filter(pl.col("source").is_in([source.id for source in self.programme.sources]))


E = TypeVar("E")


@dataclass(frozen=True)
class TableCheck(Generic[E]):
    """A check of counts, declared once. ``measure`` gives (violated, denominator) of the evidence E.

    A measure gives None where what it needs was not handed over: the check is then an error, and
    an error of a fatal check stops. ``threshold`` is the largest share that passes. The sentences
    say the denominator, a colon, and what must hold.
    """

    id: str
    category: Category
    severity: Severity
    threshold: float
    sentence_fr: str
    sentence_en: str
    measure: Callable[[E], Measured | None]


def table_checks(rules: tuple[Rule, ...]) -> tuple[TableCheck[Evidence], ...]:
    """Every check of counts. ``rules`` are the row rules that must have been evaluated."""
    return (_every_rule_was_evaluated(rules), *ACCOUNTING, *ORDER, *DATES, *PATIENTS, *COVERAGE)


def _every_rule_was_evaluated(rules: tuple[Rule, ...]) -> TableCheck[Evidence]:
    """A rule that was not evaluated on a source would look like a rule that nothing breaks."""
    declared = [rule.id for rule in rules]

    def measure(evidence: Evidence) -> Measured:
        sources = evidence.event_ledger["source"].unique().to_list()
        seen = set(evidence.rule_results.select("source", "rule").iter_rows())
        missing = sum((source, rule) not in seen for source in sources for rule in declared)
        return Measured(missing, len(sources) * len(declared))

    return TableCheck(
        "every_rule_was_evaluated",
        "conformance",
        "fatal",
        0.0,
        "Règles de chaque source\u00a0: toutes ont été évaluées.",
        "Rules of each source: all have been evaluated.",
        measure,
    )


def _file_identity(evidence: Evidence) -> Measured:
    parts = pl.col("loaded") + pl.col("duplicates") + pl.col("quarantined")
    unbalanced = evidence.ledger.filter((pl.col("rows_in") != parts).fill_null(value=True))
    return Measured(unbalanced.height, evidence.ledger.height)


def _event_identity(evidence: Evidence) -> Measured | None:
    parts = [evidence.counts.get(n) for n in ("events", "superseded_rows", "cancelled_rows", "set_aside_rows")]
    if None in parts:
        return None
    loaded = _rows(evidence, "loaded")
    return Measured(min(loaded, abs(loaded - sum(part or 0 for part in parts))), loaded)


def _volume_identity(evidence: Evidence) -> Measured | None:
    events = evidence.counts.get("events")
    return None if events is None else Measured(min(events, abs(events - int(evidence.volumes["n"].sum()))), events)


def _silent_sources(evidence: Evidence, *, optional: bool) -> Measured:
    loaded = evidence.event_ledger.filter(pl.col("loaded") > 0)["source"].to_list()
    declared = [source.id for source in evidence.programme.sources if source.optional is optional]
    return Measured(sum(source not in loaded for source in declared), len(declared))


def _rows(evidence: Evidence, column: str) -> int:
    return int(evidence.event_ledger[column].sum())


def _share_of_rows(column: str) -> Callable[[Evidence], Measured]:
    return lambda evidence: Measured(_rows(evidence, column), _rows(evidence, "rows_in"))


def _share_of(denominator: str, violated: str) -> Callable[[Evidence], Measured | None]:
    def measure(evidence: Evidence) -> Measured | None:
        counts = evidence.counts
        absent = violated not in counts or denominator not in counts
        return None if absent else Measured(counts[violated], counts[denominator])

    return measure


def _share_of_loaded(violated: str) -> Callable[[Evidence], Measured | None]:
    def measure(evidence: Evidence) -> Measured | None:
        counted = evidence.counts.get(violated)
        return None if counted is None else Measured(counted, _rows(evidence, "loaded"))

    return measure


def _covariates_known(evidence: Evidence) -> Measured | None:
    programme = evidence.programme
    if not (programme.strata or programme.analysis.adjust_for):
        return Measured(0, 0)
    return _share_of("patients", "patients_without_covariates")(evidence)


def _absent_types(evidence: Evidence) -> Measured:
    seen = set(evidence.volumes.filter(pl.col("n") > 0)["event_type"])
    needed = measured_types(evidence.programme)
    return Measured(len(needed - seen), len(needed))


def _of_volumes(
    measure: Callable[[pl.DataFrame, Programme], Measured],
) -> Callable[[Evidence], Measured]:
    return lambda evidence: measure(evidence.volumes, evidence.programme)


ACCOUNTING: tuple[TableCheck[Evidence], ...] = (
    TableCheck(
        "rows_of_files_add_up", "conformance", "fatal", 0.0,
        "Fichiers lus\u00a0: lignes lues = chargées + doublons + mises en quarantaine.",
        "Files read: rows read = loaded + duplicates + quarantined.",
        _file_identity,
    ),
    TableCheck(
        "loaded_rows_add_up", "conformance", "fatal", 0.0,
        "Lignes chargées\u00a0: événements en vigueur + remplacés + annulés + mis de côté en rendent compte.",
        "Rows loaded: current, superseded, cancelled and set-aside events account for them.",
        _event_identity,
    ),
    TableCheck(
        "monthly_events_add_up", "conformance", "fatal", 0.0,
        "Événements en vigueur\u00a0: leur somme par site, mois et type est leur nombre.",
        "Current events: by site, month and type they add up to their number.",
        _volume_identity,
    ),
    TableCheck(
        "sources_have_rows", "completeness", "fatal", 0.0,
        "Sources obligatoires\u00a0: chacune a fourni au moins une ligne acceptée.",
        "Required sources: each has given at least one accepted row.",
        lambda evidence: _silent_sources(evidence, optional=False),
    ),
    TableCheck(
        "optional_sources_have_rows", "completeness", "warning", 0.0,
        "Sources facultatives\u00a0: chacune a fourni au moins une ligne acceptée.",
        "Optional sources: each has given at least one accepted row.",
        lambda evidence: _silent_sources(evidence, optional=True),
    ),
    TableCheck(
        "few_rows_quarantined", "conformance", "fatal", 0.10,
        "Lignes lues\u00a0: 10\u00a0% au plus sont mises en quarantaine.",
        "Rows read: at most 10% are quarantined.",
        _share_of_rows("quarantined"),
    ),
    TableCheck(
        "few_rows_duplicated", "plausibility", "warning", 0.05,
        "Lignes lues\u00a0: 5\u00a0% au plus en répètent une autre.",
        "Rows read: at most 5% repeat another.",
        _share_of_rows("duplicates"),
    ),
)  # fmt: skip

ORDER: tuple[TableCheck[Evidence], ...] = (
    TableCheck(
        "few_rows_after_lock", "plausibility", "warning", 0.05,
        "Lignes chargées\u00a0: 5\u00a0% au plus datent du gel des données ou d’après.",
        "Rows loaded: at most 5% are dated on or after the data lock.",
        _share_of_loaded("set_aside_rows"),
    ),
    TableCheck(
        "few_rows_superseded", "plausibility", "info", 0.10,
        "Lignes chargées\u00a0: 10\u00a0% au plus sont remplacées par une version plus récente.",
        "Rows loaded: at most 10% are replaced by a later version.",
        _share_of_loaded("superseded_rows"),
    ),
    TableCheck(
        "few_rows_cancelled", "plausibility", "info", 0.05,
        "Lignes chargées\u00a0: 5\u00a0% au plus sont annulées.",
        "Rows loaded: at most 5% are cancelled.",
        _share_of_loaded("cancelled_rows"),
    ),
    TableCheck(
        "events_in_order", "plausibility", "info", 0.10,
        "Événements en vigueur\u00a0: 10\u00a0% au plus précèdent celui qui les devance dans le fichier.",
        "Current events: at most 10% are earlier than the one before them in the file.",
        _share_of("events", "out_of_order_rows"),
    ),
    TableCheck(
        "few_shared_instants", "plausibility", "info", 0.10,
        "Événements en vigueur\u00a0: les instants partagés d’un patient en représentent 10\u00a0% au plus.",
        "Current events: instants that a patient's events share number at most 10% of them.",
        _share_of("events", "same_instant_groups"),
    ),
    TableCheck(
        "no_events_after_death", "plausibility", "warning", 0.001,
        "Événements en vigueur\u00a0: un sur mille au plus suit le décès de son patient.",
        "Current events: at most one in a thousand follows the death of its patient.",
        _share_of("events", "events_after_death"),
    ),
)  # fmt: skip

DATES: tuple[TableCheck[Evidence], ...] = (
    TableCheck(
        "days_not_imputed", "plausibility", "warning", 0.0,
        "Types d’événement de chaque source, 200 fois au moins\u00a0: ni le 1er et le 15 ni le 1er janvier n’en "
        "concentrent trop.",
        "Event types of each source, 200 times or more: neither the 1st and 15th nor 1 January hold too many.",
        lambda evidence: dating.types_dated_on_few_days(evidence.dating),
    ),
    TableCheck(
        "times_not_dates", "plausibility", "warning", 0.0,
        "Types d’événement de chaque source, 200 heures au moins\u00a0: 10\u00a0% au plus tombent à minuit, ou là où "
        "un fuseau horaire le déplace.",
        "Event types of each source, 200 times of day or more: at most 10% lie at midnight, or where a zone moves it.",
        lambda evidence: dating.types_timed_at_midnight(evidence.dating),
    ),
    TableCheck(
        "days_after_the_twelfth", "plausibility", "warning", 0.0,
        "Sources, 100 événements au moins\u00a0: chacune en a après le 12 d’un mois (sinon jour et mois y sont "
        "inversés).",
        "Sources, 100 events or more: each has some after day 12 of a month (or day and month stand reversed).",
        lambda evidence: dating.sources_without_late_days(evidence.dating),
    ),
    TableCheck(
        "same_hours_all_year", "plausibility", "warning", 0.0,
        "Sources, 500 heures d’été et d’hiver au moins\u00a0: les heures ne se décalent pas au changement d’heure.",
        "Sources, 500 times in summer and in winter or more: times of day do not move when the clocks change.",
        lambda evidence: dating.sources_shifted_by_the_clock(evidence.dating),
    ),
)  # fmt: skip

PATIENTS: tuple[TableCheck[Evidence], ...] = (
    TableCheck(
        "patients_die_once", "plausibility", "warning", 0.001,
        "Patients\u00a0: un sur mille au plus a plusieurs dates de décès.",
        "Patients: at most one in a thousand has several dates of death.",
        _share_of("patients", "patients_with_several_deaths"),
    ),
    TableCheck(
        "patients_have_time_zero", "completeness", "warning", 0.20,
        "Patients\u00a0: 80\u00a0% au moins ont l’événement d’inclusion.",
        "Patients: at least 80% have the event of time zero.",
        _share_of("patients", "patients_without_time_zero"),
    ),
    TableCheck(
        "covariates_known", "completeness", "warning", 0.10,
        "Patients\u00a0: 90\u00a0% au moins ont toutes les covariables déclarées.",
        "Patients: at least 90% have every declared covariate.",
        _covariates_known,
    ),
    TableCheck(
        "plausible_age", "plausibility", "warning", 0.005,
        "Patients\u00a0: cinq sur mille au plus ont moins de 0 ou plus de 115 ans à l’inclusion.",
        "Patients: at most five in a thousand are under 0 or over 115 years old at time zero.",
        _share_of("patients", "patients_of_implausible_age"),
    ),
)  # fmt: skip

COVERAGE: tuple[TableCheck[Evidence], ...] = (
    TableCheck(
        "measured_events_present", "completeness", "warning", 0.0,
        "Types d’événement mesurés\u00a0: chacun apparaît au moins une fois.",
        "Measured event types: each appears at least once.",
        _absent_types,
    ),
    TableCheck(
        "sites_have_events", "completeness", "warning", 0.0,
        "Sites déclarés\u00a0: chacun a des événements.",
        "Declared sites: each has events.",
        _of_volumes(coverage.silent_sites),
    ),
    TableCheck(
        "periods_have_time_zeros", "completeness", "warning", 0.0,
        "Périodes avant et après\u00a0: chacune a des événements d’inclusion.",
        "Before and after periods: each has events of time zero.",
        _of_volumes(coverage.periods_without_time_zero),
    ),
    TableCheck(
        "no_missing_month", "completeness", "warning", 0.0,
        "Mois de chaque site, du premier au dernier\u00a0: chacun a des événements.",
        "Months of each site, first to last: each has events.",
        _of_volumes(coverage.missing_months),
    ),
    TableCheck(
        "time_zero_every_month", "completeness", "warning", 0.25,
        "Mois pleins de chaque site avant et après\u00a0: les trois quarts au moins ont une inclusion.",
        "Whole months of each site before and after: at least three in four have an event of time zero.",
        _of_volumes(coverage.months_without_time_zero),
    ),
    TableCheck(
        "emergency_coverage_stable", "completeness", "fatal", 0.0,
        "Sites où l’on mesure les urgences\u00a0: elles sont recueillies avant comme après.",
        "Sites where emergency visits are measured: they are collected before as well as after.",
        _of_volumes(coverage.unstable_emergency),
    ),
    TableCheck(
        "event_coverage_stable", "completeness", "warning", 0.0,
        "Autres événements mesurés de chaque site\u00a0: ils sont recueillis avant comme après.",
        "Other measured events of each site: they are collected before as well as after.",
        _of_volumes(coverage.unstable_events),
    ),
    TableCheck(
        "data_fresh", "completeness", "warning", 0.0,
        "Sites qui ont des événements\u00a0: le dernier date de trois mois au plus avant le gel.",
        "Sites with events: the last one dates from the three months before the lock.",
        _of_volumes(coverage.stale_sites),
    ),
    TableCheck(
        "monthly_volume_plausible", "plausibility", "info", 0.10,
        "Mois pleins de chaque site\u00a0: 90\u00a0% au moins restent entre le tiers et le triple de sa médiane.",
        "Whole months of each site: at least 90% stay between a third and three times its median.",
        _of_volumes(coverage.outlying_months),
    ),
)  # fmt: skip

"""The steps of the main job, without Prefect: load, call, store. The flows order and retry them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import polars as pl

from checks.gate import Verdict, combine, judge, judge_results, require_no_failure, verdict_of
from checks.rules import row_rules
from flows.evidence import evidence
from flows.terminal import progress
from transforms import disclosure, estimates
from transforms.calendar_months import tally_months
from transforms.chart_figures import charted
from transforms.follow_up import History, asks_for_last_events
from transforms.outcomes import courses, event_types, numbers, outcomes
from transforms.pathways import admitted, matching, pathways, with_start
from transforms.recorded import excluded_as_unrecorded, is_recorded
from transforms.recurrences import tally_recurrences
from transforms.tallies import merge, tally
from transforms.threats import threats
from warehouse.activity import ACTIVITY_RULES
from warehouse.coherence import OTHER_FILES
from warehouse.covariates import PATIENT_RULES
from warehouse.errors import DeclarationError, ValidationFailed
from warehouse.home import Home, publish
from warehouse.kinds import RecurrentEvent, TimeZero
from warehouse.ledger import LedgerRow
from warehouse.programme import Programme, Source
from warehouse.schemas import PATIENT, Estimates, Provenance, Release, Tallies
from warehouse.store import Store

ROOMS = ("flows", "transforms", "checks", "dashboards", "warehouse")


def refuse_after_retention(programme: Programme) -> None:
    """Health data may not be worked on after the day until which they may be held."""
    until = programme.privacy.retention_until
    if datetime.now(programme.zone).date() > until:
        raise DeclarationError(f"{programme.id}: privacy.retention_until is past ({until}): the data must be deleted")


def files_of(programme: Programme, data: Path) -> list[tuple[Source, Path]]:
    """Every raw file of every source, sorted by name; a source without one is a fault unless optional."""
    found, faults = [], []
    for source in programme.sources:
        matches = sorted(path for path in data.glob(source.path) if path.is_file())
        if not matches and not source.optional:
            faults.append(
                f"source {source.id}: expected at least one file {source.path} in the data folder, found none"
            )
        found += [(source, path) for path in matches]
    if faults:
        raise DeclarationError(faults)
    return found


def load_file(store: Store, source: Source, path: Path, programme: Programme, key: bytes, run_id: str) -> LedgerRow:
    """Load one raw file, or find that it is loaded already."""
    return store.ingest(source, path, programme, row_rules(programme), key, run_id)


def load_patients(store: Store, programme: Programme, data: Path, key: bytes, run_id: str) -> None:
    """Load the file of covariates, where the programme declares one."""
    declared = programme.patients
    if declared is None:
        return
    path = data / declared.path
    if path.is_file():
        store.ingest_patients(programme, path, key, run_id)
    elif not declared.optional:
        raise DeclarationError(f"patients: expected the file {declared.path} in the data folder, found none")


def load_activity(store: Store, programme: Programme, data: Path, run_id: str) -> None:
    """Load the file of what the programme did, where it declares one."""
    declared = programme.activity
    if declared is None:
        return
    path = data / declared.path
    if path.is_file():
        store.ingest_activity(programme, path, run_id)
    elif not declared.optional:
        raise DeclarationError(f"activity: expected the file {declared.path} in the data folder, found none")


def validate(store: Store, programme: Programme) -> Verdict:
    """Judge what is stored and keep the verdict. Raises ValidationFailed where no row was accepted at all."""
    progress("checking the data (Great Expectations)")
    verdict = judge(row_rules(programme), evidence(store, programme), (*PATIENT_RULES, *ACTIVITY_RULES))
    store.write("out_check", verdict.checks)
    return verdict


def refuse_fatal(verdict: Verdict, store: Store) -> None:
    """Stop before anything is computed where a fatal check failed or no row was accepted."""
    events = store.ledger().filter(~pl.col("source").is_in(OTHER_FILES))
    if events["loaded"].sum() == 0:
        raise ValidationFailed("no row was accepted, so nothing is published; parcours validate shows every fault")
    require_no_failure(verdict)


def counts(store: Store, programme: Programme) -> Tallies:
    """How many pathways had which outcome, for every indicator and variant."""
    return merge(*_tallies(store, programme))


def compute(store: Store, programme: Programme, data_verdict: Verdict, run_id: str) -> str:
    """Pathways, outcomes, counts and estimates of every indicator, judged once more; the outcome of all checks."""
    counted = counts(store, programme)
    progress("estimating")
    computed = charted(estimates.estimate(counted, programme, run_id), counted, programme)
    verdict = combine(data_verdict, judge_results(computed.figures, counted.attrition, programme))
    store.write_tables(
        {
            "core_tally_time": counted.time,
            "core_tally_count": counted.count,
            "core_tally_score": counted.score,
            "core_tally_month": counted.months,
            "core_tally_attrition": counted.attrition,
            "out_estimate": computed.figures,
            "out_curve": computed.curves,
            "out_chart": computed.charts,
            "out_chart_summary": computed.chart_summaries,
            "out_funnel": computed.funnels,
            "out_threat": threats(counted, store.facts(programme), programme),
            "out_check": verdict.checks,
        }
    )
    require_no_failure(verdict)
    return verdict.outcome


def stored_outcome(store: Store, programme: Programme) -> str:
    """The outcome of the stored checks. Raises where another plan or none was evaluated, or a fatal check failed."""
    if store.read("out_estimate")["plan_hash"].unique().to_list() != [programme.plan_hash]:
        raise DeclarationError(
            f"{programme.id}: the stored estimates are of another programme or plan: run parcours evaluate first"
        )
    verdict = verdict_of(store.read("out_check"))
    require_no_failure(verdict)
    return verdict.outcome


def _tallies(store: Store, programme: Programme) -> Iterator[Tallies]:
    history = _history(store, programme)
    patients = store.patients(programme) if programme.strata else PATIENT.to_frame()
    started: dict[TimeZero, pl.DataFrame] = {}
    for indicator_id, indicator in programme.indicators.items():
        progress(f"counting {indicator_id}")
        zero = programme.zero_of(indicator)
        if zero not in started:
            started[zero] = _started(history, patients, programme, zero)
        for variant, changed in programme.variants_of(indicator).items():
            looked_at = admitted(started[zero], programme, changed)
            if isinstance(changed, RecurrentEvent):
                followed = courses(looked_at, history, programme, changed)
                found = numbers(followed)
            else:
                found = outcomes(looked_at, history, programme, changed)
            recorded = is_recorded(found, history.events, changed)
            if isinstance(changed, RecurrentEvent) and recorded:
                yield tally_recurrences(followed, programme, indicator_id=indicator_id, variant=variant)
                if variant == "main":
                    yield tally_months(followed, indicator_id=indicator_id)
            found = found if recorded else excluded_as_unrecorded(found)
            yield tally(looked_at, found, programme, indicator_id=indicator_id, variant=variant)


def _started(history: History, patients: pl.DataFrame, programme: Programme, zero: TimeZero) -> pl.DataFrame:
    """The pathways of a time zero; where it is the first of its events, with whether they begin with the data."""
    begun = pathways(history.events, patients, programme, zero)
    first_on = history.events.filter(matching(zero))["occurred_on"].min()
    return with_start(begun, first_on) if zero.which == "first" and isinstance(first_on, date) else begun


def _history(store: Store, programme: Programme) -> History:
    """What all indicators ask for, read once."""
    zeros = [programme.zero_of(indicator).event for indicator in programme.indicators.values()]
    types = {*zeros}.union(*(event_types(indicator) for indicator in programme.indicators.values()))
    asked = any(asks_for_last_events(programme, indicator) for indicator in programme.indicators.values())
    events = store.events(programme, sorted(types), in_order=False)
    return History(events, store.last_events(programme) if asked else None)


def sealed_release(store: Store, programme: Programme, verdict: str) -> Release:
    """The stored estimates after disclosure control."""
    nothing = pl.DataFrame()
    kept = Estimates(
        figures=store.read("out_estimate"),
        curves=store.read("out_curve"),
        charts=store.read("out_chart"),
        chart_summaries=store.read("out_chart_summary"),
        funnels=store.read("out_funnel"),
        threats=store.read("out_threat"),
    )
    counts = Tallies(time=nothing, count=nothing, score=nothing, attrition=store.read("core_tally_attrition"))
    ledger = store.ledger()
    provenance = Provenance(
        software_version=version("parcours"),
        code_revision=code_revision(),
        plan_hash=programme.plan_hash,
        data_lock=programme.data_lock,
        input_hashes=tuple(sorted(ledger["sha256"].to_list())),
        verdict=verdict,
        withheld_cells=0,
        released_cells=0,
    )
    activity = store.activity(programme) if programme.activity else None
    checks, reading = store.read("out_check"), store.reading(programme)
    return disclosure.release(kept, counts, checks, ledger, reading, programme, provenance, activity)


def publish_release(store: Store, programme: Programme, home: Home, verdict: str) -> Path:
    """Seal the release, write its pages completely, then move ``latest`` to them; the index page."""
    from dashboards.site import build

    progress("writing the pages")
    release = sealed_release(store, programme, verdict)
    store.write("out_release", release.figures)
    directory = publish(home, release.id, lambda folder: build(release, folder))
    return directory / "index.html"


def code_revision() -> str:
    """Twelve hex digits over the sources of the five rooms: the same code gives the same release."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted(_sources(Path(str(files(room))))):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _sources(room: Path) -> Iterator[Path]:
    return (path for path in room.rglob("*") if path.is_file() and path.suffix != ".pyc")

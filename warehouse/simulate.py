"""A synthetic ``pacosme`` programme with a known effect, written as the files that ``pacosme`` declares.

The same simulation gives the same bytes. What the files hold beside the truth (late, repeated,
corrected, cancelled and broken rows) is counted, so that a reader can account for every line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from warehouse.declarations import load
from warehouse.errors import DeclarationError, StorageError
from warehouse.programme import PatientFile, Programme, Source
from warehouse.simulation.activity import draw_activity
from warehouse.simulation.cohort import Cohort, SiteEffects, draw_cohort
from warehouse.simulation.histories import draw_histories
from warehouse.simulation.model import Level, Simulation
from warehouse.simulation.records import BROKEN, Records, cut_lines, record
from warehouse.simulation.truth import Effect, Truth, TruthSoFar
from warehouse.sources.delimited import Declaration

__all__ = ["Effect", "Level", "Simulation", "Truth", "simulate"]

PROGRAMME: Final = "pacosme"
_PATIENTS_AT_ONCE: Final = 50_000  # bounds the memory: about 200 MB
_TRUTH: Final = "truth.json"


def simulate(simulation: Simulation, directory: Path) -> Truth:
    """Write ``events/YYYY-MM.csv``, ``patients.csv``, ``activity.csv`` and ``truth.json``; return the truth.

    All stand under ``directory``. A file of events holds what was recorded in its month. An earlier simulation
    in the directory is replaced. Raises ``DeclarationError`` where other files stand, ``StorageError`` where it
    cannot write.
    """
    programme = load(PROGRAMME)
    try:
        events, patients = _prepared(programme, directory)
        so_far = TruthSoFar(simulation, programme)
        counts: Counter[str] = Counter()
        for cohort, records in _blocks(simulation, programme):
            so_far.add(cohort)
            counts.update(records.counts)
            _write_events(records, programme.sources[0], events)
            _append(_renamed(cohort.covariates(), patients), patients, directory / patients.path)
        if programme.activity is not None:
            activity = _renamed(draw_activity(simulation, programme), programme.activity)
            _append(activity, programme.activity, directory / programme.activity.path)
        truth = _truth(simulation, so_far, counts)
        content = json.dumps(truth.as_dict(), indent=2, ensure_ascii=False)
        (directory / _TRUTH).write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{directory}: cannot be written: {error.strerror}") from None
    return truth


def _prepared(programme: Programme, directory: Path) -> tuple[Path, PatientFile]:
    """The folder of the event files, empty, and the file of patients, absent."""
    patients = programme.patients
    if patients is None:
        raise DeclarationError(f"{programme.id}: patients: expected a file of covariates, got nothing")
    events = directory / Path(programme.sources[0].path).parent
    events.mkdir(parents=True, exist_ok=True)
    beside = [patients.path, *([programme.activity.path] if programme.activity else [])]
    old = [*events.iterdir(), *(file for path in beside for file in directory.glob(path))]
    if old and not (directory / _TRUTH).exists():
        raise DeclarationError(f"{directory}: expected an empty directory, or an earlier simulation to replace")
    for file in (*old, directory / _TRUTH):
        file.unlink(missing_ok=True)
    return events, patients


def _blocks(simulation: Simulation, programme: Programme) -> Iterator[tuple[Cohort, Records]]:
    """Patients by blocks, each with random numbers of its own, so that size bounds memory in no way."""
    firsts = range(0, simulation.patients, _PATIENTS_AT_ONCE)
    of_sites, *of_blocks = np.random.SeedSequence(simulation.seed).spawn(1 + len(firsts))
    sites = SiteEffects.draw(simulation, programme, np.random.default_rng(of_sites))
    for first, seed in zip(firsts, of_blocks, strict=True):
        rng = np.random.default_rng(seed)
        size = min(_PATIENTS_AT_ONCE, simulation.patients - first)
        cohort = draw_cohort(simulation, programme, sites, first, size, rng)
        yield cohort, record(draw_histories(cohort, simulation, rng), cohort, simulation, programme, rng)


def _write_events(records: Records, source: Source, folder: Path) -> None:
    suffix = Path(source.path).suffix
    for (month,), rows in records.rows.partition_by("file", as_dict=True, maintain_order=True).items():
        file = folder / f"{month}{suffix}"
        _append(_renamed(rows, source), source, file)
    for (month,), rows in records.cut.partition_by("file", as_dict=True, maintain_order=True).items():
        with (folder / f"{month}{suffix}").open("a", encoding=source.encoding, newline="") as stream:
            stream.write(cut_lines(rows, source))


def _renamed(rows: pl.DataFrame, file: Declaration) -> pl.DataFrame:
    """The declared columns alone, in the declared order, under the names of the file."""
    return rows.select(pl.col(ours).alias(theirs) for ours, theirs in file.columns.items())


def _append(rows: pl.DataFrame, declared: Declaration, file: Path) -> None:
    text = rows.write_csv(separator=declared.delimiter, quote_char=declared.quote, include_header=not file.exists())
    with file.open("a", encoding=declared.encoding, newline="") as stream:
        stream.write(text)


def _truth(simulation: Simulation, so_far: TruthSoFar, counts: Counter[str]) -> Truth:
    broken = {kind: counts[kind] for kind in BROKEN}
    written = ("clean", "superseded", "cancelled", "duplicates")
    return Truth(
        patients=simulation.patients,
        seed=simulation.seed,
        effects=so_far.effects(),
        rows=sum(counts[kind] for kind in written) + sum(broken.values()),
        late=counts["late"],
        after_lock=counts["after_lock"],
        broken=broken,
        **{kind: counts[kind] for kind in written},
    )

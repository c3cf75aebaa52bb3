"""A synthetic ``pacosme`` programme with a known effect, written as the files that ``pacosme`` declares.

The same simulation gives the same bytes. What the files hold beside the truth (late, repeated,
corrected, cancelled and broken rows) is counted, so that a reader can account for every line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl

from warehouse.declarations import load
from warehouse.errors import DeclarationError, StorageError
from warehouse.programme import PatientFile, Programme, Source
from warehouse.simulation.activity import draw_activity
from warehouse.simulation.cohort import Cohort, SiteEffects, draw_cohort
from warehouse.simulation.histories import draw_histories
from warehouse.simulation.model import Level, Simulation, simulation_of
from warehouse.simulation.records import BROKEN, Records, cut_lines, record
from warehouse.simulation.truth import Effect, Truth, TruthSoFar
from warehouse.sources.delimited import Declaration

__all__ = ["Effect", "Level", "Simulation", "Truth", "simulate", "simulation_of"]

PROGRAMME: Final = "pacosme"
_PATIENTS_AT_ONCE: Final = 50_000  # bounds the memory: about 200 MB
_TRUTH: Final = "truth.json"
_OF_PARQUET: Final = "pacosme_parquet.toml"

# What the declaration of a source in Parquet says otherwise.
_INSTEAD: Final = {
    'format = "csv"\npath = "events/*.csv"': 'format = "parquet"\npath = "events/*.parquet"',
    'encoding = "utf-8"\ndelimiter = ";"\ndecimal': "decimal",
}
FileFormat = Literal["csv", "parquet"]


def simulate(simulation: Simulation, directory: Path, file_format: FileFormat = "csv") -> Truth:
    """Write ``events/YYYY-MM.csv``, ``patients.csv``, ``activity.csv`` and ``truth.json``; return the truth.

    All stand under ``directory``. A file of events holds what was recorded in its month; as Parquet there is one
    for each 50,000 patients and month, without the lines cut short, which Parquet cannot hold, and beside them
    ``pacosme_parquet.toml``, the programme that reads them. An earlier simulation in the directory is replaced.
    Raises ``DeclarationError`` where other files stand, ``StorageError`` where it cannot write.
    """
    programme = load(PROGRAMME)
    try:
        events, patients = _prepared(programme, directory)
        so_far = TruthSoFar(simulation, programme)
        counts: Counter[str] = Counter()
        for cohort, records in _blocks(simulation, programme):
            so_far.add(cohort)
            if file_format == "csv":
                counts.update(records.counts)
                _write_events(records, programme.sources[0], events)
            else:
                counts.update(records.counts | {"wrong_field_count": 0})
                _write_parquet(records, programme.sources[0], events, cohort.first // _PATIENTS_AT_ONCE)
            _append(_renamed(cohort.covariates(), patients), patients, directory / patients.path)
        if programme.activity is not None:
            activity = _renamed(draw_activity(simulation, programme), programme.activity)
            _append(activity, programme.activity, directory / programme.activity.path)
        if file_format == "parquet":
            (directory / _OF_PARQUET).write_text(_reading_parquet(), encoding="utf-8")
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
    for file in (*old, directory / _TRUTH, directory / _OF_PARQUET):
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


def _write_parquet(records: Records, source: Source, folder: Path, block: int) -> None:
    """The same texts under the same names: one file for each month and block of patients, as none can be continued."""
    for (month,), rows in records.rows.partition_by("file", as_dict=True, maintain_order=True).items():
        _renamed(rows, source).write_parquet(folder / f"{month}-{block:04}.parquet")


def _reading_parquet() -> str:
    """The declaration of the programme, for a source in Parquet."""
    declared = (files("warehouse") / "programmes" / f"{PROGRAMME}.toml").read_text(encoding="utf-8")
    for of_text, of_parquet in _INSTEAD.items():
        declared = declared.replace(of_text, of_parquet, 1)
    return declared


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

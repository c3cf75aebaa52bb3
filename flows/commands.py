"""What the commands do. Imported only once a command is chosen, so that ``--help`` stays quick."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import polars as pl

from checks.rules import row_rules
from flows import steps
from flows.orchestration import new_run_id, prepare
from flows.terminal import complain, progress, say
from warehouse import declarations
from warehouse.activity import ACTIVITY_RULES
from warehouse.covariates import PATIENT_RULES
from warehouse.errors import DeclarationError
from warehouse.home import Home, hold, open_home, pseudonym_key
from warehouse.programme import Programme
from warehouse.store import Store

WARNINGS = 4
FATAL = 3
FAULTS_TOLD = 5
Flow = Literal["run", "ingest", "evaluate", "publish"]


def orchestrate(
    name: Flow, reference: str, data: Path | None, home: Path, key_file: Path | None, *, as_json: bool
) -> int:
    """Run one of the flows through Prefect. The warehouse is held before Prefect is imported."""
    programme = declarations.load(reference)
    steps.refuse_after_retention(programme)
    if data is not None:
        steps.files_of(programme, data)
    opened = open_home(home, key_file=key_file)
    with hold(opened, new_run_id()):
        prepare(opened)
        progress("starting Prefect (some seconds; longer the first time)")
        warned = _run_flow(name, reference, data, opened, key_file)
    _tell(programme, opened, name, warned=warned, as_json=as_json)
    return WARNINGS if warned else 0


def _run_flow(name: Flow, reference: str, data: Path | None, home: Home, key_file: Path | None) -> bool:
    """Whether the flow ended with warnings; its failure is raised as the error that caused it."""
    from importlib import import_module

    from flows.evaluate import WITH_WARNINGS

    flow = getattr(import_module(f"flows.{name}"), name)
    parameters: dict[str, str | None] = {"programme": reference, "home": str(home.path)}
    if data is not None:
        parameters |= {"data": str(data.absolute()), "key_file": str(key_file.absolute()) if key_file else None}
    state = flow(**parameters, return_state=True)
    state.result(raise_on_failure=True)
    return bool(state.name == WITH_WARNINGS)


def _tell(programme: Programme, home: Home, name: Flow, *, warned: bool, as_json: bool) -> None:
    page = (home.releases / "latest").resolve() / "index.html"
    published = name in ("run", "publish")
    absent = _absent(programme, home) if name != "ingest" else {}
    if as_json:
        result = {"programme": programme.id, "step": name, "warnings": warned, "absent": absent}
        say(json.dumps(result | ({"release": page.parent.name, "page": str(page)} if published else {})))
        return
    for indicator, reason in absent.items():
        complain(f"parcours: {indicator} is absent: {reason}")
    if warned:
        complain("parcours: done, with warnings: see the data-quality page")
    say(str(page) if published else f"{name}: done")


def _absent(programme: Programme, home: Home) -> dict[str, str]:
    from flows.telling import absences

    with Store.open(home, read_only=True) as store:
        return absences(store.read("out_estimate"), programme)


def plan(reference: str, data: Path, home: Path, *, as_json: bool) -> int:
    """Say what a run would read and compute; touch nothing."""
    programme = declarations.load(reference)
    found = [(source.id, path.name, path.stat().st_size) for source, path in steps.files_of(programme, data)]
    if as_json:
        say(json.dumps({"programme": programme.id, "files": found, "indicators": list(programme.indicators)}))
        return 0
    say(f"{programme.title.en} ({programme.id}), plan {programme.plan_hash[:12]}")
    for name, span in programme.periods.named():
        say(f"  {name}: {span.start} <= day < {span.until}")
    say(f"  data lock: {programme.data_lock}")
    for name, day in programme.incomplete.items():
        say(f"  interim: follow-up of {name} is complete with a data lock on {day}")
    for source, name, size in found:
        say(f"  read {name} ({size / 1e6:.1f} MB) as {source}")
    say(f"  compute {', '.join(programme.indicators)}")
    say(f"  write {home}")
    return 0


def validate(reference: str, data: Path, *, as_json: bool) -> int:
    """Load into a warehouse that is thrown away, and report every check."""
    from checks.report import summary

    programme = declarations.load(reference)
    with TemporaryDirectory(prefix="parcours-") as scratch:
        home = open_home(Path(scratch) / "home", demo=True)
        key, run_id = pseudonym_key(home), new_run_id()
        with hold(home, run_id), Store.open(home) as store:
            for source, path in steps.files_of(programme, data):
                progress(f"reading {path.name}")
                steps.load_file(store, source, path, programme, key, run_id)
            steps.load_patients(store, programme, data, key, run_id)
            steps.load_activity(store, programme, data, run_id)
            verdict = steps.validate(store, programme)
            faults = store.quarantine()
    if as_json:
        say(json.dumps({"outcome": verdict.outcome, "checks": verdict.checks.to_dicts()}))
    else:
        for line in _faults_in_words(programme, faults):
            say(line)
        say(summary(verdict))
    return {"pass": 0, "warning": WARNINGS, "fail": FATAL}[verdict.outcome]


def demo(directory: Path) -> int:
    """Simulate ``pacosme`` with a known effect, run the whole work, and print truth beside estimate."""
    from flows.truth import compare
    from warehouse.simulate import PROGRAMME, Simulation
    from warehouse.simulate import simulate as write_files

    complain("Simulating the PACOSME programme and running the whole work on it: a minute or two.")
    data, home = directory / "data", directory / "home"
    data.mkdir(parents=True, exist_ok=True)
    truth = write_files(Simulation(), data)
    opened = open_home(home, demo=True)
    with hold(opened, new_run_id()):
        prepare(opened)
        _run_flow("run", PROGRAMME, data, opened, opened.key_file)
        with Store.open(opened) as store:
            estimates = store.read("out_estimate")
    for line in compare(truth, estimates, declarations.load(PROGRAMME)):
        say(line)
    say(f"The pages, which open offline: {(home / 'releases' / 'latest' / 'index.html').absolute()}")
    return 0


def simulate(
    directory: Path, patients: int, seed: int, settings: tuple[str, ...], file_format: Literal["csv", "parquet"]
) -> int:
    """Write the files of a synthetic programme and its truth."""
    from warehouse.simulate import PROGRAMME, simulation_of
    from warehouse.simulate import simulate as write_files

    write_files(simulation_of(patients, seed, settings), directory, file_format)
    programme = PROGRAMME if file_format == "csv" else directory / f"{PROGRAMME}_parquet.toml"
    say(f"{directory}: written; now: parcours run {programme} --data {directory}")
    return 0


def _faults_in_words(programme: Programme, faults: pl.DataFrame) -> Iterator[str]:
    """Quarantined rows as ``file:line: column: what must hold``, the first of each rule; never a value."""
    sentences = {rule.id: rule.sentence_en for rule in (*row_rules(programme), *PATIENT_RULES, *ACTIVITY_RULES)}
    for (rule,), rows in faults.partition_by("rule", as_dict=True, maintain_order=True).items():
        for row in rows.head(FAULTS_TOLD).iter_rows(named=True):
            yield f"{row['file']}:{row['line']}: {row['column'] or 'row'}: [{rule}] {sentences.get(str(rule), '')}"
        if rows.height > FAULTS_TOLD:
            yield f"  … and {rows.height - FAULTS_TOLD:,} more rows against {rule}"


def status(reference: str, home: Path) -> int:
    """Tell where the warehouse stands."""
    from flows.telling import status_lines

    programme, opened = declarations.load(reference), open_home(home)
    with Store.open(opened, read_only=True) as store:
        for line in status_lines(store, programme, opened):
            say(line)
    return 0


def explain(reference: str, indicator: str, home: Path, *, confidential: bool) -> int:
    """Tell what stands behind the released numbers of an indicator; the true ones only when asked."""
    from flows.telling import explain_lines

    programme = declarations.load(reference)
    with Store.open(open_home(home), read_only=True) as store:
        release = steps.sealed_release(store, programme, steps.stored_outcome(store, programme))
        exact = store.read("out_estimate") if confidential else None
    for line in explain_lines(release, exact, indicator):
        say(line)
    return 0


def init(directory: Path, from_file: Path | None) -> int:
    """Write a first programme to edit, and say what to do with it."""
    from warehouse.starter import start

    for path in start(directory, from_file):
        say(f"written: {path}")
    data = from_file.parent if from_file else directory / "data"
    say("edit the programme: periods, sites and what each code means; then:")
    say(f"  parcours run {directory / 'programme.toml'} --data {data} --dry-run")
    say(f"  parcours run {directory / 'programme.toml'} --data {data}")
    return 0


def serve(home: Path, port: int) -> int:
    """Serve the latest release to browsers of this machine until interrupted."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    latest = home / "releases" / "latest"
    if not (latest / "index.html").is_file():
        raise DeclarationError(f"{home}: nothing is published yet; run parcours run first")
    handler = partial(SimpleHTTPRequestHandler, directory=str(latest.resolve()))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise DeclarationError(f"port {port}: cannot be used ({error.strerror}); name another with --port") from None
    with server, suppress(KeyboardInterrupt):  # the way in which a server is stopped
        say(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C stops)")
        server.serve_forever()
    return 0

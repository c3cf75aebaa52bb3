"""The flow ``ingest``: raw files into the warehouse, one transaction a file."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows import steps
from flows.orchestration import new_run_id, scrubbed
from flows.terminal import progress
from warehouse.declarations import load
from warehouse.errors import StorageError
from warehouse.home import hold, open_home, pseudonym_key
from warehouse.programme import Programme, Source
from warehouse.store import Store


async def _is_storage(_task: Any, _run: Any, state: Any) -> bool:
    """Only what a shared folder may do a moment later is worth another try."""
    return isinstance(await state.aresult(raise_on_failure=False), StorageError)


@task(
    name="load-file",
    task_run_name="load file of {source_id}",
    retries=2,
    retry_delay_seconds=[5, 30],
    retry_condition_fn=_is_storage,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def load_file(
    source_id: str, store: Store, source: Source, path: Path, programme: Programme, key: bytes, run_id: str
) -> None:
    """Load one file, or find that it is loaded already. Retried, for raw files lie on shared folders."""
    with scrubbed():
        row = steps.load_file(store, source, path, programme, key, run_id)
        get_run_logger().info("source %s: %s rows, %s loaded", source_id, row.rows_in, row.loaded)


@flow(name="ingest", persist_result=False)
def ingest(
    programme: str, data: str, home: str = "parcours-home", key_file: str | None = None, files: str = "*"
) -> None:
    """Load every raw file that the programme's sources name and ``files`` (a pattern of names) lets through.

    Parameters are paths and ids, never data. Files already loaded change nothing.
    """
    with scrubbed():
        declared = load(programme)
        steps.refuse_after_retention(declared)
        found = [(source, path) for source, path in steps.files_of(declared, Path(data)) if fnmatch(path.name, files)]
        opened = open_home(Path(home), key_file=Path(key_file) if key_file else None)
        key, run_id = pseudonym_key(opened), new_run_id()
        with hold(opened, run_id), Store.open(opened) as store:
            for position, (source, path) in enumerate(found, start=1):
                progress(f"reading file {position} of {len(found)}")
                load_file(source.id, store, source, path, declared, key, run_id)
            steps.load_patients(store, declared, Path(data), key, run_id)
            steps.load_activity(store, declared, Path(data), run_id)

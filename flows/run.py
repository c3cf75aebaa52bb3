"""The flow ``run``: ingest, evaluate and publish, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.evaluate import evaluate
from flows.ingest import ingest
from flows.orchestration import new_run_id, scrubbed
from flows.publish import publish
from warehouse.home import hold, open_home


@flow(name="run", persist_result=False)
def run(programme: str, data: str, home: str = "parcours-home", key_file: str | None = None) -> State[Any]:
    """Run the whole work under one hold of the warehouse. Ends as its publication does."""
    with scrubbed():
        opened = open_home(Path(home), key_file=Path(key_file) if key_file else None)
    with hold(opened, new_run_id()):
        ingest(programme, data, home, key_file)
        evaluate(programme, home)
        ended: State[Any] = publish(programme, home, return_state=True)
        return ended

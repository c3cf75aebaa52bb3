"""The flow ``evaluate``: judge what is stored, then count and estimate every indicator."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from checks.report import as_markdown
from flows import steps
from flows.orchestration import new_run_id, scrubbed
from transforms.disclosure import released_checks
from warehouse.declarations import load
from warehouse.home import hold, open_home
from warehouse.store import Store

WITH_WARNINGS = "WithWarnings"


@flow(name="evaluate", persist_result=False)
def evaluate(programme: str, home: str = "parcours-home") -> State[None]:
    """Judge the warehouse, then compute. Ends ``WithWarnings`` where a check warns; fails where one is fatal."""
    with scrubbed():
        declared = load(programme)
        steps.refuse_after_retention(declared)
        opened, run_id = open_home(Path(home)), new_run_id()
        with hold(opened, run_id), Store.open(opened) as store:
            verdict = steps.validate(store, declared)
            create_markdown_artifact(
                key=f"{declared.id}-quality".replace("_", "-"),
                markdown=as_markdown(released_checks(verdict.checks, declared.privacy)),
                description="Data quality: every check with its verdict",
            )
            steps.refuse_fatal(verdict, store)
            outcome = steps.compute(store, declared, verdict, run_id)
    return Completed(name=WITH_WARNINGS) if outcome == "warning" else Completed()

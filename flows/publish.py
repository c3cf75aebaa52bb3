"""The flow ``publish``: disclosure control, the pages, and ``latest`` moved to them."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_link_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import steps
from flows.evaluate import WITH_WARNINGS
from flows.orchestration import new_run_id, scrubbed
from warehouse.declarations import load
from warehouse.home import hold, open_home
from warehouse.store import Store


@flow(name="publish", persist_result=False)
def publish(programme: str, home: str = "parcours-home") -> State[None]:
    """Publish the stored estimates as an immutable release; an unchanged one is kept as it is."""
    with scrubbed():
        declared = load(programme)
        opened, run_id = open_home(Path(home)), new_run_id()
        with hold(opened, run_id), Store.open(opened) as store:
            outcome = steps.stored_outcome(store, declared)
            page = steps.publish_release(store, declared, opened, outcome)
        create_link_artifact(
            key=f"{declared.id}-release".replace("_", "-"),
            link=page.as_uri(),
            link_text=f"Release {page.parent.name}",
            description="The published pages",
        )
    return Completed(name=WITH_WARNINGS) if outcome == "warning" else Completed()

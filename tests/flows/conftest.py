"""The command line as its user meets it: a process of its own, with a home folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
Parcours = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def quiet_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """No setting of the developer's own; one folder of Prefect's for all runs, so that it is made once."""
    user = tmp_path_factory.mktemp("user")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "PARCOURS", "XDG"))}
    return kept | {"HOME": str(user), "PREFECT_HOME": str(user / "prefect"), "PYTHONWARNINGS": "default"}


@pytest.fixture(scope="session")
def parcours(quiet_environment: dict[str, str]) -> Parcours:
    """``parcours("run", "pacosme", ...)`` in a process of its own."""

    def call(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows", *map(str, arguments)],
            cwd=cwd or ROOT,
            env=quiet_environment,
            capture_output=True,
            text=True,
            timeout=540,
            check=False,
        )

    return call


@pytest.fixture(scope="session")
def sepsis_data() -> Path:
    """The folder of the public event log, beside the checkout."""
    folder = SHARED_DATA / "sepsis"
    if not (folder / "sepsis_cases.xes.gz").is_file():
        pytest.skip("the public sepsis log is not beside this checkout (shared/data/sepsis)")
    return folder

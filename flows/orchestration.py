"""How Prefect is set up: telemetry off, its own files under the home, no value persisted, errors scrubbed.

``prepare`` must be called before Prefect is imported for the first time.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flows.terminal import where
from warehouse.errors import ParcoursError
from warehouse.home import Home

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_CLI_PROMPT": "false",
}


def prepare(home: Home) -> None:
    """Settings for a run started from the command line; what the environment already says is kept."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" not in os.environ:
        os.environ.setdefault("PREFECT_HOME", str(home.path / "prefect"))
        os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")


def new_run_id() -> str:
    """When the run started, and six hex digits that make it one of a kind."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


@contextmanager
def scrubbed() -> Iterator[None]:
    """Let our own errors pass; replace any other by its kind and place, for its message may hold a patient's data."""
    try:
        yield
    except ParcoursError:
        raise
    except Exception as error:
        raise ParcoursError(f"unexpected {where(error)}") from None

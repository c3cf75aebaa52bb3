"""prefect.yaml against a real server: every deployment is accepted, with its schedule and its parameters."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(scope="module")
def server(quiet_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """A Prefect server of this test's own; the environment in which its clients run."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = quiet_environment | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(240):
            if answers(url):
                break
            assert process.poll() is None, "the server ended before it answered"
            time.sleep(0.5)
        yield environment | {"PREFECT_API_URL": url}
    finally:
        process.terminate()
        process.wait(timeout=60)


def prefect(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=ROOT,
        env=environment | {"PREFECT_CLI_PROMPT": "false"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def deployments(server: dict[str, str]) -> dict[str, dict[str, object]]:
    prefect(server, "work-pool", "create", "--type", "process", "parcours")
    prefect(server, "deploy", "--all")
    request = urllib.request.Request(
        f"{server['PREFECT_API_URL']}/deployments/filter",
        data=b"{}",
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        return {one["name"]: one for one in json.load(reply)}


def test_three_deployments_are_accepted(deployments: dict[str, dict[str, object]]) -> None:
    assert set(deployments) == {"monthly", "on-demand", "backfill"}
    assert {one["work_pool_name"] for one in deployments.values()} == {"parcours"}


def test_the_monthly_one_follows_paris_time(deployments: dict[str, dict[str, object]]) -> None:
    (schedule,) = deployments["monthly"]["schedules"]  # type: ignore[misc,attr-defined]
    assert schedule["schedule"]["timezone"] == "Europe/Paris"
    assert schedule["active"] is True


def test_parameters_are_paths_and_ids_with_a_schema(deployments: dict[str, dict[str, object]]) -> None:
    for one in deployments.values():
        assert one["enforce_parameter_schema"] is True
        properties = one["parameter_openapi_schema"]["properties"]  # type: ignore[index]
        assert set(one["parameters"]) <= set(properties) <= {"programme", "data", "home", "key_file", "files"}  # type: ignore[call-overload]

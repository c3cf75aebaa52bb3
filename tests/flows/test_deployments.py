"""prefect.yaml against a real server and worker: every deployment is accepted, triggered and watched to its end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Parcours = Callable[..., subprocess.CompletedProcess[str]]
SERVICE_UNAVAILABLE = 503  # its SQLite file is locked for the moment
BUSY_TRIES = 60
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


def api(server: dict[str, str], path: str, body: dict[str, object] | None = None) -> Any:
    """One call of the server's API: a POST with a body, else a GET; a server that is busy is asked again."""
    request = urllib.request.Request(
        f"{server['PREFECT_API_URL']}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    for _ in range(BUSY_TRIES):
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            if error.code != SERVICE_UNAVAILABLE:
                raise
            error.close()
            time.sleep(1)
    raise AssertionError("the server was busy all the time")


@pytest.fixture(scope="module")
def deployments(server: dict[str, str]) -> dict[str, Any]:
    prefect(server, "work-pool", "create", "--type", "process", "parcours")
    prefect(server, "deploy", "--all")
    return {one["name"]: one for one in api(server, "deployments/filter", {})}


@pytest.fixture(scope="module")
def worker(server: dict[str, str], deployments: dict[str, Any]) -> Iterator[None]:
    assert deployments
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "parcours", "--type", "process"]
    process = subprocess.Popen(command, cwd=ROOT, env=server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


@pytest.fixture(scope="module")
def data(parcours: Parcours, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scheduled") / "data"
    assert parcours("simulate", folder, "--patients", 600, "--seed", 3).returncode == 0
    return folder


def ended(server: dict[str, str], deployment: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """Trigger a deployment and watch it to its end; its flow run."""
    run = api(server, f"deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})
    for _ in range(300):
        found: dict[str, Any] = api(server, f"flow_runs/{run['id']}")
        if found["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return found
        time.sleep(1)
    raise AssertionError("the flow run did not end in five minutes")


def test_three_deployments_are_accepted(deployments: dict[str, Any]) -> None:
    assert set(deployments) == {"monthly", "on-demand", "backfill"}
    assert {one["work_pool_name"] for one in deployments.values()} == {"parcours"}


def test_the_monthly_one_follows_paris_time(deployments: dict[str, Any]) -> None:
    (schedule,) = deployments["monthly"]["schedules"]
    assert schedule["schedule"]["timezone"] == "Europe/Paris"
    assert schedule["active"] is True


def test_parameters_are_paths_and_ids_with_a_schema(deployments: dict[str, Any]) -> None:
    for one in deployments.values():
        assert one["enforce_parameter_schema"] is True
        properties = one["parameter_openapi_schema"]["properties"]
        assert set(one["parameters"]) <= set(properties) <= {"programme", "data", "home", "key_file", "files"}


@pytest.mark.usefixtures("worker")
def test_each_deployment_runs_to_its_end(
    server: dict[str, str], deployments: dict[str, Any], data: Path, tmp_path: Path
) -> None:
    own = {"data": str(data), "home": str(tmp_path / "home"), "key_file": str(tmp_path / "key")}
    backfill = ended(server, deployments["backfill"], **own, files="2021-*")
    assert backfill["state"]["type"] == "COMPLETED", backfill["state"]["message"]
    for name in ("on-demand", "monthly"):
        whole = ended(server, deployments[name], **own)
        assert whole["state"]["type"] == "COMPLETED", whole["state"]["message"]
        assert whole["state"]["name"] in ("Completed", "WithWarnings")
    assert (tmp_path / "home" / "releases" / "latest" / "index.html").is_file()
    artifacts = api(server, "artifacts/filter", {})
    assert {"pacosme-quality", "pacosme-release"} <= {one["key"] for one in artifacts}


@pytest.mark.usefixtures("worker")
def test_a_failure_is_a_failure_and_says_why_without_data(
    server: dict[str, str], deployments: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "events").mkdir()
    own = {"data": str(tmp_path), "home": str(tmp_path / "home"), "key_file": str(tmp_path / "key")}
    failed = ended(server, deployments["on-demand"], **own)
    assert failed["state"]["type"] == "FAILED"
    assert "expected at least one file events/*.csv" in failed["state"]["message"]


def test_parameters_of_another_kind_are_refused(server: dict[str, str], deployments: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        api(
            server,
            f"deployments/{deployments['on-demand']['id']}/create_flow_run",
            {"parameters": {"programme": ["pacosme"]}},
        )
    assert refused.value.code in (409, 422)
    refused.value.close()

"""The command line: help, exit codes, and errors in words without a patient's value."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from warehouse.home import hold, open_home

COMMANDS = ("init", "demo", "run", "ingest", "validate", "evaluate", "publish", "simulate", "serve")
HEAVY = ("prefect", "great_expectations", "lifelines", "statsmodels", "scipy", "pandas", "polars", "duckdb", "plotly")
PROGRAMME = """
id = "small"
title = { fr = "Petit", en = "Small" }
timezone = "Europe/Paris"
data_lock = 2024-01-01
[periods]
before = { from = 2022-01-01, until = 2023-01-01 }
after = { from = 2023-01-01, until = 2024-01-01 }
[time_zero]
event = "announcement"
[[sites]]
id = "north"
[[sources]]
id = "events"
path = "events.csv"
timezone = "Europe/Paris"
site = "north"
columns = { patient_id = "who", event_type = "what", occurred_at = "when" }
[analysis]
indicators = ["emergency_return"]
primary = ["emergency_return"]
[privacy]
purpose = "test"
retention_until = 2099-12-31
"""
ACTIVITY = """
[activity]
path = "activity.csv"
[[activity.kinds]]
id = "workshops"
title = { fr = "Ateliers", en = "Workshops" }
counts = "actions"
"""
CANARY = "CANARY-7731"
Parcours = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def programme(tmp_path: Path) -> Path:
    file = tmp_path / "programme.toml"
    file.write_text(PROGRAMME)
    return file


def test_help_is_quick_for_it_loads_no_heavy_library() -> None:
    code = f"import sys, flows.__main__; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(parcours: Parcours, command: str) -> None:
    done = parcours(command, "--help")
    assert done.returncode == 0
    assert f"Example: parcours {command}" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runn"], "runn"),
        (["run", "nowhere", "--data", "."], "pacosme"),
        (["run", "pacosme"], "--data"),
        (["run", "pacosme", "--data", "."], "events/*.csv"),
        (["validate", "missing.toml", "--data", "."], "missing.toml"),
        (["publish", "pacosme", "--home", "/dev/null"], "not a directory"),
    ],
)
def test_a_wrong_call_says_what_to_do_and_exits_with_2(
    parcours: Parcours, tmp_path: Path, arguments: list[str], said: str
) -> None:
    done = parcours(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_declaration_names_file_key_and_what_was_expected(parcours: Parcours, programme: Path) -> None:
    programme.write_text(
        PROGRAMME.replace("until = 2023-01-01", "until = 2021-01-01").replace('"Europe/Paris"', '"Mars"', 1)
    )
    done = parcours("run", programme, "--data", programme.parent)
    assert done.returncode == 2
    assert "timezone" in done.stderr
    assert "periods.before" in done.stderr


def test_bad_rows_are_told_by_line_and_rule_and_never_by_value(parcours: Parcours, programme: Path) -> None:
    (programme.parent / "events.csv").write_text(
        f"who,what,when\n{CANARY},announcement,2022-13-45\n{CANARY},death,2022-03-01\n{CANARY},dance,2022-03-01\n"
    )
    done = parcours("validate", programme, "--data", programme.parent)
    assert done.returncode == 3
    assert "events.csv:2" in done.stdout
    assert "events.csv:4" in done.stdout
    assert CANARY not in done.stdout + done.stderr


def test_bad_rows_of_activity_are_told_by_line_column_and_rule(parcours: Parcours, programme: Path) -> None:
    folder = programme.parent
    programme.write_text(PROGRAMME + ACTIVITY)
    (folder / "events.csv").write_text("who,what,when\n1,announcement,2022-03-01\n")
    (folder / "activity.csv").write_text(
        f"site,month,activity,n\nnorth,2022-03,workshops,2\n{CANARY},2022-03,workshops,2\nnorth,2022-04,workshops,-1\n"
    )
    done = parcours("validate", programme, "--data", folder)
    assert (
        "activity.csv:3: site: [activity_site_known] Rows of the file of activity: the site is declared." in done.stdout
    )
    assert "activity.csv:4: n: [activity_number_whole]" in done.stdout
    assert CANARY not in done.stdout + done.stderr


def test_a_required_file_of_activity_that_is_missing_is_a_wrong_call(parcours: Parcours, programme: Path) -> None:
    programme.write_text(PROGRAMME + ACTIVITY)
    (programme.parent / "events.csv").write_text("who,what,when\n1,announcement,2022-03-01\n")
    done = parcours("validate", programme, "--data", programme.parent)
    assert done.returncode == 2
    assert "activity: expected the file activity.csv in the data folder, found none" in done.stderr


def test_no_accepted_row_exits_with_3_and_publishes_nothing(
    parcours: Parcours, programme: Path, tmp_path: Path
) -> None:
    (tmp_path / "events.csv").write_text(f"who,what,when\n{CANARY},announcement,never\n")
    done = parcours("run", programme, "--data", tmp_path, "--home", tmp_path / "home", "--key-file", tmp_path / "key")
    assert done.returncode == 3, done.stderr
    assert not (tmp_path / "home" / "releases" / "latest").exists()
    assert CANARY not in done.stdout + done.stderr


def test_a_second_run_exits_with_5_and_names_the_holder(parcours: Parcours, programme: Path, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("who,what,when\n1,announcement,2022-03-01\n")
    with hold(open_home(tmp_path / "home"), "the-first-run"):
        done = parcours("run", programme, "--data", tmp_path, "--home", tmp_path / "home")
    assert done.returncode == 5
    assert "the-first-run" in done.stderr


def test_dry_run_touches_nothing(parcours: Parcours, programme: Path, tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("who,what,when\n1,announcement,2022-03-01\n")
    done = parcours("run", programme, "--data", tmp_path, "--home", tmp_path / "home", "--dry-run")
    assert done.returncode == 0
    assert "events.csv" in done.stdout
    assert not (tmp_path / "home").exists()


def test_version(parcours: Parcours) -> None:
    assert parcours("--version").stdout.strip() == version("parcours")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_lets_go(
    programme: Path, tmp_path: Path, quiet_environment: dict[str, str], sent: signal.Signals
) -> None:
    (tmp_path / "events.csv").write_text("who,what,when\n1,announcement,2022-03-01\n")
    home = tmp_path / "home"
    command = [sys.executable, "-m", "flows", "run", str(programme), "--data", str(tmp_path), "--home", str(home)]
    with subprocess.Popen(command, env=quiet_environment, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (home / "lock").exists():
            time.sleep(0.05)
        process.send_signal(sent)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    with hold(open_home(home), "the-next-run"):
        assert not (home / "releases" / "latest").exists()

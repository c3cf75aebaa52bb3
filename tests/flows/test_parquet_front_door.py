"""A log in Parquet goes the whole way from the command line to the release, and says what CSV says."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

Parcours = Callable[..., subprocess.CompletedProcess[str]]
PROGRAMME = """
id = "small"
title = {{ fr = "Petit", en = "Small" }}
timezone = "Europe/Paris"
data_lock = 2024-04-01
[periods]
before = {{ from = 2022-01-01, until = 2023-01-01 }}
after = {{ from = 2023-01-01, until = 2024-01-01 }}
[time_zero]
event = "announcement"
[[sites]]
id = "north"
[[sources]]
id = "events"
format = "{format}"
path = "events.{format}"
timezone = "Europe/Paris"
site = "north"
columns = {{ patient_id = "who", event_type = "what", occurred_at = "when" }}
[analysis]
indicators = ["emergency_return"]
primary = ["emergency_return"]
[privacy]
purpose = "test"
retention_until = 2099-12-31
"""


def log() -> pl.DataFrame:
    """Four hundred patients announced over two years, half of whom come back, and some of whom die."""
    draw, rows = random.Random(1), []
    for number in range(400):
        announced = datetime(2022, 1, 3, 9) + timedelta(days=draw.randrange(700), minutes=draw.randrange(500))  # noqa: DTZ001
        rows.append((f"P{number}", "announcement", announced))
        if number % 2:
            rows.append((f"P{number}", "emergency_visit", announced + timedelta(days=draw.randrange(1, 60))))
        if number % 5 == 0:
            rows.append((f"P{number}", "death", announced + timedelta(days=70)))
    return pl.DataFrame(rows, schema=["who", "what", "when"], orient="row")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log().write_parquet(tmp_path / "events.parquet")
    log().write_csv(tmp_path / "events.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    for kind in ("csv", "parquet"):
        (tmp_path / f"{kind}.toml").write_text(PROGRAMME.format(format=kind))
    return tmp_path


def test_the_same_log_gives_the_same_release(parcours: Parcours, folder: Path) -> None:
    released = {}
    for kind in ("csv", "parquet"):
        home = folder / f"{kind}-home"
        run = parcours("run", folder / f"{kind}.toml", "--data", folder, "--home", home)
        assert run.returncode in (0, 4), run.stderr
        figures = (home / "releases" / "latest" / "data").glob("indicator_*.csv")
        released[kind] = {file.name: file.read_bytes() for file in figures}
    assert released["parquet"]
    assert released["parquet"] == released["csv"]


def test_a_damaged_file_is_an_error_in_words_on_every_way_in(parcours: Parcours, folder: Path) -> None:
    whole = (folder / "events.parquet").read_bytes()
    (folder / "events.parquet").write_bytes(whole[: len(whole) // 2])
    for command, *more in (("ingest", "--home", folder / "home"), ("validate",)):
        run = parcours(command, folder / "parquet.toml", "--data", folder, *more)
        assert run.returncode == 2
        assert "events.parquet: is Parquet that was cut short" in run.stderr
        assert "Traceback" not in run.stderr

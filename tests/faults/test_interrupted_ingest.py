"""Killed, crowded or out of disk: a file is in the warehouse whole, or not at all."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

TRIALS = 20
ROWS = 20_000


def test_killed_at_any_moment_a_file_is_whole_or_absent(bench: Any) -> None:
    """SIGKILL after a random delay, over the whole length of a run; the next run completes it."""
    assert bench.ingest(bench.file("0.csv", 100))[0] == 0
    started = time.monotonic()
    assert bench.ingest(bench.file("1.csv", ROWS, first=1000))[0] == 0
    length = time.monotonic() - started
    files, loaded = 2, 100 + ROWS
    chance = random.Random(20231231)
    for trial in range(TRIALS):
        file = bench.file("next.csv", ROWS, first=1_000_000 * (trial + 1))
        process = bench.start(file)
        assert process.stdout is not None
        process.stdout.readline()  # open, or nothing when it ends before
        time.sleep(chance.uniform(0, 0.8 * length))
        process.kill()
        process.communicate()
        found = bench.contents()
        assert found in {(files, loaded, loaded), (files + 1, loaded + ROWS, loaded + ROWS)}, trial
        files, loaded = found[0], found[1]
    assert bench.ingest(file)[0] == 0
    assert bench.contents()[1] in {loaded, loaded + ROWS}
    assert not list((bench.home / "raw").glob("*.tmp"))


def test_a_second_run_is_turned_away_and_told_by_whom(bench: Any) -> None:
    first = bench.start(bench.file("1.csv", 200_000))
    assert first.stdout is not None
    assert first.stdout.readline() == "open\n"
    code, errors = bench.ingest(bench.file("2.csv", 10, first=10**6))
    assert code == 5
    assert f"run test run, process {first.pid}" in errors
    first.communicate(timeout=300)
    assert first.returncode == 0
    assert bench.contents() == (1, 200_000, 200_000)


@pytest.mark.parametrize("room", [4_096, 900_000])
def test_out_of_disk_nothing_is_lost_and_nothing_is_said(bench: Any, room: int) -> None:
    """A limit on the size of any file, as a full disk gives: exit 7, old rows there, room again, done."""
    assert bench.ingest(bench.file("1.csv", 100))[0] == 0
    large = bench.file("2.csv", 100_000, first=1000)
    code, errors = bench.ingest(large, room)
    assert code == 7, errors
    assert "StorageError" in errors
    assert "CANARY" not in errors
    assert "Traceback" not in errors
    assert bench.contents() == (1, 100, 100)
    assert bench.ingest(large)[0] == 0
    assert bench.contents() == (2, 100_100, 100_100)


def test_out_of_disk_inside_the_warehouse(bench: Any) -> None:
    """The kept copy fits, the warehouse may not grow: the engine meets the full disk in mid-transaction."""
    assert bench.ingest(bench.file("1.csv", 130_000))[0] == 0
    room = (bench.home / "warehouse.duckdb").stat().st_size
    more = bench.file("2.csv", 130_000, first=10**6)
    assert more.stat().st_size < room
    code, errors = bench.ingest(more, room)
    assert code == 7, errors
    assert "CANARY" not in errors
    assert "Traceback" not in errors
    assert bench.contents() == (1, 130_000, 130_000)
    assert bench.ingest(more)[0] == 0
    assert bench.contents() == (2, 260_000, 260_000)


def test_a_damaged_warehouse_is_named_not_quoted(bench: Any) -> None:
    assert bench.ingest(bench.file("1.csv", 100))[0] == 0
    (bench.home / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    code, errors = bench.ingest(bench.file("2.csv", 10, first=1000))
    assert code == 7
    assert "warehouse.duckdb" in errors
    assert "Traceback" not in errors

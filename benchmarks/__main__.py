"""Run every program on the same logs, one after the other in turns, and print what they take.

``python -m benchmarks --patients 100000``. Each run is a process of its own; what the same program takes
for 100 patients is its start-up and taken off. Exit code 1 if two programs found different figures.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.conventions import Figures
from benchmarks.generate import write_log

PROGRAMS = {
    "floor": "floor", "parcours": "product", "polars + lifelines": "with_polars", "pandas + lifelines": "with_pandas",
}  # fmt: skip
FLOOR, OURS, PLAIN = "floor", "parcours", "pandas + lifelines"
START_UP = 100  # patients
PHASES = ("ingest", "indicators")
TOLERANCE = 1e-9
JITTERED = "cumulative_incidence"  # lifelines moves tied times at random before it estimates these
LIBRARIES = ("duckdb", "polars", "pandas", "lifelines")
WALL, CPU = 0, 1


@dataclass(frozen=True)
class Run:
    """What one process took and found."""

    seconds: dict[str, tuple[float, float]]  # phase -> wall, CPU
    peak_mb: float
    figures: Figures


@dataclass(frozen=True)
class Cost:
    """What one program takes for one log, the median of its runs, without its start-up."""

    wall: dict[str, float]
    cpu: dict[str, float]
    peak_mb: float

    @classmethod
    def of(cls, runs: list[Run], idle: list[Run]) -> Cost:
        """The cost of these runs, and of the ones that had next to nothing to do."""
        wall, cpu = ({name: _net(runs, idle, name, clock) for name in PHASES} for clock in (WALL, CPU))
        return cls(wall, cpu, median(run.peak_mb for run in runs))

    @property
    def whole(self) -> tuple[float, float]:
        """Wall and CPU seconds of all phases."""
        return sum(self.wall.values()), sum(self.cpu.values())


def _net(runs: list[Run], idle: list[Run], name: str, clock: int) -> float:
    taken, start_up = (median(run.seconds[name][clock] for run in some) for some in (runs, idle))
    return max(taken - start_up, 0.001)


def main() -> int:
    """Measure, print the tables, compare the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed beside plainly written programs.")
    parser.add_argument("--patients", type=int, nargs="+", default=[100_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    given = parser.parse_args()
    print(_conditions(given.runs))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        costs, differences = {}, []
        idle = _measured(START_UP, given.runs, Path(folder))
        for patients in given.patients:
            runs = _measured(patients, given.runs, Path(folder))
            costs[patients] = {name: Cost.of(runs[name], idle[name]) for name in PROGRAMS}
            print(_table(patients, runs[OURS][0].figures["rows"], costs[patients]), flush=True)
            differences += _differences({name: runs[name][0].figures for name in PROGRAMS})
    if len(costs) > 1:
        print(_growth(costs))
    print("\n".join(differences) or f"All figures that can be compared are equal within {TOLERANCE:g}.")
    return 1 if differences else 0


def _conditions(runs: int) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Python {platform.python_version()}, {libraries}; {os.cpu_count()} cores, {memory:.0f} GB; median of {runs} "
        f"runs in turns; load at the start {os.getloadavg()[0]:.1f}"
    )


def _measured(patients: int, times: int, folder: Path) -> dict[str, list[Run]]:
    log = folder / f"{patients}" / "log.csv"
    log.parent.mkdir()
    write_log(log, patients)
    runs: dict[str, list[Run]] = {name: [] for name in PROGRAMS}
    for _ in range(times):
        for name, module in PROGRAMS.items():
            runs[name].append(_run(module, log, folder / module))
    shutil.rmtree(log.parent)
    return runs


def _run(module: str, log: Path, folder: Path) -> Run:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    report = folder / "report.json"
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{module}", str(log), str(folder), str(report)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(report.read_text())
    shutil.rmtree(folder)
    return Run(**found)


def _table(patients: int, rows: float | None, costs: dict[str, Cost]) -> str:
    head = "| program | ingest wall s | CPU s | indicators wall s | CPU s | whole wall s | CPU s | peak MB |"
    lines = [f"\n{patients:,} patients, {rows:,.0f} rows\n", head, "|---" + "|---:" * 7 + "|"]
    for name, cost in costs.items():
        seconds = [cost.wall["ingest"], cost.cpu["ingest"], cost.wall["indicators"], cost.cpu["indicators"]]
        cells = " | ".join(f"{value:.2f}" for value in [*seconds, *cost.whole])
        lines.append(f"| {name} | {cells} | {cost.peak_mb:.0f} |")
    return "\n".join([*lines, "", *_ratios(costs)])


def _ratios(costs: dict[str, Cost]) -> list[str]:
    ours, floor, plain = costs[OURS], costs[FLOOR], costs[PLAIN]
    lines = ["| ratio | wall | CPU | target at 1,000,000 |", "|---|---:|---:|---|"]
    for phase, least, target in (("ingest", "one parse", 5), ("indicators", "one GROUP BY", 2.5)):
        wall, cpu = ours.wall[phase] / floor.wall[phase], ours.cpu[phase] / floor.cpu[phase]
        lines.append(f"| {phase} / {least} | {wall:.1f} | {cpu:.1f} | at most {target} |")
    wall, cpu = (theirs / own for theirs, own in zip(plain.whole, ours.whole, strict=True))
    lines.append(f"| {PLAIN} / parcours | {wall:.1f} | {cpu:.1f} | at least 4 |")
    lines.append(f"| peak memory / that of {PLAIN} | {ours.peak_mb / plain.peak_mb:.2f} | | at most 0.35 |")
    return lines


def _growth(costs: dict[int, dict[str, Cost]]) -> str:
    """Slopes of the logarithms: 1 where ten times the patients take ten times as much."""
    sizes = sorted(costs)
    lines = ["", "| growth | patients | CPU | peak memory |", "|---|---|---:|---:|"]
    for small, large in pairwise(sizes):
        for name in PROGRAMS:
            less, more, factor = costs[small][name], costs[large][name], math.log(large / small)
            cpu, peak = math.log(more.whole[1] / less.whole[1]), math.log(more.peak_mb / less.peak_mb)
            lines.append(f"| {name} | {small:,} to {large:,} | {cpu / factor:.2f} | {peak / factor:.2f} |")
    return "\n".join([*lines, ""])


def _differences(found: dict[str, Figures]) -> list[str]:
    """Where a program found something else than ours."""
    ours, lines = found[OURS], []
    for name, figures in found.items():
        compared = figures.keys() if name == FLOOR else ours.keys() | figures.keys()
        apart = {key: _gap(ours.get(key), figures.get(key)) for key in compared}
        wrong = sorted(key for key, gap in apart.items() if gap > TOLERANCE and JITTERED not in key)
        lines += [f"DIFFERENT from {name}: {key}: {ours.get(key)} and {figures.get(key)}" for key in wrong]
        jittered = max((gap for key, gap in apart.items() if JITTERED in key), default=0.0)
        print(f"{name}: {len(apart)} figures compared; largest gap of a jittered incidence {jittered:.1%}")
    return lines


def _gap(ours: float | None, theirs: float | None) -> float:
    if ours is None or theirs is None:
        return 0.0 if ours is theirs else math.inf
    return abs(ours - theirs) / max(abs(ours), abs(theirs), 1e-300) if ours != theirs else 0.0


if __name__ == "__main__":
    sys.exit(main())

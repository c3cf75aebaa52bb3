"""The product: one file into the store, then counts and estimates of every indicator, as ``parcours run`` does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.conventions import HORIZONS, PERIODS, Figures, Phases, arguments
from flows import steps
from transforms.estimates import estimate
from warehouse.declarations import load
from warehouse.home import open_home, pseudonym_key
from warehouse.store import Store

PROGRAMME = Path(__file__).parent / "workload" / "programme.toml"
ALIVE, INCIDENCE = "referral_alive", "referral"
SHARES = {"emergency_return": "proportion", "satisfaction": "top_box"}


def main() -> None:
    """Run, and report under the names that all programs use."""
    phases = Phases()
    log, folder, report = arguments()
    shutil.rmtree(folder / "home", ignore_errors=True)
    programme = load(PROGRAMME)
    home = open_home(folder / "home", demo=True)
    key = pseudonym_key(home)
    phases.end("start")
    with Store.open(home) as store:
        row = steps.load_file(store, programme.sources[0], log, programme, key, "benchmark")
        phases.end("ingest")
        found = estimate(steps.counts(store, programme), programme, "benchmark").figures
        phases.end("indicators")
    loaded: Figures = {
        "rows": row.rows_in,
        "accepted": row.loaded,
        "repeats": row.duplicates,
        "refused": row.quarantined,
    }
    phases.report(loaded | dict(_named(found)), report)


def _named(figures: pl.DataFrame) -> Iterator[tuple[str, float | None]]:
    planned = ~pl.col("analysis").str.starts_with("sensitivity")  # bounds and weights are of the product alone
    wanted = pl.col("scope_type").is_in(["overall", "site"]) & planned
    for row in figures.filter(wanted).iter_rows(named=True):
        of, place = str(row["indicator_id"]), f"{row['period']}/{row['scope']}"
        if row["measure"] == "log_rank":
            yield "log_rank", row["estimate"]
        elif row["period"] in PERIODS:
            yield from _of_period(row, of, f"{of}/{place}")
        elif of == "emergency_rate" and row["measure"] == "rate" and str(row["period"])[5:].isdigit():
            yield f"{of}/{place}/rate", row["estimate"]


def _of_period(row: dict[str, Any], of: str, name: str) -> Iterator[tuple[str, float | None]]:
    measure, horizon = row["measure"], row["horizon"]
    if of == ALIVE and measure == "median_time":
        yield from ((f"{name}/n", row["n"]), (f"{name}/events", row["n_events"]), (f"{name}/median", row["estimate"]))
    elif (of == ALIVE and measure == "survival") or (of == INCIDENCE and measure == "cumulative_incidence"):
        if horizon in HORIZONS:
            yield f"{name}/{measure}_{horizon}", row["estimate"]
    elif measure == "rate":
        yield from ((f"{name}/events", row["n_events"]), (f"{name}/months", row["exposure"]))
        yield f"{name}/rate", row["estimate"]
    elif measure == SHARES.get(of):
        yield from ((f"{name}/n", row["n"]), (f"{name}/share", row["estimate"]))
        yield from ((f"{name}/low", row["ci_low"]), (f"{name}/high", row["ci_high"]))
    elif of == "satisfaction" and measure in ("mean", "response_rate"):
        yield f"{name}/{measure}", row["estimate"]


if __name__ == "__main__":
    main()

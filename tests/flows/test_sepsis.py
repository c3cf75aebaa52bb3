"""The main job on a real hospital log, through the command line.

Expected figures: the publisher's log read by pm4py and pandas; Kaplan-Meier by scikit-survival; log-rank and
medians by R 4.2.2, survival 3.5-3: ``survdiff(Surv(t, e) ~ period)`` and ``survfit(Surv(t, e) ~ 1)``.
The publisher shifted the dates of cases, so that any before-after contrast is a placebo.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.home import open_home
from warehouse.store import Store

Parcours = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(parcours: Parcours, sepsis_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("sepsis") / "home"
    done = parcours("run", "sepsis", "--data", sepsis_data, "--home", home, "--key-file", home.parent / "key", "--json")
    assert done.returncode in (0, 4), done.stderr
    assert Path(json.loads(done.stdout)["page"]).is_file()
    return home


@pytest.fixture(scope="module")
def figures(home: Path) -> pl.DataFrame:
    with Store.open(open_home(home), read_only=True) as store:
        return store.read("out_estimate")


def one(figures: pl.DataFrame, indicator: str, measure: str, period: str, **keys: object) -> dict[str, object]:
    wanted = {"indicator_id": indicator, "measure": measure, "period": period, "variant": "main", **keys}
    return figures.filter(*(pl.col(name) == value for name, value in wanted.items())).row(0, named=True)


def scalar(home: Path, sql: str) -> int:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])


def test_nothing_is_lost_on_the_way_in(home: Path) -> None:
    with Store.open(open_home(home), read_only=True) as store:
        ledger = store.ledger().row(0, named=True)
    assert ledger["rows_in"] == ledger["loaded"] == 15_214
    assert ledger["duplicates"] == ledger["quarantined"] == 0
    assert scalar(home, "SELECT count(*) FROM core_patient") == 1_050  # the case ``NA`` among them
    assert scalar(home, "SELECT count(*) FROM core_event WHERE event_type = 'emergency_visit'") == 294


def test_local_dates_are_the_hospitals(home: Path) -> None:
    assert scalar(home, "SELECT count(*) FROM core_event WHERE occurred_on <> occurred_at::DATE") == 434


def test_returns_after_the_last_release(figures: pl.DataFrame) -> None:
    thirty = one(figures, "return_after_release", "cumulative_incidence", "all", horizon=30)
    assert (thirty["n_events"], thirty["n"]) == (116, 782)
    assert thirty["estimate"] == pytest.approx(116 / 782, abs=1e-12)
    by_period = {
        period: one(figures, "return_after_release", "cumulative_incidence", period, horizon=30)
        for period in ("before", "after")
    }
    assert {period: (row["n_events"], row["n"]) for period, row in by_period.items()} == {
        "before": (59, 385),
        "after": (57, 397),
    }


def test_days_of_the_calendar_and_elapsed_time_differ_as_declared(figures: pl.DataFrame) -> None:
    local = one(figures, "return_after_release", "cumulative_incidence", "all", horizon=28, variant="within_28_days")
    elapsed = one(
        figures, "return_after_release", "cumulative_incidence", "all", horizon=672, variant="within_28_days_elapsed"
    )
    assert (local["n_events"], elapsed["n_events"]) == (112, 111)


def test_time_to_antibiotics_equals_scikit_survival(figures: pl.DataFrame) -> None:
    median = one(figures, "time_to_iv_antibiotics", "median_time", "all")
    assert median["n"] == 1_048  # two of 1,050 had the event before time zero
    assert median["estimate"] == pytest.approx(138.3, abs=1e-9)
    for horizon, survival in {60: 0.712254445060314, 120: 0.5605697090355994, 240: 0.23072682300365777}.items():
        found = one(figures, "time_to_iv_antibiotics", "survival", "all", horizon=horizon)
        assert found["estimate"] == pytest.approx(survival, abs=1e-12)


def test_the_two_events_before_time_zero_stand_in_the_attrition(home: Path) -> None:
    with Store.open(open_home(home), read_only=True) as store:
        attrition = store.read("core_tally_attrition").filter(pl.col("indicator_id") == "time_to_iv_antibiotics")
    counts = dict(attrition.group_by("reason").agg(pl.col("n").sum()).iter_rows())
    assert counts == {"analysed": 1_048, "earlier_event": 2}


def test_the_placebo_split_equals_r(figures: pl.DataFrame) -> None:
    test = one(figures, "time_to_iv_antibiotics", "log_rank", "after-before")
    assert test["estimate"] == pytest.approx(1.165327, abs=5e-7)
    assert test["p_value"] == pytest.approx(0.2803635, abs=5e-8)
    for period, (n, events, median) in {"before": (542, 422, 130), "after": (506, 399, 149)}.items():
        row = one(figures, "time_to_iv_antibiotics", "median_time", period)
        assert (row["n"], row["n_events"]) == (n, events)
        assert row["estimate"] == pytest.approx(median, abs=0.5)

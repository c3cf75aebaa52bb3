"""The whole work on a simulated programme, through the command line: accounted for, repeatable, silent on patients."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from warehouse.home import open_home
from warehouse.store import Store

Parcours = Callable[..., subprocess.CompletedProcess[str]]
CANARY = "CANARY-"
RESULTS = (
    "core_tally_time",
    "core_tally_count",
    "core_tally_score",
    "core_tally_month",
    "core_tally_attrition",
    "out_estimate",
    "out_curve",
    "out_threat",
)


@pytest.fixture(scope="module")
def data(parcours: Parcours, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "data"
    done = parcours("simulate", folder, "--patients", 1500, "--seed", 11)
    assert done.returncode == 0, done.stderr
    for file in (folder / "events").iterdir():
        mark_identifiers(file, column=1)
    mark_identifiers(folder / "patients.csv", column=0)
    return folder


def mark_identifiers(file: Path, column: int) -> None:
    """Make every identifier a text that no library and no chance can write."""
    header, *lines = file.read_text(encoding="utf-8").splitlines()
    marked = [line.split(";") for line in lines]
    for fields in marked:
        fields[column] = fields[column] and CANARY + fields[column]
    file.write_text("\n".join([header, *(";".join(fields) for fields in marked), ""]), encoding="utf-8")


def run(parcours: Parcours, data: Path, home: Path) -> dict[str, object]:
    key = home.parent / "pseudonym.key"
    done = parcours("run", "pacosme", "--data", data, "--home", home, "--key-file", key, "--json")
    assert done.returncode in (0, 4), done.stderr
    return dict(json.loads(done.stdout), code=done.returncode)


@pytest.fixture(scope="module")
def home(parcours: Parcours, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home") / "home"
    run(parcours, data, home)
    return home


def results(home: Path) -> dict[str, pl.DataFrame]:
    with Store.open(open_home(home), read_only=True) as store:
        return {table: store.read(table) for table in RESULTS}


def test_every_row_is_loaded_repeated_or_quarantined(home: Path, data: Path) -> None:
    truth = json.loads((data / "truth.json").read_text())
    with Store.open(open_home(home), read_only=True) as store:
        ledger = store.ledger().filter(pl.col("source") == "ehr")
    totals = ledger.select(pl.col("rows_in", "loaded", "duplicates", "quarantined").sum()).row(0, named=True)
    assert totals["rows_in"] == truth["rows"] == totals["loaded"] + totals["duplicates"] + totals["quarantined"]
    assert totals["duplicates"] == truth["duplicates"]
    assert totals["quarantined"] == sum(truth["broken"].values())


def test_a_second_run_changes_nothing(parcours: Parcours, home: Path, data: Path) -> None:
    before = results(home)
    first = (home / "releases" / "latest").readlink()
    again = run(parcours, data, home)
    assert again["release"] == first.name
    for table, frame in results(home).items():
        assert_frame_equal(frame.drop("run_id", strict=False), before[table].drop("run_id", strict=False))


def test_a_new_home_gives_the_same_release(parcours: Parcours, home: Path, data: Path, tmp_path: Path) -> None:
    other = run(parcours, data, tmp_path / "home")
    assert other["release"] == (home / "releases" / "latest").readlink().name


def test_no_identifier_leaves_the_warehouse(home: Path, quiet_environment: dict[str, str]) -> None:
    raw = list((home / "raw").iterdir())
    assert any(CANARY.encode() in path.read_bytes() for path in raw)
    orchestrator = Path(quiet_environment["PREFECT_HOME"])
    places = [path for root in (home, orchestrator) for path in root.rglob("*") if path.is_file() and path not in raw]
    assert {"warehouse.duckdb", "prefect.db", "index.html"} <= {path.name for path in places}
    assert [path for path in places if CANARY.encode() in path.read_bytes()] == []


def test_the_release_is_a_complete_site_with_what_was_promised(home: Path) -> None:
    latest = home / "releases" / "latest"
    manifest = json.loads((latest / "manifest.json").read_text())
    assert manifest["release"] == latest.readlink().name
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((latest / name).read_bytes()).hexdigest() == digest
    for language in ("fr", "en"):
        names = {path.stem for path in (latest / language).glob("*.html")}
        assert {"index", "sites", "implementation", "quality", "methods", "indicator-time_to_referral"} <= names


def test_what_the_programme_did_is_published_beside_the_outcomes(parcours: Parcours, home: Path, data: Path) -> None:
    stated = pl.read_csv(data / "activity.csv", separator=";").filter(pl.col("activite") == "workshops")
    table = pl.read_csv(home / "releases" / "latest" / "data" / "activity_en.csv")
    whole = table.filter((pl.col("activity") == "workshops") & (pl.col("scope") == "all") & (pl.col("period") == "all"))
    assert whole["n"].to_list() == [stated["nombre"].sum()]
    people = table.filter(pl.col("activity") != "workshops")["n"].drop_nulls()
    assert people.len() > 20
    assert (people % 5 == 0).all()
    english = (home / "releases" / "latest" / "en" / "implementation.html").read_text(encoding="utf-8")
    assert "261 people asked" in english
    assert "59.2% to 70.7%" in english
    done = parcours("status", "pacosme", "--home", home)
    assert "activity: stated up to 2023-12" in done.stdout


def test_threats_are_kept_exact_and_leave_rounded_in_words(home: Path) -> None:
    with Store.open(open_home(home), read_only=True) as store:
        kept = store.read("out_threat")
    (cut,) = kept.filter(threat_id="unequal_follow_up", indicator_id="time_to_referral").to_dicts()
    assert cut["level"] == "present"  # the before period ends its pathways, the lock comes late
    assert cut["n_with_reference"] / cut["n_reference"] > 0.05 > cut["n_with_compared"] / cut["n_compared"]
    assert kept.filter(threat_id="recorded_by_circuit", level="present").height == 5
    latest = home / "releases" / "latest"
    published = pl.read_csv(latest / "data" / "threats_en.csv")
    assert published.height == kept.height
    people = published.filter(pl.col("unit").is_in(["pathway", "event"]))["n_reference"].drop_nulls()
    assert (people % 5 == 0).all()
    for language, title in (("fr", "Suivi inégal"), ("en", "Unequal follow-up")):
        for page in ("plan", "indicator-time_to_referral"):
            assert title in (latest / language / f"{page}.html").read_text(encoding="utf-8")


def test_quality_table_and_link_are_artifacts(home: Path, quiet_environment: dict[str, str]) -> None:
    assert home.is_dir()
    with sqlite3.connect(Path(quiet_environment["PREFECT_HOME"]) / "prefect.db") as database:
        rows = database.execute("SELECT key, type FROM artifact").fetchall()
    assert ("pacosme-quality", "markdown") in rows
    assert any(key == "pacosme-release" for key, _ in rows)


def test_an_absent_optional_source_is_a_warning(parcours: Parcours, data: Path, home: Path, tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "warehouse" / "programmes" / "pacosme.toml").read_text(encoding="utf-8")
    extra = (
        '[[sources]]\nid = "survey"\npath = "survey.csv"\ntimezone = "Europe/Paris"\noptional = true\nsite = "cedres"\n'
    )
    programme = tmp_path / "pacosme.toml"
    programme.write_text(shipped.replace("[patients]", f"{extra}\n[patients]", 1), encoding="utf-8")
    done = parcours("validate", programme, "--data", data)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "optional_sources_have_rows" in done.stdout


def test_estimates_of_one_plan_are_never_told_as_those_of_another(
    parcours: Parcours, home: Path, tmp_path: Path
) -> None:
    shipped = (Path(__file__).parents[2] / "warehouse" / "programmes" / "pacosme.toml").read_text(encoding="utf-8")
    programme = tmp_path / "other.toml"
    programme.write_text(shipped.replace('id = "pacosme"', 'id = "other"', 1), encoding="utf-8")
    for command in (("publish", programme), ("explain", programme, "time_to_referral")):
        done = parcours(*command, "--home", home)
        assert done.returncode == 2, done.stderr
        assert "another programme or plan" in done.stderr

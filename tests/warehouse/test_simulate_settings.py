"""What can be told to a simulation happens in it: between patients, seasons, years and sites, and in both formats."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from warehouse.declarations import load
from warehouse.errors import DeclarationError
from warehouse.simulate import Level, Simulation, simulate, simulation_of
from warehouse.simulation.cohort import Cohort, SiteEffects, day_number, draw_cohort
from warehouse.simulation.histories import draw_histories

USUAL = Simulation(patients=40_000, site_sd=0.0, yearly_trend=1.0, emergency_per_day=Level(0.005, 0.005))


def drawn(**settings: float | bool) -> Cohort:
    simulation = replace(USUAL, **settings)  # type: ignore[arg-type]
    programme, rng = load("pacosme"), np.random.default_rng(7)
    sites = SiteEffects.draw(simulation, programme, rng)
    return draw_cohort(simulation, programme, sites, 0, simulation.patients, rng)


def test_frailty_spreads_hazards_and_leaves_their_mean() -> None:
    alike, frail = drawn().emergency, drawn(frailty_sd=0.8).emergency
    assert np.log(frail).std() == pytest.approx(np.hypot(0.8, np.log(alike).std()), rel=0.02)
    assert frail.mean() == pytest.approx(alike.mean(), rel=0.03)


def test_frail_patients_come_back_several_times() -> None:
    def dispersion(cohort: Cohort) -> float:
        history = draw_histories(cohort, USUAL, np.random.default_rng(8)).filter(
            pl.col("event_type") == "emergency_visit"
        )
        visits = np.bincount(history["patient"].to_numpy(), minlength=cohort.size)
        return float(visits.var() / visits.mean())

    assert dispersion(drawn(frailty_sd=1.0)) > dispersion(drawn()) + 0.3


def test_winter_has_more_emergency_visits_than_summer() -> None:
    cohort = drawn(seasonality=0.5)
    month = cohort.index_day.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1
    january, july = (cohort.emergency[month == which].mean() for which in (1, 7))
    assert january / july == pytest.approx(1.5 / 0.5, rel=0.1)


def test_the_case_mix_shifts_from_year_to_year() -> None:
    cohort = drawn(ageing_per_year=3.0, de_novo_per_year=0.1)
    late = cohort.index_day >= day_number(date(2023, 7, 1))
    early = cohort.index_day < day_number(date(2021, 10, 1))
    assert cohort.age[late].mean() - cohort.age[early].mean() == pytest.approx(6.3, abs=0.6)
    assert cohort.is_de_novo[late].mean() - cohort.is_de_novo[early].mean() == pytest.approx(0.21, abs=0.03)


def test_sites_start_one_after_the_other_or_all_at_once() -> None:
    after = day_number(load("pacosme").periods.after.start)
    one_by_one, at_once = drawn(), drawn(staggered=False)
    assert one_by_one.index_day[one_by_one.exposed].min() < after
    assert at_once.index_day[at_once.exposed].min() >= after


def test_parquet_holds_the_rows_of_the_text_files_but_those_cut_short(tmp_path: Path) -> None:
    simulation = Simulation(patients=400, seed=3)
    texts = simulate(simulation, tmp_path / "csv")
    packed = simulate(simulation, tmp_path / "parquet", "parquet")
    assert packed.rows == texts.rows - texts.broken["wrong_field_count"]
    assert texts.broken["wrong_field_count"] > 0
    assert packed.effects == texts.effects
    (source,) = load(tmp_path / "parquet" / "pacosme_parquet.toml").sources
    assert source.format == "parquet"
    rows = pl.concat([pl.read_parquet(file) for file in sorted((tmp_path / "parquet").glob(source.path))])
    assert rows.height == packed.rows
    lines = [
        line
        for file in sorted((tmp_path / "csv" / "events").iterdir())
        for line in file.read_text(encoding="utf-8").splitlines()[1:]
        if line.count(";") == len(rows.columns) - 1
    ]
    assert sorted(";".join("" if cell is None else cell for cell in row) for row in rows.iter_rows()) == sorted(lines)


def test_effects_are_set_by_name() -> None:
    told = simulation_of(500, 4, ["referral_per_day.circuit=0.02", "frailty_sd=0.5", "staggered=false"])
    assert told == Simulation(
        patients=500, seed=4, referral_per_day=Level(0.012, 0.02), frailty_sd=0.5, staggered=False
    )


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("frailty=1", "--set frailty: expected NAME=VALUE, NAME being one of .*frailty_sd"),
        ("frailty_sd", "--set frailty_sd: expected a number after ="),
        ("frailty_sd=much", "--set frailty_sd: expected a number after ="),
        ("frailty_sd=nan", "frailty_sd: expected a finite number"),
        ("seasonality=1", "seasonality: expected from 0 to less than 1"),
        ("ageing_per_year=50", "ageing_per_year: expected from -10 to 10"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words(setting: str, fault: str) -> None:
    with pytest.raises(DeclarationError, match=fault):
        simulation_of(10, 1, [setting])

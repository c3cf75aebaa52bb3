"""The simulated files hold what was declared: the truth can be read from them by the plainest means."""

import csv
import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from statistics import mean, median

import numpy as np
import pytest

from warehouse.declarations import load
from warehouse.errors import DeclarationError
from warehouse.programme import Programme
from warehouse.simulate import Level, Simulation, Truth, simulate
from warehouse.simulation.records import BROKEN
from warehouse.simulation.truth import answer_days, incidence


@dataclass
class Read:
    """What a plain reader finds in the files: every line, and the current events by patient."""

    lines: int = 0
    duplicates: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    versions: int = 0
    events: dict[str, list[tuple[str, str, datetime, str]]] = field(default_factory=lambda: defaultdict(list))
    sites: dict[str, str] = field(default_factory=dict)


Row = dict[str, str]
FRENCH_TIME = (slice(0, 2), slice(3, 5), slice(6, 10), slice(11, 13), slice(14, 16))


def wall_clock(text: str) -> datetime:
    """The local time 01/03/2022 04:35; ten times as fast as strptime. Raises ``ValueError``."""
    day, month, year, hour, minute = (int(text[part]) for part in FRENCH_TIME)
    return datetime(year, month, day, hour, minute)  # noqa: DTZ001  (local, as the files have it)


def rows_of(directory: Path) -> Iterator[list[str]]:
    for file in sorted((directory / "events").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream, delimiter=";")
            next(reader)
            yield from reader


def fault_of(row: Row, programme: Programme) -> str | None:
    source = programme.sources[0]
    try:
        wall_clock(row["occurred_at"])
    except ValueError:
        return "impossible_date"
    if not row["patient_id"]:
        return "missing_patient"
    if row["event_type"] not in source.event_types:
        return "unknown_event_type"
    if row["site"] not in source.sites:
        return "unknown_site"
    return "score_out_of_range" if row["value"] and not 0 <= float(row["value"].replace(",", ".")) <= 100 else None


def read(directory: Path) -> Read:
    programme = load("pacosme")
    source = programme.sources[0]
    found, seen, current = Read(), set(), {}
    for values in rows_of(directory):
        found.lines += 1
        if len(values) != len(source.columns):
            found.broken["wrong_field_count"] += 1
        elif tuple(values) in seen:
            found.duplicates += 1
        else:
            seen.add(tuple(values))
            row = dict(zip(source.columns, values, strict=True))
            fault = fault_of(row, programme)
            if fault is not None:
                found.broken[fault] += 1
                continue
            found.versions += 1
            recorded = wall_clock(row["recorded_at"])
            if row["event_id"] not in current or recorded > current[row["event_id"]][0]:
                current[row["event_id"]] = (recorded, row)
    for _, row in current.values():
        if row["status"] != "cancelled":
            event_type = source.mappings()[row["event_type"]].type
            at = wall_clock(row["occurred_at"])
            found.events[row["patient_id"]].append((event_type, row["code"], at, row["value"]))
            found.sites[row["patient_id"]] = source.sites[row["site"]]
    return found


def days_to(events: list[tuple[str, str, datetime, str]], index: date, event_type: str) -> list[int]:
    return sorted((at.date() - index).days for kind, _, at, _ in events if kind == event_type)


@dataclass
class Naive:
    """Yes and no for each patient of the primary contrast, by indicator and period."""

    answers: dict[tuple[str, str], list[bool]] = field(default_factory=lambda: defaultdict(list))


def naive(found: Read) -> Naive:
    programme = load("pacosme")
    circuit = {site.id for site in programme.sites if site.arm == "circuit"}
    result = Naive()
    for patient, events in found.events.items():
        announced = [at.date() for kind, _, at, _ in events if kind == "announcement"]
        periods = [name for name, span in programme.periods.named() if span.start <= min(announced) < span.until]
        if found.sites[patient] in circuit and periods and periods[0] != "transition":
            for indicator, yes in answers(events, min(announced), programme):
                result.answers[indicator, periods[0]].append(yes)
    return result


def answers(
    events: list[tuple[str, str, datetime, str]], index: date, programme: Programme
) -> Iterator[tuple[str, bool]]:
    referrals = days_to(events, index, "referral")
    if not any(day < 0 for day in referrals):
        yield "time_to_referral", any(day <= 30 for day in referrals)
    yield "emergency_return", any(1 <= day <= 30 for day in days_to(events, index, "emergency_visit"))
    yield "needs_assessment", any(0 <= day <= 30 for day in days_to(events, index, "needs_assessment"))
    scores = [(at.date() - index, value) for _, scale, at, value in events if scale == "overall_satisfaction"]
    within = [float(value.replace(",", ".")) for day, value in scores if 60 <= day.days < 121]
    if within and (programme.data_lock - index).days >= 121:
        yield "satisfaction", within[0] >= 90


LARGE = Simulation(patients=20_000, seed=5, transfer_per_day=0.0, loss_per_day=0.0)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, Read]:
    directory = tmp_path_factory.mktemp("large")
    return simulate(LARGE, directory), read(directory)


@pytest.fixture(scope="module")
def counted(large: tuple[Truth, Read]) -> Naive:
    return naive(large[1])


@pytest.mark.parametrize(
    ("indicator", "period"),
    list(product(("time_to_referral", "emergency_return", "needs_assessment", "satisfaction"), ("before", "after"))),
)
def test_a_plain_count_finds_the_truth_within_its_own_error(
    large: tuple[Truth, Read], counted: Naive, indicator: str, period: str
) -> None:
    truth, _ = large
    yes = counted.answers[indicator, period]
    expected = getattr(truth.effect(indicator), period)
    error = math.sqrt(expected * (1 - expected) / len(yes))
    assert len(yes) > 800
    assert abs(mean(yes) - expected) < 4 * error


def test_every_line_is_accounted_for(large: tuple[Truth, Read]) -> None:
    truth, found = large
    assert found.lines == truth.rows
    assert found.duplicates == truth.duplicates > 0
    assert dict(found.broken) == truth.broken
    assert set(truth.broken) == set(BROKEN)
    assert found.versions == truth.clean + truth.superseded + truth.cancelled
    assert sum(len(events) for events in found.events.values()) == truth.clean
    assert len(found.events) == truth.patients


def test_planted_defects_have_their_declared_shares(large: tuple[Truth, Read]) -> None:
    truth, _ = large
    assert truth.duplicates / truth.rows == pytest.approx(LARGE.duplicate_share, rel=0.1)
    assert truth.superseded / truth.clean == pytest.approx(LARGE.corrected_share, rel=0.1)
    assert truth.cancelled / truth.clean == pytest.approx(2 * LARGE.cancelled_share, rel=0.1)
    assert truth.late / truth.clean == pytest.approx(LARGE.late_share, rel=0.1)
    assert sum(truth.broken.values()) / truth.rows == pytest.approx(LARGE.broken_share, rel=0.1)
    assert 0 < truth.after_lock < truth.clean / 50


def test_the_figures_are_plausible_for_such_patients(large: tuple[Truth, Read]) -> None:
    truth, found = large
    deaths, palliative, waits, answered, returned = [], [], [], [], []
    for events in found.events.values():
        index = min(at.date() for kind, _, at, _ in events if kind == "announcement")
        deaths.append(any(day <= 365 for day in days_to(events, index, "death")))
        palliative.append(bool(days_to(events, index, "palliative_contact")))
        answered.append(any(60 <= day <= 120 for day in days_to(events, index, "questionnaire")))
        returned.append(any(1 <= day <= 30 for day in days_to(events, index, "emergency_visit")))
        imaging, biopsy = days_to(events, index, "imaging"), days_to(events, index, "biopsy")
        waits += [biopsy[0] - imaging[0]] if imaging and biopsy else []
    assert 20 <= truth.clean / truth.patients <= 30
    assert 0.10 <= mean(deaths) <= 0.35
    assert 1 - mean(palliative) == pytest.approx(0.555, abs=0.06)  # no palliative contact at all
    assert mean(answered) == pytest.approx(0.345, abs=0.05)  # response to the national survey
    assert mean(waits) == pytest.approx(8.1, abs=0.2)  # imaging to biopsy, days
    assert 0.06 <= mean(returned) <= 0.20


def test_the_last_weeks_of_life_are_plausible_too(large: tuple[Truth, Read]) -> None:
    _, found = large
    visits, treated, known = [], [], []
    for events in found.events.values():
        for died in [at.date() for kind, _, at, _ in events if kind == "death"]:
            visits.append(sum(-30 <= day <= 0 for day in days_to(events, died, "emergency_visit")))
            treated.append(any(-14 <= day <= 0 for day in days_to(events, died, "treatment_administration")))
            if min(at.date() for _, _, at, _ in events) <= died - timedelta(180):
                known.append(any(day < -90 for day in days_to(events, died, "palliative_contact")))
    assert 0.02 <= mean(number >= 2 for number in visits) <= 0.15  # two visits or more: 6 %, by centre 0 to 15
    assert 0.25 <= mean(number >= 1 for number in visits) <= 0.45  # 39 % in the last month
    assert 0.05 <= mean(treated) <= 0.25  # 16 %, by centre 8 to 25
    assert 0.25 <= mean(known) <= 0.65  # 25 % and 63 % in a programme and the year before it


def test_times_before_the_announcement_are_plausible(large: tuple[Truth, Read]) -> None:
    _, found = large
    waits = []
    for events in found.events.values():
        suspected, proven = (
            days_to(events, date(2021, 1, 1), "suspicion"),
            days_to(events, date(2021, 1, 1), "histology"),
        )
        waits += [proven[0] - suspected[0]] if suspected and proven else []
    assert len(waits) > 5_000
    assert min(waits) > 0
    assert mean(waits) == pytest.approx(9 + 8.1 + 3.5, abs=0.3)  # to imaging, to biopsy, to histology


def test_nothing_happens_after_the_end_of_a_pathway(large: tuple[Truth, Read]) -> None:
    _, found = large
    for events in found.events.values():
        deaths = [at for kind, _, at, _ in events if kind == "death"]
        assert len(deaths) <= 1
        assert not deaths or max(at for _, _, at, _ in events) == deaths[0]


def test_no_local_time_is_one_that_the_clocks_leave_out(large: tuple[Truth, Read]) -> None:
    _, found = large
    assert not [at for events in found.events.values() for _, _, at, _ in events if at.hour == 2]


def test_the_file_of_patients_has_the_declared_columns_and_every_patient(tmp_path: Path) -> None:
    simulate(Simulation(patients=300, seed=9), tmp_path)
    with (tmp_path / "patients.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    patients = load("pacosme").patients
    assert patients is not None
    assert list(rows[0]) == list(patients.columns.values())
    assert len({row["ipp"] for row in rows}) == 300
    assert all(row["ipp"].startswith("000") for row in rows)
    assert {row["de_novo"] for row in rows} == {"oui", "non", ""}
    assert 55 <= median(2022 - int(row["annee_naissance"]) for row in rows) <= 67


def fingerprints(directory: Path) -> dict[str, str]:
    files = sorted(file for file in directory.rglob("*") if file.is_file())
    return {str(file.relative_to(directory)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    truths = [
        simulate(Simulation(patients=500, seed=seed), tmp_path / name) for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    ]
    first, again, other = (fingerprints(tmp_path / name) for name in "abc")
    assert first == again
    assert truths[0] == truths[1]
    assert not set(first.values()) & set(other.values())


def test_an_earlier_simulation_is_replaced_whole(tmp_path: Path) -> None:
    simulate(Simulation(patients=500, seed=1), tmp_path / "twice")
    simulate(Simulation(patients=50, seed=2), tmp_path / "twice")
    simulate(Simulation(patients=50, seed=2), tmp_path / "once")
    assert fingerprints(tmp_path / "twice") == fingerprints(tmp_path / "once")


def test_files_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(DeclarationError, match="expected an empty directory"):
        simulate(Simulation(patients=10), tmp_path)
    assert (tmp_path / "patients.csv").read_text(encoding="utf-8") == "mine"


def test_the_truth_file_says_what_is_returned(tmp_path: Path) -> None:
    truth = simulate(Simulation(patients=200, seed=4), tmp_path)
    written = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert written["rows"] == truth.rows
    primary = written["effects"][0]
    assert (primary["indicator_id"], primary["variant"], primary["horizon"]) == ("time_to_referral", "main", 30)
    assert primary["difference"] == pytest.approx(primary["after"] - primary["before"])


def test_one_patient_is_enough(tmp_path: Path) -> None:
    truth = simulate(Simulation(patients=1, comparator_share=1.0, broken_share=0.0), tmp_path)
    assert truth.effects == ()  # nobody at a circuit site
    assert sum(truth.broken.values()) == 0


def test_without_an_effect_the_truth_differs_by_case_mix_alone(tmp_path: Path) -> None:
    same = Simulation(
        patients=20_000,
        referral_per_day=Level(0.02, 0.02),
        emergency_per_day=Level(0.005, 0.005),
        satisfaction_mean=Level(75, 75),
        yearly_trend=1.0,
        site_sd=0.0,
    )
    truth = simulate(same, tmp_path)
    for indicator in ("time_to_referral", "emergency_return", "satisfaction"):
        assert truth.effect(indicator).difference == pytest.approx(0, abs=0.003)


def test_larger_hazards_under_the_circuit_show_in_every_kind_of_care(tmp_path: Path) -> None:
    truth = simulate(Simulation(patients=2_000), tmp_path)
    kinds = ("main", "pain", "nutrition", "physical_activity", "work", "psychology")
    assert all(truth.effect("time_to_referral", kind).difference > 0.02 for kind in kinds)
    assert truth.effect("emergency_return").difference < -0.02


@pytest.mark.parametrize(
    ("lawless", "fault"),
    [
        ({"patients": 0}, "patients: expected from 1"),
        ({"seed": -1}, "seed: expected 0 or more"),
        ({"late_share": 1.5}, "late_share: expected a share from 0 to 1"),
        ({"referral_per_day": Level(0.1, 0.9)}, "referral_per_day.circuit: expected from 0 to 0.5"),
        ({"death_per_day": -0.1}, "death_per_day: expected from 0 to 0.5"),
        ({"care_mix": {"pain": 0.5}}, "care_mix: expected shares that add up to 1"),
        ({"care_mix": {"surgery": 1.0}}, "care_mix: expected kinds of care among"),
    ],
)
def test_an_impossible_simulation_is_refused_in_words(lawless: dict[str, object], fault: str) -> None:
    with pytest.raises(DeclarationError, match=fault):
        Simulation(**lawless)  # type: ignore[arg-type]


@pytest.mark.parametrize("first_day", [0, 1])
def test_the_closed_form_of_the_incidence_equals_a_walk_through_the_days(first_day: int) -> None:
    hazard, death, horizon = 0.03, 0.01, 30
    nothing_yet, happened = 1.0, 0.0
    for day in range(horizon + 1):
        if day >= first_day:
            happened += nothing_yet * hazard
            nothing_yet *= 1 - hazard
        if day >= 1:
            nothing_yet *= 1 - death  # on one day the outcome comes before death
    assert incidence(np.array([hazard]), np.array([death]), first_day, horizon)[0] == pytest.approx(happened, abs=1e-14)


def test_without_deaths_the_incidence_is_the_complement_of_nothing_happening() -> None:
    reached = incidence(np.array([0.02]), np.array([0.0]), 0, 30)
    assert reached[0] == pytest.approx(1 - 0.98**31)


def test_the_days_of_answers_are_a_distribution_within_the_window() -> None:
    days, chances = answer_days()
    assert (days[0], days[-1]) == (60, 120)
    assert chances.sum() == pytest.approx(1)
    assert (days * chances).sum() == pytest.approx(90, abs=0.01)

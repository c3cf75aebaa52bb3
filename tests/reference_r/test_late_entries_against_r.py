"""Late entries equal R's survival package, from events to figures: patients there, declared variants here."""

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from oracle.builders import REFERRAL, estimated, event_frame, log, patient_frame, programme, tallied

(CASE,) = json.loads(Path(__file__).with_name("late_entries.json").read_text())["cases"]
EXACT = {"rel": 1e-9, "abs": 1e-12}
BEGINS = date(2021, 1, 1)
LATE = {"title": {"fr": "Tardifs", "en": "Late"}, "prevalent": "enter_late"}
TIMED = {"window": (0, 181), "horizons": (30, 90, 180), "variants": {"late": LATE}}
INDICATORS = {
    "incidence": {**REFERRAL, **TIMED},
    "alive": {
        **REFERRAL, **TIMED, "event": {"type": "death"}, "competing": (),
        "primary": {"measure": "survival", "horizon": 90},
    },
}  # fmt: skip
MEASURES = {"incidence": "cumulative_incidence", "alive": "survival"}


@pytest.fixture(scope="module")
def figures():
    declared = programme(indicators=INDICATORS, follow_up={"spill_over": "keep"}, data_lock=date(2025, 1, 1))
    events = event_frame(log(*events_of(CASE["patients"])))
    return estimated(tallied(events, patient_frame(), declared), declared).figures.filter(variant="late", scope="all")


def events_of(patients):
    """Time zero and what came after it, days after the first of the before period becoming dates."""
    types = {"event": "referral", "death": "death", "loss": "last_news"}
    for number, zero in enumerate(patients["zero"]):
        begun = BEGINS + timedelta(days=zero)
        yield number, "announcement", begun.isoformat()
        for name, event_type in types.items():
            if patients[name][number] is not None:
                yield number, event_type, (begun + timedelta(days=patients[name][number])).isoformat()


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_figures_of_each_period(figures, name, place):
    expected = CASE[name][place]
    found = figures.filter(
        pl.col("horizon").is_not_null(), indicator_id=name, measure=MEASURES[name], period=expected["period"]
    ).sort("horizon")
    assert found["horizon"].to_list() == CASE["horizons"]
    assert set(found["n"]) == {expected["n"]}
    for column, known in (("estimate", "estimate"), ("std_error", "std_error"), ("ci_low", "low"), ("ci_high", "high")):
        assert found[column].to_list() == pytest.approx(expected[known], **EXACT)


def test_the_difference_has_the_errors_of_both(figures):
    after, before = (CASE["incidence"][place] for place in (2, 0))
    (found,) = figures.filter(
        indicator_id="incidence", measure="cumulative_incidence", period="after-before", horizon=90
    ).to_dicts()
    assert found["estimate"] == pytest.approx(after["estimate"][1] - before["estimate"][1], **EXACT)
    squares = after["std_error"][1] ** 2 + before["std_error"][1] ** 2
    assert found["std_error"] == pytest.approx(squares**0.5, **EXACT)


def test_many_enter_late():
    assert sum(zero < 0 for zero in CASE["patients"]["zero"]) > 100

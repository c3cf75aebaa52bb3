"""Figures of recurrent events: units, exact limits, what robust errors need, reasons."""

from __future__ import annotations

from typing import Any

import pytest
from oracle.builders import VISITS, estimated, event_frame, log, patient_frame, programme, tallied

DECLARED = programme(indicators={"visits": {**VISITS, "window": (0, 30)}})


def figures(*rows: Any) -> dict[tuple[str, str], dict[str, Any]]:
    events = event_frame(log(*rows))
    found = estimated(tallied(events, patient_frame(), DECLARED), DECLARED).figures.filter(scope_type="overall")
    return {(row["measure"], row["period"]): row for row in found.iter_rows(named=True)}


def announced(year: int, *visits: int) -> list[tuple[Any, ...]]:
    """One patient per number: announced on 1 March, with so many visits two days apart from then on."""
    rows: list[tuple[Any, ...]] = []
    for place, number in enumerate(visits):
        patient = year * 100 + place
        rows.append((patient, "announcement", f"{year}-03-01"))
        rows += [(patient, "emergency_visit", f"{year}-03-{2 * day + 1:02d}") for day in range(number)]
    return rows


def test_a_rate_is_per_100_patient_months_of_30_4375_days() -> None:
    row = figures(*announced(2023, 0, 1, 3))["rate", "after"]
    assert row["estimate"] == pytest.approx(4 / (90 / 30.4375) * 100)
    assert (row["n"], row["n_events"], row["n_with"], row["unit"]) == (3, 4, 2, "per_100_patient_months")
    assert row["exposure"] == pytest.approx(90 / 30.4375)


def test_its_limits_are_garwoods() -> None:
    """R: poisson.test(4)$conf.int gives 1.089865 and 10.241589."""
    row = figures(*announced(2023, 0, 1, 3))["rate", "after"]
    scale = 100 / (90 / 30.4375)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((1.089865 * scale, 10.241589 * scale), rel=1e-6)


def test_the_ratio_is_robust_to_visits_of_one_patient() -> None:
    """Ratio 8/2; the error of its logarithm is the square root of sum (y - mean)^2 / (sum y)^2 of either period."""
    found = figures(*announced(2021, 0, 1, 1, 0), *announced(2023, 0, 5, 3, 0))
    row = found["rate_ratio", "after/before"]
    assert row["estimate"] == pytest.approx(4)
    assert row["std_error"] == pytest.approx(((0.25 * 4) / 2**2 + (4 + 9 + 1 + 4) / 8**2) ** 0.5)
    assert row["p_value"] is None
    difference = found["rate", "after-before"]
    assert difference["estimate"] == pytest.approx((8 - 2) / (120 / 30.4375) * 100)
    assert difference["std_error"] == pytest.approx(((0.25 * 4) + 18) ** 0.5 / (120 / 30.4375) * 100)


def test_where_all_of_a_period_are_alike_there_is_no_spread() -> None:
    found = figures(*announced(2021, 1, 1), *announced(2023, 2, 2))
    assert found["rate_ratio", "after/before"]["null_reason"] == "no_spread"
    assert found["rate", "after-before"]["null_reason"] == "no_spread"


def test_without_a_visit_before_no_ratio_is_finite() -> None:
    found = figures(*announced(2021, 0, 0), *announced(2023, 2, 1))
    assert found["rate_ratio", "after/before"]["null_reason"] == "no_event_in_a_group"
    assert found["rate_ratio_negative_binomial", "after/before"]["null_reason"] == "not_estimable"


def test_without_any_visit_the_rate_is_0_with_an_upper_limit() -> None:
    row = figures(*announced(2023, 0, 0))["rate", "after"]
    assert (row["estimate"], row["ci_low"], row["std_error"]) == (0, 0, None)
    assert row["ci_high"] > 0


def test_without_time_at_risk_there_is_no_rate() -> None:
    row = figures(*announced(2023, 1), (202300, "death", "2023-03-01"))["rate", "after"]
    assert (row["estimate"], row["null_reason"], row["n"], row["n_events"]) == (None, "no_exposure", 1, 1)

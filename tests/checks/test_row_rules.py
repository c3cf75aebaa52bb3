"""Every row rule meets a row that keeps it and a row that breaks it, in a real DuckDB table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.predicates import measured_types
from checks.rules import row_rules
from warehouse.kinds import Gap, IndicatorBase
from warehouse.programme import Programme
from warehouse.schemas import Rule

STAGED = {
    "source_row": "BIGINT", "fault": "VARCHAR", "fault_column": "VARCHAR",
    "raw_patient_id": "VARCHAR", "raw_event_type": "VARCHAR", "raw_occurred_at": "VARCHAR", "raw_site": "VARCHAR",
    "raw_code": "VARCHAR", "raw_value": "VARCHAR", "raw_status": "VARCHAR", "raw_recorded_at": "VARCHAR",
    "event_id": "VARCHAR", "event_type": "VARCHAR", "code": "VARCHAR", "occurred_at": "TIMESTAMP",
    "occurred_on": "DATE", "precision": "VARCHAR", "site": "VARCHAR", "value": "DOUBLE", "status": "VARCHAR",
    "recorded_at": "TIMESTAMP", "clock_change": "VARCHAR",
}  # fmt: skip
ANNOUNCED: dict[str, Any] = {
    "source_row": 1, "raw_patient_id": "NA", "raw_event_type": "ANN", "raw_occurred_at": "02/03/2023 10:00",
    "raw_site": "N", "event_type": "announcement", "occurred_at": "2023-03-02 09:00", "site": "north",
    "occurred_on": date(2023, 3, 2), "precision": "minute", "status": "active",
}  # fmt: skip
REFERRED = ANNOUNCED | {"event_type": "referral", "code": "pain", "raw_code": "pain"}
ANSWERED = ANNOUNCED | {"event_type": "questionnaire", "code": "overall", "raw_value": "85", "value": 85.0}
CHANGED = ANNOUNCED | {
    "raw_status": "corrected", "status": "corrected", "event_id": "e1",
    "raw_recorded_at": "2023-03-03", "recorded_at": "2023-03-02 23:00",
}  # fmt: skip
TIMED = ANNOUNCED | {"event_type": "treatment_start"}
MALFORMED: dict[str, Any] = {"source_row": 1}

# id -> (a row that keeps the rule, what to change in it to break the rule)
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "wrong_field_count": (ANNOUNCED, {"fault": "wrong_field_count"}),
    "malformed_quote": (ANNOUNCED, {"fault": "malformed_quote"}),
    "control_character": (ANNOUNCED, {"fault": "control_character", "fault_column": "site"}),
    "oversized_field": (ANNOUNCED, {"fault": "oversized_field", "fault_column": "code"}),
    "missing_patient": (ANNOUNCED, {"raw_patient_id": None}),
    "missing_event_type": (ANNOUNCED, {"raw_event_type": None, "event_type": None}),
    "unknown_event_type": (ANNOUNCED, {"event_type": None}),
    "missing_date": (ANNOUNCED, {"raw_occurred_at": None, "occurred_at": None, "occurred_on": None}),
    "unreadable_date": (ANNOUNCED, {"occurred_at": None, "occurred_on": None}),
    "implausible_year": (ANNOUNCED, {"occurred_at": "1899-12-31 00:00", "occurred_on": date(1899, 12, 31)}),
    "far_future_date": (ANNOUNCED, {"occurred_at": "2029-04-01 00:00", "occurred_on": date(2029, 4, 1)}),
    "unknown_site": (ANNOUNCED, {"site": None}),
    "missing_site": (ANNOUNCED, {"raw_site": None, "site": None}),
    "unreadable_number": (ANSWERED, {"value": None}),
    "missing_answer": (ANSWERED, {"raw_value": None, "value": None}),
    "answer_out_of_range": (ANSWERED, {"raw_value": "101", "value": 101.0}),
    "unknown_status": (CHANGED, {"raw_status": "maybe", "status": None}),
    "change_without_event_id": (CHANGED, {"event_id": None}),
    "change_without_recorded_at": (CHANGED, {"raw_recorded_at": None, "recorded_at": None}),
    "unreadable_recorded_at": (CHANGED, {"recorded_at": None}),
    "recorded_before_occurred": (CHANGED, {"recorded_at": "2023-03-01 08:00"}),
    "missing_care": (REFERRED, {"raw_code": None, "code": None}),
    "unknown_care": (REFERRED, {"raw_code": "astrology", "code": "astrology"}),
    "too_coarse_a_time": (TIMED, {"precision": "day"}),
    "time_skipped_by_clock": (TIMED, {"clock_change": "skipped"}),
    "time_repeated_by_clock": (TIMED, {"clock_change": "repeated"}),
}
KEPT = {
    "missing_site", "change_without_recorded_at", "unreadable_recorded_at", "recorded_before_occurred",
    "missing_care", "unknown_care", "too_coarse_a_time", "time_skipped_by_clock", "time_repeated_by_clock",
}  # fmt: skip


@pytest.fixture
def staged() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE staged ({', '.join(f'{name} {kind}' for name, kind in STAGED.items())})")
        yield connection


def insert(staged: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    staged.execute(f"INSERT INTO staged ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def evaluate(staged: duckdb.DuckDBPyConnection, rule: Rule, *rows: dict[str, Any]) -> tuple[int, int]:
    staged.execute("DELETE FROM staged")
    for row in rows:
        staged.execute(
            f"INSERT INTO staged ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
        )
    found = staged.execute(
        f"SELECT count(*) FILTER (WHERE {rule.predicate}), count(*) FILTER (WHERE {rule.denominator}) FROM staged"
    ).fetchone()
    assert found is not None
    return found


def rules_by_id(programme: Programme) -> dict[str, Rule]:
    return {rule.id: rule for rule in row_rules(programme)}


def test_the_rules_are_these_in_this_order(programme: Programme) -> None:
    assert [rule.id for rule in row_rules(programme)] == list(CASES)


@pytest.mark.parametrize("rule_id", CASES)
def test_a_row_that_keeps_the_rule_and_one_that_breaks_it(
    rule_id: str, programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    rule = rules_by_id(programme)[rule_id]
    lawful, changes = CASES[rule_id]
    assert evaluate(staged, rule, lawful) == (0, 1)
    assert evaluate(staged, rule, lawful | changes) == (1, 1)
    assert evaluate(staged, rule, lawful, lawful | changes, lawful) == (1, 3)


@pytest.mark.parametrize("lawful", [ANNOUNCED, REFERRED, ANSWERED, CHANGED, TIMED])
def test_a_lawful_row_breaks_no_rule(
    lawful: dict[str, Any], programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    assert [rule.id for rule in row_rules(programme) if evaluate(staged, rule, lawful)[0]] == []


@pytest.mark.parametrize("rule_id", CASES)
def test_a_defect_is_told_by_its_own_rule_first(
    rule_id: str, programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    lawful, changes = CASES[rule_id]
    row = MALFORMED | changes if "fault" in changes else lawful | changes
    assert [rule.id for rule in row_rules(programme) if evaluate(staged, rule, row)[0]] == [rule_id]


def test_what_does_not_make_a_row_worthless_keeps_it(programme: Programme) -> None:
    assert {rule.id for rule in row_rules(programme) if not rule.quarantines} == KEPT


@pytest.mark.parametrize(
    ("code", "value", "broken"),
    [
        ("overall", 0.0, 0), ("overall", 100.0, 0), ("overall", -0.5, 1), ("overall", 100.5, 1),
        ("thermometer", 10.0, 0), ("thermometer", 11.0, 1), ("another", 5000.0, 0), (None, 5000.0, 0),
    ],
)  # fmt: skip
def test_each_scale_has_its_own_range(
    code: str | None, value: float, broken: int, programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    row = ANSWERED | {"code": code, "value": value, "raw_value": str(value)}
    assert evaluate(staged, rules_by_id(programme)["answer_out_of_range"], row)[0] == broken


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_words_that_a_cast_takes_for_numbers_are_no_numbers(
    value: float, programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    row = ANSWERED | {"value": value, "raw_value": str(value)}
    assert evaluate(staged, rules_by_id(programme)["unreadable_number"], row) == (1, 1)
    assert evaluate(staged, rules_by_id(programme)["answer_out_of_range"], row) == (0, 0)


@pytest.mark.parametrize(
    ("day", "broken"),
    [(date(2024, 4, 1), 0), (date(2029, 3, 31), 0), (date(2029, 4, 1), 1), (date(9999, 12, 31), 1)],
)
def test_what_lies_shortly_after_the_lock_is_not_quarantined(
    day: date, broken: int, programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    row = ANNOUNCED | {"occurred_on": day}
    assert evaluate(staged, rules_by_id(programme)["far_future_date"], row)[0] == broken


@pytest.mark.parametrize(
    ("lock", "first_day_too_late"), [(date(2024, 2, 29), "2029-03-01"), (date(9998, 1, 1), "9999-01-01")]
)
def test_a_lock_on_a_leap_day_or_at_the_end_of_time(lock: date, first_day_too_late: str, programme: Programme) -> None:
    moved = programme.model_copy(update={"data_lock": lock})
    assert f"DATE '{first_day_too_late}'" in rules_by_id(moved)["far_future_date"].predicate


def test_a_record_of_the_same_day_without_a_time_is_not_too_early(
    programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    same_day = CHANGED | {"recorded_at": "2023-03-01 23:00"}  # local midnight of the day of the event
    assert evaluate(staged, rules_by_id(programme)["recorded_before_occurred"], same_day) == (0, 1)


def test_a_site_that_the_source_declares_is_not_missing(
    programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    row = ANNOUNCED | {"raw_site": None}
    assert evaluate(staged, rules_by_id(programme)["missing_site"], row) == (0, 1)


def test_codes_with_an_apostrophe_are_text_and_not_sql(programme: Programme, staged: duckdb.DuckDBPyConnection) -> None:
    row = REFERRED | {"code": "l'art-thérapie"}
    assert evaluate(staged, rules_by_id(programme)["unknown_care"], row) == (0, 1)


def test_without_questionnaires_and_hours_the_rules_speak_of_nothing(
    programme: Programme, staged: duckdb.DuckDBPyConnection
) -> None:
    alone = programme.model_copy(update={"indicators": {"referral": programme.indicators["referral"]}})
    rules = rules_by_id(alone)
    assert list(rules) == list(CASES)
    assert evaluate(staged, rules["missing_answer"], ANSWERED | {"value": None, "raw_value": None}) == (0, 0)
    assert evaluate(staged, rules["answer_out_of_range"], ANSWERED | {"value": 1e9}) == (0, 0)
    assert evaluate(staged, rules["too_coarse_a_time"], TIMED | {"precision": "day"}) == (0, 0)


def test_every_rule_says_its_denominator_and_what_must_hold_in_both_languages(programme: Programme) -> None:
    for rule in row_rules(programme):
        assert rule.sentence_en.count(": ") == 1, rule.id
        assert rule.sentence_fr.count("\u00a0: ") == 1, rule.id
        assert rule.sentence_en.endswith("."), rule.id
        assert rule.sentence_fr.endswith("."), rule.id
        assert "'" not in rule.sentence_fr, rule.id
        assert 0 <= rule.threshold <= 0.05, rule.id


EARLIEST, LATEST = datetime.fromisoformat("1800-01-01"), datetime.fromisoformat("2100-01-01")
texts = st.none() | st.sampled_from(["", "x", "NA", "nan"])


@pytest.fixture(scope="module")
def rules(programme: Programme) -> tuple[Rule, ...]:
    return row_rules(programme)


@settings(deadline=None)
@given(
    row=st.fixed_dictionaries(
        {
            "fault": st.none() | st.sampled_from(["wrong_field_count", "oversized_field"]),
            **{name: texts for name in STAGED if name.startswith("raw_")},
            "event_id": texts,
            "event_type": st.none() | st.sampled_from(["announcement", "questionnaire", "referral", "treatment_start"]),
            "code": st.none() | st.sampled_from(["overall", "pain", "?"]),
            "occurred_at": st.none() | st.datetimes(EARLIEST, LATEST),
            "occurred_on": st.none() | st.dates(date(1800, 1, 1), date(2100, 1, 1)),
            "value": st.none() | st.floats(),
            "status": st.none() | st.sampled_from(["active", "corrected", "cancelled"]),
            "recorded_at": st.none() | st.datetimes(EARLIEST, LATEST),
        }
    )
)
def test_no_rule_is_ever_null_or_broken_outside_its_denominator(rules: tuple[Rule, ...], row: dict[str, Any]) -> None:
    asked = ", ".join(f"({rule.predicate}), ({rule.denominator})" for rule in rules)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE staged ({', '.join(f'{name} {kind}' for name, kind in STAGED.items())})")
        insert(connection, row)
        answers = connection.execute(f"SELECT {asked} FROM staged").fetchone()
    assert answers is not None
    for rule, violated, spoken_of in zip(rules, answers[::2], answers[1::2], strict=True):
        assert violated is not None, rule.id
        assert spoken_of is not None, rule.id
        assert spoken_of or not violated, rule.id


def test_a_gap_measures_the_contacts_whose_absence_it_is(programme: Programme) -> None:
    referral = dict(programme.indicators["referral"])
    kept = {name: referral[name] for name in IndicatorBase.model_fields if name in referral}
    gap = Gap.model_validate(
        {
            **kept,
            "variants": {},
            "kind": "gap",
            "horizons": (30,),
            "contacts": ("nurse_contact", "consultation"),
            "longest_days": 45,
        }
    )
    broken = programme.model_copy(update={"indicators": {"gap": gap}})
    assert measured_types(broken) == {"nurse_contact", "consultation"}
    assert list(rules_by_id(broken)) == list(CASES)

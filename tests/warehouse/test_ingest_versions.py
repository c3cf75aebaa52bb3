"""Repeats, natural keys and versions: worked examples, and random files against a plain-Python oracle."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEADER = "patient_id,event_type,occurred_at,site,event_id,status,recorded_at"
KEY = ["patient_id", "event_type", "occurred_at"]


def content(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def test_rows_equal_in_every_column_are_repeats_also_across_files(desk: Any) -> None:
    row = "P1,death,2023-01-05,north,,,"
    assert desk.load(content(row, "P2,death,2023-01-05,north,,,"), "1.csv").loaded == 2
    again = desk.load(content("P3,death,2023-01-05,north,,,", row, row), "2.csv")
    assert (again.loaded, again.duplicates) == (1, 2)
    reordered = desk.load(
        "event_id,status,recorded_at,site,occurred_at,event_type,patient_id\n,,,north,2023-01-05,death,P1\n", "3.csv"
    )
    assert reordered.duplicates == 1


def test_an_event_log_may_keep_every_row(desk: Any) -> None:
    desk.declare(duplicates="keep")
    assert desk.load(content("P1,death,2023-01-05,north,,,", "P1,death,2023-01-05,north,,,")).loaded == 2


def test_the_same_file_again_changes_nothing(desk: Any) -> None:
    first = desk.load(content("P1,death,2023-01-05,north,,,"), "a.csv")
    events = desk.events()
    second = desk.load(content("P1,death,2023-01-05,north,,,"), "b.csv")
    assert (first.already_loaded, second.already_loaded) == (False, True)
    assert second.file == "a.csv"
    assert desk.events().equals(events)
    assert desk.read(lambda s: s.ledger().height) == 1


def test_a_changed_declaration_reads_every_file_again(desk: Any) -> None:
    desk.load(content("P1,death,2023-01-05,north,,,", "P2,DC,2023-01-05,north,,,"), "1.csv")
    desk.load(content("P3,DC,2023-01-05,north,,,", "P1,death,2023-01-05,north,,,"), "2.csv")
    assert desk.events().height == 1
    desk.declare(event_types={"DC": "death", "death": "death"})
    row = desk.load(content("P3,DC,2023-01-05,north,,,", "P1,death,2023-01-05,north,,,"), "2.csv")
    assert (row.loaded, row.duplicates, row.already_loaded) == (1, 1, False)
    assert desk.events().height == 3
    assert desk.quarantine() == []
    assert desk.read(lambda s: s.ledger()["file"].to_list()) == ["1.csv", "2.csv"]


def test_natural_keys_after_the_rules(desk: Any) -> None:
    desk.declare(natural_key=KEY)
    row = desk.load(
        content("P1,death,2023-01-05,north,,bad,", "P1,death,2023-01-05,south,,,", "P1,death,2023-01-05,,,,")
    )
    assert (row.loaded, row.duplicates, row.quarantined) == (1, 1, 1)
    assert desk.events()["site"].to_list() == ["south"]
    later = desk.load(content("P1,death,2023-01-05T00:00,north,,,", "P4,death,2023-01-05,north,,,"), "2.csv")
    assert (later.loaded, later.duplicates) == (1, 1)


def test_versions_of_one_event_are_no_repeats_of_its_key(desk: Any) -> None:
    desk.declare(natural_key=KEY)
    row = desk.load(
        content(
            "P1,death,2023-01-05,north,e1,active,2023-01-06",
            "P1,death,2023-01-05,north,e1,cancelled,2023-01-07",
            "P1,death,2023-01-05,north,e2,active,2023-01-08",
        )
    )
    assert (row.loaded, row.duplicates) == (2, 1)
    assert desk.events().height == 0


def test_the_latest_record_of_an_event_is_current(desk: Any) -> None:
    desk.load(
        content(
            "P1,consultation,2023-01-05,north,e1,active,2023-01-06",
            "P1,consultation,2023-01-09,north,e1,corrected,2023-01-10",
            "P1,consultation,2023-01-07,north,e1,corrected,2023-01-08",
            "P2,consultation,2023-01-05,north,e2,active,2023-01-06",
            "P2,consultation,2023-01-05,north,e2,cancelled,2023-01-06",
            "P3,consultation,2024-04-01,north,e3,active,2024-04-02",
            "P4,consultation,2024-03-31,north,,active,",
            "P5,consultation,2023-03-31,north,,cancelled,",
        )
    )
    assert [str(day) for day in desk.events()["occurred_on"]] == ["2023-01-09", "2024-03-31"]
    assert desk.read(lambda s: s.reading(desk.programme)) == {
        "loaded": 8, "superseded": 3, "cancelled": 2, "on_or_after_lock": 1, "current": 2,
    }  # fmt: skip


def test_a_correction_may_come_in_a_later_file(desk: Any) -> None:
    desk.load(content("P1,consultation,2023-01-05,north,e1,active,2023-01-06"), "1.csv")
    desk.load(content("P1,consultation,2023-02-05,north,e1,corrected,2023-02-06"), "2.csv")
    assert [str(day) for day in desk.events()["occurred_on"]] == ["2023-02-05"]


def test_event_ids_do_not_reach_the_warehouse(desk: Any) -> None:
    desk.load(content("SECRET-ID,consultation,2023-01-05,north,SECRET-EVENT,active,2023-01-06"))
    assert b"SECRET" not in desk.home.warehouse.read_bytes()


# The oracle: the reading order of the manual, on lists.


def oracle(
    files: list[list[tuple[str, ...]]], *, drop: bool, natural_key: bool
) -> tuple[list[tuple[int, int, int]], list[tuple[str, str]]]:
    """``(loaded, duplicates, quarantined)`` of each file, and the current ``(patient, day)`` in order."""
    loaded: list[tuple[str, ...]] = []
    ledger = []
    for rows in files:
        seen: set[tuple[str, ...]] = set()
        earlier, duplicates, quarantined = set(loaded), 0, 0
        for row in rows:
            patient, _, day, _, event_id, _, _ = row
            first = next((r for r in loaded if r[:3] == row[:3]), None)
            if drop and (row in seen or row in earlier):
                duplicates += 1
            elif not patient or day == "never":
                quarantined += 1
            elif natural_key and first is not None and (not event_id or event_id != first[4]):
                duplicates += 1
            else:
                loaded.append(row)
            seen.add(row)
        ledger.append((len(rows) - duplicates - quarantined, duplicates, quarantined))
    return ledger, _current(loaded)


def _current(loaded: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    latest: dict[str, tuple[str, int]] = {}
    for number, row in enumerate(loaded):
        if row[4]:
            latest[row[4]] = max(latest.get(row[4], ("", -1)), (row[6], number))
    return [
        (row[0], row[2])
        for number, row in enumerate(loaded)
        if (not row[4] or latest[row[4]][1] == number) and row[5] != "cancelled" and row[2] < "2024-04-01"
    ]


DAYS = ["2024-03-30", "2024-03-31", "2024-04-01"]
ROW = st.tuples(
    st.sampled_from(["P1", "P2", "NA", ""]),
    st.sampled_from(["consultation", "death"]),
    st.sampled_from([*DAYS, "never"]),
    st.sampled_from(["north", "south"]),
    st.sampled_from(["", "", "e1", "e2", "e3"]),
    st.sampled_from(["", "active", "corrected", "cancelled"]),
    st.sampled_from(["", "2024-04-02", "2024-04-03"]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(st.lists(ROW, min_size=1, max_size=14), min_size=1, max_size=3),
    drop=st.booleans(),
    natural_key=st.booleans(),
)
def test_random_files_against_the_oracle(
    tmp_path_factory: pytest.TempPathFactory,
    desk: Any,
    files: list[list[tuple[str, ...]]],
    drop: bool,
    natural_key: bool,
) -> None:
    desk = type(desk)(tmp_path_factory.mktemp("oracle"))
    desk.declare(duplicates="drop" if drop else "keep", natural_key=KEY if natural_key else None)
    # The file's number stands in an undeclared column only where files are to differ in nothing else.
    expected, current = oracle(files, drop=drop, natural_key=natural_key)
    found = [
        desk.load(content(*(",".join(row) for row in rows)) + "\n" * number, f"{number}.csv")
        for number, rows in enumerate(files)
    ]
    assert [(row.loaded, row.duplicates, row.quarantined) for row in found] == expected
    events = desk.events()
    assert [str(day) for day in events["occurred_on"]] == [day for _, day in current]
    surrogates = dict(zip([patient for patient, _ in current], events["patient"], strict=True))
    assert [surrogates[patient] for patient, _ in current] == events["patient"].to_list()
    assert len(set(surrogates.values())) == len(surrogates)

"""Rows keep the order of a file that several threads read together, whatever the rules ask of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

ROWS = 500_000  # several morsels of the engine for each of its threads
FAULTY_EVERY = 9_973
WORDS = ", ".join(f"'word_{number}'" for number in range(40))


@pytest.fixture
def long_rules(desk: Any) -> None:
    """Rules that ask for many words: an engine is tempted to turn them into joins, which keep no order."""
    like = desk.rules[-1]
    asked = (f"code NOT IN ({WORDS}) AND value < 0", f"code IN ({WORDS}) AND value < 0")
    desk.rules = (
        *desk.rules,
        *(type(like)(**{**vars(like), "id": f"long_{n}", "predicate": predicate}) for n, predicate in enumerate(asked)),
    )


@pytest.mark.usefixtures("long_rules")
def test_lines_and_reading_order_are_those_of_the_file(desk: Any) -> None:
    faulty = range(FAULTY_EVERY, ROWS, FAULTY_EVERY)
    kinds = ["consultation"] * ROWS
    for row in faulty:
        kinds[row] = "nothing_of_the_kind"
    lines = (f"P{row % 1009},{kind},2023-05-01,north,{row},word_{row % 97}" for row, kind in enumerate(kinds))
    row = desk.load("patient_id,event_type,occurred_at,site,value,code\n" + "\n".join(lines) + "\n")
    assert (row.rows_in, row.quarantined) == (ROWS, len(faulty))
    assert [line for line, *_ in desk.quarantine()] == [number + 2 for number in faulty]
    values = desk.events()["value"].to_numpy()  # by sequence
    assert len(values) == row.loaded
    assert np.all(np.diff(values) > 0)


def test_no_question_of_many_words_becomes_a_join(desk: Any) -> None:
    def plan(store: Any) -> str:
        rows = store._database.rows(f"EXPLAIN SELECT word IN ({WORDS}) FROM (SELECT 'a' AS word)")
        return str(rows)

    assert "JOIN" not in desk.read(plan)

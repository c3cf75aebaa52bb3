"""Rows counted by place equal rows counted one by one, whatever their keys are."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.counting import Packed, count

KEYS = {
    "word": pl.Categorical(),
    "text": pl.String,
    "period": pl.Enum(["before", "after"]),
    "day": pl.Date,
    "status": pl.UInt8,
    "opens": pl.Boolean,
    "value": pl.Int64,
}
WORDS = st.sampled_from((None, "pain", "work", ""))
ROWS = st.lists(
    st.tuples(
        WORDS,
        WORDS,
        st.sampled_from((None, "before", "after")),
        st.sampled_from((None, date(1969, 12, 31), date(2023, 1, 1))),
        st.sampled_from((None, 0, 255)),
        st.sampled_from((None, True, False)),
        st.sampled_from((None, -1, 0, 7, 100_000_000, 2**40, -(2**60))),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(ROWS, st.permutations(list(KEYS)), st.integers(1, len(KEYS)))
def test_counts_are_those_of_each_distinct_row(rows: list[tuple[object, ...]], order: list[str], number: int) -> None:
    frame, keys = pl.DataFrame(rows, schema=KEYS, orient="row"), order[:number]
    counted = count(frame, keys)
    expected = Counter(frame.select(keys).iter_rows())
    assert {tuple(row[:-1]): row[-1] for row in counted.iter_rows()} == expected
    assert counted.height == len(expected)


@pytest.mark.parametrize("apart", [1, 1_000_000, 2**50])
def test_few_or_many_places_are_counted_alike(apart: int) -> None:
    """By place, by grouping, and where codes of two keys together would overflow."""
    frame = pl.DataFrame({"a": [apart * k for k in (0, 1, 2, 2)], "b": [apart * k for k in (3, 0, 1, 1)]})
    assert set(count(frame, ["a", "b"]).rows()) == {(0, 3 * apart, 1), (apart, 0, 1), (2 * apart, apart, 2)}


def test_codes_keep_the_order_of_the_keys_and_nulls_come_first() -> None:
    days = [None, *(date(2023, 1, 1) + timedelta(days=k) for k in range(3))]
    frame = pl.DataFrame({"day": days, "n": [3, 2, 1, 0]})
    assert Packed.of(frame, ["day"]).codes.tolist() == [0, 1, 2, 3]
    assert Packed.of(frame, ["n", "day"]).codes.argsort().tolist() == [3, 2, 1, 0]


def test_nothing_counts_as_nothing() -> None:
    assert count(pl.DataFrame(schema=KEYS), list(KEYS)).is_empty()

"""Anhoej's rules: runs and crossings around the median, and their silence on short series."""

import pytest

from transforms.run_rules import Runs, runs


def test_points_on_the_median_and_missing_points_do_not_count():
    found = runs([1, 3, 2, None, 3, 1, 2])
    assert found == Runs(useful=4, longest=2, crossings=2)


def test_nothing_is_said_below_ten_useful_points():
    assert runs([1, 9] * 4).signal is None
    assert runs([1, 9] * 5).signal is False


def test_a_shift_shows_as_a_long_run_and_few_crossings():
    found = runs([1] * 8 + [5] * 8)
    assert found == Runs(16, 8, 1, longest_allowed=7, fewest_crossings=4, signal=True)


def test_the_line_may_be_given():
    assert runs([4, 6] * 6, centre=0).longest == 12
    assert runs([4, 6] * 6).longest == 1


@pytest.mark.parametrize("values", [[], [None, None], [2, 2, 2]])
def test_a_series_without_spread_has_no_run(values):
    assert runs(values) == Runs(0, 0, 0)

"""Control charts: frozen limits, screening, the priority of rules, missing points, icons; and laws they obey."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.control_charts import (
    Limits,
    Signal,
    assurance,
    individuals,
    rates,
    shares,
    special_causes,
    variation,
)

unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
WIDE = Limits(10.0, 6.0)  # limits 4 and 16, near 6 and 14
SERIES = st.lists(st.integers(0, 40), min_size=8, max_size=40)


def rules(values, limits=WIDE):
    found = special_causes(values, [limits] * len(values))
    return [None if signal is None else (signal.rule, signal.direction) for signal in found]


# --- Limits -------------------------------------------------------------------------------------


def test_limits_are_the_mean_and_the_mean_moving_range_of_the_baseline_alone():
    (first, *others) = individuals([10, 12, 11, 13, 90, 95], 4)
    assert first.centre == 11.5
    assert first.upper == pytest.approx(11.5 + 2.66 * 5 / 3)
    assert first.near_lower == pytest.approx(11.5 - 2 / 3 * 2.66 * 5 / 3)
    assert set(others) == {first}


def test_screening_drops_moving_ranges_from_three_and_a_quarter_times_their_mean_once():
    values = [10, 11, 10, 11, 10, 11, 10, 11, 30, 31]
    plain, screened = individuals(values, 10)[0], individuals(values, 10, screened=True)[0]
    assert plain.reach == pytest.approx(2.66 * 27 / 9)
    assert screened.reach == pytest.approx(2.66 * 8 / 8)
    assert plain.centre == screened.centre


def test_a_missing_point_gives_no_moving_range_and_a_zero_does():
    missing, zero = individuals([8, None, 10, 9, 9], 5)[0], individuals([8, 0, 10, 9, 9], 5)[0]
    assert (missing.centre, missing.reach) == (9.0, pytest.approx(2.66 * 0.5))
    assert (zero.centre, zero.reach) == (7.2, pytest.approx(2.66 * 19 / 4))


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [1.0, None, 2.0, None], [None] * 6])
def test_fewer_than_three_points_have_no_limits(values):
    assert individuals(values, len(values)) == [None] * len(values)
    assert shares(values, [10] * len(values), len(values)) == [None] * len(values)


def test_limits_of_shares_and_rates_follow_the_size_of_their_point():
    limits = shares([5, 10, 10, None, 3], [10, 20, 20, 0, 40], 3)
    assert [None if at is None else at.centre for at in limits] == [0.5, 0.5, 0.5, None, 0.5]
    assert limits[4].reach == pytest.approx(3 * (0.25 / 40) ** 0.5)
    assert rates([4, 4, 4, 0], [2.0, 2.0, 2.0, 8.0], 3)[3].reach == pytest.approx(3 * (2 / 8) ** 0.5)


@pytest.mark.parametrize("prime", [False, True])
def test_a_baseline_without_events_or_with_nothing_else_has_no_limits(prime):
    """Chance has no size there: limits of no width would call the first event a signal."""
    assert rates([0, 0, 0, 1], [5, 5, 5, 5], 3, prime=prime) == [None] * 4
    assert shares([5, 5, 5, 4], [5, 5, 5, 5], 3, prime=prime) == [None] * 4


def test_a_baseline_that_does_not_vary_has_the_limits_of_chance():
    """Laney's factor would be 0, or the rounding of it."""
    events, size = [3, 3, 3, 3, 5], [30] * 5
    assert shares(events, size, 4, prime=True)[4].reach == pytest.approx(shares(events, size, 4)[4].reach)


@pytest.mark.parametrize("centre", [0.1, 0.3, 7.7, 12345.678])
def test_a_point_on_a_limit_is_inside_however_it_rounds(centre):
    at = Limits(centre, 0.7 * centre)
    values = [at.upper, centre, at.lower, centre, at.near_upper, at.near_upper]
    assert special_causes(values, [at] * len(values)) == [None] * len(values)
    assert special_causes([at.upper * 1.001], [at]) == [Signal("outside", 1)]


def test_rounding_is_no_signal():
    """A mean of seven times 0.1 is not 0.1 in floating point; nor are two readings of one rate."""
    values = [0.1] * 7 + [0.1 + 1e-17] * 3 + [0.3 / 3] * 4
    limits = individuals(values, 7)
    assert special_causes(values, limits) == [None] * len(values)
    rising = [1.0 + k * 1e-15 for k in range(9)]
    assert special_causes(rising, individuals([0.9, 1.1] * 5, 10)[:9]) == [None] * 9
    assert special_causes([*values, 0.2], [*limits, limits[0]])[-1] == Signal("outside", 1)


def test_prime_limits_widen_where_the_baseline_spreads_beyond_chance():
    events, size = [400, 600, 400, 600, 500], [1000] * 5
    assert shares(events, size, 5, prime=True)[0].reach > 5 * shares(events, size, 5)[0].reach


@unhurried
@given(SERIES, SERIES)
def test_nothing_that_comes_later_moves_the_limits(before, after):
    assert individuals(before, len(before))[0] == individuals([*before, *after], len(before))[-1]


# --- Rules --------------------------------------------------------------------------------------


def test_outside_comes_before_every_other_rule():
    assert rules([5, 7, 9, 11, 13, 15, 17])[-1] == ("outside", 1)
    assert rules([5, 7, 9, 11, 13, 15, 17])[0] == ("trend", 1)


def test_a_trend_is_seven_points_and_has_its_own_direction():
    rising_below_the_mean = [6.5, 7, 7.5, 8, 8.5, 9, 9.5]
    assert rules(rising_below_the_mean) == [("trend", 1)] * 7
    assert rules(rising_below_the_mean[:6]) == [None] * 6
    assert rules([6.5, 7, 7.5, 8, 8, 8.5, 9]) == [("shift", -1)] * 7  # a tie is no rise


def test_a_turning_point_belongs_to_the_later_trend():
    found = rules([7, 8, 9, 10, 11, 12, 13, 12, 11, 10, 9, 8, 7])
    assert found[:6] == [("trend", 1)] * 6
    assert found[6:] == [("trend", -1)] * 7


def test_two_of_three_near_one_limit_flags_the_near_ones_alone():
    assert rules([10, 15, 11, 15, 9]) == [None, ("near_limit", 1), None, ("near_limit", 1), None]
    assert rules([15, 9, 15]) == [None] * 3  # not all three on one side
    assert rules([15, 15]) == [None] * 2  # no window of three
    assert rules([15, 17, 11]) == [None, ("outside", 1), None]  # a point outside is not near


def test_seven_on_one_side_are_a_shift_and_a_point_on_the_mean_ends_it():
    assert rules([11, 12, 11, 12, 11, 12, 11, 9])[:7] == [("shift", 1)] * 7
    assert rules([11, 12, 11, 10, 11, 12, 11, 12]) == [None] * 8


def test_a_missing_point_ends_runs_where_a_zero_does_not():
    assert rules([7, 8, 7, None, 8, 7, 8, 7]) == [None] * 8
    near_zero = Limits(1.0, 3.0)
    assert rules([0.5, 0.6, 0.5, 0, 0.6, 0.5, 0.6], near_zero) == [("shift", -1)] * 7


@unhurried
@given(SERIES)
def test_a_mirrored_series_has_mirrored_signals(values):
    limits = individuals(values, 8)
    mirrored = [-value for value in values]
    expected = [None if s is None else Signal(s.rule, -s.direction) for s in special_causes(values, limits)]
    assert special_causes(mirrored, individuals(mirrored, 8)) == expected


@unhurried
@given(SERIES, st.sampled_from([0.5, 2, 8]), st.integers(-64, 64))
def test_signals_do_not_depend_on_the_unit(values, scale, shift):
    limits = [Limits(20.0, 12.0)] * len(values)
    moved = [scale * value + shift for value in values]
    again = [Limits(scale * 20.0 + shift, scale * 12.0)] * len(values)
    assert special_causes(moved, again) == special_causes(values, limits)


# --- Icons --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direction", "better", "icon"),
    [
        (1, "higher", "improvement_high"),
        (-1, "higher", "concern_low"),
        (1, "lower", "concern_high"),
        (-1, "lower", "improvement_low"),
        (1, None, "neutral_high"),
        (-1, None, "neutral_low"),
    ],
)
def test_variation(direction, better, icon):
    assert variation(Signal("trend", direction), better) == icon


def test_no_signal_is_common_cause():
    assert variation(None, "higher") == "common_cause"


@pytest.mark.parametrize(
    ("target", "better", "icon"),
    [
        (17, "higher", "consistent_fail"),
        (3, "higher", "consistent_pass"),
        (17, "lower", "consistent_pass"),
        (3, "lower", "consistent_fail"),
        (10, "higher", "hit_or_miss"),
        (16, "higher", "hit_or_miss"),
    ],
)
def test_assurance(target, better, icon):
    assert assurance(target, WIDE, better) == icon

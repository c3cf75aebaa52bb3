"""Funnel limits: coverage, narrowing with size, and where a site stands."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from transforms.funnel import position, rate_limits, share_limits

unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
SHARES = st.floats(0.02, 0.98)


@unhurried
@given(SHARES, st.integers(5, 2000))
def test_wider_levels_hold_the_narrower_and_the_share(share, n):
    (low, high), (lower, higher) = (share_limits(share, n, level) for level in (0.95, 0.998))
    assert 0 <= lower <= low <= share <= high <= higher <= 1


@unhurried
@given(SHARES, st.integers(5, 500))
def test_limits_of_the_complement_are_mirrored(share, n):
    low, high = share_limits(share, n, 0.95)
    assert share_limits(1 - share, n, 0.95) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@unhurried
@given(SHARES, st.integers(5, 300), st.sampled_from([0.95, 0.998]))
def test_chance_leaves_the_limits_at_most_as_often_as_the_level_says(share, n, level):
    low, high = share_limits(share, n, level)
    counts = np.arange(n + 1)
    inside = (counts / n >= low - 1e-12) & (counts / n <= high + 1e-12)
    assert binom(n, share).pmf(counts)[inside].sum() >= level - 1e-9


def test_limits_narrow_with_size():
    widths = [high - low for n in (200, 800, 3200) for low, high in [rate_limits(0.5, n, 0.95)]]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(4 * widths[2], rel=0.1)


def test_large_sites_come_to_the_normal_law():
    low, high = share_limits(0.4, 100_000, 0.95)
    error = 1.959964 * (0.24 / 100_000) ** 0.5
    assert (low, high) == pytest.approx((0.4 - error, 0.4 + error), abs=2e-5)


def test_nobody_strays_from_none_or_all():
    assert share_limits(0.0, 30, 0.95) == (0.0, 0.0)
    assert share_limits(1.0, 30, 0.998) == (1.0, 1.0)
    assert rate_limits(0.0, 100, 0.95) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("value", "place"),
    [(0.5, "inside"), (0.4, "inside"), (0.39, "below_95"), (0.29, "below_998"), (0.61, "above_95"), (0.8, "above_998")],
)
def test_position(value, place):
    assert position(value, ((0.4, 0.6), (0.3, 0.7))) == place

"""Bounds, tipping point and weights for response: by hand, by law, and where there is none."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from transforms.proportions import wilson
from transforms.response import (
    Asked,
    ResponseCells,
    manski_bounds,
    manski_difference,
    tipping_point,
    weighted_difference,
    weighted_share,
)

SLOW_MACHINE = [HealthCheck.too_slow, HealthCheck.filter_too_much]
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=SLOW_MACHINE)
NOBODY = Asked(0, 0, 0)


@st.composite
def _asked(draw: st.DrawFn) -> Asked:
    eligible = draw(st.integers(1, 400))
    answered = draw(st.integers(0, eligible))
    return Asked(draw(st.integers(0, answered)), answered, eligible)


def test_counts_must_nest():
    with pytest.raises(ValueError, match="successes <= answered <= eligible"):
        Asked(3, 2, 5)
    with pytest.raises(ValueError, match="successes <= answered <= eligible"):
        Asked(0, 6, 5)


def test_bounds_and_tipping_point_by_hand():
    after, before = Asked(48, 60, 80), Asked(42, 70, 100)
    bounds, difference = manski_bounds(after), manski_difference(after, before)
    assert [bound.estimate for bound in bounds] == [48 / 80, 68 / 80]
    assert [bound.estimate for bound in difference] == [pytest.approx(0.6 - 0.72), pytest.approx(0.85 - 0.42)]
    found = tipping_point(after, before)
    assert found.estimate == 0  # 60 % of 80 are the 48 that stand already
    assert tipping_point(Asked(30, 60, 80), before).estimate == pytest.approx(18 / 20)


def test_the_smallest_class_is_what_disclosure_control_looks_at():
    found = [asked.fewest for asked in (Asked(48, 60, 80), Asked(48, 50, 80), Asked(40, 80, 82), NOBODY)]
    assert found == [12, 2, 2, 0]


def test_what_cannot_be_bounded_has_a_reason():
    assert {bound.null_reason for bound in manski_bounds(NOBODY)} == {"no_pathway"}
    assert {bound.null_reason for bound in manski_difference(NOBODY, Asked(1, 2, 3))} == {"no_pathway"}
    assert tipping_point(Asked(1, 2, 3), Asked(0, 0, 4)).null_reason == "no_pathway"
    assert tipping_point(Asked(1, 3, 3), Asked(1, 2, 4)).null_reason == "everybody_answered"
    assert tipping_point(Asked(90, 90, 100), Asked(1, 90, 100)).null_reason == "no_share_nullifies"


@unhurried
@given(_asked(), _asked())
def test_the_bounds_hold_whatever_the_silent_would_have_said(after, before):
    least, greatest = manski_difference(after, before)
    assert least.low <= least.estimate <= greatest.estimate <= greatest.high
    lowest, highest = manski_bounds(after)
    for share in (0, after.silent // 2, after.silent):
        whole = (after.successes + share) / after.eligible
        assert lowest.estimate - 1e-12 <= whole <= highest.estimate + 1e-12
    widths = after.silent / after.eligible + before.silent / before.eligible
    assert greatest.estimate - least.estimate == pytest.approx(widths)


@unhurried
@given(_asked(), _asked())
def test_at_the_tipping_point_both_shares_are_equal(after, before):
    found = tipping_point(after, before)
    assume(found.estimate is not None)
    share = (after.successes + found.estimate * after.silent) / after.eligible
    assert share == pytest.approx(before.successes / before.answered)


def cells_of(*patterns: tuple[int, int, int]) -> ResponseCells:
    """Patterns of one factor with one level each: successes, answered, eligible."""
    successes, answered, eligible = np.array(patterns).T
    return ResponseCells(np.eye(len(patterns))[:, 1:], successes, answered, eligible, answered == eligible)


def test_by_pattern_the_weighted_share_is_the_standardised_one():
    found = weighted_share(cells_of((30, 40, 50), (10, 20, 100)))
    assert found.estimate == pytest.approx((50 * 30 / 40 + 100 * 10 / 20) / 150)


def test_where_everybody_answered_weights_change_nothing():
    found = weighted_share(cells_of((30, 50, 50), (20, 100, 100)))
    assert found.estimate == pytest.approx(50 / 150)
    assert found.std_error == pytest.approx(wilson(50, 150).std_error)


def test_a_level_that_answered_completely_counts_once_and_the_others_by_their_chance():
    """The model of the others is that of one level: a constant alone."""
    successes, answered, eligible = np.array([(10, 20, 100), (30, 40, 40)]).T
    found = weighted_share(ResponseCells(np.zeros((2, 0)), successes, answered, eligible, answered == eligible))
    assert found.estimate == pytest.approx((100 * 10 / 20 + 30) / 140)
    of_others, of_level = 100 / 140 * wilson(10, 20).std_error, 40 / 140 * wilson(30, 40).std_error
    between = (10 / 20 - 30 / 40) ** 2 * (100 / 140) * (40 / 140) / 140  # who is of which level is drawn too
    assert found.std_error == pytest.approx(np.sqrt(of_others**2 + of_level**2 + between))


def test_the_same_response_everywhere_changes_no_estimate():
    found = weighted_share(cells_of((30, 40, 80), (10, 50, 100)))
    assert found.estimate == pytest.approx(40 / 90)


def test_people_repeated_keep_the_share_and_divide_its_error():
    once, often = (
        weighted_share(cells_of(*(tuple(np.array(p) * t) for p in ((30, 40, 50), (10, 20, 100))))) for t in (1, 4)
    )
    assert often.estimate == pytest.approx(once.estimate)
    assert often.std_error * 2 == pytest.approx(once.std_error)


def test_a_level_that_never_answered_or_nobody_at_all_has_a_reason():
    assert weighted_share(cells_of((3, 4, 9), (0, 0, 9))).null_reason == "not_estimable"
    assert weighted_share(cells_of((0, 0, 9), (0, 0, 9))).null_reason == "no_pathway"


def test_difference_of_weighted_shares():
    after, before = cells_of((30, 40, 50), (10, 20, 100)), cells_of((20, 40, 50), (5, 20, 100))
    forth, back = weighted_difference(after, before), weighted_difference(before, after)
    assert forth.estimate == pytest.approx(weighted_share(after).estimate - weighted_share(before).estimate)
    assert (back.estimate, back.low, back.high) == pytest.approx((-forth.estimate, -forth.high, -forth.low))
    assert weighted_difference(after, cells_of((0, 0, 9), (0, 0, 9))).null_reason == "no_pathway"


def test_two_periods_of_successes_alone_differ_by_nothing_within_some_width():
    everybody = cells_of((40, 40, 50), (20, 20, 100))
    assert weighted_share(everybody).high == 1
    found = weighted_difference(everybody, everybody)
    assert found.estimate == 0
    assert found.low < 0 < found.high

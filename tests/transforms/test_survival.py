"""Incidence worked by hand, and its boundaries: nobody, no event, everybody, beyond the follow-up."""

import numpy as np
import polars as pl
import pytest

from transforms.intervals import largest_share_without_event
from transforms.survival import (
    Cells,
    aalen_johansen,
    incidence_at,
    incidence_difference,
    influence_of_incidence,
    kaplan_meier,
    log_rank,
    median_survival,
    median_time,
    survival_at,
)
from warehouse.schemas import CENSORED, COMPETED, EVENT_SEEN, FROM_THE_START, TIME_TALLY

C, E, D = CENSORED, EVENT_SEEN, COMPETED
TWELVE = [(0, E), (2, E), (2, E), (2, C), (3, D), (5, E), (5, D), (5, C), (7, E), (7, E), (8, E), (9, C)]


def cells(*rows: tuple[int, ...]) -> Cells:
    """Cells from (time, status) or (time, status, n)."""
    padded = [(FROM_THE_START, *row, 1)[:4] for row in rows]
    return Cells.of(
        pl.DataFrame(padded, schema={name: TIME_TALLY[name] for name in Cells.__annotations__}, orient="row")
    )


def test_twelve_patients_by_hand():
    curve = aalen_johansen(cells(*TWELVE))
    assert curve.time.tolist() == [0, 2, 3, 5, 7, 8, 9]
    assert curve.at_risk.tolist() == [12, 11, 8, 7, 4, 2, 1]
    assert curve.events.tolist() == [1, 2, 0, 1, 2, 1, 0]
    assert curve.competing.tolist() == [0, 0, 1, 1, 0, 0, 0]
    by_hand = [1 / 12, 1 / 4, 1 / 4, 11 / 32, 37 / 64, 89 / 128, 89 / 128]
    assert curve.incidence == pytest.approx(by_hand, abs=1e-15)
    assert curve.survival == pytest.approx([11 / 12, 3 / 4, 21 / 32, 15 / 32, 15 / 64, 15 / 128, 15 / 128], abs=1e-15)
    assert median_time(curve).estimate == 7


def test_equal_cells_are_added_and_sorted():
    found = cells((5, E), (2, C), (5, E, 3))
    assert found.time.tolist() == [2, 5]
    assert found.n.tolist() == [1, 4]
    assert found.total == 5
    assert found.number(EVENT_SEEN) == 4
    assert found.followed_from_the_start


def test_an_event_on_the_last_day_of_another_is_among_those_at_risk():
    curve = aalen_johansen(cells((4, C), (4, E)))
    assert curve.incidence.tolist() == [0.5]


def test_by_day_h_includes_day_h():
    curve = aalen_johansen(cells((30, E), (31, E), (90, C), (90, C)))
    assert incidence_at(curve, 29).estimate == 0
    assert incidence_at(curve, 30).estimate == 0.25
    assert incidence_at(curve, 31).estimate == 0.5


def test_late_entry_is_at_risk_only_after_its_entry():
    late = Cells.of(pl.DataFrame({"entry": [-1, 5], "time": [5, 9], "status": [E, E], "n": [1, 1]}))
    assert aalen_johansen(late).at_risk.tolist() == [1, 1]


def test_seconds_need_no_dense_axis():
    curve = aalen_johansen(cells((10**9, E), (2 * 10**9, C), (3 * 10**9, E)))
    assert curve.time.tolist() == [10**9, 2 * 10**9, 3 * 10**9]
    assert median_time(curve).estimate == 3 * 10**9


def test_an_empty_group_has_a_reason_everywhere():
    nobody, somebody = cells(), cells((3, E))
    assert incidence_at(aalen_johansen(nobody), 3).null_reason == "no_pathway"
    assert median_time(aalen_johansen(nobody)).null_reason == "no_pathway"
    assert survival_at(kaplan_meier(nobody), 3).null_reason == "no_pathway"
    assert median_survival(kaplan_meier(nobody)).null_reason == "no_pathway"
    assert incidence_difference(nobody, somebody, 3).null_reason == "no_pathway"
    assert log_rank(nobody, somebody).null_reason == "no_pathway"
    assert influence_of_incidence(nobody, 3).tolist() == []


def test_a_horizon_beyond_follow_up_is_null_unless_nobody_was_left():
    censored, ended = aalen_johansen(cells((3, E), (9, C))), aalen_johansen(cells((3, E), (9, D)))
    assert incidence_at(censored, 10).null_reason == "horizon_beyond_follow_up"
    assert incidence_at(ended, 10).estimate == 0.5
    assert survival_at(kaplan_meier(cells((3, E), (9, C))), 10).null_reason == "horizon_beyond_follow_up"
    assert incidence_difference(cells((3, E)), cells((9, C)), 10).null_reason == "horizon_beyond_follow_up"


def test_no_event_gives_an_exact_bound_not_a_width_of_nothing():
    found = incidence_at(aalen_johansen(cells((40, D, 2), (90, C, 98))), 90)
    assert (found.estimate, found.low, found.std_error) == (0, 0, None)
    assert found.high == pytest.approx(largest_share_without_event(100))
    assert found.high == pytest.approx(0.0362167, abs=1e-7)  # binom.test(0, 100) of R


def test_the_bound_counts_only_those_followed_to_the_horizon():
    half_censored = aalen_johansen(cells((10, C, 60), (90, C, 40)))
    assert incidence_at(half_censored, 10).high == pytest.approx(largest_share_without_event(100))
    assert incidence_at(half_censored, 11).high == pytest.approx(largest_share_without_event(40))


def test_everybody_gives_an_exact_bound():
    found = incidence_at(aalen_johansen(cells((1, E, 60), (3, E, 40))), 30)
    assert (found.estimate, found.high) == (1, 1)
    assert found.low == pytest.approx(1 - largest_share_without_event(100))
    surviving = survival_at(kaplan_meier(cells((1, E, 60), (3, E, 40))), 30)
    assert (surviving.estimate, surviving.low) == (0, 0)
    assert surviving.high == pytest.approx(largest_share_without_event(100))


def test_two_groups_without_event_differ_by_zero_within_newcombes_width():
    after, before = cells((90, C, 50)), cells((90, C, 100))
    found = incidence_difference(after, before, 30)
    assert (found.estimate, found.z, found.p_value) == (0, 0, 1)
    assert found.low == pytest.approx(-largest_share_without_event(100))
    assert found.high == pytest.approx(largest_share_without_event(50))


def test_one_group_without_event_widens_the_difference():
    after, before = cells((3, E, 10), (90, C, 90)), cells((90, C, 100))
    found = incidence_difference(after, before, 30)
    down = 0.1 - incidence_at(aalen_johansen(after), 30).low
    assert found.low == pytest.approx(0.1 - np.hypot(down, largest_share_without_event(100)))
    assert found.std_error == pytest.approx((0.1 - found.low) / 1.959964, abs=1e-6)
    assert (found.p_value < 0.05) == (found.low > 0)


def test_the_difference_never_leaves_its_range():
    found = incidence_difference(cells((1, E)), cells((1, C), (9, E)), 1)
    assert -1 <= found.low < found.estimate <= found.high <= 1


def test_median_that_half_never_reached_is_null():
    found = median_time(aalen_johansen(cells((3, E, 49), (5, D, 51))))
    assert (found.estimate, found.null_reason) == (None, "not_reached")
    assert median_survival(kaplan_meier(cells((3, E, 40), (5, C, 60)))).null_reason == "not_reached"


def test_exactly_half_reaches_the_median_in_spite_of_rounding():
    curve = aalen_johansen(cells(*[(day, E) for day in range(1, 50)], (60, C, 49)))
    assert median_time(curve).estimate == 49


def test_a_limit_of_the_median_that_is_never_reached_is_open():
    found = median_time(aalen_johansen(cells(*TWELVE)))
    assert (found.low, found.high) == (2, None)


@pytest.mark.parametrize(("n", "has_limits"), [(1, False), (5, False), (6, True)])
def test_the_median_of_fewer_than_six_has_no_limits(n, has_limits):
    """All of five lie on one side of their median by chance once in sixteen, of six once in thirty-two."""
    found = cells(*[(day, E) for day in range(1, n + 1)])
    for median in (median_time(aalen_johansen(found)), median_survival(kaplan_meier(found))):
        assert median.estimate is not None
        assert (median.low is not None or median.high is not None) == has_limits


def test_log_rank_without_any_event_has_a_reason():
    assert log_rank(cells((3, C)), cells((4, C))).null_reason == "no_event"


def test_log_rank_when_nobody_is_comparable_has_a_reason():
    assert log_rank(cells((1, C)), cells((4, E))).null_reason == "never_at_risk_together"


def test_the_complement_of_survival_is_the_incidence():
    rows = ((0, E, 3), (4, E, 2), (7, C, 5))
    survival, incidence = survival_at(kaplan_meier(cells(*rows)), 4), incidence_at(aalen_johansen(cells(*rows)), 4)
    assert survival.complement().estimate == pytest.approx(incidence.estimate)
    assert survival.std_error == pytest.approx(incidence.std_error)
    assert survival.complement().low == pytest.approx(1 - survival.high)
    nothing = survival_at(kaplan_meier(cells()), 4)
    assert nothing.complement() == nothing


def test_death_is_the_event_of_the_exchanged_cells():
    exchanged = cells(*TWELVE).for_competing_event()
    assert exchanged.number(EVENT_SEEN) == 2
    assert exchanged.number(COMPETED) == 7
    assert exchanged.number(CENSORED) == 3


def test_a_curve_that_nobody_continues_has_no_number_once_others_enter():
    """Two are at risk until day 2 and both have the event; nine enter on day 4."""
    late = pl.DataFrame({"entry": [-1, 4, 4], "time": [2, 9, 9], "status": [E, E, C], "n": [2, 4, 5]})
    group = Cells.of(late.with_columns(pl.col("status").cast(pl.UInt8)))
    for horizon, reason in ((2, None), (8, None), (9, "nobody_left_at_risk")):
        assert incidence_at(aalen_johansen(group), horizon).null_reason == reason
        assert survival_at(kaplan_meier(group), horizon).null_reason == reason
    assert incidence_difference(group, cells((3, E), (9, C)), 9).null_reason == "nobody_left_at_risk"


def test_where_everybody_had_the_event_the_censored_do_not_narrow_the_bound():
    group = cells((1, C, 10), (5, E, 10))
    found = survival_at(kaplan_meier(group), 5)
    assert found.high == pytest.approx(largest_share_without_event(10))
    assert found == incidence_at(aalen_johansen(group), 5, as_survival=True).complement()

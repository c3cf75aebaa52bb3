"""Activity by scope and period after disclosure control, and published references with their intervals."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from transforms.disclosure import release
from transforms.implementation import reference_figures, released_activity
from warehouse.declarations import load
from warehouse.programme import Programme
from warehouse.schemas import (
    ACTIVITY,
    ATTRITION_TALLY,
    CHECK,
    CURVE,
    ESTIMATE,
    LEDGER,
    RELEASED_ACTIVITY,
    RELEASED_REFERENCE,
    Estimates,
    Provenance,
    Release,
    Tallies,
)

TEXT = {"fr": "mot", "en": "word"}


def programme(references: tuple[dict[str, Any], ...] = ()) -> Programme:
    """Two circuit sites and a comparator, with people, actions and a survey."""
    kinds = [
        {"id": "trained", "title": TEXT, "counts": "people"},
        {"id": "workshops", "title": TEXT, "counts": "actions"},
        {
            "id": "answers", "title": TEXT, "counts": "people",
            "items": [{"id": "coaching", "title": TEXT}, {"id": "workshop", "title": TEXT}],
        },
    ]  # fmt: skip
    table = load("pacosme").model_dump(by_alias=True)
    sites = [{"id": "north"}, {"id": "south"}, {"id": "east", "arm": "comparator"}]
    own = {"sites": sites, "activity": {"path": "activity.csv", "kinds": kinds}, "references": references}
    return Programme.model_validate(table | own | {"sources": [{"id": "a", "path": "a.csv", "timezone": "UTC"}]})


def stated(*rows: tuple[str, str, str, str | None, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ACTIVITY, orient="row")


def cells(frame: pl.DataFrame, activity: str, scope: str, *columns: str) -> list[tuple[Any, ...]]:
    chosen = frame.filter((pl.col("activity") == activity) & (pl.col("scope") == scope) & pl.col("item").is_null())
    return chosen.select("period", *columns).rows()


def test_people_are_rounded_and_summed_up_by_month_where_every_month_may_be_shown() -> None:
    found = released_activity(
        stated(
            ("north", "2022-01", "trained", None, 12),
            ("south", "2022-01", "trained", None, 14),
            ("north", "2022-03", "trained", None, 22),
        ),
        programme(),
    )
    assert found.schema == RELEASED_ACTIVITY
    assert cells(found, "trained", "all", "n", "cumulative", "withheld") == [
        ("2022-01", 25, 25, None),
        ("2022-03", 20, 50, None),
        ("all", 50, None, None),
    ]
    assert cells(found, "trained", "north", "n", "cumulative") == [
        ("2022-01", 10, 10), ("2022-03", 20, 35), ("all", 35, None),
    ]  # fmt: skip


def test_one_small_month_of_one_site_puts_all_sites_in_quarters_and_leaves_the_circuit_in_months() -> None:
    found = released_activity(
        stated(
            ("north", "2022-01", "trained", None, 8),
            ("north", "2022-02", "trained", None, 9),
            ("south", "2022-01", "trained", None, 30),
            ("south", "2022-02", "trained", None, 31),
        ),
        programme(),
    )
    assert [row[0] for row in cells(found, "trained", "all")] == ["2022-01", "2022-02", "all"]
    assert cells(found, "trained", "north", "n") == [("2022-Q1", 15), ("all", 15)]
    assert cells(found, "trained", "south", "n") == [("2022-Q1", 60), ("all", 60)]


def test_a_small_quarter_is_withheld_with_the_sum_up_to_it() -> None:
    found = released_activity(
        stated(
            ("north", "2022-02", "trained", None, 20),
            ("north", "2022-05", "trained", None, 3),
            ("north", "2022-09", "trained", None, 0),
            ("north", "2022-11", "trained", None, 24),
        ),
        programme(),
    )
    assert cells(found, "trained", "all", "n", "cumulative", "withheld") == [
        ("2022-Q1", 20, 20, None),
        ("2022-Q2", None, None, "small_count"),
        ("2022-Q3", None, None, "small_count"),
        ("2022-Q4", 25, 45, None),
        ("all", 45, None, None),
    ]


def test_actions_are_nobody_and_stay_exact_zero_included() -> None:
    found = released_activity(
        stated(("north", "2022-02", "workshops", None, 3), ("south", "2022-04", "workshops", None, 0)), programme()
    )
    assert cells(found, "workshops", "all", "n", "cumulative", "withheld") == [
        ("2022-02", 3, 3, None),
        ("2022-04", 0, 3, None),
        ("all", 3, None, None),
    ]


def test_comparators_stand_by_site_and_outside_the_circuit() -> None:
    found = released_activity(
        stated(("north", "2022-02", "workshops", None, 3), ("east", "2022-02", "workshops", None, 7)), programme()
    )
    assert cells(found, "workshops", "all", "n") == [("2022-02", 3), ("all", 3)]
    assert cells(found, "workshops", "east", "n") == [("2022-02", 7), ("all", 7)]


def test_items_are_shares_of_those_who_were_asked_them() -> None:
    found = released_activity(
        stated(
            ("north", "2021-06", "answers", None, 40),
            ("north", "2021-06", "answers", "coaching", 19),
            ("south", "2021-06", "answers", None, 60),
            ("south", "2021-06", "answers", "coaching", 21),
            ("south", "2021-06", "answers", "workshop", 6),
            ("east", "2021-06", "answers", None, 50),
            ("east", "2021-06", "answers", "coaching", 50),
        ),
        programme(),
    ).filter(pl.col("item").is_not_null())
    shown = found.select("item", "n", "n_yes", "estimate", "ci_low", "ci_high", "withheld").rows()
    assert shown == [
        ("coaching", 100, 40, 0.40, 0.31, 0.50, None),
        ("workshop", 60, None, None, None, None, "small_count"),
    ]
    assert found["scope"].unique().to_list() == ["all"]


def test_a_share_that_nearly_all_have_is_withheld_like_one_that_few_have() -> None:
    found = released_activity(
        stated(("north", "2021-06", "answers", None, 40), ("north", "2021-06", "answers", "coaching", 31)), programme()
    ).filter(pl.col("item") == "coaching")
    assert found.select("n_yes", "estimate", "withheld").rows() == [(None, None, "small_count")]


def test_no_small_count_of_people_is_published_whatever_is_stated() -> None:
    rows = [
        (site, f"2022-{month:02}", "trained", None, (5 * month + 3 * place) % 7)
        for place, site in enumerate(("north", "south", "east"))
        for month in range(1, 13)
    ]
    found = released_activity(stated(*rows), programme())
    published = found.drop_nulls("n")
    assert found.height > published.height > 10
    assert published["n"].min() >= 10  # type: ignore[operator]  # an Int64 column; 11 rounds to 10
    assert published["n"].to_list() == [5 * round(n / 5) for n in published["n"]]
    hidden = found.filter(pl.col("n").is_null())
    assert hidden["cumulative"].is_null().all()
    assert (hidden["withheld"] == "small_count").all()


def test_a_programme_without_activity_or_reference_publishes_none() -> None:
    bare = programme().model_copy(update={"activity": None})
    assert released_activity(stated(("north", "2022-02", "workshops", None, 3)), bare).is_empty()
    assert reference_figures(bare).is_empty()
    assert released_activity(ACTIVITY.to_frame(), programme()).schema == RELEASED_ACTIVITY


def sealed(activity: pl.DataFrame) -> Release:
    """A release of nothing but activity and references."""
    nothing = {name: pl.DataFrame() for name in ("time", "count", "score")}
    return release(
        Estimates(figures=ESTIMATE.to_frame(), curves=CURVE.to_frame()),
        Tallies(**nothing, attrition=ATTRITION_TALLY.to_frame()),
        CHECK.to_frame(),
        LEDGER.to_frame(),
        {},
        programme((survey({"percent": 65}),)),
        Provenance("1", "0", "0", date(2024, 4, 1), (), "pass", 0, 0),
        activity,
    )


def test_activity_is_sealed_into_the_release_and_its_withheld_cells_are_counted() -> None:
    first = sealed(stated(("north", "2022-02", "trained", None, 20), ("south", "2022-02", "trained", None, 3)))
    assert first.references.height == 1
    assert first.activity.height == 6  # a quarter or month and the whole, of the circuit and of two sites
    assert (first.provenance.withheld_cells, first.provenance.released_cells) == (2, 4)
    again = sealed(stated(("north", "2022-02", "trained", None, 20), ("south", "2022-02", "trained", None, 4)))
    other = sealed(stated(("north", "2022-02", "trained", None, 30), ("south", "2022-02", "trained", None, 3)))
    assert first.id == again.id != other.id  # who is hidden may change without a trace
    assert first.activity["n"].to_list() != other.activity["n"].to_list()


def survey(*items: dict[str, Any], n: int = 261) -> dict[str, Any]:
    return {
        "id": "survey", "title": TEXT, "source": TEXT, "from": date(2020, 8, 24), "until": date(2020, 9, 9), "n": n,
        "several_answers": True, "items": [{"id": f"item{k}", "title": TEXT, **item} for k, item in enumerate(items)],
    }  # fmt: skip


def test_the_survey_of_2020_with_the_intervals_of_its_nearest_counts() -> None:
    found = reference_figures(programme((survey(*({"percent": p} for p in (65, 38, 33, 27))),)))
    assert found.schema == RELEASED_REFERENCE
    assert found.select("n_yes", "n_yes_least", "n_yes_most").rows() == [
        (170, 169, 170),
        (99, 98, 100),
        (86, 85, 87),
        (70, 70, 71),
    ]
    limits = found.select(pl.col("estimate", "ci_low", "ci_high") * 100).rows()
    expected = [(65, 59.2, 70.7), (38, 32.3, 44.0), (33, 27.5, 38.9), (27, 21.8, 32.5)]
    assert limits == [pytest.approx(row, abs=1e-9) for row in expected]


def test_a_published_count_needs_no_guess() -> None:
    found = reference_figures(programme((survey({"count": 5}, {"count": 0}, {"percent": 100}, n=40),)))
    assert found.select("percent", "n_yes", "n_yes_least", "n_yes_most", "estimate").rows() == [
        (None, 5, 5, 5, 0.125),
        (None, 0, 0, 0, 0.0),
        (100, 40, 40, 40, 1.0),
    ]

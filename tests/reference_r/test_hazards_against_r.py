"""Figures of hazards of the main job equal R's coxph, cox.zph, survdiff and cuminc on the same patients."""

import json
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
from oracle.builders import REFERRAL, programme

from transforms.hazard_figures import hazard_figures
from warehouse.schemas import LEVEL_SEPARATOR, PAIR_TALLY, TIME_TALLY

CASES = {case["name"]: case for case in json.loads(Path(__file__).with_name("hazards.json").read_text())["cases"]}
COUNTED = [name for name, case in CASES.items() if "cells" in case]
SHARED = [name for name, case in CASES.items() if "patients" in case]
CLOSE = {"rel": 1e-6, "abs": 1e-9}
PERIODS = ("before", "after")
KEYS = {"indicator_id": "time", "variant": "main", "arm": "circuit"}
NAMES = {
    "crude": ("hazard_ratio", None),
    "site_clustered": ("hazard_ratio", "sensitivity:site_clustered"),
    "adjusted": ("hazard_ratio", "sensitivity:adjusted"),
    "constant": ("proportional_hazards", None),
}


def indicator(case):
    competing = ("death",) if "competing" in case else ()
    return programme(indicators={"time": {**REFERRAL, "competing": competing}}).indicators["time"]


def in_views(frame: pl.DataFrame, factors: list[str]) -> pl.DataFrame:
    """Rows of TIME_TALLY in the views overall, site and adjust."""
    levels = [
        pl.when(pl.col(name) < 0).then(pl.lit("missing")).otherwise(pl.col(name).cast(pl.String)) for name in factors
    ]
    frame = frame.with_columns(
        period=pl.col("after").replace_strict([0, 1], PERIODS), **{k: pl.lit(v) for k, v in KEYS.items()}
    )
    nothing = pl.lit(None, pl.String)
    views = {
        "overall": (nothing, nothing),
        "site": (pl.col("site").cast(pl.String), nothing),
        "adjust": (nothing, pl.concat_str(levels, separator=LEVEL_SEPARATOR)),
    }
    parts = [
        frame.with_columns(view=pl.lit(view), site=site, stratum=stratum) for view, (site, stratum) in views.items()
    ]
    return pl.concat([part.select(TIME_TALLY.names()).cast(TIME_TALLY) for part in parts])


def judged(row, expected):
    for name, value in expected.items():
        assert getattr(row, name) == (value if name == "n" else pytest.approx(value, **CLOSE)), name


@pytest.fixture(scope="module")
def figures():
    found = {}
    for name in COUNTED:
        case = CASES[name]
        cells = in_views(pl.DataFrame(case["cells"]), case["factors"])
        rows = list(hazard_figures(cells, indicator(case), case["factors"]))
        found[name] = {(row.measure, row.analysis): row for row in rows}
        assert len(found[name]) == len(rows)
    return found


@pytest.mark.parametrize("name", COUNTED)
def test_ratios_crude_clustered_and_adjusted_and_whether_they_are_constant(figures, name):
    for cause, suffix in (("event", ""), ("competing", "_competing")):
        for key, expected in CASES[name].get(cause, {}).items():
            measure, analysis = NAMES[key]
            judged(figures[name][f"{measure}{suffix}", analysis], expected)


@pytest.mark.parametrize("name", COUNTED)
def test_tests_of_whole_curves_within_sites_and_without(figures, name):
    for measure in ("log_rank", "stratified_log_rank", "stratified_gray_test"):
        row = figures[name].get((measure, None))
        if measure in CASES[name]:
            judged(row, CASES[name][measure])
        else:
            assert row is None
    assert ("cause-specific" in figures[name]["log_rank", None].method) == ("competing" in CASES[name])


def pairs_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of PAIR_TALLY: of two pathways of one patient, that of before stands before that of after."""
    own = ["period", "entry", "time", "status"]
    found = [
        {f"{name}_{side}": row[name] for side, row in (("a", one), ("b", other)) for name in own}
        for members in frame.sort("cluster", "after").partition_by("cluster")
        for one, other in combinations(members.to_dicts(), 2)
    ]
    keyed = pl.DataFrame(found).with_columns(view=pl.lit("overall"), site=None, stratum=None, n=1)
    keyed = keyed.with_columns(**{name: pl.lit(value) for name, value in KEYS.items()})
    return keyed.select(PAIR_TALLY.names()).cast(PAIR_TALLY)


@pytest.mark.parametrize("name", SHARED)
def test_pathways_that_share_patients_have_errors_clustered_by_patient(name):
    case = CASES[name]
    frame = pl.DataFrame(case["patients"]).with_columns(
        n=1, site=0, period=pl.col("after").replace_strict([0, 1], PERIODS)
    )
    cells = in_views(frame, ["site"]).filter(view="overall")
    rows = {row.measure: row for row in hazard_figures(cells, indicator(case), (), pairs_of(frame))}
    for cause, suffix in (("event", ""), ("competing", "_competing")):
        for key, expected in case.get(cause, {}).items():
            judged(rows[f"{NAMES[key][0]}{suffix}"], expected)
    assert rows["log_rank"].null_reason == rows["proportional_hazards"].null_reason == "several_pathways_per_patient"


def test_over_a_hundred_figures_on_nine_data_sets_are_compared():
    assert len(COUNTED) == 8
    assert len(SHARED) == 4
    both = [case[cause] for case in CASES.values() for cause in ("event", "competing") if cause in case]
    assert sum(len(figures) for of_cause in both for figures in of_cause.values()) > 100

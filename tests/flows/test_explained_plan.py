"""What the terminal tells of the plan: levels of analysis, adjusted p-values, follow-up that is not complete."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from flows.telling import explain_lines
from warehouse.schemas import RELEASED_THREAT, Release


@pytest.fixture(scope="module")
def builder() -> Iterator[ModuleType]:
    """The release that the tests of the pages share."""
    name, file = "release_builder_of_flows", Path(__file__).parents[1] / "dashboards" / "release_builder.py"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


def with_tests(builder: ModuleType) -> Release:
    plain: Release = builder.pacosme()
    contrast = pl.col("period") == "after-before"
    level = pl.when(pl.col("variant") == "main").then("analysis").otherwise(pl.lit("exploratory"))
    figures = plain.figures.with_columns(
        p_value=pl.when(contrast).then(0.002), p_adjusted=pl.when(contrast).then(0.03), analysis=level
    )
    made: Release = builder.pacosme(figures=figures)
    return made


def test_p_values_stand_beside_adjusted_ones_and_exploratory_figures_say_so(builder: ModuleType) -> None:
    lines = list(explain_lines(with_tests(builder), None, "time_to_referral"))
    assert any("after-before" in line and line.endswith(", p < 0.01, adjusted p = 0.03") for line in lines)
    start = lines.index("Figures (pain), circuit sites")
    of_variant = [line for line in lines[start + 1 : start + 4] if ":" in line]
    assert of_variant
    assert all("(exploratory)" in line for line in of_variant)


def test_an_indicator_whose_follow_up_the_lock_cuts_is_interim(builder: ModuleType) -> None:
    release = with_tests(builder)
    told = "  Interim: follow-up is complete with a data lock on 2024-04-30"
    assert told in list(explain_lines(release, None, "satisfaction"))
    assert told not in list(explain_lines(release, None, "time_to_referral"))


def test_threats_to_the_comparison_are_told_as_on_the_pages(builder: ModuleType) -> None:
    named = {"threat_id": "recorded_by_circuit", "measure": "declared", "scope_type": "overall", "scope": "all"}
    rows = [named | {"indicator_id": "time_to_referral", "level": "present"}]
    release: Release = builder.pacosme(threats=pl.DataFrame(rows, schema=RELEASED_THREAT))
    lines = list(explain_lines(release, None, "time_to_referral"))
    assert lines[lines.index("Threats to the comparison") + 1 :] == [
        "  Outcome recorded through the circuit itself: Present",
        "    As declared, the circuit itself records the measured event.",
    ]
    assert "Threats to the comparison" not in list(explain_lines(builder.pacosme(), None, "time_to_referral"))

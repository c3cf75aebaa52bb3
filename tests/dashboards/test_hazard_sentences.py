"""What the pages say of ratios of hazards: their number, that it is an average, or why there is none."""

from types import ModuleType

import pytest

from dashboards.indicator_page import _if_average, _in_a_sentence
from dashboards.language import language
from dashboards.selection import Row

RATIO = {"measure": "hazard_ratio", "period": "after/before", "estimate": 2.23, "ci_low": 1.96, "ci_high": 2.55}


@pytest.mark.parametrize(("chance", "is_average"), [(0.01, True), (0.05, True), (0.06, False), (None, False)])
def test_a_ratio_that_changes_with_time_is_called_an_average(
    chance: float | None, is_average: bool, builder: ModuleType
):
    row = Row(**builder.figure(**RATIO))
    found = _if_average(row, {"proportional_hazards": chance}, language("en"))
    assert ("average over the follow-up" in found) == is_average
    assert _if_average(row, {"proportional_hazards_competing": 0.01}, language("en")) == ""


@pytest.mark.parametrize(
    ("code", "words"), [("en", "no result. No event in one"), ("fr", "pas de résultat. Aucun événement dans")]
)
def test_a_ratio_that_does_not_exist_has_its_reason(code: str, words: str, builder: ModuleType):
    nothing = dict.fromkeys(("estimate", "ci_low", "ci_high")) | {"withheld": "no_event_in_a_group"}
    row = Row(**builder.figure(**RATIO | nothing))
    assert words in _in_a_sentence(row, language(code))
    assert _if_average(row, {"proportional_hazards": 0.01}, language(code)) == ""

"""A score that few answered, or that the periods answered unequally, carries its warning on tile and page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from dashboards import response_words
from dashboards.language import language
from dashboards.selection import opened
from dashboards.site import build
from warehouse.schemas import Release


def answered(builder: ModuleType, before: float | None, after: float | None) -> Release:
    release: Release = builder.pacosme()
    of_rates = (pl.col("measure") == "response_rate") & (pl.col("scope_type") == "overall")
    shares = {"before": before, "after": after}
    estimate = pl.col("estimate")
    for period, share in shares.items():
        estimate = pl.when(of_rates & (pl.col("period") == period)).then(pl.lit(share, pl.Float64)).otherwise(estimate)
    return replace(release, figures=release.figures.with_columns(estimate=estimate))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.52, 0.56, ""),
        (0.50, 0.50, ""),
        (0.49, 0.50, "49% answered before and 50% after."),
        (0.50, 0.49, "50% answered before and 49% after."),
        (0.60, 0.70, ""),
        (0.70, 0.60, ""),
        (0.70, 0.80, ""),  # 0.8 - 0.7 is a little more than 0.1
        (0.80, 0.70, ""),
        (0.60, 0.71, "60% answered before and 71% after."),
        (0.71, 0.60, "71% answered before and 60% after."),
        (0.37, 0.36, "37% answered before and 36% after."),
        (0.60, 0.75, "60% answered before and 75% after."),
        (None, 0.75, "are not published for both periods"),
    ],
)
def test_the_warning_tells_the_published_response(
    builder: ModuleType, before: float | None, after: float | None, said: str
) -> None:
    release = answered(builder, before, after)
    found = response_words.warning(opened(release), release.programme.indicators["satisfaction"], language("en"))
    assert said in found
    assert bool(found) is bool(said)


def test_only_a_score_has_a_response(builder: ModuleType) -> None:
    release = answered(builder, 0.1, 0.9)
    others = [one for one in release.programme.indicators.values() if one.kind != "score"]
    assert others
    assert not any(response_words.warning(opened(release), one, language("fr")) for one in others)


@pytest.mark.parametrize(("code", "title"), [("fr", "Réponse douteuse."), ("en", "Doubtful response.")])
def test_tile_and_page_carry_it(builder: ModuleType, tmp_path: Path, code: str, title: str) -> None:
    build(answered(builder, 0.37, 0.36), tmp_path)
    for name in ("index", "indicator-satisfaction"):
        assert title in (tmp_path / code / f"{name}.html").read_text(encoding="utf-8")
    assert title not in (tmp_path / code / "indicator-time_to_referral.html").read_text(encoding="utf-8")

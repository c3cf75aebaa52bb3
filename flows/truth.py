"""The truth of a simulation beside what was estimated from its files."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from warehouse.programme import Programme
from warehouse.simulate import Effect, Truth

HEADER = ("indicator", "period", "truth", "estimate", "95 % interval", "")


def compare(truth: Truth, estimates: pl.DataFrame, programme: Programme) -> Iterator[str]:
    """A table of the primary indicators: before, after and difference, and whether the interval holds the truth."""
    yield _line(*HEADER)
    for indicator_id in programme.analysis.primary:
        effect = truth.effect(indicator_id)
        planted = {"before": effect.before, "after": effect.after, "after-before": effect.difference}
        yield from (_row(estimates, effect, period, true) for period, true in planted.items() if true is not None)


def _row(estimates: pl.DataFrame, effect: Effect, period: str, true: float) -> str:
    found = estimates.filter(
        pl.col("indicator_id") == effect.indicator_id,
        pl.col("variant") == effect.variant,
        pl.col("measure") == effect.measure,
        pl.col("horizon").eq_missing(pl.lit(effect.horizon, pl.Int64)),
        pl.col("scope_type") == "overall",
        pl.col("period") == period,
        ~pl.col("analysis").str.starts_with("sensitivity:"),
    ).row(0, named=True)
    low, high = found["ci_low"], found["ci_high"]
    inside = "inside" if low <= true <= high else "OUTSIDE"
    interval = f"{low:.1%} to {high:.1%}"
    return _line(effect.indicator_id, period, f"{true:.1%}", f"{found['estimate']:.1%}", interval, inside)


def _line(*cells: str) -> str:
    widths = (20, 14, 8, 10, 18, 8)
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()

"""A release with the control charts and funnels that its own figures make, for the tests of the pages."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from transforms.chart_disclosure import released_charts, released_funnels
from transforms.chart_figures import charts, funnels
from warehouse.schemas import COUNT_TALLY, ESTIMATE, MONTH_TALLY, Estimates, Release


def with_charts(plain: Release) -> Release:
    """The release as if its figures had been computed from exact counts."""
    known = {name: pl.col(name) for name in ESTIMATE if name in plain.figures.columns} | {
        "n_with": pl.col("n_events"),
        "null_reason": pl.col("withheld"),
    }
    figures = plain.figures.select(
        known.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in ESTIMATE.items()
    )
    points, summaries = charts(figures, MONTH_TALLY.to_frame(), plain.programme)
    made = Estimates(
        figures, plain.curves, points, summaries, funnels(figures, COUNT_TALLY.to_frame(), plain.programme)
    )
    shown, told = released_charts(made, plain.figures, plain.programme)
    sites = released_funnels(made, plain.figures, plain.programme)
    return replace(plain, charts=shown, chart_summaries=told, funnels=sites)

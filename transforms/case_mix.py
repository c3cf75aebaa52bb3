"""The factors of adjusted models as columns of zeros and ones, from the strata of the view ``adjust``."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.cells import Floats
from transforms.pathways import MISSING
from warehouse.schemas import LEVEL_SEPARATOR


def complete_cases(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of a view ``adjust`` of which every factor is known: those that outcome regressions look at."""
    return frame.filter(~frame["stratum"].str.split(LEVEL_SEPARATOR).list.contains(MISSING))


def with_events(frame: pl.DataFrame, events: str) -> pl.DataFrame:
    """The rows whose levels all have events, counted in that column.

    The coefficient of a level without events is minus infinity. In the limit of the likelihood its rows weigh
    nothing, and their fitted rate is 0: leaving them out is that limit, exactly.
    """
    kept, before = np.ones(frame.height, dtype=np.bool_), -1
    levels, seen = _levels(frame), frame[events].to_numpy() > 0
    while kept.sum() != before:
        before = int(kept.sum())
        for factor in levels.T:
            kept &= np.isin(factor, factor[kept & seen])
    return frame.filter(pl.Series(kept))


def level_columns(frame: pl.DataFrame) -> Floats:
    """Rows x columns: of each factor one column per level but the first by name, those that repeat others left out.

    A level that is missing is one among others. Main effects alone.
    """
    dummies = [(factor == level) for factor in _levels(frame).T for level in sorted(set(factor))[1:]]
    kept = np.zeros((frame.height, 0))
    for column in dummies:
        if not repeats(kept, column):
            kept = np.column_stack([kept, column])
    return kept


def repeats(columns: Floats, column: NDArray[np.bool_]) -> bool:
    """Whether a column is made up of the others and a constant: nothing tells it from them."""
    both = np.unique(np.column_stack([np.ones(len(columns)), columns, column]), axis=0)
    return bool(np.linalg.matrix_rank(both) < 2 + columns.shape[1])


def _levels(frame: pl.DataFrame) -> NDArray[np.str_]:
    """Rows x factors."""
    levels = [stratum.split(LEVEL_SEPARATOR) for stratum in frame["stratum"]]
    return np.array(levels, dtype=np.str_).reshape(frame.height, -1 if levels else 0)

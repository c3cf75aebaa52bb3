"""Small drawings of HTML boxes: where a value and its interval lie on a scale, in per cent of its width.

They repeat what the text beside them says and are hidden from screen readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashboards.selection import Comparison, Row

POINTS_SCALES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


@dataclass(frozen=True)
class Mark:
    """A dot with its interval; all three are positions from 0 to 100, as CSS wants them."""

    kind: str  # before, after, or the direction of a difference
    dot: str
    start: str
    width: str


def of_share(row: Row | None, kind: str) -> Mark | None:
    """A share on the scale from 0 to 100 %; None without a published value and interval."""
    return None if row is None or not row.is_share else _mark(row, kind, 0.0, 1.0)


def of_difference(row: Row | None, kind: str, scale: float) -> Mark | None:
    """A difference of shares on the scale from minus to plus ``scale``."""
    return None if row is None or not row.is_share else _mark(row, kind, -scale, scale)


def _mark(row: Row, kind: str, low: float, high: float) -> Mark | None:
    if row.estimate is None or row.ci_low is None or row.ci_high is None:
        return None
    dot, start, end = (
        (min(max(v, low), high) - low) / (high - low) * 100 for v in (row.estimate, row.ci_low, row.ci_high)
    )
    return Mark(kind, f"{dot:.1f}", f"{start:.1f}", f"{end - start:.1f}")


def scale_of(comparisons: Iterable[Comparison]) -> float:
    """The smallest common scale that holds every interval of a difference of shares."""
    rows = [c.difference for c in comparisons if c.difference is not None and c.difference.is_share]
    limits = [abs(limit) for row in rows for limit in (row.ci_low, row.ci_high) if limit is not None]
    most = max(limits, default=POINTS_SCALES[0])
    return next((scale for scale in POINTS_SCALES if most <= scale), POINTS_SCALES[-1])

"""Small drawings: where a value and its interval lie on a scale, and the icons of control charts.

Scales repeat what the text beside them says and are hidden from screen readers. Icons carry their own words: each
has a letter, a shape and a sentence beside its colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashboards.language import Language
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


# --- Icons of control charts --------------------------------------------------------------------

# Dots of the icons on a square of 48: a process that climbs, falls, or only varies.
RISING = ((12, 34), (18, 33), (24, 34), (30, 24), (36, 14))
FALLING = ((12, 14), (18, 15), (24, 14), (30, 24), (36, 34))
VARYING = ((11, 29), (17, 20), (24, 30), (31, 20), (37, 28))
# The height of the target's line beside a process that varies around the middle, and where the letter stands.
TARGETS = {"consistent_pass": (36, (24, 16)), "consistent_fail": (13, (24, 42)), "hit_or_miss": (25, (24, 16))}
LETTERS = {"high": (16, 23), "low": (16, 37)}


@dataclass(frozen=True)
class Icon:
    """An icon of a control chart: its colour's name, its letter, dots, the height of a target's line, and words."""

    kind: str  # improvement, concern, neutral, common_cause; consistent_pass, consistent_fail, hit_or_miss
    letter: str
    letter_at: tuple[int, int]
    dots: tuple[tuple[int, int], ...]
    target: int | None
    words: str


def of_variation(variation: str, language: Language, *, provisional: bool) -> Icon:
    """The icon of the last point: H or L for a signal on the high or the low side, no letter for none."""
    key = "spc.icon.provisional" if provisional else "spc.icon.variation"
    said = language.say(key, variation=language.say(f"spc.variation.{variation}"))
    kind, _, side = variation.rpartition("_")
    if variation == "common_cause":
        return Icon("common_cause", "", (0, 0), VARYING, None, said)
    letter, dots = language.say(f"spc.letter.{side}"), RISING if side == "high" else FALLING
    return Icon(kind, letter, LETTERS[side], dots, None, said)


def of_assurance(assurance: str, language: Language) -> Icon:
    """The icon of the target: reached, missed, or either at random, with the target as a line."""
    said = language.say("spc.icon.assurance", assurance=language.say(f"spc.assurance.{assurance}"))
    line, letter_at = TARGETS[assurance]
    return Icon(assurance, language.say(f"spc.letter.{assurance}"), letter_at, VARYING, line, said)

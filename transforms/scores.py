"""Scores from counted answers: mean and difference of means with t intervals.

``values`` and ``n`` have one element per distinct answer: the answer and how many people gave it.
Answers are in the unit of the score; the caller divides the millionths of SCORE_TALLY.
"""

from __future__ import annotations

import math

import numpy as np

from transforms.cells import Floats, Integers
from transforms.intervals import NO_PATHWAY, NO_SPREAD, ONE_ANSWER, Difference, Interval


def mean_of(values: Floats, n: Integers) -> Interval:
    """Mean answer with Student's interval. One answer, or answers all alike, have no spread: no error, no limits."""
    number = int(n.sum())
    if not number:
        return Interval.absent(NO_PATHWAY)
    mean = float(np.dot(values, n)) / number
    if np.count_nonzero(n) == 1:
        return Interval(mean, None, None, None)
    known = Difference.student(mean, math.sqrt(_squared_error(values, n)), number - 1)
    return Interval(mean, known.std_error, known.low, known.high)


def mean_difference(values: Floats, n: Integers, before_values: Floats, before_n: Integers) -> Difference:
    """Mean after minus mean before with Welch's interval and test; ``z`` holds his t.

    Null where a group has fewer than two answers, or where all answers of each group are alike.
    """
    numbers = [int(n.sum()), int(before_n.sum())]
    if min(numbers) < 2:
        return Difference.absent(ONE_ANSWER if min(numbers) else NO_PATHWAY)
    squares = [_squared_error(values, n), _squared_error(before_values, before_n)]
    error = math.sqrt(sum(squares))
    if error == 0:
        return Difference.absent(NO_SPREAD)
    freedom = sum(squares) ** 2 / sum(s**2 / (number - 1) for s, number in zip(squares, numbers, strict=True))
    estimate = float(np.dot(values, n)) / numbers[0] - float(np.dot(before_values, before_n)) / numbers[1]
    return Difference.student(estimate, error, freedom)


def _squared_error(values: Floats, n: Integers) -> float:
    """Squared standard error of the mean of at least two answers; 0, not the rounding of its parts, if all alike."""
    number = int(n.sum())
    if np.count_nonzero(n) == 1:
        return 0.0
    mean = np.dot(values, n) / number
    return float(np.dot((values - mean) ** 2, n)) / (number - 1) / number

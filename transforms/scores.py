"""Scores from counted answers: mean and difference of means with t intervals.

``values`` and ``n`` have one element per distinct answer: the answer and how many people gave it.
Answers are in the unit of the score; the caller divides the millionths of SCORE_TALLY.
"""

from __future__ import annotations

import math

import numpy as np

from transforms.cells import Floats, Integers
from transforms.intervals import NO_PATHWAY, NO_SPREAD, ONE_ANSWER, Difference, Interval
from warehouse.schemas import CONFIDENCE


def mean_of(values: Floats, n: Integers) -> Interval:
    """Mean answer with Student's interval. One answer has no spread: its error and limits are None."""
    number = int(n.sum())
    if not number:
        return Interval.absent(NO_PATHWAY)
    mean = float(np.dot(values, n)) / number
    if number == 1:
        return Interval(mean, None, None, None)
    error = math.sqrt(_squared_error(values, n))
    width = _t_quantile(number - 1) * error
    return Interval(mean, error, mean - width, mean + width)


def mean_difference(values: Floats, n: Integers, before_values: Floats, before_n: Integers) -> Difference:
    """Mean after minus mean before with Welch's interval and test; ``z`` holds his t.

    Null where a group has fewer than two answers, or where all answers of each group are alike.
    """
    from scipy.stats import t

    numbers = [int(n.sum()), int(before_n.sum())]
    if min(numbers) < 2:
        return Difference.absent(ONE_ANSWER if min(numbers) else NO_PATHWAY)
    squares = [_squared_error(values, n), _squared_error(before_values, before_n)]
    error = math.sqrt(sum(squares))
    if error == 0:
        return Difference.absent(NO_SPREAD)
    freedom = sum(squares) ** 2 / sum(s**2 / (number - 1) for s, number in zip(squares, numbers, strict=True))
    estimate = float(np.dot(values, n)) / numbers[0] - float(np.dot(before_values, before_n)) / numbers[1]
    statistic, width = estimate / error, _t_quantile(freedom) * error
    p_value = float(2 * t.sf(abs(statistic), freedom))
    return Difference(estimate, error, estimate - width, estimate + width, statistic, p_value)


def _squared_error(values: Floats, n: Integers) -> float:
    """Squared standard error of the mean of at least two answers."""
    number = int(n.sum())
    mean = np.dot(values, n) / number
    return float(np.dot((values - mean) ** 2, n)) / (number - 1) / number


def _t_quantile(freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf(0.5 + CONFIDENCE / 2, freedom))

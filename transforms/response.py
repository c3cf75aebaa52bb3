"""Those who did not answer: response rates, bounds, the tipping point, and weights for response.

Deaths and losses before the window's end are not non-response: the caller counts only pathways that
were alive and followed. A success is an answer in the top box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from transforms.cells import Booleans, Floats, Integers
from transforms.intervals import NO_PATHWAY, NOT_ESTIMABLE, Difference, Interval, Z, between, square_and_add
from transforms.proportions import newcombe, wilson

NOBODY_SILENT = "everybody_answered"
NO_SHARE_NULLIFIES = "no_share_nullifies"
MOST_STEPS = 50
CONVERGED = 1e-20  # of the squared Newton step in units of its information, per person
LARGEST_LOG_ODDS = 15.0  # of answering: what separates those who answered from the silent drifts to infinity


@dataclass(frozen=True)
class Asked:
    """Counts of one period: ``successes`` of the ``answered`` of the ``eligible``."""

    successes: int
    answered: int
    eligible: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.answered <= self.eligible:
            raise ValueError("expected successes <= answered <= eligible")

    @property
    def silent(self) -> int:
        """How many did not answer."""
        return self.eligible - self.answered

    @property
    def fewest(self) -> int:
        """How many are in the smallest of the three classes: successes, other answers, silence."""
        return min(self.successes, self.answered - self.successes, self.silent)


def manski_bounds(asked: Asked) -> tuple[Interval, Interval]:
    """Share of successes among all eligible if none, and if all, of the silent had succeeded (Manski 1990)."""
    return (
        wilson(asked.successes, asked.eligible),
        wilson(asked.successes + asked.silent, asked.eligible),
    )


def manski_difference(after: Asked, before: Asked) -> tuple[Difference, Difference]:
    """Difference of the shares if all silence spoke against the effect, and if all spoke for it; limits by Newcombe."""
    return (
        newcombe(after.successes, after.eligible, before.successes + before.silent, before.eligible),
        newcombe(after.successes + after.silent, after.eligible, before.successes, before.eligible),
    )


def tipping_point(after: Asked, before: Asked) -> Interval:
    """Share of successes among the silent of after at which the difference is 0, its limits open.

    The silent of before are taken to be like those who answered. Null where everybody answered after,
    nobody answered before, or no share between 0 and 1 nullifies the difference.
    """
    if not before.answered:
        return Interval.absent(NO_PATHWAY)
    if not after.silent:
        return Interval.absent(NOBODY_SILENT)
    share = (before.successes / before.answered * after.eligible - after.successes) / after.silent
    return Interval(share, None, None, None) if 0 <= share <= 1 else Interval.absent(NO_SHARE_NULLIFIES)


@dataclass(frozen=True)
class ResponseCells:
    """Eligible people by pattern of factors: one element, and one row of ``covariates``, per pattern.

    ``covariates`` holds no constant. Each pattern has ``successes`` of ``answered`` of ``eligible``. Where all of a
    level answered, its coefficient is infinite: its patterns are ``certain``, and the model is that of the others,
    whose levels alone have columns.
    """

    covariates: Floats
    successes: Integers
    answered: Integers
    eligible: Integers
    certain: Booleans


def weighted_share(cells: ResponseCells) -> Interval:
    """Share of successes with answers weighted by one over the chance of answering.

    That chance is a logistic regression on the factors. The error is the influence function's, the
    estimation of the chances taken in (Robins, Rotnitzky and Zhao 1994); the interval is Wald's within
    [0, 1]. Null where nobody answered, or a pattern has a chance of 0 that no model can weigh.
    """
    answered = int(cells.answered.sum())
    if not answered:
        return Interval.absent(NO_PATHWAY)
    fitted = _chances(cells)
    if fitted is None:
        return Interval.absent(NOT_ESTIMABLE)
    chance, design, information = fitted
    share = float((cells.successes / chance).sum() / (cells.answered / chance).sum())
    tilt = ((cells.successes - share * cells.answered) * (1 - chance) / chance) @ design
    correction = design @ np.linalg.solve(information, tilt)
    error = math.sqrt(_squares(cells, share, chance, correction)) / float((cells.answered / chance).sum())
    low, high = between(0, share - Z * error, 1), between(0, share + Z * error, 1)
    return Interval(share, error, low, high) if error > 0 else wilson(int(cells.successes.sum()), answered)


def weighted_difference(after: ResponseCells, before: ResponseCells) -> Difference:
    """Difference of the weighted shares, each period with chances of its own, after minus before."""
    there, then = weighted_share(after), weighted_share(before)
    reason = there.null_reason or then.null_reason
    return Difference.absent(reason) if reason else square_and_add(there, then, largest=1.0)


def _squares(cells: ResponseCells, share: float, chance: Floats, correction: Floats) -> float:
    """Sum over successes, failures and the silent of each pattern of their squared influence on the weighted sum."""
    failures, silent = cells.answered - cells.successes, cells.eligible - cells.answered
    answering = correction * (1 - chance)
    success, failure = (1 - share) / chance - answering, -share / chance - answering
    return float(cells.successes @ success**2 + failures @ failure**2 + silent @ (correction * chance) ** 2)


def _chances(cells: ResponseCells) -> tuple[Floats, Floats, Floats] | None:
    """The chance of answering of each pattern, the design of the model and its information; None if infinite.

    Rows of the design are 0 where an answer is certain.
    """
    design = np.concatenate([np.ones((len(cells.eligible), 1)), cells.covariates], axis=1)
    design = np.where(cells.certain[:, None], 0.0, design)
    open_to_doubt = ~cells.certain
    if not open_to_doubt.any():
        return np.ones(len(cells.eligible)), design[:, :1], np.eye(1)
    fitted = _fitted(design[open_to_doubt], cells.answered[open_to_doubt], cells.eligible[open_to_doubt])
    if fitted is None:
        return None
    chance = np.ones(len(cells.eligible))
    chance[open_to_doubt] = fitted[0]
    return chance, design, fitted[1]


def _fitted(design: Floats, answered: Integers, eligible: Integers) -> tuple[Floats, Floats] | None:
    """Fitted chance of each pattern and the information of the coefficients, by Newton's method; None if infinite."""
    rate = answered.sum() / eligible.sum()
    if rate <= 0:
        return None
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = math.log(rate / (1 - rate))
    for _ in range(MOST_STEPS):
        chance = 0.5 * (1 + np.tanh(design @ coefficients / 2))
        information = (design * (eligible * chance * (1 - chance))[:, None]).T @ design
        if np.abs(design @ coefficients).max() > LARGEST_LOG_ODDS or np.linalg.cond(information) > 1e12:
            return None
        score = (answered - eligible * chance) @ design
        step = np.linalg.solve(information, score)
        if float(step @ score) < CONVERGED * eligible.sum():
            return chance, information
        coefficients = coefficients + step
    return None

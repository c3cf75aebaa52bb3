"""Estimators on people, not on counts: plain Python, exact fractions where the answer is one.

One element of ``people`` is one pathway: (entry, time, status) with 0 censored, 1 event, 2 competing.
At each time the events come before the censorings, and a pathway is at risk after its entry up to its own time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Z = 1.959963984540054
Person = tuple[int, int, int]


@dataclass(frozen=True)
class Course:
    """One pathway: the last day on which an event is seen, how it ended, its days at risk, the days of its events."""

    last: int
    status: int
    at_risk: int
    events: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    time: int
    at_risk: int
    events: int
    happened: int
    before: Fraction  # share with nothing just before
    after: Fraction
    incidence: Fraction


def steps(people: Sequence[Person]) -> list[Step]:
    found, free, incidence = [], Fraction(1), Fraction(0)
    for time in sorted({time for _, time, _ in people}):
        at_risk = sum(1 for entry, other, _ in people if entry < time <= other)
        events = sum(1 for _, other, status in people if other == time and status == 1)
        happened = sum(1 for _, other, status in people if other == time and status != 0)
        before = free
        incidence += before * Fraction(events, at_risk)
        free = before * (1 - Fraction(happened, at_risk))
        found.append(Step(time, at_risk, events, happened, before, free, incidence))
    return found


def is_reached(people: Sequence[Person], horizon: int) -> bool:
    """Whether the follow-up of somebody reaches the horizon, or nobody is left who could still be followed."""
    longest = max(time for _, time, _ in people)
    return horizon <= longest or all(status != 0 for _, time, status in people if time == longest)


def incidence(people: Sequence[Person], horizon: int) -> tuple[Fraction, float]:
    """Aalen-Johansen's incidence by the horizon, that time included, with the delta-method variance.

    Var F(t) = sum [F(t) - F(s)]^2 d / (n (n - d)) + sum S(s-)^2 e (n - e) / n^3 - 2 sum [F(t) - F(s)] S(s-) e / n^2.
    With late entries it is slightly off: ``variance_of_influence`` is the one then.
    """
    passed = [step for step in steps(people) if step.time <= horizon]
    reached = passed[-1].incidence if passed else Fraction(0)
    variance = Fraction(0)
    for step in passed:
        left, n = reached - step.incidence, step.at_risk
        if left:
            variance += left**2 * Fraction(step.happened, n * (n - step.happened))
        variance += step.before**2 * Fraction(step.events * (n - step.events), n**3)
        variance -= 2 * left * step.before * Fraction(step.events, n**2)
    return reached, float(variance)


def influence(people: Sequence[Person], horizon: int) -> list[Fraction]:
    """Of each pathway on the incidence: its derivative in the weight of the pathway, by the rules of calculus."""
    of_kind: dict[Person, Fraction] = {}
    passed = [step for step in steps(people) if step.time <= horizon]
    for entry, time, status in set(people):
        moved_free = moved = Fraction(0)
        for step in passed:
            at_risk, event, ended = (
                entry < step.time <= time,
                (time, status) == (step.time, 1),
                time == step.time and status > 0,
            )
            hazard, all_causes = Fraction(step.events, step.at_risk), Fraction(step.happened, step.at_risk)
            moved += moved_free * hazard + step.before * (event - at_risk * hazard) / step.at_risk
            moved_free -= moved_free * all_causes + step.before * (ended - at_risk * all_causes) / step.at_risk
        of_kind[entry, time, status] = moved
    return [of_kind[person] for person in people]


def sandwich(owners: Sequence[int], influences: Sequence[Fraction]) -> float:
    """The variance over patients: influences of one patient's pathways are added before they are squared."""
    sums: defaultdict[int, Fraction] = defaultdict(Fraction)
    for owner, psi in zip(owners, influences, strict=True):
        sums[owner] += psi
    return float(sum(total**2 for total in sums.values()))


def variance_of_influence(people: Sequence[Person], horizon: int) -> float:
    """Of independent pathways: the infinitesimal jackknife."""
    return float(sum(psi**2 for psi in influence(people, horizon)))


def loglog(share: float, error: float, deviate: float = Z) -> tuple[float, float]:
    """Limits of a share on the scale log(-log share), for incidences and survival alike."""
    width = deviate * error / (share * math.log(share))
    first, second = share ** math.exp(-width), share ** math.exp(width)
    return min(first, second), max(first, second)


def kaplan_meier(people: Sequence[Person], horizon: int) -> tuple[Fraction, float]:
    """Share without event by the horizon and Greenwood's variance; every other status censors."""
    alone = [(entry, time, int(status == 1)) for entry, time, status in people]
    share, total = Fraction(1), Fraction(0)
    for step in steps(alone):
        if step.time <= horizon and step.events:
            share *= 1 - Fraction(step.events, step.at_risk)
            if step.at_risk > step.events:
                total += Fraction(step.events, step.at_risk * (step.at_risk - step.events))
    return share, float(share**2 * total)


def median_time(people: Sequence[Person]) -> int | None:
    """First time by which half of all pathways have had the event."""
    return next((step.time for step in steps(people) if step.incidence >= Fraction(1, 2)), None)


def log_rank(after: Sequence[Person], before: Sequence[Person]) -> float | None:
    """Chi-square of the log-rank test; None where no time compares two groups with an event."""
    observed = expected = variance = Fraction(0)
    for time in sorted({time for _, time, status in (*after, *before) if status == 1}):
        here, there = (sum(1 for entry, other, _ in group if entry < time <= other) for group in (after, before))
        events = sum(1 for _, other, status in (*after, *before) if other == time and status == 1)
        n = here + there
        observed += sum(1 for _, other, status in after if other == time and status == 1)
        expected += Fraction(events * here, n)
        if n > 1:
            variance += Fraction(here * there * events * (n - events), n * n * (n - 1))
    return float((observed - expected) ** 2 / variance) if variance else None


def chi_square_p(statistic: float) -> float:
    """Upper tail of chi-square with one degree of freedom."""
    return math.erfc(math.sqrt(statistic / 2))


def wilson(events: int, n: int) -> tuple[float, float]:
    share, square = events / n, Z * Z / n
    middle = share + square / 2
    width = Z * math.sqrt(share * (1 - share) / n + square / (4 * n))
    return (middle - width) / (1 + square), (middle + width) / (1 + square)


def newcombe(events: int, n: int, events_before: int, n_before: int) -> tuple[float, float, float]:
    """Difference of two shares with Newcombe's hybrid limits (method 10)."""
    share, other = events / n, events_before / n_before
    return share - other, *squared_and_added(share, wilson(events, n), other, wilson(events_before, n_before))


def squared_and_added(
    share: float,
    limits: tuple[float, float],
    other: float,
    limits_of_other: tuple[float, float],
    correlation: float = 0,
) -> tuple[float, float]:
    """Limits of share - other from those of both, whose estimates have a correlation."""
    down, up = share - limits[0], limits[1] - share
    other_down, other_up = other - limits_of_other[0], limits_of_other[1] - other
    below = math.sqrt(down**2 + other_up**2 - 2 * correlation * down * other_up)
    return share - other - below, share - other + math.sqrt(up**2 + other_down**2 - 2 * correlation * up * other_down)


def mean(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and its standard error, which one answer, or answers all alike, do not have."""
    average = math.fsum(values) / len(values)
    if len(set(values)) == 1:
        return average, None
    squares = math.fsum((value - average) ** 2 for value in values)
    return average, math.sqrt(squares / (len(values) - 1) / len(values))


# ---------------------------------------------------------------- rates of (events, exposure)


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function is 0, by halving."""
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


def poisson_up_to(k: int, mean: float) -> float:
    """Probability of at most k events, summed downwards from k."""
    if k < 0:
        return 0.0
    total, term = 0.0, math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
    for i in range(k, -1, -1):
        total, term = total + term, term * i / mean
    return total


def garwood(events: int) -> tuple[float, float]:
    """Exact limits of the mean of a Poisson count."""
    most = 2 * events + 50.0
    low = root(lambda mean: 1 - poisson_up_to(events - 1, mean) - 0.025, 1e-12, most) if events else 0.0
    return low, root(lambda mean: 0.025 - poisson_up_to(events, mean), 1e-12, most)


def binomial_up_to(k: int, n: int, p: float) -> float:
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    total, term = 0.0, math.exp(choose + k * math.log(p) + (n - k) * math.log1p(-p))
    for i in range(k, -1, -1):
        total, term = total + term, term * i / (n - i + 1) * (1 - p) / p
    return total


def clopper_pearson(k: int, n: int) -> tuple[float, float]:
    low = root(lambda p: 1 - binomial_up_to(k - 1, n, p) - 0.025, 1e-12, 1 - 1e-12) if k else 0.0
    return low, root(lambda p: 0.025 - binomial_up_to(k, n, p), 1e-12, 1 - 1e-12) if k < n else 1.0


@dataclass(frozen=True)
class Compared:
    """Two groups day by day, up to the last day that both reach: the rates of one, times e^beta, are the other's.

    Of each pathway: whether it is of after, and what it adds to the error of ``beta`` and of the numbers of events that
    all would have as pathways of before and of after.
    """

    beta: float
    numbers: tuple[float, float]
    influence: list[tuple[float, float, float]]


def compared(after: Sequence[Course], before: Sequence[Course]) -> Compared | None:
    """None where either group has no event on the days that both reach."""
    horizon = min(max(course.last for course in group) for group in (after, before))
    pathways = [(1, course) for course in after] + [(0, course) for course in before]
    days = sorted({day for _, course in pathways for day in course.events if day <= horizon})
    here, there = ({day: sum(1 for course in group if course.last >= day) for day in days} for group in (after, before))
    seen = {day: sum(course.events.count(day) for _, course in pathways) for day in days}
    of_after = sum(1 for course in after for day in course.events if day <= horizon)
    if not of_after or of_after == sum(seen.values()):
        return None

    def share(day: int, beta: float) -> float:
        return here[day] * math.exp(beta) / (here[day] * math.exp(beta) + there[day])

    beta = root(lambda value: sum(seen[day] * share(day, value) for day in days) - of_after, -15.0, 15.0)
    hazard = {day: seen[day] / (here[day] * math.exp(beta) + there[day]) for day in days}
    information = sum(seen[day] * share(day, beta) * (1 - share(day, beta)) for day in days)
    everybody = {day: here[day] + there[day] for day in days}
    none = sum(everybody[day] * hazard[day] for day in days)
    lost = -sum(everybody[day] * hazard[day] * share(day, beta) for day in days)  # of ``none``, in beta
    influence = []
    for is_after, course in pathways:
        score = direct = 0.0
        for day in days:
            surprise = course.events.count(day) - (course.last >= day) * math.exp(beta * is_after) * hazard[day]
            score += (is_after - share(day, beta)) * surprise
            direct += everybody[day] * hazard[day] / seen[day] * surprise
        of_beta = score / information
        of_none = direct + lost * of_beta
        influence.append((of_beta, of_none, math.exp(beta) * (of_none + none * of_beta)))
    return Compared(beta, (none, none * math.exp(beta)), influence)


def expected_at_common_rates(after: Sequence[Course], before: Sequence[Course]) -> tuple[float, float]:
    """What either group would have of all events up to the last day that both reach, at the same daily rates."""
    horizon = min(max(course.last for course in group) for group in (after, before))
    found = [0.0, 0.0]
    for day in [day for group in (after, before) for course in group for day in course.events if day <= horizon]:
        at_risk = [sum(1 for course in group if course.last >= day) for group in (after, before)]
        for place in (0, 1):
            found[place] += at_risk[place] / sum(at_risk)
    return found[0], found[1]


def poisson_limits(k: int, deviate: float) -> tuple[float, float]:
    """The means at which at least, and at most, k events have the probability of one tail."""
    tail = math.erfc(deviate / math.sqrt(2)) / 2
    most = 50 + 4 * k + 2 * deviate**2
    low = root(lambda mean: 1 - poisson_up_to(k - 1, mean) - tail, 1e-300, most) if k else 0.0
    return low, root(lambda mean: tail - poisson_up_to(k, mean), 1e-300, most)

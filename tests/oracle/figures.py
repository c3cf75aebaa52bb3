"""The figures that counts must give: the oracle's estimators on every scope, period, month and quarter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any

from oracle import estimators
from oracle.estimators import Course
from oracle.reference import ANSWERED, Cell, Counts

from warehouse.kinds import Indicator, RecurrentEvent, Score, Timed
from warehouse.programme import Programme

SCALE = {"day": 1, "minute": 60, "hour": 3600}
MONTH = Fraction("30.4375")
MOST_DEVIATE = 40.0  # whose p-value is 0
NOTHING = {"estimate": None, "ci_low": None, "ci_high": None, "std_error": None, "p_value": None}
Key = tuple[str, str, str, str, str, str, int | None, str]
Courses = dict[Cell, list[Course]]
Rows = dict[Cell, list[int]]  # key without the indicator -> the owner of each pathway; of one's own unless several


@dataclass(frozen=True)
class Expected:
    """What a figure must hold; a field that is absent from ``known`` is not judged."""

    measure: str
    period: str
    horizon: int | None
    known: dict[str, Any]
    analysis: str = ""  # of a sensitivity analysis; empty where the plan decides


@dataclass(frozen=True)
class Group:
    """Pathways: their cells and whose they are; ``shared`` where a patient may have several."""

    cells: list[Cell]
    owners: list[int]
    shared: bool
    courses: list[Course]  # of recurrent events

    @property
    def people(self) -> list[estimators.Person]:
        return [(entry, time, status) for entry, time, status in self.cells]

    @property
    def enters_late(self) -> bool:
        return any(entry >= 0 for entry, *_ in self.cells)


@dataclass(frozen=True)
class Scope:
    type: str
    name: str
    view: str
    holds: Callable[[Cell], bool]  # of (arm, site, stratum)


def expected_figures(counted: Counts, programme: Programme) -> dict[Key, dict[str, Any]]:
    figures: dict[Key, dict[str, Any]] = {}
    for declared in programme.indicators.values():
        for variant, of in programme.variants_of(declared).items():
            shared, strangers = (of.time_zero or programme.time_zero).which == "each", count(10**9)
            cells = {key: n for key, n in counted.of_kind(of.kind).items() if key[:2] == (of.id, variant)}
            rows = {
                key[2:]: counted.owners[key] if shared else [next(strangers) for _ in range(n)]
                for key, n in cells.items()
            }
            courses = {key[2:]: found for key, found in counted.courses.items() if key[:2] == (of.id, variant)}
            for scope in _scopes(rows, programme):
                for one in _of_scope(rows, courses, scope, programme, of, shared=shared):
                    key = (of.id, variant, scope.type, scope.name, one.period, one.measure, one.horizon, one.analysis)
                    assert key not in figures
                    figures[key] = one.known
    return figures


def _scopes(rows: Rows, programme: Programme) -> Iterator[Scope]:
    yield Scope("overall", "all", "overall", lambda of: of[0] == "circuit")
    for arm in ("comparator", "not_started"):
        if any(key[2] == arm for key in rows):
            yield Scope("arm", arm, "overall", lambda of, arm=arm: of[0] == arm)
    if any(key[0] == "site" for key in rows):
        for site in programme.sites:
            yield Scope("site", site.id, "site", lambda of, site=site: of[0] != "not_started" and of[1] == site.id)
    levels = {(key[0], key[4]) for key in rows if key[0].startswith("equity:") and key[2] == "circuit"}
    for view, name in sorted(levels):
        yield Scope(view[7:], name, view, lambda of, name=name: of[0] == "circuit" and of[2] == name)


def _of_scope(
    rows: Rows, courses: Courses, scope: Scope, programme: Programme, of: Indicator, *, shared: bool
) -> Iterator[Expected]:
    def chosen(view: str, holds_period: Callable[[str], bool]) -> Group:
        members = [
            (key[5:], owner)
            for key, owners in rows.items()
            for owner in owners
            if key[0] == view and scope.holds(key[2:5]) and holds_period(key[1])
        ]
        lived = [
            course
            for key, found in courses.items()
            for course in found
            if key[0] == view and scope.holds(key[2:5]) and holds_period(key[1])
        ]
        return Group([cell for cell, _ in members], [owner for _, owner in members], shared, lived)

    groups = {name: chosen(scope.view, name.__eq__) for name, _ in programme.periods.named()}
    together = {"all": chosen(scope.view, lambda period: True)} if scope.type == "overall" else {}
    for name, group in (groups | together).items():
        yield from _of_group(name, group, of) if group.cells else [_absent(name, of, "no_pathway", n=0)]
        if scope.view == "overall" and group.cells:
            yield from _areas(name, of, shared=shared)
    if scope.name != "not_started":
        yield from _contrasts(groups["after"], groups["before"], of, with_tests=scope.view == "overall")
        if scope.view == "overall" and groups["after"].cells and groups["before"].cells and isinstance(of, Timed):
            yield from _hazards(groups["after"], groups["before"], of, _sites(rows, scope))
            yield from _resampled(of, shared=shared)
        if scope.view == "overall" and isinstance(of, Score):
            yield from _silence(groups, of)
    if scope.view == "overall":
        months = {key[1] for key in rows if key[0] == "month" and scope.holds(key[2:5])}
        spans = {month: {month} for month in months}
        for month in months:
            spans.setdefault(f"{month[:4]}-Q{(int(month[5:]) - 1) // 3 + 1}", set()).add(month)
        for name, held in spans.items():
            group = chosen("month", held.__contains__)
            shown = (of.primary.measure, of.primary.horizon)
            yield from (one for one in _of_group(name, group, of) if (one.measure, one.horizon) == shown)


def _areas(period: str, of: Indicator, *, shared: bool) -> Iterator[Expected]:
    """That there are areas, of whole arms and independent pathways; their values are R's business."""
    if isinstance(of, Timed) and not shared:
        measure = "area_under_incidence" if of.competing else "restricted_mean"
        yield Expected(measure, period, max(of.horizons), {})


def _resampled(of: Timed, *, shared: bool) -> Iterator[Expected]:
    """That there is a difference of medians, of whole arms and independent pathways; R's patients judge it."""
    if not shared:
        yield Expected("median_time", "after-before", None, {})


def _sites(rows: Rows, scope: Scope) -> set[str | None]:
    """The sites of the pathways of both periods, where these are counted by site."""
    return {key[3] for key in rows if key[0] == "site" and scope.holds(key[2:5]) and key[1] in ("before", "after")}


def _hazards(after: Group, before: Group, of: Timed, sites: set[str | None]) -> Iterator[Expected]:
    """The log-rank test; that there are ratios of hazards and tests by site: their values are R's business."""
    if after.shared:
        yield Expected("log_rank", "after-before", None, {**NOTHING, "null_reason": "several_pathways_per_patient"})
    else:
        statistic = estimators.log_rank(after.people, before.people)
        p_value = None if statistic is None else estimators.chi_square_p(statistic)
        yield Expected("log_rank", "after-before", None, {"estimate": statistic, "p_value": p_value})
    for cause in ("", "_competing") if of.competing else ("",):
        yield Expected(f"hazard_ratio{cause}", "after/before", None, {})
        yield Expected(f"proportional_hazards{cause}", "after-before", None, {})
        if len(sites) > 1:
            yield Expected(f"hazard_ratio{cause}", "after/before", None, {}, "sensitivity:site_clustered")
    if len(sites) > 1 and not after.shared:
        yield Expected("stratified_log_rank", "after-before", None, {})
        if of.competing:
            yield Expected("stratified_gray_test", "after-before", None, {})


def _absent(period: str, of: Indicator, reason: str, **known: Any) -> Expected:
    return Expected(of.primary.measure, period, of.primary.horizon, {**NOTHING, **known, "null_reason": reason})


# ---------------------------------------------------------------- one group


def _of_group(period: str, group: Group, of: Indicator) -> Iterator[Expected]:
    if isinstance(of, Timed):
        yield from _times(period, group, of)
    elif isinstance(of, RecurrentEvent):
        yield _rate(period, group)
    else:
        yield from _shares(period, group.cells, of)


def _times(period: str, group: Group, of: Timed) -> Iterator[Expected]:
    scale, people = SCALE[of.unit], group.people
    for horizon in of.horizons:
        tick = horizon * scale
        known = {"n": len(people), "n_events": sum(1 for _, time, status in people if status == 1 and time <= tick)}
        if of.competing:
            share, variance = _incidence(group, tick, competing=True)
            found = _share(people, tick, float(share), variance)
            yield Expected("cumulative_incidence", period, horizon, {**known, **found})
            continue
        share, variance = estimators.kaplan_meier(people, tick)
        variance = _incidence(group, tick, competing=False)[1] if group.shared else variance
        alive = _share(people, tick, float(share), variance)
        yield Expected("survival", period, horizon, {**known, **alive})
        yield Expected("cumulative_incidence", period, horizon, {**known, **_complement(alive)})
    median = estimators.median_time(people)
    yield Expected(
        "median_time", period, None,
        {
            "n": len(people),
            "n_events": sum(1 for *_, status in people if status == 1),
            "estimate": None if median is None else median / scale,
            "null_reason": "not_reached" if median is None else None,
        },
    )  # fmt: skip


def _incidence(group: Group, tick: int, *, competing: bool) -> tuple[Fraction, float]:
    """Its variance is the textbook's where pathways are independent, else the sandwich over patients.

    With late entries and something that competes it is that of the influences.
    """
    share, variance = estimators.incidence(group.people, tick)
    if group.enters_late and competing:
        variance = estimators.variance_of_influence(group.people, tick)
    if group.shared:
        variance = estimators.sandwich(group.owners, estimators.influence(group.people, tick))
    return share, variance


def _share(people: list[estimators.Person], tick: int, share: float, variance: float) -> dict[str, Any]:
    if not estimators.is_reached(people, tick):
        return {"estimate": None, "ci_low": None, "ci_high": None, "null_reason": "horizon_beyond_follow_up"}
    if not 0 < share < 1:  # its exact limit is the business of other tests
        return {"estimate": share, "null_reason": None}
    if not variance:  # one patient owns all pathways, or all patients are alike
        return {"estimate": share, "std_error": None, "ci_low": None, "ci_high": None, "null_reason": None}
    error = math.sqrt(variance)
    low, high = estimators.loglog(share, error)
    return {"estimate": share, "std_error": error, "ci_low": low, "ci_high": high, "null_reason": None}


def _complement(alive: dict[str, Any]) -> dict[str, Any]:
    turned = {"estimate": "estimate", "ci_low": "ci_high", "ci_high": "ci_low"}
    found = dict(alive)
    for name, other in turned.items():
        if name in alive:
            found[name] = None if alive[other] is None else 1 - alive[other]
    return found


def _rate(period: str, group: Group) -> Expected:
    """Events per 100 patient-months with the exact limits of their number."""
    events, days = (sum(column) for column in zip(*group.cells, strict=True))
    months = float(days / MONTH)
    known: dict[str, Any] = {
        "n": len(group.cells),
        "n_events": events,
        "n_with": sum(1 for number, _ in group.cells if number),
        "exposure": months,
    }
    if not days:
        return Expected("rate", period, None, {**NOTHING, **known, "null_reason": "no_exposure"})
    low, high = (100 * limit / months for limit in estimators.garwood(events))
    error = 100 * math.sqrt(events) / months if events else None
    known |= {"estimate": 100 * events / months, "ci_low": low, "ci_high": high, "std_error": error}
    return Expected("rate", period, None, {**known, "null_reason": None})


def _shares(period: str, group: list[Cell], of: Indicator) -> Iterator[Expected]:
    for measure, events, n in _numerators(group, of):
        known: dict[str, Any] = {"n": n, "n_events": events, "null_reason": None if n else "no_answer"}
        if n:
            low, high = estimators.wilson(events, n)
            known |= {"estimate": events / n, "ci_low": low, "ci_high": high}
        else:
            known |= {"estimate": None, "ci_low": None, "ci_high": None}
        yield Expected(measure, period, None, known)
    if isinstance(of, Score):
        answers = _answers(group)
        average, error = estimators.mean(answers) if answers else (None, None)
        known = {"n": len(answers), "estimate": average, "std_error": error}
        yield Expected("mean", period, None, known | {"null_reason": None if answers else "no_answer"})


def _numerators(group: list[Cell], of: Indicator) -> list[tuple[str, int, int]]:
    if not isinstance(of, Score):
        return [("proportion", sum(1 for *_, value in group if value == 1), len(group))]
    answers = _answers(group)
    followed = [stage == ANSWERED for stage, stays, _ in group if stays]
    return [
        ("top_box", sum(1 for answer in answers if answer >= of.top_box), len(answers)),
        ("response_rate", sum(followed), len(followed)),
    ]


def _silence(groups: dict[str, Group], of: Score) -> Iterator[Expected]:
    """The share of favourable answers if none, and if all, of the silent had given one; and their differences."""
    shares: dict[tuple[str, str], float | None] = {}
    for period, group in groups.items():
        asked = [(stage == ANSWERED, value) for stage, stays, value in group.cells if stays]
        good = sum(1 for answered, value in asked if answered and value / 1_000_000 >= of.top_box)
        silent = sum(1 for answered, _ in asked if not answered)
        for bound, events in (("lowest", good), ("highest", good + silent)):
            shares[bound, period] = share = events / len(asked) if asked else None
            known = {
                "n": len(asked),
                "n_events": events,
                "estimate": share,
                "null_reason": None if asked else "no_answer",
            }
            if group.cells:
                yield Expected("top_box", period, None, known, f"sensitivity:non_response_{bound}")
    if groups["after"].cells and groups["before"].cells:
        for bound, other in (("lowest", "highest"), ("highest", "lowest")):
            there, then = shares[bound, "after"], shares[other, "before"]
            known = {"estimate": None if there is None or then is None else there - then}
            yield Expected("top_box", "after-before", None, known, f"sensitivity:non_response_{bound}")


def _answers(group: list[Cell]) -> list[float]:
    return [value / 1_000_000 for stage, _, value in group if stage == ANSWERED]


# ---------------------------------------------------------------- after against before


def _contrasts(after: Group, before: Group, of: Indicator, *, with_tests: bool) -> Iterator[Expected]:
    if not after.cells or not before.cells:
        yield _absent("after-before", of, "period_absent")
        return
    if isinstance(of, Timed):
        found = _time_contrasts(after, before, of)
    elif isinstance(of, RecurrentEvent):
        found = _rate_contrasts(after.courses, before.courses, of.window[0])
    else:
        found = _share_contrasts(after.cells, before.cells, of)
    if with_tests and isinstance(of, Timed) and not after.shared:
        yield from _areas("after-before", of, shared=False)
        if of.competing:
            yield Expected("gray_test", "after-before", None, {})  # R's business too
    for one in found:
        yield one if with_tests else Expected(one.measure, one.period, one.horizon, {**one.known, "p_value": None})


def _time_contrasts(after: Group, before: Group, of: Timed) -> Iterator[Expected]:
    for horizon in of.horizons:
        known = _difference(after, before, horizon * SCALE[of.unit], competing=bool(of.competing))
        yield Expected("cumulative_incidence", "after-before", horizon, known)
        if of.primary.measure == "survival":
            yield Expected("survival", "after-before", horizon, _negated(known))


def _negated(known: dict[str, Any]) -> dict[str, Any]:
    """The same difference of what remains, survival."""
    turned = {"estimate": "estimate", "ci_low": "ci_high", "ci_high": "ci_low"}
    return known | {
        name: None if known[other] is None else -known[other] for name, other in turned.items() if name in known
    }


def _difference(after: Group, before: Group, tick: int, *, competing: bool) -> dict[str, Any]:
    if not (estimators.is_reached(after.people, tick) and estimators.is_reached(before.people, tick)):
        return {"estimate": None, "p_value": None, "null_reason": "horizon_beyond_follow_up"}
    (share, variance), (other, variance_before) = (
        _incidence(group, tick, competing=competing) for group in (after, before)
    )
    difference = float(share - other)
    if any(0 < one < 1 and not spread for one, spread in ((share, variance), (other, variance_before))):
        return {**NOTHING, "null_reason": "no_spread"}
    if not (0 < share < 1 and 0 < other < 1):
        return {"estimate": difference, "null_reason": None}
    both = variance + variance_before
    if after.shared:  # a patient of both groups brings his influences to either, with opposite signs
        opposite = [-psi for psi in estimators.influence(before.people, tick)]
        psi = [*estimators.influence(after.people, tick), *opposite]
        both = estimators.sandwich([*after.owners, *before.owners], psi)
    if not both:
        return {**NOTHING, "null_reason": "no_spread"}
    scale = estimators.loglog if competing else _loglog_of_survival
    groups = [(float(value), math.sqrt(spread)) for value, spread in ((share, variance), (other, variance_before))]
    correlation = (variance + variance_before - both) / (2 * groups[0][1] * groups[1][1])

    def limits(deviate: float) -> tuple[float, float]:
        sides = [side for value, error in groups for side in (value, scale(value, error, deviate))]
        return estimators.squared_and_added(*sides, correlation=correlation)

    low, high = limits(estimators.Z)
    reached = estimators.root(lambda z: -limits(z)[0] if difference > 0 else limits(z)[1], 0.0, MOST_DEVIATE)
    return {
        "estimate": difference,
        "std_error": math.sqrt(both),
        "ci_low": low,
        "ci_high": high,
        "p_value": math.erfc(reached / math.sqrt(2)) if difference else 1.0,
        "null_reason": None,
    }


def _loglog_of_survival(share: float, error: float, deviate: float) -> tuple[float, float]:
    low, high = estimators.loglog(1 - share, error, deviate)
    return 1 - high, 1 - low


def _rate_contrasts(after: list[Course], before: list[Course], low: int) -> Iterator[Expected]:
    """At equal follow-up, pathway by pathway; where a period has no event, from exact limits of both."""
    horizon = min(max(course.last for course in group) for group in (after, before))
    seen = [sum(1 for course in group for day in course.events if day <= horizon) for group in (after, before)]
    days = [sum(min(course.at_risk, horizon + 1 - low) for course in group) for group in (after, before)]
    difference, ratio = _at_equal_follow_up(after, before, sum(days)) if all(seen) else _bounded(
        seen, estimators.expected_at_common_rates(after, before) if any(seen) else days, sum(days)
    )  # fmt: skip
    yield Expected("rate", "after-before", None, difference)
    yield Expected("rate_ratio", "after/before", None, ratio)
    yield Expected("rate_ratio_negative_binomial", "after/before", None, {})  # its likelihood is R's business


def _at_equal_follow_up(after: list[Course], before: list[Course], days: int) -> tuple[dict[str, Any], dict[str, Any]]:
    found = estimators.compared(after, before)
    assert found is not None
    of_beta = math.sqrt(sum(beta**2 for beta, _, _ in found.influence))
    error = math.sqrt(sum((one - none) ** 2 for _, none, one in found.influence))
    if of_beta < 1e-9:
        null = {**NOTHING, "null_reason": "no_spread"}
        return ({**NOTHING, "null_reason": "no_exposure"} if not days else null), null
    ratio, width = math.exp(found.beta), math.exp(estimators.Z * of_beta)
    limits = {"ci_low": ratio / width, "ci_high": ratio * width}
    of_ratio = {"estimate": ratio, "std_error": of_beta, **limits, "p_value": None, "null_reason": None}
    if not days:
        return {**NOTHING, "null_reason": "no_exposure"}, of_ratio
    change, error = ((value * float(100 * MONTH) / days) for value in (found.numbers[1] - found.numbers[0], error))
    difference = {
        "estimate": change,
        "std_error": error,
        "ci_low": change - estimators.Z * error,
        "ci_high": change + estimators.Z * error,
        "p_value": math.erfc(abs(change) / error / math.sqrt(2)),
        "null_reason": None,
    }
    return difference, of_ratio


def _bounded(seen: list[int], expected: Sequence[float], days: int) -> tuple[dict[str, Any], dict[str, Any]]:
    ratio = _exact_ratio(seen[0], expected[0], seen[1], expected[1])
    if not all(expected):
        return {**NOTHING, "null_reason": "no_exposure"}, ratio
    scales = [sum(expected) / of * float(100 * MONTH) / days for of in expected]
    change = seen[0] * scales[0] - seen[1] * scales[1]

    def limits(deviate: float) -> tuple[float, float]:
        sides = [
            (n * scale, tuple(limit * scale for limit in estimators.poisson_limits(n, deviate)))
            for n, scale in zip(seen, scales, strict=True)
        ]
        return estimators.squared_and_added(*(side for group in sides for side in group))

    low, high = limits(estimators.Z)
    reached = estimators.root(lambda z: -limits(z)[0] if change > 0 else limits(z)[1], 1e-9, 30.0)
    known = {"estimate": change, "std_error": None, "ci_low": low, "ci_high": high, "null_reason": None}
    return known | {"p_value": math.erfc(reached / math.sqrt(2)) if change else 1.0}, ratio


def _exact_ratio(events: int, exposure: float, events_before: int, exposure_before: float) -> dict[str, Any]:
    """Given all events, those of after are binomial: its exact limits."""
    if not exposure or not exposure_before:
        return {**NOTHING, "null_reason": "no_exposure"}
    if not events_before:
        return {**NOTHING, "null_reason": "no_event_in_a_group" if events else "no_event"}
    scale = exposure_before / exposure
    low, high = (limit / (1 - limit) * scale for limit in estimators.clopper_pearson(events, events + events_before))
    known = {"estimate": events / events_before * scale, "ci_low": low, "ci_high": high, "p_value": None}
    return known | {"null_reason": None}


def _share_contrasts(after: list[Cell], before: list[Cell], of: Indicator) -> Iterator[Expected]:
    for (measure, events, n), (_, other, n_before) in zip(_numerators(after, of), _numerators(before, of), strict=True):
        known: dict[str, Any] = {"estimate": None, "null_reason": "no_answer"}
        if n and n_before:
            difference, low, high = estimators.newcombe(events, n, other, n_before)
            known = {"estimate": difference, "ci_low": low, "ci_high": high, "null_reason": None}
        yield Expected(measure, "after-before", None, known)
    if isinstance(of, Score):
        answers = [_answers(group) for group in (after, before)]
        known = {}
        if min(map(len, answers)) > 1 and max(len(set(found)) for found in answers) > 1:
            (mean, error), (other_mean, other_error) = (estimators.mean(found) for found in answers)
            known = {"estimate": mean - other_mean, "std_error": math.hypot(error or 0, other_error or 0)}
        yield Expected("mean", "after-before", None, known)

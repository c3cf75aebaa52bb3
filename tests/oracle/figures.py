"""The figures that counts must give: the oracle's estimators on every scope, period, month and quarter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from oracle import estimators
from oracle.reference import ANSWERED, Cell, Counts

from warehouse.programme import Indicator, Programme, Score, TimeToEvent

SCALE = {"day": 1, "minute": 60, "hour": 3600}
Key = tuple[str, str, str, str, str, str, int | None]
Group = list[Cell]


@dataclass(frozen=True)
class Expected:
    """What a figure must hold; a field that is absent from ``known`` is not judged."""

    measure: str
    period: str
    horizon: int | None
    known: dict[str, Any]


@dataclass(frozen=True)
class Scope:
    type: str
    name: str
    view: str
    holds: Callable[[Cell], bool]  # of (arm, site, stratum)


def expected_figures(counted: Counts, programme: Programme) -> dict[Key, dict[str, Any]]:
    found: dict[Key, dict[str, Any]] = {}
    for declared in programme.indicators.values():
        for variant, of in programme.variants_of(declared).items():
            cells = counted.time if of.kind == "time_to_event" else counted.score
            rows = {key[2:]: n for key, n in cells.items() if key[:2] == (of.id, variant)}
            for scope in _scopes(rows, programme):
                for one in _of_scope(rows, scope, programme, of):
                    key = (of.id, variant, scope.type, scope.name, one.period, one.measure, one.horizon)
                    assert key not in found
                    found[key] = one.known
    return found


def _scopes(rows: dict[Cell, int], programme: Programme) -> Iterator[Scope]:
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


def _group(rows: dict[Cell, int], scope: Scope, view: str, holds_period: Callable[[str], bool]) -> Group:
    return [
        key[5:]
        for key, n in rows.items()
        for _ in range(n)
        if key[0] == view and scope.holds(key[2:5]) and holds_period(key[1])
    ]


def _of_scope(rows: dict[Cell, int], scope: Scope, programme: Programme, of: Indicator) -> Iterator[Expected]:
    groups = {
        name: _group(rows, scope, scope.view, lambda period, name=name: period == name)
        for name, _ in programme.periods.named()
    }
    together = {"all": _group(rows, scope, scope.view, lambda period: True)} if scope.type == "overall" else {}
    for name, group in (groups | together).items():
        yield from _of_group(name, group, of) if group else [_absent(name, of, "no_pathway", n=0)]
    if scope.name != "not_started":
        yield from _contrasts(groups["after"], groups["before"], of, with_tests=scope.view == "overall")
    if scope.view == "overall":
        months = {key[1] for key in rows if key[0] == "month" and scope.holds(key[2:5])}
        spans = {month: {month} for month in months}
        for month in months:
            spans.setdefault(f"{month[:4]}-Q{(int(month[5:]) - 1) // 3 + 1}", set()).add(month)
        for name, held in spans.items():
            group = _group(rows, scope, "month", held.__contains__)
            shown = (of.primary.measure, of.primary.horizon)
            yield from (one for one in _of_group(name, group, of) if (one.measure, one.horizon) == shown)


def _absent(period: str, of: Indicator, reason: str, **known: Any) -> Expected:
    nothing = {"estimate": None, "ci_low": None, "ci_high": None, "std_error": None, "p_value": None}
    return Expected(of.primary.measure, period, of.primary.horizon, {**nothing, **known, "null_reason": reason})


# ---------------------------------------------------------------- one group


def _of_group(period: str, group: Group, of: Indicator) -> Iterator[Expected]:
    if isinstance(of, TimeToEvent):
        yield from _times(period, [(time, status) for _, time, status in group], of)
    else:
        yield from _shares(period, group, of)


def _times(period: str, people: list[estimators.Person], of: TimeToEvent) -> Iterator[Expected]:
    scale = SCALE[of.unit]
    for horizon in of.horizons:
        tick = horizon * scale
        known = {"n": len(people), "n_events": sum(1 for time, status in people if status == 1 and time <= tick)}
        if of.competing:
            share, variance = estimators.incidence(people, tick)
            found = _share(people, tick, float(share), variance)
            yield Expected("cumulative_incidence", period, horizon, {**known, **found})
            continue
        share, variance = estimators.kaplan_meier(people, tick)
        alive = _share(people, tick, float(share), variance)
        yield Expected("survival", period, horizon, {**known, **alive})
        yield Expected("cumulative_incidence", period, horizon, {**known, **_complement(alive)})
    median = estimators.median_time(people)
    yield Expected(
        "median_time", period, None,
        {
            "n": len(people),
            "n_events": sum(1 for _, status in people if status == 1),
            "estimate": None if median is None else median / scale,
            "null_reason": "not_reached" if median is None else None,
        },
    )  # fmt: skip


def _share(people: list[estimators.Person], tick: int, share: float, variance: float) -> dict[str, Any]:
    if not estimators.is_reached(people, tick):
        return {"estimate": None, "ci_low": None, "ci_high": None, "null_reason": "horizon_beyond_follow_up"}
    if not 0 < share < 1:  # its exact limit is the business of other tests
        return {"estimate": share, "null_reason": None}
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


def _shares(period: str, group: Group, of: Indicator) -> Iterator[Expected]:
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


def _numerators(group: Group, of: Indicator) -> list[tuple[str, int, int]]:
    if not isinstance(of, Score):
        return [("proportion", sum(1 for *_, value in group if value == 1), len(group))]
    answers = _answers(group)
    followed = [stage == ANSWERED for stage, stays, _ in group if stays]
    return [
        ("top_box", sum(1 for answer in answers if answer >= of.top_box), len(answers)),
        ("response_rate", sum(followed), len(followed)),
    ]


def _answers(group: Group) -> list[float]:
    return [value / 1_000_000 for stage, _, value in group if stage == ANSWERED]


# ---------------------------------------------------------------- after against before


def _contrasts(after: Group, before: Group, of: Indicator, *, with_tests: bool) -> Iterator[Expected]:
    if not after or not before:
        yield _absent("after-before", of, "period_absent")
        return
    found = _time_contrasts(after, before, of) if isinstance(of, TimeToEvent) else _share_contrasts(after, before, of)
    for one in found:
        if with_tests:
            yield one
        elif one.measure != "log_rank":
            yield Expected(one.measure, one.period, one.horizon, {**one.known, "p_value": None})


def _time_contrasts(after: Group, before: Group, of: TimeToEvent) -> Iterator[Expected]:
    groups = [[(time, status) for _, time, status in group] for group in (after, before)]
    for horizon in of.horizons:
        known = _difference(*groups, horizon * SCALE[of.unit])
        yield Expected("cumulative_incidence", "after-before", horizon, known)
    if not of.competing:
        statistic = estimators.log_rank(*groups)
        p_value = None if statistic is None else estimators.chi_square_p(statistic)
        yield Expected("log_rank", "after-before", None, {"estimate": statistic, "p_value": p_value})


def _difference(after: list[estimators.Person], before: list[estimators.Person], tick: int) -> dict[str, Any]:
    if not (estimators.is_reached(after, tick) and estimators.is_reached(before, tick)):
        return {"estimate": None, "p_value": None, "null_reason": "horizon_beyond_follow_up"}
    (share, variance), (other, variance_before) = (estimators.incidence(group, tick) for group in (after, before))
    difference = float(share - other)
    if not (0 < share < 1 and 0 < other < 1):
        return {"estimate": difference, "null_reason": None}
    error = math.sqrt(variance + variance_before)
    width = estimators.Z * error
    return {
        "estimate": difference,
        "std_error": error,
        "ci_low": max(-1.0, difference - width),
        "ci_high": min(1.0, difference + width),
        "p_value": math.erfc(abs(difference) / error / math.sqrt(2)),
        "null_reason": None,
    }


def _share_contrasts(after: Group, before: Group, of: Indicator) -> Iterator[Expected]:
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

"""What the programme did, and what others published: counts for context, never contrasted as outcomes.

Disclosure control is that of the outcomes wherever people are counted. Those who answer are patients.
Professionals are people too: at a small site a count of one or two names a nurse to her colleagues, and
French rules on health data let no professional be recognised. Workshops and other actions are nobody,
and stay exact.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import polars as pl

from transforms.proportions import wilson
from transforms.rounding import rounded_count
from warehouse.implementation import ActivityKind, Reference, ReferenceItem
from warehouse.programme import Privacy, Programme
from warehouse.schemas import RELEASED_ACTIVITY, RELEASED_REFERENCE

SMALL = "small_count"
WHOLE = "all"
SHARES = ("estimate", "ci_low", "ci_high")
_SCOPE = ["activity", "scope_type", "scope"]
_COUNT = ["site", "month", "activity"]
_REFERENCE_DECIMALS = 3  # a tenth of a per cent: published figures have no cell to protect


def released_activity(stated: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """What the file of activity states (ACTIVITY), counted by scope and period, as RELEASED_ACTIVITY.

    Scopes are the circuit as a whole and each site. A series is by month where every stated month may be
    shown, of all sites alike, else by quarter; never both, lest they be subtracted. A month without a row
    is no month with zero: nothing is said of it.
    """
    if programme.activity is None:
        return RELEASED_ACTIVITY.to_frame()
    frames = [
        _of_kind(stated.filter(pl.col("activity") == kind.id), kind, programme) for kind in programme.activity.kinds
    ]
    return pl.concat([RELEASED_ACTIVITY.to_frame(), *frames])


def _of_kind(stated: pl.DataFrame, kind: ActivityKind, programme: Programme) -> pl.DataFrame:
    """One activity: its totals, its series, and the items of those counted."""
    policy = programme.privacy if kind.counts == "people" else None
    scoped = _scoped(stated.filter(pl.col("item").is_null()), programme)
    totals = scoped.group_by(_SCOPE).agg(pl.col("n").sum()).with_columns(period=pl.lit(WHOLE))
    series = [_series(part, policy) for part in scoped.partition_by("scope_type", maintain_order=True)]
    counted = pl.concat([_shown(totals, policy), *series], how="diagonal")
    items = _items(_of_circuit(stated, programme), programme.privacy)
    rows = pl.concat([RELEASED_ACTIVITY.to_frame(), counted, items], how="diagonal")
    return rows.select(RELEASED_ACTIVITY.names()).sort("item", "scope_type", "scope", "period")


def _of_circuit(stated: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    return stated.filter(pl.col("site").is_in([site.id for site in programme.sites if site.arm == "circuit"]))


def _scoped(counts: pl.DataFrame, programme: Programme) -> pl.DataFrame:
    """Every count twice: for its site and, at a circuit site, for the circuit as a whole."""
    whole = _of_circuit(counts, programme).with_columns(scope_type=pl.lit("overall"), scope=pl.lit(WHOLE))
    return pl.concat([whole, counts.with_columns(scope_type=pl.lit("site"), scope=pl.col("site"))])


def _series(counts: pl.DataFrame, policy: Privacy | None) -> pl.DataFrame:
    """The counts of one type of scope by month or, where some month is small, by quarter."""
    by_month = _shown(_cumulated(counts, pl.col("month")), policy)
    if by_month["withheld"].is_null().all():
        return by_month
    quarter = pl.format("{}-Q{}", pl.col("month").str.head(4), (pl.col("month").str.tail(2).cast(pl.Int64) + 2) // 3)
    return _shown(_cumulated(counts, quarter), policy)


def _cumulated(counts: pl.DataFrame, period: pl.Expr) -> pl.DataFrame:
    by_period = counts.group_by(*_SCOPE, period.alias("period")).agg(pl.col("n").sum()).sort(*_SCOPE, "period")
    return by_period.with_columns(cumulative=pl.col("n").cum_sum().over(_SCOPE))


def _shown(counts: pl.DataFrame, policy: Privacy | None) -> pl.DataFrame:
    """Counts of people rounded, small ones withheld with the sum up to them, which would tell them; actions exact."""
    names = [name for name in ("n", "cumulative") if name in counts.columns]
    if policy is None:
        return counts.with_columns(withheld=pl.lit(None, pl.String))
    judged = counts.with_columns(withheld=pl.when(pl.col("n") < policy.smallest_count).then(pl.lit(SMALL)))
    return judged.with_columns(
        pl.when(pl.col("withheld").is_null()).then(rounded_count(name, policy)).alias(name) for name in names
    )


def _items(stated: pl.DataFrame, policy: Privacy) -> pl.DataFrame:
    """Per item the share of yes among those asked: the people of the sites and months in which it is stated.

    From rounded counts, with Wilson's interval; withheld where few said yes, or few did not.
    """
    asked = stated.filter(pl.col("item").is_null()).select(*_COUNT, people="n")
    answers = stated.filter(pl.col("item").is_not_null()).join(asked, on=_COUNT)
    counts = answers.group_by("activity", "item").agg(n=pl.col("people").sum(), n_yes=pl.col("n").sum())
    small = pl.min_horizontal("n_yes", pl.col("n") - pl.col("n_yes")) < policy.smallest_count
    judged = counts.with_columns(
        scope_type=pl.lit("overall"), scope=pl.lit(WHOLE), period=pl.lit(WHOLE),
        withheld=pl.when(small).then(pl.lit(SMALL)),
    ).with_columns(
        rounded_count("n", policy),
        pl.when(~small).then(rounded_count("n_yes", policy)).alias("n_yes"),
    )  # fmt: skip
    return judged.with_columns(
        pl.struct("n_yes", "n")
        .map_elements(_share, return_dtype=pl.Struct(dict.fromkeys(SHARES, pl.Float64)), skip_nulls=False)
        .struct.unnest()
    )


def _share(counts: dict[str, int | None]) -> dict[str, float | None]:
    """Wilson's share of rounded counts in whole per cent; nothing where they are withheld."""
    n_yes, n = counts["n_yes"], counts["n"]
    if n_yes is None or n is None:
        return dict.fromkeys(SHARES)
    interval = wilson(n_yes, n)
    limits = (interval.estimate, interval.low, interval.high)
    return {name: None if value is None else round(value, 2) for name, value in zip(SHARES, limits, strict=True)}


def reference_figures(programme: Programme) -> pl.DataFrame:
    """Every item of the declared references with Wilson's interval (1927), as RELEASED_REFERENCE.

    A published percentage is of the nearest count: of 261 women, 65 % is 170; the counts that round to
    it stand beside. Shares have three decimals.
    """
    rows = [_reference_row(reference, item) for reference in programme.references for item in reference.items]
    return pl.DataFrame(rows, schema=RELEASED_REFERENCE, orient="row")


def _reference_row(reference: Reference, item: ReferenceItem) -> dict[str, object]:
    nearest, least, most = _counts(item, reference.n)
    interval = wilson(nearest, reference.n)
    share = interval.estimate if item.percent is None else item.percent / 100
    shown = {"estimate": share, "ci_low": interval.low, "ci_high": interval.high}
    return {
        "reference_id": reference.id, "item": item.id, "n": reference.n, "percent": item.percent,
        "n_yes": nearest, "n_yes_least": least, "n_yes_most": most,
        **{name: None if value is None else round(value, _REFERENCE_DECIMALS) for name, value in shown.items()},
    }  # fmt: skip


def _counts(item: ReferenceItem, n: int) -> tuple[int, int, int]:
    """The nearest count, and the least and the most that round to the published percentage."""
    if item.percent is None:
        count = item.count or 0
        return count, count, count
    half = Fraction(1, 2)
    least, most = (Fraction(n, 100) * (item.percent + side) for side in (-half, half))
    nearest = floor(Fraction(n * item.percent, 100) + half)
    return nearest, min(max(ceil(least), 0), nearest), max(min(floor(most), n), nearest)

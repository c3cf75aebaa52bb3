"""What the warehouse can tell about itself: where it stands, and what stands behind a number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from checks.gate import told
from dashboards.language import language
from dashboards.selection import opened
from dashboards.threat_words import of_indicator
from transforms.intervals import NO_PATHWAY
from transforms.recorded import NO_TIME_ZERO, NOT_RECORDED
from warehouse.errors import DeclarationError
from warehouse.home import Home
from warehouse.kinds import Indicator
from warehouse.programme import Programme
from warehouse.schemas import Release
from warehouse.store import Store

SHARES = ("cumulative_incidence", "survival", "proportion", "top_box", "response_rate", "invitation_rate")
REASONS = {
    "analysed": "analysed",
    "prevalent": "excluded: time zero before the before period",
    "outside_periods": "excluded: time zero in no period",
    "site_unknown": "excluded: no site at time zero",
    "earlier_event": "excluded: the event came before time zero",
    "ended_before_entry": "excluded: ended before the before period",
    "no_follow_up": "excluded: no follow-up",
    "not_recorded": "excluded: no event of the kind in the data",
    "not_known_before": "excluded: not known for long enough before time zero",
    "immature": "excluded: the window is not complete",
    "no_answer": "not answered, followed to the end of the window",
    "left_before_answer": "not answered, died or left before the end of the window",
    "comparator": "comparator sites",
    "not_started": "sites that had not started",
}


ABSENT = {
    NOT_RECORDED: "the data hold no event of the kind; it was not recorded or never happened, which is not zero",
    NO_TIME_ZERO: "the data hold no event from which it counts, so no pathway begins",
    NO_PATHWAY: "no pathway is eligible; parcours explain tells why each is not",
}


def absences(figures: pl.DataFrame, programme: Programme) -> dict[str, str]:
    """The declared indicators of which the data give no figure at all, each with its reason in words."""
    main = figures.filter(pl.col("variant") == "main")
    absent = main.filter(pl.col("estimate").is_null().all().over("indicator_id")).filter(pl.col("scope") == "all")
    reasons = dict(absent.group_by("indicator_id").agg(pl.col("null_reason").first()).iter_rows())
    return {
        name: ABSENT.get(reasons[name], reasons[name].replace("_", " "))
        for name in programme.indicators
        if name in reasons
    }


def status_lines(store: Store, programme: Programme, home: Home) -> Iterator[str]:
    """Freshness by site, the last release, and the checks that did not pass."""
    yield f"{programme.title.en} ({programme.id}), data lock {programme.data_lock}"
    ledger = store.ledger()
    yield f"files: {ledger.height:,}; rows: {ledger['rows_in'].sum():,}, of which loaded {ledger['loaded'].sum():,}"
    last = dict(store.facts(programme).group_by("site").agg(pl.col("month").max()).iter_rows())
    for site in programme.sites:
        yield f"  {site.id}: last events in {last.get(site.id, 'no month: no event at all')}"
    if "activity" in ledger["source"]:
        months = store.activity(programme)["month"].sort().to_list()
        yield f"activity: stated up to {months[-1] if months else 'no month: no row was accepted'}"
    for name, reason in absences(store.read("out_estimate"), programme).items():
        yield f"absent: {name}: {reason}"
    yield f"last release: {_last_release(home)}"
    checks = store.read("out_check")
    fallen = checks.filter(pl.col("status").is_in(["fail", "error"]) & (pl.col("severity") != "info"))
    yield f"checks: {checks.height}, not passed: {fallen.height}"
    for row in fallen.iter_rows(named=True):
        yield f"  {row['severity']}: {told(row)}"


def _last_release(home: Home) -> str:
    latest: Path = home.releases / "latest"
    return latest.readlink().name if latest.is_symlink() else "none yet"


def explain_lines(release: Release, exact: pl.DataFrame | None, indicator_id: str) -> Iterator[str]:
    """Definition, attrition, method and figures of an indicator: released ones, beside the true ones where given."""
    programme = release.programme
    if indicator_id not in programme.indicators:
        known = ", ".join(programme.indicators)
        raise DeclarationError(f"{indicator_id}: expected one of the programme's indicators: {known}")
    indicator = programme.indicators[indicator_id]
    yield from _definition(indicator, programme)
    for variant in programme.variants_of(indicator):
        yield from _attrition(release.attrition, indicator_id, variant)
        yield from _figures(release.figures, exact, indicator_id, variant)
    yield from _threats(release, indicator)


def _threats(release: Release, indicator: Indicator) -> Iterator[str]:
    """What may make a difference though nothing changed for patients, as the pages say it."""
    english = language("en")
    findings = of_indicator(opened(release), indicator, english)
    if findings:
        yield english.say("threat.title")
    for finding in findings:
        yield f"  {finding.title}: {finding.word}"
        yield from (f"    {sentence}" for sentence in finding.sentences)


def _definition(indicator: Indicator, programme: Programme) -> Iterator[str]:
    yield f"{indicator.title.en} ({indicator.id}, {indicator.kind}, {indicator.better} is better)"
    yield f"  {indicator.definition.en}"
    yield f"  Caveat: {indicator.caveat.en}"
    yield f"  Window: {indicator.window[0]} <= t < {indicator.window[1]} {indicator.unit}s from time zero"
    yield f"  Authored by {indicator.authored_by}; checked by {indicator.checked_by}; review {indicator.next_review}"
    yield f"  Plan {programme.plan_hash[:12]}"
    if indicator.id in programme.incomplete:
        yield f"  Interim: follow-up is complete with a data lock on {programme.incomplete[indicator.id]}"


def _attrition(attrition: pl.DataFrame, indicator_id: str, variant: str) -> Iterator[str]:
    """Every pathway under one reason, by period."""
    of = attrition.filter((pl.col("indicator_id") == indicator_id) & (pl.col("variant") == variant))
    yield f"Pathways ({variant})"
    for period, reason, n in of.sort("period", "reason").select("period", "reason", "n").iter_rows():
        yield f"  {period:<11} {REASONS.get(reason, reason):<58} {_count(n):>7}"


def _figures(released: pl.DataFrame, exact: pl.DataFrame | None, indicator_id: str, variant: str) -> Iterator[str]:
    keys = ["indicator_id", "variant", "measure", "analysis", "scope_type", "scope", "period", "horizon"]
    of = released.filter(
        (pl.col("indicator_id") == indicator_id)
        & (pl.col("variant") == variant)
        & (pl.col("scope_type") == "overall")
        & pl.col("period").is_in(["before", "transition", "after", "after-before"])
    )
    yield f"Figures ({variant}), circuit sites"
    if exact is not None:
        true = exact.select(*keys, *(pl.col(name).alias(f"true_{name}") for name in ("estimate", "n", "n_events")))
        of = of.join(true, on=keys, how="left", nulls_equal=True, maintain_order="left")
    for row in of.iter_rows(named=True):
        yield f"  {_label(row):<46} {_released(row)}{_true(row) if exact is not None else ''}"
    for method in of["method"].drop_nulls().unique(maintain_order=True):
        yield f"  Method: {method}"


def _label(row: dict[str, object]) -> str:
    horizon = f" by {row['horizon']} {row['unit']}s" if row["horizon"] is not None else ""
    analysis = str(row["analysis"])
    told = analysis == "exploratory" or analysis.startswith("sensitivity:")
    named = f" ({analysis.removeprefix('sensitivity:')})" if told else ""
    return f"{row['period']}: {row['measure']}{horizon}{named}"


def _released(row: dict[str, object]) -> str:
    if row["withheld"] is not None:
        return f"withheld ({row['withheld']})"
    counts = f" ({_count(row['n_events'])} of {_count(row['n'])})" if row["n"] is not None else ""
    limits = f", 95 % {_value(row, 'ci_low')} to {_value(row, 'ci_high')}" if row["ci_low"] is not None else ""
    chances = _chance(row, "p_value", "p") + _chance(row, "p_adjusted", "adjusted p")
    return f"{_value(row, 'estimate')}{limits}{counts}{chances}"


def _chance(row: dict[str, object], key: str, name: str) -> str:
    """A p-value as published, to two decimals; empty where there is none."""
    p = row[key]
    if not isinstance(p, float):
        return ""
    return f", {name} < 0.01" if p < 0.01 else f", {name} = {p:.2f}"


def _value(row: dict[str, object], name: str) -> str:
    value = row[name]
    if not isinstance(value, float):
        return "-"
    return f"{value:.0%}" if row["measure"] in SHARES else f"{value:g}"


def _true(row: dict[str, object]) -> str:
    """The confidential figure."""
    counts = f", {row['true_n_events']} of {row['true_n']}" if row["true_n"] is not None else ""
    return f"  [confidential: {row['true_estimate']}{counts}]"


def _count(n: object) -> str:
    return f"{n:,}" if isinstance(n, int) else "< 11"

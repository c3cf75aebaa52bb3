"""Do the intervals of the primary figures cover what was planted, and do the tests stay quiet where nothing was?

Programmes of the same twelve sites are drawn from the simulation of ``parcours simulate``, with its effects and
with none; their pathways, outcomes, counts and estimates are those of the main job. Every size is given as many
patients as the largest, so that small programmes, whose figures are least like normal ones, are drawn most often.
The planted truth is that of all patients drawn at a size, so that a programme's own patients are a sample like those
of a hospital. The truth of rates has no closed form: it is the rate of all patients drawn, whose own error is a
thirtieth of a programme's.

    python -m benchmarks.calibrate --programmes 1000 --sizes 300 1000 3000
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from transforms.figure import Figure
from transforms.follow_up import History
from transforms.outcomes import Courses, courses, numbers, outcomes
from transforms.pathways import pathways
from transforms.rate_figures import Rated, events_avoided, rate_contrast, rate_group
from transforms.recurrences import tally_recurrences
from transforms.share_figures import share_contrast, share_group
from transforms.tallies import merge, tally
from transforms.time_figures import time_contrast, time_group
from warehouse.declarations import load
from warehouse.kinds import Gap, Indicator, Proportion, RecurrentEvent, Score, TimeToEvent
from warehouse.programme import Programme, Site
from warehouse.schemas import EVENT, PATIENT, REASON, WORD, Tallies
from warehouse.simulation.cohort import Cohort, SiteEffects, day_number, draw_cohort
from warehouse.simulation.histories import draw_histories
from warehouse.simulation.model import Level, Simulation
from warehouse.simulation.truth import TruthSoFar

PATIENTS_AT_ONCE = 60_000
RATE = "emergency_visit_rate"
# What is looked at: the primary measure of a period and its contrast; of rates their ratios too and the events avoided.
PERIODS = ("before", "after", "after-before", "after/before")
RATIOS = ("rate_ratio", "rate_ratio_negative_binomial")
MEASURES = ("cumulative_incidence", "top_box", "rate", "events_avoided", *RATIOS)
COVERAGE, ALARMS = (0.93, 0.97), (0.03, 0.07)  # within which the primary figures must lie
KEYS = ["indicator_id", "measure", "period"]
FOUND = dict.fromkeys(KEYS, pl.String) | dict.fromkeys(("estimate", "ci_low", "ci_high"), pl.Float64)
SITES_SEED = 12
LEVELS = ("referral_per_day", "emergency_per_day", "needs_assessment_per_day", "satisfaction_mean")

Counted = dict[str, tuple[pl.DataFrame, pl.DataFrame, Courses | None]]  # indicator -> pathways, outcomes, courses


@dataclass(frozen=True)
class Block:
    """Some programmes of one size, drawn together."""

    programmes: int
    patients: int  # of each programme
    has_effect: bool
    seed: int


def main() -> int:
    """Print one table for each size: truth, bias, coverage, and how often a difference is found where there is none.

    1 where a primary figure lies outside its bounds, which it names; with few programmes chance alone does that.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programmes", type=int, default=1000, help="simulated programmes of the largest size")
    parser.add_argument("--sizes", type=int, nargs="+", default=[300, 1000, 3000], help="patients of a programme")
    parser.add_argument("--seed", type=int, default=20231231)
    chosen = parser.parse_args()
    began = time.process_time(), time.monotonic()
    print(f"With the planted effects and with none; seed {chosen.seed}.")
    outside: list[str] = []
    with ProcessPoolExecutor() as pool:
        for size in chosen.sizes:
            # As many patients at every size: small programmes are cheap, and their figures lie nearest to the limits.
            programmes = chosen.programmes * max(chosen.sizes) // size
            blocks = list(_blocks(programmes, size, chosen.seed))
            found, truths = (pl.concat(frames) for frames in zip(*pool.map(_looked_into, blocks), strict=True))
            truths = truths.group_by("has_effect", *KEYS).agg(pl.col("truth").mean())
            print(f"\n### {size:,} patients, {programmes:,} programmes\n")
            summary = _summary(found.join(truths, on=["has_effect", *KEYS]))
            print("\n".join(_table(summary)))
            outside += [f"{size:,} patients: {miss}" for row in summary.iter_rows(named=True) for miss in _misses(row)]
    print(f"\nPython {platform.python_version()}, polars {pl.__version__}, numpy {np.__version__};", end=" ")
    print(f"{(time.monotonic() - began[1]) / 60:.0f} minutes.")
    print("\n".join(["", "Outside their bounds:", *outside] if outside else ["", "All primary figures are inside."]))
    return int(bool(outside))


def _blocks(programmes: int, size: int, seed: int) -> Iterator[Block]:
    at_once = max(1, min(programmes, PATIENTS_AT_ONCE // size))
    for has_effect, first in product((True, False), range(0, programmes, at_once)):
        yield Block(
            min(at_once, programmes - first), size, has_effect, seed + 1_000_003 * size + 2 * first + has_effect
        )


def _programme() -> Programme:
    """PACOSME with its primary indicators and the rate of emergency visits alone, overall: no stratum, no variant."""
    whole = load("pacosme")
    kept = {
        name: whole.indicators[name].model_copy(update={"variants": {}}) for name in (*whole.analysis.primary, RATE)
    }
    analysis = whole.analysis.model_copy(update={"adjust_for": (), "indicators": tuple(kept)})
    return whole.model_copy(update={"indicators": kept, "strata": {}, "analysis": analysis})


def _simulation(block: Block) -> Simulation:
    """The demo's effects, or usual care everywhere and for ever. Nobody is announced outside the periods."""
    simulation = Simulation(patients=block.programmes * block.patients, seed=block.seed, prevalent_share=0.0)
    if block.has_effect:
        return simulation
    usual = {name: getattr(simulation, name).usual for name in LEVELS}
    return replace(simulation, yearly_trend=1.0, **{name: Level(value, value) for name, value in usual.items()})


def _drawn(block: Block) -> tuple[Simulation, Cohort, np.random.Generator]:
    """The patients of all programmes of the block, at sites that are the same in every block."""
    simulation, programme = _simulation(block), load("pacosme")
    sites = SiteEffects.draw(simulation, programme, np.random.default_rng(SITES_SEED))
    rng = np.random.default_rng(block.seed)
    return simulation, draw_cohort(simulation, programme, sites, 0, simulation.patients, rng), rng


def _events(history: pl.DataFrame, cohort: Cohort, programme: Programme) -> pl.DataFrame:
    """What the warehouse would hold of these histories (EVENT): up to the lock, nothing gone wrong."""
    sites = pl.Series([site.id for site in programme.sites]).gather(cohort.site[history["patient"].to_numpy()])
    local = pl.from_epoch(pl.col("day") * 1440 * 60 + pl.col("minute") * 60, time_unit="s").cast(pl.Datetime("us"))
    known = history.with_columns(
        sequence=pl.int_range(pl.len(), dtype=pl.Int64),
        occurred_on=local.dt.date(),
        occurred_at=local.dt.replace_time_zone(programme.timezone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
        .dt.replace_time_zone(None),
        precision=pl.lit("minute"),
        site=sites,
    )
    return known.filter(pl.col("day") < day_number(programme.data_lock)).select(EVENT.names()).cast(EVENT)


def _looked_into(block: Block) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The figures of each programme (KEYS, estimate, ci_low, ci_high), and what was planted (KEYS, truth)."""
    programme = _programme()
    simulation, cohort, rng = _drawn(block)
    events = _events(draw_histories(cohort, simulation, rng), cohort, programme)
    tallies = _tallies(_outcomes(events, cohort.size, programme), programme, block)
    found = [row for name, of in programme.indicators.items() for row in _figures(tallies, name, of)]
    truths = pl.concat([_planted(simulation, cohort), _true_rates(tallies, programme, block)])
    effect = pl.lit(block.has_effect).alias("has_effect")
    return pl.DataFrame(found, schema=FOUND).with_columns(effect), truths.with_columns(effect)


def _outcomes(events: pl.DataFrame, size: int, programme: Programme) -> Counted:
    """Pathways and outcomes of every indicator, of all patients of the block."""
    patients = pl.DataFrame({"patient": np.arange(size), "birth_year": 1960}, schema=PATIENT)
    started = pathways(events, patients, programme, programme.time_zero)
    last = events.group_by("patient").agg(
        last_at=pl.col("occurred_at").max(), last_on=pl.col("occurred_on").max(), first_on=pl.col("occurred_on").min()
    )
    history = History(events, last)
    found: Counted = {}
    for name, of in programme.indicators.items():
        followed = courses(started, history, programme, of) if isinstance(of, RecurrentEvent) else None
        known = outcomes(started, history, programme, of) if followed is None else numbers(followed)
        found[name] = started, known, followed
    return found


def _tallies(counted: Counted, programme: Programme, block: Block) -> Tallies:
    """The counts of each programme's patients at the circuit sites: each programme is counted as if it were a site."""
    names = [f"p{number}" for number in range(block.programmes)]
    of_programmes = programme.model_copy(update={"sites": tuple(Site(id=name) for name in names)})
    numbered = pl.lit(pl.Series(names)).gather(pl.col("patient") // block.patients).cast(WORD)
    parts = []
    for name, (started, found, followed) in counted.items():
        # Outcomes stand in the order of pathways, and keep it: whoever is of no circuit site is excluded instead.
        elsewhere = pl.Series(started["arm"] != "circuit")
        of_circuit = pl.when(elsewhere).then(pl.lit("site_unknown", REASON)).otherwise("excluded")
        own, named = started.with_columns(site=numbered), {"indicator_id": name, "variant": "main"}
        parts.append(tally(own, found.with_columns(excluded=of_circuit), of_programmes, **named))
        if followed is not None:
            spans = followed.spans.with_columns(excluded=of_circuit, site=numbered)
            seen = followed.episodes.filter(spans["excluded"].is_null()[followed.episodes["pathway"]])
            parts.append(tally_recurrences(Courses(spans, seen), of_programmes, **named))
    return merge(*parts)


def _figures(tallies: Tallies, name: str, of: Indicator) -> Iterator[dict[str, object]]:
    """The figures of every programme, by the functions that the main job calls."""
    kind = (
        tallies.time
        if isinstance(of, TimeToEvent)
        else tallies.count
        if isinstance(of, RecurrentEvent)
        else tallies.score
    )
    of_circuit = (pl.col("indicator_id") == name) & (pl.col("view") == "site") & (pl.col("arm") == "circuit")
    recurring = tallies.recurrences.filter(of_circuit).partition_by("site", as_dict=True)
    for (site,), cells in kind.filter(of_circuit).partition_by("site", maintain_order=True, as_dict=True).items():
        rated = Rated(cells, recurring.get((site,), tallies.recurrences.clear()))
        groups = {period: rated.of_period(period) for period in ("before", "after")}
        if any(group.cells.is_empty() for group in groups.values()):
            continue
        for figure in _of_groups(groups, of):
            if figure.measure in MEASURES and figure.horizon == of.primary.horizon:
                yield {"indicator_id": name, **{key: value for key, value in vars(figure).items() if key in FOUND}}


def _of_groups(groups: dict[str, Rated], of: Indicator) -> Iterator[Figure]:
    cells = {period: group.cells for period, group in groups.items()}
    match of:
        case TimeToEvent():
            yield from (figure for period in cells for figure in time_group(period, cells[period], of))
            yield from time_contrast(cells["after"], cells["before"], of)
        case RecurrentEvent():
            yield from (figure for period in cells for figure in rate_group(period, cells[period], of))
            yield from rate_contrast(groups["after"], groups["before"], of)
            yield from events_avoided(groups["after"], groups["before"], of)
        case Score() | Proportion():
            yield from (figure for period in cells for figure in share_group(period, cells[period], of))
            yield from share_contrast(cells["after"], cells["before"], of)
        case Gap():
            raise ValueError("a gap is no primary indicator")


def _planted(simulation: Simulation, cohort: Cohort) -> pl.DataFrame:
    """The true values of the primary figures: KEYS, truth."""
    whole = load("pacosme")
    so_far = TruthSoFar(simulation, whole)
    so_far.add(cohort)
    return pl.DataFrame(
        [
            {"indicator_id": effect.indicator_id, "measure": effect.measure, "period": period, "truth": true}
            for effect in so_far.effects()
            if effect.indicator_id in whole.analysis.primary and effect.variant == "main"
            for period, true in (
                ("before", effect.before),
                ("after", effect.after),
                ("after-before", effect.difference),
            )
        ]
    )


def _true_rates(tallies: Tallies, programme: Programme, block: Block) -> pl.DataFrame:
    """The rates of all patients of the block together, and without effect no contrast at all: KEYS, truth."""
    together = {"view": pl.lit("site"), "site": pl.lit("all")}
    counted, recurring = (
        frame.filter(pl.col("view") == "overall").with_columns(**together)
        for frame in (tallies.count, tallies.recurrences)
    )
    found = _figures(replace(tallies, count=counted, recurrences=recurring), RATE, programme.indicators[RATE])
    rates = pl.DataFrame(list(found), schema=FOUND)
    of_one = pl.when(pl.col("measure") == "events_avoided").then(block.programmes).otherwise(1)
    nothing = pl.when(pl.col("measure").is_in(RATIOS)).then(1.0).otherwise(0.0)
    planted = pl.when(pl.col("period").is_in(["before", "after"]) | block.has_effect)
    return rates.select(*KEYS, truth=planted.then(pl.col("estimate") / of_one).otherwise(nothing))


def _summary(found: pl.DataFrame) -> pl.DataFrame:
    """One row per figure with its effect, and beside it the same without (``_quiet``)."""
    inside = pl.col("truth").is_between("ci_low", "ci_high")
    of_ratio = pl.col("measure").is_in(RATIOS)  # whose mean is that of its logarithm
    null_value = pl.when(of_ratio).then(1.0).otherwise(0.0)
    of_contrast = pl.col("period").is_in(["after-before", "after/before"])
    alarm = pl.when(of_contrast).then(~null_value.is_between(pl.col("ci_low"), pl.col("ci_high")))
    summary = (
        found.group_by("has_effect", *KEYS)
        .agg(
            truth=pl.col("truth").first(),
            mean=pl.when(of_ratio)
            .then(pl.col("estimate").log().mean().exp())
            .otherwise(pl.col("estimate").mean())
            .first(),
            error=pl.col("estimate").std() / pl.col("estimate").count().sqrt(),
            covers=inside.mean(),
            alarms=alarm.mean(),
            absent=pl.col("ci_low").null_count(),
        )
        .sort("has_effect", *KEYS)
    )
    planted, quiet = (summary.filter(has_effect=effect) for effect in (True, False))
    return planted.join(quiet, on=KEYS, suffix="_quiet", maintain_order="left")


def _misses(row: dict[str, Any]) -> Iterator[str]:
    """What of a primary figure lies outside its bounds."""
    if row["indicator_id"] == RATE:
        return
    name = f"{row['indicator_id']} {row['measure']} {row['period']}"
    for column, (low, high) in (("covers", COVERAGE), ("covers_quiet", COVERAGE), ("alarms_quiet", ALARMS)):
        if row[column] is not None and not low <= row[column] <= high:
            yield f"{name}, {column.replace('_quiet', ' without effect')}: {row[column]:.1%}"
    if abs(row["mean"] - row["truth"]) > _allowed(row):
        yield f"{name}, bias: {row['mean'] - row['truth']:+.4f}"


def _allowed(row: dict[str, Any]) -> float:
    """The largest bias: 2 % of what was planted, or two standard errors of the mean."""
    return float(max(0.02 * abs(row["truth"]), 2 * row["error"]))


def _table(summary: pl.DataFrame) -> Iterator[str]:
    """One row per figure: what was planted, mean estimate, bias with its limit, coverage, false alarms."""
    yield "| figure | planted | mean estimate | bias | allowed | covers | without effect: covers | false alarms |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    yield from (_row(row) for row in summary.iter_rows(named=True))


def _row(row: dict[str, Any]) -> str:
    bias, allowed = row["mean"] - row["truth"], _allowed(row)
    alarms = "" if row["alarms_quiet"] is None else f"{row['alarms_quiet']:.1%}"
    absent = row["absent"] + row["absent_quiet"]
    return (
        f"| {row['indicator_id']} {row['measure']} {row['period']} | {row['truth']:.4f} | {row['mean']:.4f} "
        f"| {bias:+.4f} | {allowed:.4f} | {row['covers']:.1%} | {row['covers_quiet']:.1%} | {alarms} |"
        + (f" {absent} without interval" if absent else "")
    )


if __name__ == "__main__":
    raise SystemExit(main())

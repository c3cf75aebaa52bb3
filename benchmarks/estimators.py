"""What estimation takes from the counts of the demo, where the counts grow and their cells do not.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.estimators

10,000 synthetic patients are counted once, by the steps of ``parcours run``; then every count is multiplied by 10 and
by 100: the same cells, of 100,000 and of 1,000,000 patients. Each family of estimators works through all indicators
and variants, of whole arms; the last row is all that the main job estimates: sites, strata, months and curves too.

Matrices are small: several threads of the linear algebra would wait for one another, and waiting counts as work.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import polars as pl

from flows import steps
from transforms.bootstrap import Stream
from transforms.estimates import cells_of, estimate
from transforms.hazard_figures import hazard_figures
from transforms.rate_figures import Rated, rate_contrast, rate_group
from transforms.recurrent_figures import recurrent_figures
from transforms.response_figures import response_figures
from transforms.share_figures import share_contrast, share_group
from transforms.time_figures import median_contrast, time_contrast, time_group
from transforms.whole_curve_figures import curve_contrast, curve_group
from warehouse.declarations import load
from warehouse.home import open_home, pseudonym_key
from warehouse.kinds import Indicator, Proportion, RecurrentEvent, Score, Timed
from warehouse.programme import Programme
from warehouse.schemas import Tallies
from warehouse.simulate import PROGRAMME, Simulation, simulate
from warehouse.store import Store

PATIENTS = 10_000
FACTORS = (1, 10, 100)
COUNTS = ("n", "n_with", "events", "exposure")  # of those, which a tally has beside its cells
MEGABYTE = 1024  # kilobytes, as Linux tells memory
ALL = "all that the main job estimates"


@dataclass(frozen=True)
class Case:
    """The counts of one indicator or variant, of one arm with both periods, where pathways are independent."""

    name: str
    indicator: Indicator
    cells: pl.DataFrame  # of all views
    recurrences: pl.DataFrame
    programme: Programme

    def group(self, period: str) -> pl.DataFrame:
        """The cells of one period in the overall view."""
        return self.cells.filter(view="overall", period=period)

    @property
    def both(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """After and before."""
        return self.group("after"), self.group("before")


@dataclass(frozen=True)
class Cost:
    """What one family took: seconds of all threads, and the most memory of the process, libraries and counts too."""

    cpu: float
    peak_mb: float


def counted(patients: int) -> tuple[Tallies, Programme]:
    """The counts of a synthetic programme, by the steps of ``parcours run``."""
    with tempfile.TemporaryDirectory(prefix="parcours-") as folder:
        data, home, programme = Path(folder) / "data", open_home(Path(folder) / "home", demo=True), load(PROGRAMME)
        simulate(Simulation(patients=patients), data)
        key = pseudonym_key(home)
        with Store.open(home) as store:
            steps.load_patients(store, programme, data, key, "benchmark")
            for source, path in steps.files_of(programme, data):
                steps.load_file(store, source, path, programme, key, "benchmark")
            return steps.counts(store, programme), programme


def multiplied(tallies: Tallies, by: int) -> Tallies:
    """Every patient ``by`` times, in the same cells."""
    frames = {field.name: getattr(tallies, field.name) for field in fields(tallies)}
    return replace(tallies, **{name: _times(frame, by, own=name == "months") for name, frame in frames.items()})


def _times(frame: pl.DataFrame, by: int, *, own: bool) -> pl.DataFrame:
    """Counts times ``by``; events and exposure are counts only in sums by month, elsewhere they name the cell."""
    return frame.with_columns(pl.col(name) * by for name in (COUNTS if own else ("n",)) if name in frame.columns)


def cases(tallies: Tallies, programme: Programme) -> Iterator[Case]:
    """Every indicator and variant of the circuit sites that has pathways in both periods."""
    for name, declared in programme.indicators.items():
        if programme.zero_of(declared).which == "each":
            continue
        for variant, indicator in programme.variants_of(declared).items():
            named = {"indicator_id": name, "variant": variant, "arm": "circuit"}
            cells = cells_of(tallies, indicator).filter(**named)
            case = Case(f"{name}/{variant}", indicator, cells, tallies.recurrences.filter(**named), programme)
            if not any(group.is_empty() for group in case.both):
                yield case


# ---------------------------------------------------------------- families


def incidences(case: Case) -> Iterable[object]:
    """Incidence or survival at the horizons, medians, and differences."""
    if isinstance(case.indicator, Timed):
        for period in ("after", "before"):
            yield from time_group(period, case.group(period), case.indicator)
        yield from time_contrast(*case.both, case.indicator)


def areas(case: Case) -> Iterable[object]:
    """Areas under the incidence, restricted means, Gray's test."""
    if isinstance(case.indicator, Timed):
        for period in ("after", "before"):
            yield from curve_group(period, case.group(period), case.indicator)
        yield from curve_contrast(*case.both, case.indicator)


def hazards(case: Case) -> Iterable[object]:
    """Cox models, crude, by site and adjusted, for event and death, proportionality; log-rank and Gray by site."""
    if isinstance(case.indicator, Timed):
        yield from hazard_figures(case.cells, case.indicator, case.programme.analysis.adjust_for)


def medians(case: Case) -> Iterable[object]:
    """Differences of medians by resampled counts."""
    if isinstance(case.indicator, Timed):
        declared = case.programme.analysis.bootstrap
        stream = Stream(declared.replicates, declared.seed, (case.name, "overall", "median_time"))
        yield median_contrast(*case.both, case.indicator, stream)


def rates(case: Case) -> Iterable[object]:
    """Exact rates; difference and ratios at equal follow-up, Andersen and Gill's and the negative binomial."""
    if isinstance(case.indicator, RecurrentEvent):
        for period in ("after", "before"):
            yield from rate_group(period, case.group(period), case.indicator)
        counted = case.recurrences.filter(view="overall")
        both = [Rated(case.group(period), counted.filter(period=period)) for period in ("after", "before")]
        yield from rate_contrast(*both, case.indicator)


def recurrences(case: Case) -> Iterable[object]:
    """Mean numbers of events, rates at one mix of cases, events avoided."""
    if isinstance(case.indicator, RecurrentEvent):
        yield from recurrent_figures(case.cells, case.recurrences, case.indicator, case.programme.analysis.adjust_for)


def shares(case: Case) -> Iterable[object]:
    """Wilson and Newcombe, means and Welch."""
    if isinstance(case.indicator, Proportion | Score):
        for period in ("after", "before"):
            yield from share_group(period, case.group(period), case.indicator)
        yield from share_contrast(*case.both, case.indicator)


def scales(case: Case) -> Iterable[object]:
    """Superiority, Brunner-Munzel, proportional odds, response weights, bounds, tipping point."""
    if isinstance(case.indicator, Score):
        yield from response_figures(case.cells, case.indicator, case.programme.analysis.adjust_for)


FAMILIES: dict[str, Callable[[Case], Iterable[object]]] = {
    "incidence, survival, medians": incidences,
    "areas, Gray's test": areas,
    "Cox, proportionality, tests by site": hazards,
    "differences of medians, resampled": medians,
    "rates, Andersen-Gill, negative binomial": rates,
    "mean events, g-computation, events avoided": recurrences,
    "shares and means": shares,
    "superiority, odds, response": scales,
}


# ---------------------------------------------------------------- clock, memory and table


def cost_of(work: Callable[[], int]) -> Cost:
    """Processor time, and the largest resident memory meanwhile: Linux forgets an earlier peak on demand."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    start = time.process_time()
    work()
    return Cost(time.process_time() - start, _peak_kb() / MEGABYTE)


def _peak_kb() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _family(family: Callable[[Case], Iterable[object]], found: list[Case]) -> int:
    return sum(1 for case in found for _ in family(case))


def _all(tallies: Tallies, programme: Programme) -> int:
    return estimate(tallies, programme, "benchmark").figures.height


def table(tallies: Tallies, programme: Programme, patients: int) -> Iterator[str]:
    """Markdown: a row per family: its figures, then seconds and megabytes at each size, after a first pass."""
    works: dict[str, list[Callable[[], int]]] = {}
    for by in FACTORS:
        grown = multiplied(tallies, by)
        found = list(cases(grown, programme))
        for name, family in FAMILIES.items():
            works.setdefault(name, []).append(partial(_family, family, found))
        works.setdefault(ALL, []).append(partial(_all, grown, programme))
    sizes = [f"{patients * by:,}" for by in FACTORS]
    yield "| estimators | figures | " + " | ".join(f"{size}: CPU s | MB" for size in sizes) + " |"
    yield "|---|---:|" + "---:|---:|" * len(sizes)
    for name, at_sizes in works.items():
        figures = at_sizes[0]()
        costs = [cost_of(work) for work in at_sizes]
        told = " | ".join(f"{cost.cpu:.2f} | {cost.peak_mb:.0f}" for cost in costs)
        yield f"| {name} | {figures:,} | {told} |"


def main() -> None:
    """Count once, multiply, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=PATIENTS, help="patients that are counted")
    patients = parser.parse_args().patients
    tallies, programme = counted(patients)
    cells = sum(getattr(tallies, field.name).height for field in fields(tallies))
    print(f"Python {platform.python_version()}, polars {pl.__version__}; {os.cpu_count()} cores.")
    print(f"{cells:,} cells at every size.\n")
    for line in table(tallies, programme, patients):
        print(line, flush=True)


if __name__ == "__main__":
    main()

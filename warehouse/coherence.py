"""What a programme, its sources and its indicators must agree on, beyond each being lawful alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, Generic, TypeVar

from warehouse.declared import Declared
from warehouse.faults import MOST_DETAILS, Fault, key_path, nearest
from warehouse.implementation import ACTIVITY_COLUMNS, REQUIRED_ACTIVITY_COLUMNS
from warehouse.kinds import SECONDS_IN, EventSelector, Gap, Indicator, Timed
from warehouse.programme import CANONICAL_COLUMNS, REQUIRED_COLUMNS, Programme, Source

Said = Iterator[tuple[str, str]]  # key, what was expected
OTHER_FILES: Final = ("patients", "activity")  # in the ledger, beside the sources


Model = TypeVar("Model", bound=Declared)


@dataclass(frozen=True)
class Draft(Generic[Model]):
    """A declaration as far as it is lawful: the fields named in ``faulty`` may not be relied upon."""

    model: Model
    faulty: frozenset[str] = frozenset()

    def has(self, fields: Iterable[str]) -> bool:
        """Whether all these fields may be relied upon."""
        return self.faulty.isdisjoint(fields)


def incoherences(programme: Draft[Programme], indicators: Mapping[str, Draft[Indicator]], file: str) -> list[Fault]:
    """Every disagreement within a programme and between it and those of its indicators that were read.

    Checks of fields that are faulty themselves are left out: their fault is told already.
    """
    faults = [
        Fault(file, key, expected)
        for needs, check in _OF_PROGRAMME
        if programme.has(needs)
        for key, expected in islice(check(programme.model), MOST_DETAILS)
    ]
    for name, indicator in indicators.items():
        for of_programme, of_indicator, check_both in _OF_INDICATOR:
            if programme.has(of_programme) and indicator.has(of_indicator):
                said = islice(check_both(programme.model, indicator.model), MOST_DETAILS)
                faults += [Fault(f"indicators/{name}.toml", key, expected) for key, expected in said]
    return faults


def _periods(programme: Programme) -> Said:
    for name, period in programme.periods.named():
        if period.start >= programme.data_lock:
            yield f"periods.{name}", f"expected to start before data_lock ({programme.data_lock})"


def _sites(programme: Programme) -> Said:
    yield from _repeated("sites", [site.id for site in programme.sites])
    if all(site.arm == "comparator" for site in programme.sites):
        yield "sites", "expected at least one circuit site, got comparators only"


def _sources(programme: Programme) -> Said:
    yield from _repeated("sources", [source.id for source in programme.sources])
    yield from _not_among("sources", [source.id for source in programme.sources], OTHER_FILES)
    for position, source in enumerate(programme.sources):
        for check in (_source_columns, _source_reading, _source_sites, _source_types):
            for key, expected in check(source, programme):
                yield f"sources[{position}].{key}", expected


def _source_columns(source: Source, programme: Programme) -> Said:
    columns = source.column_names
    for name in source.columns.keys() - set(CANONICAL_COLUMNS):
        yield f"columns.{key_path([name])}", f"expected one of {', '.join(CANONICAL_COLUMNS)}"
    for name in source.natural_key or ():
        if name not in CANONICAL_COLUMNS:
            yield "natural_key", f"expected names among {', '.join(CANONICAL_COLUMNS)}"
    if source.format == "xes":
        return
    for name in REQUIRED_COLUMNS:
        if name not in columns:
            yield f"columns.{name}", "expected this key, got nothing"
    for header, times in Counter(source.columns.values()).items():
        if times > 1:
            yield "columns", f"expected each column of the file once, got {key_path([header])} {times} times"
    if source.timezone is None:
        yield "timezone", "expected the time zone of this file's local times, got nothing"


def _source_reading(source: Source, programme: Programme) -> Said:
    if source.thousands == source.decimal:
        yield "thousands", f"expected another mark than decimal ({source.decimal})"
    if source.offset == "ignore" and "%z" in source.date_format:
        yield "offset", 'expected "read" with %z, or the label as it stands in date_format instead of %z'
    if source.format == "parquet":
        for key in sorted(source.model_fields_set & {"delimiter", "quote", "encoding"}):
            yield key, "expected nothing, for a Parquet file has none"


def _source_sites(source: Source, programme: Programme) -> Said:
    declared = [site.id for site in programme.sites]
    for raw, site in source.sites.items():
        if site not in declared:
            yield f"sites.{key_path([raw])}", f"expected the id of a declared site{nearest(site, declared)}"
    if source.site is not None and source.site not in declared:
        yield "site", f"expected the id of a declared site{nearest(source.site, declared)}"
    has_column = "site" in (source.columns if source.format == "xes" else source.column_names)
    if len(declared) > 1 and source.site is None and not has_column:
        yield "columns.site", "expected a column for the site, or site for the whole source, as there are several sites"


def _source_types(source: Source, programme: Programme) -> Said:
    for raw, mapping in source.mappings().items():
        yield from _in_vocabulary(f"event_types.{key_path([raw])}", mapping.type, programme)


def _time_zero(programme: Programme) -> Said:
    yield from _reachable("time_zero.event", programme.time_zero.event, programme)


def _strata(programme: Programme) -> Said:
    for name, bands in programme.strata.items():
        covariate = name if bands is True else "birth_year"  # bands are bands of age
        if not _has_covariate(programme, covariate):
            yield f"strata.{name}", f"expected a covariate {covariate} among patients.columns"
        if bands is not True and list(bands) != sorted(set(bands)):
            yield f"strata.{name}", "expected lower bounds in rising order"


def _has_covariate(programme: Programme, covariate: str) -> bool:
    if programme.patients is None:
        return False
    return not programme.patients.columns or covariate in programme.patients.columns


def _patients(programme: Programme) -> Said:
    if programme.patients is not None and programme.patients.columns and "patient_id" not in programme.patients.columns:
        yield "patients.columns.patient_id", "expected this key, got nothing"


def _activity(programme: Programme) -> Said:
    if programme.activity is None:
        return
    file, declared = programme.activity, [site.id for site in programme.sites]
    for name in file.columns.keys() - set(ACTIVITY_COLUMNS):
        yield f"activity.columns.{key_path([name])}", f"expected one of {', '.join(ACTIVITY_COLUMNS)}"
    if file.columns:
        for name in REQUIRED_ACTIVITY_COLUMNS:
            if name not in file.columns:
                yield f"activity.columns.{name}", "expected this key, got nothing"
    for raw, site in file.sites.items():
        if site not in declared:
            yield (
                f"activity.sites.{key_path([raw])}",
                f"expected the id of a declared site{nearest(site, declared)}",
            )
    yield from _repeated("activity.kinds", [kind.id for kind in file.kinds])
    for position, kind in enumerate(file.kinds):
        yield from _repeated(f"activity.kinds[{position}].items", [item.id for item in kind.items])


def _references(programme: Programme) -> Said:
    yield from _repeated("references", [reference.id for reference in programme.references])
    for position, reference in enumerate(programme.references):
        yield from _repeated(f"references[{position}].items", [item.id for item in reference.items])


def _analysis(programme: Programme) -> Said:
    analysis = programme.analysis
    yield from _repeated("analysis.indicators", list(analysis.indicators))
    named = ("primary", analysis.primary), ("planned.variants", analysis.planned.variants)
    for key, names in named:
        yield from _among(f"analysis.{key}", names, analysis.indicators, "analysis.indicators")
    for key, factors in (("adjust_for", analysis.adjust_for), ("subgroups", analysis.subgroups)):
        yield from _among(f"analysis.{key}", factors, programme.strata, "strata")
    yield from _among("analysis.estimands", analysis.estimands, analysis.primary, "analysis.primary")


# Fields that a check relies upon, and the check.
_OF_PROGRAMME: Final[tuple[tuple[tuple[str, ...], Callable[[Programme], Said]], ...]] = (
    (("periods", "data_lock"), _periods),
    (("time_zero", "sources", "event_types"), _time_zero),
    (("sites",), _sites),
    (("sources", "sites", "event_types"), _sources),
    (("patients",), _patients),
    (("activity", "sites"), _activity),
    (("references",), _references),
    (("strata", "patients"), _strata),
    (("analysis", "strata"), _analysis),
)


def _factors(programme: Programme, indicator: Indicator) -> Said:
    yield from _among("strata", indicator.strata or (), programme.strata, "the programme's strata")


def _planned_variants(programme: Programme, indicator: Indicator) -> Said:
    planned = programme.analysis.planned.variants.get(indicator.id, ())
    yield from _among("variants", planned, indicator.variants, "its variants, as analysis.planned.variants has them")


def _events(programme: Programme, indicator: Indicator) -> Said:
    for key, event_type in _looked_at(indicator):
        yield from _reachable(key, event_type, programme)
    for event_type in indicator.censored_by:  # data without departures are lawful: nobody is known to have left
        yield from _in_vocabulary("censored_by", event_type, programme)


def _each(programme: Programme, indicator: Indicator) -> Said:
    zero = programme.zero_of(indicator)
    if zero.which == "each" and not isinstance(indicator, Timed):
        expected = f"expected first or last: {indicator.kind} has one pathway per patient"
        yield "time_zero.which", expected + ("" if indicator.time_zero else " (each is the programme's)")


def _prevalent(programme: Programme, indicator: Indicator) -> Said:
    """Who enters late is admitted in a variant, and only where times from entering on can be told."""
    if indicator.prevalent == "enter_late":
        yield "prevalent", "expected in a variant only: the main analysis is of pathways that begin in a period"
    for name, variant in indicator.variants.items():
        if variant.prevalent is None:
            continue
        key = f"variants.{name}.prevalent"
        if not isinstance(indicator, Timed):
            yield (
                key,
                f"expected nothing: {indicator.kind} takes no late entries, as what happened before them is not seen",
            )
        elif programme.zero_of(indicator).which != "first":
            yield key, "expected nothing: pathways are prevalent only where time_zero.which is first"


def _follow_up(programme: Programme, indicator: Indicator) -> Said:
    yield from _longest(programme, indicator)
    for name, variant in indicator.variants.items():
        changes = {field: getattr(variant, field) for field in variant.model_fields_set}
        for key, expected in _longest(programme, indicator.model_copy(update=changes)):
            yield f"variants.{name}.{key}", expected


def _looked_at(indicator: Indicator) -> Iterator[tuple[str, str]]:
    """Key and type of every event that an indicator looks at."""
    if indicator.time_zero is not None:
        yield "time_zero.event", indicator.time_zero.event
    if isinstance(indicator, Gap):
        yield from (("contacts", event_type) for event_type in indicator.contacts)
    else:
        yield "event.type", indicator.event.type
    for name, variant in indicator.variants.items():
        if variant.event is not None:
            yield f"variants.{name}.event.type", variant.event.type
    yield from (("competing", event_type) for event_type in indicator.competing)
    invited_by: EventSelector | None = getattr(indicator, "invited_by", None)
    if invited_by is not None:
        yield "invited_by.type", invited_by.type


def _longest(programme: Programme, indicator: Indicator) -> Said:
    """Whether anybody can be followed for as long as the indicator asks."""
    longest = _longest_follow_up_days(programme, indicator)
    last = max(indicator.horizons) if isinstance(indicator, Timed) else indicator.window[1]
    if last * SECONDS_IN[indicator.unit] > longest * SECONDS_IN["day"]:
        key = "horizons" if isinstance(indicator, Timed) else "window"
        yield key, f"expected to end within the longest possible follow-up ({longest} days)"


def _longest_follow_up_days(programme: Programme, indicator: Indicator) -> int:
    spill_over = indicator.spill_over or programme.follow_up.spill_over
    ends = {"before": programme.periods.before.until} if spill_over == "cut" else {}
    return max(
        (min(ends.get(name, programme.data_lock), programme.data_lock) - period.start).days
        for name, period in programme.periods.named()
    )


# Fields of the programme and of the indicator that a check relies upon, and the check.
_OF_INDICATOR: Final[tuple[tuple[tuple[str, ...], tuple[str, ...], Callable[[Programme, Indicator], Said]], ...]] = (
    (("strata",), ("strata",), _factors),
    (("analysis",), ("variants",), _planned_variants),
    (("time_zero",), ("kind", "time_zero"), _each),
    (("time_zero",), ("kind", "time_zero", "prevalent", "variants"), _prevalent),
    (
        ("sources", "event_types"),
        ("kind", "event", "time_zero", "competing", "censored_by", "invited_by", "contacts", "variants"),
        _events,
    ),
    (
        ("periods", "data_lock", "follow_up"),
        ("kind", "event", "unit", "window", "horizons", "primary", "spill_over", "nearest", "variants"),
        _follow_up,
    ),
)


def _reachable(key: str, event_type: str, programme: Programme) -> Said:
    """An event type must be known, and mapped by a source unless some source maps nothing."""
    unknown = list(_in_vocabulary(key, event_type, programme))
    yield from unknown
    mapped = {mapping.type for source in programme.sources for mapping in source.mappings().values()}
    if not unknown and all(source.event_types for source in programme.sources) and event_type not in mapped:
        yield key, f"expected an event type that a source maps, got {event_type}, which none does"


def _in_vocabulary(key: str, event_type: str, programme: Programme) -> Said:
    if event_type not in programme.vocabulary:
        yield (
            key,
            f"expected an event type of the vocabulary{nearest(event_type, programme.vocabulary)}, got another word",
        )


def _among(key: str, names: Iterable[str], known: Iterable[str], where: str) -> Said:
    choices = list(known)
    for name in names:
        if name not in choices:
            yield key, f"expected only names among {where}{nearest(name, choices)}, got {name}"


def _not_among(key: str, names: list[str], taken: Iterable[str]) -> Said:
    for position, name in enumerate(names):
        if name in taken:
            yield f"{key}[{position}]", f"expected another id, as the ledger calls another file {name}"


def _repeated(key: str, names: list[str]) -> Said:
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            yield f"{key}[{position}]", f"expected each id once, got {name} again"
        seen.add(name)

"""From TOML files to one frozen programme: read, validated whole, every fault reported at once.

A programme is a path or the id of a shipped one. Its indicators are looked up in ``indicators/``
beside the programme's file, then among those shipped. A declaration is untrusted input: it is
bounded in size and depth, and nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, cast, get_args

from pydantic import TypeAdapter, ValidationError

from warehouse.coherence import Draft, Model, incoherences
from warehouse.declared import Declared
from warehouse.errors import DeclarationError
from warehouse.faults import MOST_DETAILS, Fault, in_words, kind_of
from warehouse.kinds import Indicator
from warehouse.programme import Programme

LARGEST_BYTES: Final = 256 * 1024
MOST_FAULTS: Final = 50
# Nothing that we declare is deeper than four keys. The standard parser takes quadratic time on the
# parts of a dotted key, so deep ones are refused before it sees them.
_PART: Final = r"""(?:[\w-]++|"(?:\\.|[^"\\\n]){0,200}+"|'[^'\n]{0,200}+')"""
_DEEP_KEY: Final = re.compile(rf"""(?<![\w-])(?:{_PART}[ \t]*+\.[ \t]*+){{8}}""")
_PLACE_IN_TOML: Final = re.compile(r" \(at (?:(line \d+, column \d+)|end of document)\)$")
_FOUND_BY_LOADING: Final = ("indicators", "plan_hash")  # fields of the model that no file declares
_INDICATOR: Final[TypeAdapter[Indicator]] = TypeAdapter(Indicator)
_KINDS: Final[dict[str, type[Indicator]]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(get_args(Indicator)[0])
}


@dataclass(frozen=True)
class _Place:
    """A programme's file, what to call it in messages, and where its own indicators may stand."""

    label: str
    file: Traversable
    indicators: Traversable


def load(reference: str | Path) -> Programme:
    """The programme at a path, or the shipped one of that id, with its indicators in their order.

    Raises ``DeclarationError`` with every fault, each as ``file: key: expected ..., got <kind>``.
    """
    place = _locate(reference)
    table = _read(place.file, place.label)
    programme, faults = _programme(table, place.label)
    drafts = {}
    for name in _named_indicators(table):
        draft, more = _indicator(name, place)
        faults += more
        if draft is not None:
            drafts[name] = draft
    faults += incoherences(programme, drafts, place.label)
    if faults:
        raise DeclarationError(_told(faults))
    indicators = {name: draft.model for name, draft in drafts.items()}
    return _hashed(programme.model.model_copy(update={"indicators": indicators}))


def shipped() -> list[str]:
    """Ids of the programmes that come with the package, sorted."""
    names = (entry.name for entry in (files("warehouse") / "programmes").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def _locate(reference: str | Path) -> _Place:
    if isinstance(reference, str) and reference in shipped():
        home = files("warehouse")
        file = f"programmes/{reference}.toml"
        return _Place(file, home / file, home / "indicators")
    path = Path(reference)
    if isinstance(reference, Path) or path.suffix == ".toml" or len(path.parts) > 1:
        return _Place(str(reference), path, path.parent / "indicators")
    known = ", ".join(shipped())
    raise DeclarationError(f"{reference}: expected the path of a .toml file or the id of a shipped programme: {known}")


def _read(file: Traversable, label: str) -> dict[str, Any]:
    """The TOML table of one file, or a ``DeclarationError`` with the line and column."""
    text = _text(file, label)
    if _DEEP_KEY.search(text):
        raise DeclarationError(f"{label}: expected keys of fewer than 8 dotted parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"{label}: {_syntax(error)}") from None
    except RecursionError:
        raise DeclarationError(f"{label}: expected tables and lists nested less deeply") from None


def _text(file: Traversable, label: str) -> str:
    try:
        if not file.is_file():
            raise DeclarationError(f"{label}: expected a TOML file, got {_other_than_file(file)}")
        with file.open("rb") as handle:
            content = handle.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise DeclarationError(f"{label}: expected a file that can be read: {error.strerror}") from None
    if len(content) > LARGEST_BYTES:
        raise DeclarationError(f"{label}: expected a file of at most {LARGEST_BYTES // 1024} kB")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DeclarationError(f"{label}: line {line}: expected text in UTF-8") from None


def _other_than_file(place: Traversable) -> str:
    return "a directory" if place.is_dir() else "nothing"


def _syntax(error: tomllib.TOMLDecodeError) -> str:
    """The parser's message with its place in front, as in every other message."""
    message = str(error)
    place = _PLACE_IN_TOML.search(message)
    if place is None:
        return f"expected valid TOML: {message}"
    return f"{place.group(1) or 'end of file'}: expected valid TOML: {message[: place.start()]}"


def _programme(table: Mapping[str, Any], label: str) -> tuple[Draft[Programme], list[Fault]]:
    reserved = [
        Fault(label, key, f"expected no key of this name, got {kind_of(table[key])}")
        for key in _FOUND_BY_LOADING
        if key in table
    ]
    declared = {key: value for key, value in table.items() if key not in _FOUND_BY_LOADING}
    try:
        return Draft(Programme.model_validate(declared)), reserved
    except ValidationError as error:
        return _lawful_part(Programme, declared, error), reserved + _faults(label, error, declared)


def _lawful_part(model: type[Model], declared: Mapping[str, Any], error: ValidationError) -> Draft[Model]:
    """The fields that are lawful by themselves, so that they can still be checked against each other."""
    details = error.errors(include_url=False, include_input=False)
    faulty = {str(detail["loc"][0]) for detail in details if detail["loc"]}
    faulty |= {detail["ctx"]["key"].split(".")[0] for detail in details if not detail["loc"] and "key" in detail["ctx"]}
    values = {
        name: _field(model, name).validate_python(declared[name])
        for name in model.model_fields
        if name in declared and name not in faulty
    }
    return Draft(cast(Model, model.model_construct(**values)), frozenset(faulty))


@cache
def _field(model: type[Declared], name: str) -> TypeAdapter[Any]:
    """What one field of a model takes, the model's own rules on several fields left aside."""
    field = model.model_fields[name]
    lawful: Any = Annotated[field.annotation, field]
    return TypeAdapter(lawful)


def _named_indicators(table: Mapping[str, Any]) -> list[str]:
    """Ids under ``analysis.indicators``, as far as they may name a file; the model judges the rest."""
    analysis = table.get("analysis")
    named = analysis.get("indicators") if isinstance(analysis, dict) else None
    slugs = (name for name in named[:MOST_FAULTS] if isinstance(name, str)) if isinstance(named, list) else ()
    return list(dict.fromkeys(name for name in slugs if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name)))


def _indicator(name: str, place: _Place) -> tuple[Draft[Indicator] | None, list[Fault]]:
    label = f"indicators/{name}.toml"
    candidates = (folder / f"{name}.toml" for folder in (place.indicators, files("warehouse") / "indicators"))
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None:
        expected = f"expected {label} beside the programme or among those shipped ({', '.join(_shipped_indicators())})"
        return None, [Fault(place.label, "analysis.indicators", expected)]
    try:
        table = _read(file, label)
    except DeclarationError as error:
        return None, [Fault("", "", line) for line in error.faults]
    return _validated_indicator(table, name, label)


def _shipped_indicators() -> list[str]:
    entries = (files("warehouse") / "indicators").iterdir()
    return sorted(entry.name.removesuffix(".toml") for entry in entries if entry.name.endswith(".toml"))


def _validated_indicator(table: dict[str, Any], name: str, label: str) -> tuple[Draft[Indicator] | None, list[Fault]]:
    renamed = [Fault(label, "id", f"expected the name of the file, {name}")] if table.get("id", name) != name else []
    declared = {**table, "id": name}
    try:
        indicator = _INDICATOR.validate_python(declared)
    except ValidationError as error:
        return _lawful_indicator(declared), renamed + _faults(label, error, declared)
    of_variants = _variant_faults(indicator, label, declared)
    return Draft(indicator, frozenset(["variants"] if of_variants else [])), renamed + of_variants


def _lawful_indicator(declared: Mapping[str, Any]) -> Draft[Indicator] | None:
    """As far as its kind is known: validated once more by that kind alone, whose keys have no prefix."""
    model = _KINDS.get(str(declared.get("kind")))
    if model is None:
        return None
    try:
        return Draft(model.model_validate(declared))
    except ValidationError as error:
        return _lawful_part(model, declared, error)


def _variant_faults(indicator: Indicator, label: str, declared: Mapping[str, Any]) -> list[Fault]:
    """A variant is the whole indicator with some keys replaced: it must be lawful as a whole."""
    faults = []
    for name, variant in indicator.variants.items():
        try:
            indicator.changed_by(variant)
        except ValidationError as error:
            replaced = {**declared, **declared["variants"][name]}
            faults += [fault.under(f"variants.{name}") for fault in _faults(label, error, replaced)]
    if "main" in indicator.variants:
        faults.append(Fault(label, "variants.main", "expected another name: main is the indicator itself"))
    return faults


def _faults(label: str, error: ValidationError, declared: Mapping[str, Any]) -> list[Fault]:
    faults = [Fault(label, key, expected) for key, expected in in_words(error, declared).items()]
    more = error.error_count() - MOST_DETAILS
    return [*faults, Fault(label, "", f"{more} more faults")] if more > 0 else faults


def _told(faults: Iterable[Fault]) -> list[str]:
    lines = list(dict.fromkeys(str(fault) for fault in faults))
    more = len(lines) - MOST_FAULTS
    return [*lines[:MOST_FAULTS], f"and {more} more faults"] if more > 0 else lines


def _hashed(programme: Programme) -> Programme:
    """The programme with the hash of all that defines the evaluation: itself and its indicators.

    A key left out and the same key with its default are one plan, so that a key which a later version adds
    changes no plan. The answers on the risk of bias judge an evaluation and do not define it.
    """
    content = programme.model_dump(
        mode="json",
        by_alias=True,
        exclude_defaults=True,
        exclude={"plan_hash": True, "analysis": {"risk_of_bias": True}},
    )
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return programme.model_copy(update={"plan_hash": hashlib.sha256(canonical.encode()).hexdigest()})

"""What the files of a programme and of an indicator may hold: every key with type, default and meaning."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from warehouse import declarations, programme
from warehouse.declared import Declared, descendants
from warehouse.implementation import ACTIVITY_COLUMNS
from warehouse.kinds import IndicatorBase

WORDS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "descriptions.toml").read_text(encoding="utf-8"))
OF_A_PROGRAMME = (
    "Programme", "Text", "Periods", "Period", "TimeZero", "Site", "Source", "EventMapping", "PatientFile",
    "ActivityFile", "ActivityKind", "ActivityItem", "Reference", "ReferenceItem", "FollowUp",
    "Analysis", "Planned", "Bootstrap", "RiskOfBias", "Judgement", "Privacy",
)  # fmt: skip


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table with a blank line after it."""
    body = ("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows)
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *body, ""]


def listed(words: Iterable[str]) -> str:
    """Words as code, with commas."""
    return ", ".join(f"`{word}`" for word in words)


def models() -> dict[str, type[Declared]]:
    """Every table that may stand in a file, by name; what kinds of indicators have in common is no table."""
    return {one.__name__: one for one in descendants() if one is IndicatorBase or not one.__subclasses__()}


def keys_of(model: type[Declared]) -> dict[str, Any]:
    """The keys of a table as JSON schema; of a kind of indicator, those beyond what all kinds have."""
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)["properties"]
    left_out = {key for key, value in schema.items() if value.get("maxItems") == 0}  # of kinds that declare it only
    if issubclass(model, IndicatorBase) and model is not IndicatorBase:
        shared = IndicatorBase.model_fields
        left_out |= {key for key in shared if repr(model.model_fields[key]) == repr(shared[key])}
    if model is programme.Programme:
        left_out |= {"indicators", "plan_hash"}  # found by loading
    return {key: value for key, value in schema.items() if key not in left_out}


def meaning(model: type[Declared], key: str) -> str | None:
    """The words for a key, said where it is declared first; None where there are none."""
    said = (WORDS["keys"].get(one.__name__, {}).get(key) for one in model.__mro__)
    return next((words for words in said if words), None)


def programme_file() -> list[str]:
    """Every key of a programme and of an indicator, with type, default and meaning."""
    of_indicators = [name for name in models() if name not in OF_A_PROGRAMME]
    return [
        "# The files of a programme and of an indicator",
        "",
        "Both are TOML, read whole and checked before anything runs: an unknown key is a fault, and every fault is",
        f"reported at once with its file, its key and what was expected. A file may hold {_largest()} kB.",
        "Periods and windows are half-open: `from <= day < until`.",
        "",
        *(line for name in OF_A_PROGRAMME for line in _model(name)),
        "## Words that sources are mapped to",
        "",
        f"Columns: {listed(programme.CANONICAL_COLUMNS)}; required are {listed(programme.REQUIRED_COLUMNS)}.",
        "",
        f"Columns of the file of activity: {listed(ACTIVITY_COLUMNS)}; all but `item` are required.",
        "",
        f"Event types: {listed(programme.EVENT_TYPES)}.",
        "",
        f"Kinds of care, the codes of `referral` and `supportive_contact`: {listed(programme.CARE_CODES)}.",
        "",
        "# The file of an indicator",
        "",
        "Looked up in `indicators/` beside the programme's file, then among those shipped. `kind` says which further",
        "keys it has.",
        "",
        *(line for name in sorted(of_indicators, key=_indicator_base_first) for line in _model(name)),
    ]


def _largest() -> int:
    return declarations.LARGEST_BYTES // 1024


def _indicator_base_first(name: str) -> tuple[bool, bool]:
    of_a_kind = issubclass(models()[name], IndicatorBase)
    return name != "IndicatorBase", not of_a_kind


def _model(name: str) -> list[str]:
    model = models()[name]
    required = {field.alias or key for key, field in model.model_fields.items() if field.is_required()}
    rows = [
        (f"`{key}`", in_words(schema), _default(key, schema, required), meaning(model, key) or "")
        for key, schema in keys_of(model).items()
    ]
    head = ("key", "type", "default", "meaning")
    return [f"## {name}", "", (model.__doc__ or "").strip().replace("``", "`"), "", *table(head, rows)]


def _default(key: str, schema: Mapping[str, Any], required: set[str]) -> str:
    if key in required:
        return "required"
    default = schema.get("default")
    return "" if default in (None, [], {}) or isinstance(default, dict) else f"`{_toml(default)}`"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}'" if '"' in value else f'"{value}"'
    return str(value)


def in_words(schema: Mapping[str, Any]) -> str:
    """The type of a key, from its JSON schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(in_words(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{_toml(one)}`" for one in schema.get("enum", [schema.get("const")]))
    return _plain(schema)


def _plain(schema: Mapping[str, Any]) -> str:
    match schema["type"]:
        case "array" if "prefixItems" in schema:
            return "two whole numbers"
        case "array":
            return f"list of {in_words(schema['items'])}"
        case "object":
            return f"table of {in_words(_values(schema))}"
        case "string":
            return _text(schema)
        case "boolean":
            return "`true` or `false`"
        case _:
            return ("whole number" if schema["type"] == "integer" else "number") + _bounds(schema)


def _values(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What the keys of an open table hold."""
    found: dict[str, Any] = schema.get("additionalProperties") or next(iter(schema["patternProperties"].values()))
    return found


def _text(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "date":
        return "day"
    if "pattern" in schema:
        return "name"
    return "character" if schema.get("maxLength") == 1 else "text"


def _bounds(schema: Mapping[str, Any]) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    found = [f"{sign} {schema[name]}" for name, sign in signs.items() if name in schema]
    return f", {' and '.join(found)}" if found else ""

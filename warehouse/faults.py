"""What is wrong with a declaration, in words: the key, what was expected, the kind of what stood there.

No value is repeated: whoever reads the log may not be whoever may read the declaration.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from warehouse.declared import descendants

_EXPECTED: Final[dict[str, str]] = {
    "missing": "this key",
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "date_type": "a day such as 2023-01-31",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "literal_error": "{expected}",
    "union_tag_invalid": "one of {expected_tags}",
    "union_tag_not_found": "this key",
    "string_pattern_mismatch": "lowercase letters, digits, _ and -, at most 64",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} in the list",
    "too_long": "at most {max_length} in the list",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}
_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (bool, "true or false"),  # before int, of which it is one
    (int, "a whole number"),
    (float, "a decimal number"),
    (str, "text"),
    (datetime, "a date and time"),  # before date, of which it is one
    (date, "a day"),
    (time, "a time of day"),
    (Mapping, "a table"),
    ((list, tuple), "a list"),
)
_ABSENT: Final = object()
_LONGEST_KEY: Final = 64
MOST_DETAILS: Final = 200  # faults put into words; a file with more is not a slip of the pen
_MOST_CHOICES: Final = 200


@dataclass(frozen=True)
class Fault:
    """One line of a report: which file, which key, what was expected."""

    file: str
    key: str
    expected: str

    def __str__(self) -> str:
        """``file: key: expected ..., got <kind>``."""
        return ": ".join(part for part in (self.file, self.key, self.expected) if part)

    def under(self, key: str) -> Fault:
        """The same fault one table deeper."""
        return replace(self, key=f"{key}.{self.key}" if self.key else key)


def kind_of(value: object) -> str:
    """The kind of a TOML value, never the value."""
    if value is _ABSENT:
        return "nothing"
    return next((words for kind, words in _KINDS if isinstance(value, kind)), "something else")


def in_words(error: ValidationError, declared: Mapping[str, Any]) -> dict[str, str]:
    """Key -> ``expected ..., got <kind>`` for every fault that the models found in the table.

    The alternatives of a union come as one fault each: they are joined with "or" under their key,
    and of a list or table that is not as expected inside, only what is inside is told.
    """
    expected: dict[str, list[str]] = {}
    got: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_input=False)[:MOST_DETAILS]:
        key, value = _place(detail, declared)
        if detail["type"] == "too_short" and len(value) >= detail["ctx"]["min_length"]:
            continue  # its items were refused one by one: each has a fault of its own
        expected.setdefault(key, []).append(_sentence(detail))
        got[key] = "" if detail["type"] == "declaration" else f", got {kind_of(value)}"
    return {
        key: f"expected {' or '.join(dict.fromkeys(sentences))}{got[key]}"
        for key, sentences in expected.items()
        if not any(other.startswith((f"{key}[", f"{key}.")) for other in expected)
    }


def key_path(parts: Sequence[str | int]) -> str:
    """``sources[0].event_types."ER Triage"``: the way a TOML author writes it."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in parts)
    return path.removeprefix(".")


def nearest(word: str, known: Sequence[str]) -> str:
    """A hint to add to a sentence where a known word looks much like this one, else nothing."""
    close = difflib.get_close_matches(word, known, n=1) if len(known) <= _MOST_CHOICES else []
    return f" (perhaps {close[0]})" if close else ""


def _place(detail: ErrorDetails, declared: Mapping[str, Any]) -> tuple[str, Any]:
    """The key as the file writes it and what stands there; names of our own types are left out."""
    found: list[str | int] = []
    value: Any = declared
    for part in (*detail["loc"], *_deeper(detail)):
        if _holds(value, part):
            value = value[part]
        elif isinstance(value, Mapping) and _is_absent_key(detail, part):
            value = _ABSENT
        else:
            continue
        found.append(part)
    return key_path(found), value


def _holds(value: Any, part: str | int) -> bool:
    return part in value if isinstance(value, Mapping) else isinstance(value, list) and isinstance(part, int)


def _deeper(detail: ErrorDetails) -> tuple[str, ...]:
    """The keys below its table at which a fault of the whole table is to be read."""
    if detail["type"] == "declaration":
        return tuple(str(detail["ctx"]["key"]).split("."))
    return ("kind",) if detail["type"].startswith("union_tag") else ()


def _is_absent_key(detail: ErrorDetails, part: str | int) -> bool:
    last = (*detail["loc"], *_deeper(detail))[-1]
    return detail["type"] in ("missing", "declaration", "union_tag_not_found") and part == last


def _sentence(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"no key of this name{nearest(str(detail['loc'][-1]), _known_keys())}"
    if kind in ("declaration", "value_error"):
        return str(context.get("expected", context.get("error"))).removeprefix("expected ")
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context).replace("True", "true")
    return detail["msg"].removeprefix("Input should be ")


def _known_keys() -> list[str]:
    return sorted({field.alias or name for model in descendants() for name, field in model.model_fields.items()})


def _quoted(part: str) -> str:
    short = part if len(part) <= _LONGEST_KEY else part[:_LONGEST_KEY] + "…"
    return short if re.fullmatch(r"[A-Za-z0-9_-]+…?", short) else json.dumps(short, ensure_ascii=False)

"""What all declarations are made of: frozen strict tables, short names, sentences in both languages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]
Character = Annotated[str, StringConstraints(min_length=1, max_length=1)]
Encoding = Literal["utf-8", "cp1252", "latin-1", "utf-16"]


def _inside_the_data(path: str) -> str:
    if path.startswith(("/", "\\", "~")) or ":" in path or ".." in path.replace("\\", "/").split("/"):
        raise ValueError("expected a path inside the data directory")
    return path


DataPath = Annotated[Word, AfterValidator(_inside_the_data)]


def fault(key: str, expected: str) -> PydanticCustomError:
    """A fault of a whole table that is to be read at one of its keys."""
    return PydanticCustomError("declaration", "{expected}", {"key": key, "expected": expected})


class Declared(BaseModel):
    """Base of all declarations: frozen, strict, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


def descendants(model: type[Declared] = Declared) -> list[type[Declared]]:
    """Every table that may stand in a file, and what several have in common, in the order of their definition."""
    return [found for child in model.__subclasses__() for found in (child, *descendants(child))]


class Text(Declared):
    """A sentence in both languages of the pages."""

    fr: Word
    en: Word

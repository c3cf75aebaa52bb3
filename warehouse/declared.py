"""What all declarations are made of: frozen strict tables, short names, sentences in both languages."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


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

"""The methods that a release may use: formula, conventions and source of each, in both languages.

They are declared in ``methods/*.toml``, one table per method; nothing is computed from them. A method is used
where the ``method`` of a released figure says so, or where the release has the part that it draws.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal

from markupsafe import Markup, escape
from pydantic import BaseModel, ConfigDict, Field

from dashboards.selection import Published, Row
from warehouse.declared import Slug, Text, Word

Part = Literal["charts", "funnels", "adjusted", "always"]
FAMILIES = ("times", "rates", "scores", "inference")
_RAISED = {"^": "sup", "_": "sub"}
_INDEX = re.compile(r"([\^_])\{([^{}]*)\}")


class Method(BaseModel):
    """One method. ``about`` are phrases of ESTIMATE.method, ``analyses`` of ESTIMATE.analysis, that are of it.

    ``part`` is what of a release it draws or adjusts, where no single figure tells. In ``formula``, ``symbols``
    and texts ``_{}`` is an index and ``^{}`` an exponent; neither stands within another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Slug
    name: Text
    formula: list[Word] = Field(min_length=1)
    symbols: Text
    conventions: Text
    absent: Text
    source: list[Word] = Field(min_length=1)
    about: list[Word] = []
    analyses: list[Word] = []
    part: Part | None = None

    def explains(self, row: Row) -> bool:
        """Whether the figure was made by this method."""
        method = row.method or ""
        return any(phrase in method for phrase in self.about) or any(name in row.analysis for name in self.analyses)

    @property
    def anchor(self) -> str:
        """Where it stands on the methods page."""
        return f"method-{self.id}"


@cache
def catalogue() -> dict[str, tuple[Method, ...]]:
    """All methods by family, as shipped."""
    folder = files("dashboards").joinpath("methods")
    return {family: _read(folder.joinpath(f"{family}.toml").read_text(encoding="utf-8")) for family in FAMILIES}


def _read(text: str) -> tuple[Method, ...]:
    return tuple(Method.model_validate(table) for table in tomllib.loads(text)["method"])


def used(published: Published) -> dict[str, tuple[Method, ...]]:
    """The methods of a release by family, in declared order; families without any are left out."""
    rows = _told([row for rows in published.figures.values() for row in rows])
    parts = _parts(published, rows)
    found = {
        family: tuple(one for one in methods if one.part in parts or any(map(one.explains, rows)))
        for family, methods in catalogue().items()
    }
    return {family: methods for family, methods in found.items() if methods}


def of_rows(rows: Iterable[Row]) -> tuple[Method, ...]:
    """The methods that made these figures, in declared order."""
    told = _told(rows)
    return tuple(one for methods in catalogue().values() for one in methods if any(map(one.explains, told)))


def _told(rows: Iterable[Row]) -> list[Row]:
    """One row per method and analysis: the others tell the same."""
    return list({(row.method, row.analysis): row for row in rows}.values())


def _parts(published: Published, rows: Iterable[Row]) -> set[Part]:
    release = published.release
    present: dict[Part, bool] = {
        "always": True,
        "charts": release.charts.height > 0,
        "funnels": release.funnels.height > 0,
        "adjusted": any(row.p_adjusted is not None for rows in published.figures.values() for row in rows),
    }
    return {part for part, there in present.items() if there}


def typeset(text: str) -> Markup:
    """The text with its indices and exponents as HTML; everything else is escaped."""
    parts = _INDEX.split(text)  # text, sign, index, text, sign, index, ...
    typeset = [escape(parts[0])]
    for sign, index, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        typeset.append(Markup("<{tag}>{index}</{tag}>").format(tag=_RAISED[sign], index=index) + escape(after))
    return Markup("").join(typeset)

"""One language of the pages: the catalogue of its sentences, and its numbers, dates and units.

Numbers follow the locale (French: decimal comma, narrow no-break space before ``%`` and between
thousands); a minus is the typographic one. No sentence stands in Python: all are in ``locales/``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from babel.dates import format_date
from babel.numbers import format_decimal

from warehouse.declared import Text

Code = Literal["fr", "en"]
CODES: tuple[Code, ...] = ("fr", "en")
MINUS = "\N{MINUS SIGN}"
LOCALES = {"fr": "fr_FR", "en": "en_GB"}
PERCENT_SIGN = {"fr": "\N{NARROW NO-BREAK SPACE}%", "en": "%"}


@dataclass(frozen=True)
class Language:
    """A catalogue with the formats that go with it. ``code`` is the value of HTML's ``lang``."""

    code: Code
    catalogue: Mapping[str, str]

    @property
    def other(self) -> Code:
        """The code of the other language of the site."""
        return "en" if self.code == "fr" else "fr"

    def say(self, key: str, **values: object) -> str:
        """The sentence under ``key`` with its places filled. Raises KeyError for a key nobody wrote."""
        return self.catalogue[key].format(**values)

    def knows(self, key: str) -> bool:
        """Whether the catalogue has the key: codes of other rooms may be newer than it."""
        return key in self.catalogue

    def label(self, family: str, code: str) -> str:
        """The words for a code, or the code itself made readable."""
        key = f"{family}.{code}"
        return self.say(key) if self.knows(key) else readable(code)

    def pick(self, text: Text) -> str:
        """This language's side of a declared text."""
        return text.fr if self.code == "fr" else text.en

    def counted(self, key: str, quantity: float, /, **values: object) -> str:
        """The sentence under ``key`` in the singular or the plural that ``quantity`` asks for."""
        singular = abs(quantity) < 2 if self.code == "fr" else abs(quantity) == 1
        return self.say(f"{key}.{'one' if singular else 'other'}", **values)

    def number(self, value: float, *, signed: bool = False) -> str:
        """A number with at most two decimals; ``signed`` writes the plus too, and no sign for zero."""
        rounded = round(value, 2) or 0.0
        text = _decimal(abs(rounded), LOCALES[self.code])
        plus = "+" if signed and rounded > 0 else ""
        return (MINUS if rounded < 0 else plus) + text

    def percent(self, share: float, *, exact: bool = False) -> str:
        """A fraction as whole per cent, or ``exact`` to two decimals of a per cent: thresholds are small."""
        return self.number(share * 100 if exact else round(share * 100)) + PERCENT_SIGN[self.code]

    def day(self, value: date) -> str:
        """A date in full: 1er juin 2021, 1 June 2021."""
        text = format_date(value, "d MMMM y", locale=LOCALES[self.code])
        return "1er" + text[1:] if self.code == "fr" and value.day == 1 else text

    def month(self, value: date) -> str:
        """A month for an axis: janv. 2022, Jan 2022."""
        return format_date(value, "MMM y", locale=LOCALES[self.code])

    def calendar(self, period: str) -> str:
        """A month ``2023-05``, a quarter ``2023-Q2``, or the words for a named period."""
        year, _, rest = period.partition("-")
        if rest.isdigit() and year.isdigit():
            return format_date(date(int(year), int(rest), 1), "MMMM y", locale=LOCALES[self.code])
        if rest.startswith("Q") and year.isdigit():
            number = int(rest[1:])
            return self.say("period.quarter", quarter=self.counted("ordinal", number, number=number), year=year)
        return self.label("period", period)


@lru_cache(maxsize=4096)
def _decimal(value: float, locale: str) -> str:
    return format_decimal(value, format="#,##0.##", locale=locale)


def readable(code: str) -> str:
    """A code that no catalogue knows, as words."""
    return code.replace("_", " ").strip()


@cache
def language(code: Code) -> Language:
    """The language as shipped."""
    text = files("dashboards").joinpath("locales", f"{code}.json").read_text(encoding="utf-8")
    return Language(code=code, catalogue=json.loads(text))

"""The careful reader: records of a damaged delimited file, each with its true line.

Reads what the fast parser refuses: ragged rows, quotes that never close, line ends inside quotes,
control characters, fields without end. A record that cannot be read is a fault on its first line, and
reading goes on at the next line: one stray quote costs one row, not the rest of the file.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from warehouse.sources.scan import LONGEST_FIELD, LONGEST_LINE

WRONG_FIELD_COUNT, MALFORMED_QUOTE = "wrong_field_count", "malformed_quote"
CONTROL_CHARACTER, OVERSIZED_FIELD = "control_character", "oversized_field"
Unread = Literal["open", "malformed"]
_LONGEST_IN_BYTES = 4 * LONGEST_LINE + 4  # no character takes more than four
CONTROL_CHARACTERS = r"[\x00-\x08\x0b-\x1f\x7f]"
_CONTROLS = re.compile(CONTROL_CHARACTERS)


@dataclass(frozen=True)
class Dialect:
    """How a delimited file is written, as declared."""

    delimiter: str = ","
    quote: str = '"'


@dataclass(frozen=True)
class Record:
    """One record: its line, and either its fields or the fault that makes it unreadable."""

    line: int
    fields: tuple[str, ...] = ()
    fault: str | None = None
    column: int | None = None  # position of the field at fault


class _Lines:
    """Physical lines without their ends, numbered from 1, that can be handed back."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._waiting: deque[tuple[int, str]] = deque()
        self._number = 0

    def next(self) -> tuple[int, str] | None:
        """The next line; cut after the longest line allowed, so that memory stays bounded."""
        if self._waiting:
            return self._waiting.popleft()
        line = self._stream.readline(_LONGEST_IN_BYTES)
        if not line:
            return None
        whole = line
        while whole and not whole.endswith(b"\n"):
            whole = self._stream.readline(_LONGEST_IN_BYTES)
        self._number += 1
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        if self._number == 1:
            content = content.removeprefix(b"\xef\xbb\xbf")
        # A line cut short may end inside a character; it is refused for its length anyway.
        return self._number, content.decode("utf-8", errors="replace")

    def give_back(self, lines: list[tuple[int, str]]) -> None:
        """Read these lines again."""
        self._waiting.extendleft(reversed(lines))


def read_records(file: Path, dialect: Dialect, width: int) -> Iterator[Record]:
    """The records of a UTF-8 file below its header, ``width`` fields each; blank lines are none."""
    with file.open("rb") as stream:
        lines = _Lines(stream)
        lines.next()
        while (line := lines.next()) is not None:
            number, content = line
            if content:
                yield _record(number, content, lines, dialect, width)


def _record(number: int, content: str, lines: _Lines, dialect: Dialect, width: int) -> Record:
    if len(content) > LONGEST_LINE:
        return Record(number, fault=OVERSIZED_FIELD)
    if dialect.quote not in content:
        return _checked(number, tuple(content.split(dialect.delimiter)), width)
    fields = split(content, dialect)
    if fields == "open":
        fields = _continued(content, lines, dialect, width)
    if isinstance(fields, str):
        return Record(number, fault=MALFORMED_QUOTE)
    return _checked(number, fields, width)


def _continued(content: str, lines: _Lines, dialect: Dialect, width: int) -> tuple[str, ...] | Unread:
    """The fields of a record whose quoted field goes on over the next lines, if it is a sound one."""
    taken: list[tuple[int, str]] = []
    added = 0
    while added <= LONGEST_FIELD and (line := lines.next()) is not None:
        taken.append(line)
        added += len(line[1]) + 1
        content = f"{content}\n{line[1]}"
        fields = split(content, dialect)
        if fields == "open":
            continue
        if not isinstance(fields, str) and len(fields) == width:
            return fields
        break
    lines.give_back(taken)
    return "malformed"


def split(content: str, dialect: Dialect) -> tuple[str, ...] | Unread:
    """The fields of one record; ``open`` when a quote is not closed, ``malformed`` when text follows one.

    A quote inside a field that does not begin with one is plain text.
    """
    fields: list[str] = []
    at = 0
    while True:
        if content.startswith(dialect.quote, at):
            end = _closing(content, at + 1, dialect.quote)
            if end < 0:
                return "open"
            fields.append(content[at + 1 : end].replace(dialect.quote * 2, dialect.quote))
            at = end + 1
            if at < len(content) and content[at] != dialect.delimiter:
                return "malformed"
        else:
            end = content.find(dialect.delimiter, at)
            end = len(content) if end < 0 else end
            fields.append(content[at:end])
            at = end
        if at >= len(content):
            return tuple(fields)
        at += 1


def _closing(content: str, start: int, quote: str) -> int:
    """Where the quoted field that begins at ``start`` ends; -1 if it does not."""
    end = content.find(quote, start)
    while end >= 0 and content.startswith(quote, end + 1):
        end = content.find(quote, end + 2)
    return end


def _checked(number: int, fields: tuple[str, ...], width: int) -> Record:
    if len(fields) != width:
        return Record(number, fault=WRONG_FIELD_COUNT)
    for position, value in enumerate(fields):
        if len(value) > LONGEST_FIELD:
            return Record(number, fault=OVERSIZED_FIELD, column=position)
        if _CONTROLS.search(value):
            return Record(number, fault=CONTROL_CHARACTER, column=position)
    return Record(number, fields)

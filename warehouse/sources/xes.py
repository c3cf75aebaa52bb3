"""Event logs in XES (IEEE 1849), plain or gzipped, read as a stream.

Only events under a trace are read, with their own attributes; nested attributes and globals are not.
An event's ``source_row`` is its ordinal in the file, from 1. The keys of a source's ``columns`` name
event attributes, or the trace's when written ``case:<key>``; ``patient_id`` is always the trace's.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from warehouse.errors import DeclarationError
from warehouse.programme import Source
from warehouse.sources.records import Record

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DEFAULTS = {"patient_id": "concept:name", "event_type": "concept:name", "occurred_at": "time:timestamp"}
_ATTRIBUTES = {"string", "date", "int", "float", "boolean", "id"}
_LARGEST = 20_000_000_000  # bytes once unpacked
_SWOLLEN, _LARGEST_RATIO = 100_000_000, 200  # a gzip stream beyond both is a bomb
_LARGEST_TOKEN = 2_000_000  # bytes; a longer comment or value makes the parser's work grow with its square
ALL_ATTRIBUTES = "xes:attributes"


class _Guarded:
    """A stream that refuses to swell: unpacked bytes are counted against the file's own."""

    def __init__(self, stream: IO[bytes], packed: int, shown: str) -> None:
        self._stream, self._packed, self._shown = stream, packed, shown
        self._read = self._progress = 0

    def progress(self) -> None:
        """The parser has come to an element."""
        self._progress = self._read

    def read(self, size: int = -1) -> bytes:
        """The next bytes, never all at once."""
        chunk = self._stream.read(min(size, 1 << 16) if size > 0 else 1 << 16)
        self._read += len(chunk)
        if self._read > _LARGEST or self._read > max(_SWOLLEN, _LARGEST_RATIO * self._packed):
            raise DeclarationError(f"{self._shown}: unpacks to far more than its size; refused as a gzip bomb")
        if self._read - self._progress > _LARGEST_TOKEN:
            raise DeclarationError(f"{self._shown}: more than {_LARGEST_TOKEN:,} bytes without an element; refused")
        return chunk


def keys_of(source: Source) -> dict[str, str]:
    """Our column -> the XES attribute it is read from."""
    return _DEFAULTS | dict(source.columns)


def read_events(file: Path, source: Source, shown: str) -> Iterator[Record]:
    """The events of a log, in its order; fields in the order of ``keys_of``, then all attributes.

    Raises ``DeclarationError`` for what is not well-formed XES, or declares entities.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError

    with file.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=plain)) if packed else plain
        try:
            yield from _events(_Guarded(stream, file.stat().st_size, shown), keys_of(source))
        except ParseError as error:
            raise DeclarationError(f"{shown}, line {error.position[0]}: is not well-formed XML") from None
        except DefusedXmlException:
            raise DeclarationError(f"{shown}: declares a document type or entities; refused") from None
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise DeclarationError(f"{shown}: the gzip file is damaged or cut short") from None


def _events(stream: _Guarded, keys: Mapping[str, str]) -> Iterator[Record]:
    from defusedxml.ElementTree import iterparse

    ordinal = 0
    path: list[Element] = []
    for action, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
        stream.progress()
        if action == "start":
            path.append(element)
            continue
        path.pop()
        if _tag(element) == "trace":
            for record in _trace_events(element, keys, ordinal):
                ordinal = record.line
                yield record
        if len(path) == 1:  # children of the log: done with, let go of
            path[0].remove(element)


def _trace_events(trace: Element, keys: Mapping[str, str], ordinal: int) -> Iterator[Record]:
    of_trace = _attributes(trace)
    for event in trace:
        if _tag(event) != "event":
            continue
        ordinal += 1
        of_event = _attributes(event)
        values = [_value(ours, key, of_trace, of_event) for ours, key in keys.items()]
        everything = "\x1f".join(f"{key}={of_event[key]}" for key in sorted(of_event))
        yield Record(ordinal, (*values, everything))


def _value(ours: str, key: str, of_trace: Mapping[str, str], of_event: Mapping[str, str]) -> str:
    if ours == "patient_id":
        return of_trace.get(key.removeprefix("case:"), "")
    if key.startswith("case:"):
        return of_trace.get(key.removeprefix("case:"), "")
    return of_event.get(key, "")


def _attributes(element: Element) -> dict[str, str]:
    return {child.get("key", ""): child.get("value", "") for child in element if _tag(child) in _ATTRIBUTES}


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]

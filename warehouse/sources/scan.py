"""What stands in the bytes of a file: its sha256, and what a parser must know before it is trusted."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 1 << 18  # bytes: what a core holds in its own cache is counted twice as fast as a megabyte
LONGEST_FIELD = 10_000  # characters
LONGEST_LINE = 1_000_000  # characters
_WINDOW = 4096  # bytes; a field longer than LONGEST_FIELD covers at least one whole window without a line end
_LF, _CR, _TAB, _SPACE, _DEL = b"\n\r\t \x7f"


@dataclass
class Scan:
    """What the bytes of a text file hold. Counts are over the whole file, byte order marks included."""

    delimiter: bytes
    quote: bytes
    size: int = 0
    line_feeds: int = 0
    carriage_returns: int = 0
    carriage_returns_before_line_feed: int = 0
    delimiters: int = 0
    quotes: int = 0
    controls: int = 0  # bytes below 32 that are neither tab nor line end, and DEL
    has_long_run: bool = False  # some window of 4096 bytes has no line end: a field may be too long
    has_padded_quote: bool = False  # a quote next to a blank, which parsers read differently
    is_ascii: bool = True
    broken_line: int | None = None  # first line that is not UTF-8
    head: bytes = b""
    tail: bytes = b""
    _decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"), repr=False)

    def add(self, chunk: bytes) -> None:
        """Take the next bytes of the file into account."""
        if not self.head:
            self.head = chunk[:4096]
        self._check_utf8(chunk)
        self._count(chunk)
        self.size += len(chunk)
        self.tail = (self.tail + chunk[-64:])[-64:]

    def _check_utf8(self, chunk: bytes) -> None:
        if chunk.isascii() and self._decoder.getstate()[0] == b"":
            return
        self.is_ascii = False
        if self.broken_line is None:
            try:
                self._decoder.decode(chunk)
            except UnicodeDecodeError as error:
                self.broken_line = self.line_feeds + chunk[: error.start].count(b"\n") + 1
                self._decoder.reset()

    def _count(self, chunk: bytes) -> None:
        import numpy as np

        codes = np.frombuffer(chunk, np.uint8)
        line_ends = codes == _LF
        below_space = int(np.count_nonzero(codes < _SPACE))
        line_feeds, returns = int(np.count_nonzero(line_ends)), 0
        tabs = int(np.count_nonzero(codes == _TAB)) if below_space > line_feeds else 0
        if below_space > line_feeds + tabs:
            returns = int(np.count_nonzero(codes == _CR))
            self.carriage_returns_before_line_feed += chunk.count(b"\r\n")
        if self.tail.endswith(b"\r") and chunk.startswith(b"\n"):
            self.carriage_returns_before_line_feed += 1
        self.line_feeds += line_feeds
        self.carriage_returns += returns
        self.controls += below_space - line_feeds - tabs - returns + int(np.count_nonzero(codes == _DEL))
        self.delimiters += int(np.count_nonzero(codes == self.delimiter[0]))
        self._count_quotes(chunk)
        whole = line_ends[: len(line_ends) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
        self.has_long_run |= not bool(whole.any(axis=1).all())

    def _count_quotes(self, chunk: bytes) -> None:
        if self.quote not in chunk:
            return
        self.quotes += chunk.count(self.quote)
        self.has_padded_quote |= self.quote + b" " in chunk or b" " + self.quote in chunk

    def read(self, file: Path) -> None:
        """Take a whole file into account."""
        with file.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                self.add(chunk)
        self.close()

    def close(self) -> None:
        """The file ends here: a character that was begun and not finished is a fault."""
        if self.broken_line is None and self._decoder.getstate()[0]:
            self.broken_line = self.lines

    @property
    def lines(self) -> int:
        """Physical lines, the last one counted with or without its line end; blank ones at the end not."""
        ends = self.tail.replace(b"\r\n", b"\n")
        blank = len(ends) - len(ends.rstrip(b"\n"))
        return self.line_feeds + 1 - blank

    @property
    def newline(self) -> str | None:
        r"""The line end used throughout, ``\n`` or ``\r\n``; null where they are mixed or others."""
        if self.carriage_returns == 0:
            return "\n"
        same = self.carriage_returns == self.carriage_returns_before_line_feed == self.line_feeds
        return "\r\n" if same else None

    @property
    def has_bare_return(self) -> bool:
        """Some carriage return does not belong to a line end."""
        return self.carriage_returns > self.carriage_returns_before_line_feed


def digest_file(file: Path) -> str:
    """The sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def chunks_of(file: Path, encoding: str) -> Iterator[str]:
    """The text of a file in pieces. Raises ``UnicodeDecodeError``."""
    with file.open("r", encoding=encoding, newline="") as stream:
        while piece := stream.read(CHUNK):
            yield piece

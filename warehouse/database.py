"""The one door to DuckDB: settings, statements kept in files, and errors without their data.

DuckDB quotes the offending row in its messages. No message of DuckDB leaves this module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from warehouse.errors import ParcoursError, StorageError, WarehouseBusy

if TYPE_CHECKING:
    import polars as pl

Parameters = Sequence[object] | Mapping[str, object]
Result = TypeVar("Result")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


@cache
def _template(name: str) -> str:
    return files("warehouse").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def statement(name: str, **parts: str) -> str:
    """The statement kept in ``sql/<name>.sql``, with its ``{parts}`` filled in."""
    return _template(name).format_map(parts)


def text(value: str) -> str:
    """``value`` as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """``value`` as an SQL identifier."""
    return '"' + value.replace('"', '""') + '"'


def _named_in(sql: str, parameters: Parameters | None) -> Parameters | None:
    """The named parameters that the statement has: the engine refuses others."""
    if not isinstance(parameters, Mapping):
        return parameters
    named = set(re.findall(r"\$(\w+)", sql))
    return {name: value for name, value in parameters.items() if name in named} or None


class Database:
    """A connection whose errors carry no data."""

    def __init__(self, file: Path, *, read_only: bool = False) -> None:
        import duckdb

        self._file = file
        self._duckdb_error = duckdb.Error
        self._connection = self._guarded(lambda: duckdb.connect(str(file), read_only=read_only, config=_CONFIG))
        self._settle(file.parent)

    def _settle(self, folder: Path) -> None:
        """Keep the engine inside its folder; nothing is fetched, nothing outside is read."""
        self.execute("SET TimeZone = 'UTC'")
        # A long IN would become a join, and the rows of a table made from a join lose the order of the file.
        self.execute("SET disabled_optimizers = 'in_clause'")
        self.execute(f"SET temp_directory = {text(str(folder / 'spill'))}")
        self.execute(f"SET allowed_directories = [{text(str(folder))}]")
        self.execute("SET enable_external_access = false")
        self.execute("SET lock_configuration = true")

    def close(self) -> None:
        """Close the connection; what was committed is in the file."""
        self._guarded(self._connection.close)

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run one statement."""
        self._guarded(lambda: self._connection.execute(sql, _named_in(sql, parameters)))

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        return self._guarded(lambda: self._connection.execute(sql, _named_in(sql, parameters)).fetchall())

    def row(self, sql: str, parameters: Parameters | None = None) -> tuple[Any, ...]:
        """The only row of one query."""
        (only,) = self.rows(sql, parameters)
        return only

    def frame(self, sql: str, parameters: Parameters | None = None) -> pl.DataFrame:
        """The result of one query as a frame, handed over without a copy by row."""
        return self._guarded(lambda: self._connection.execute(sql, _named_in(sql, parameters)).pl())

    def accepts(self, sql: str) -> bool:
        """Run one statement that reads a file; false if the parser refused the file."""
        try:
            self._connection.execute(sql)
        except self._duckdb_error as error:
            if _is_the_files_fault(error):
                return False
            failure = _without_data(error, self._file)
        else:
            return True
        raise failure

    @contextmanager
    def lend(self, label: str, frame: pl.DataFrame) -> Iterator[None]:
        """Let statements read ``frame`` under the name ``label``."""
        self._guarded(lambda: self._connection.register(label, frame.to_arrow()))
        try:
            yield
        finally:
            self._guarded(lambda: self._connection.unregister(label))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except self._duckdb_error:
            # A failed COMMIT, or a database that the engine has shut, has nothing left to roll back.
            return

    def _guarded(self, action: Callable[[], Result]) -> Result:
        # Raised after the except block, so that the engine's own error, which quotes data, does not
        # travel along as __context__.
        try:
            return action()
        except self._duckdb_error as error:
            failure = _without_data(error, self._file)
        raise failure


def _is_the_files_fault(error: Exception) -> bool:
    """Whether the file that was read is not what its format asks. Thrift's errors have no class of their own."""
    refused = type(error).__name__ in ("InvalidInputException", "ConversionException", "Error")
    return refused or "Could not read enough bytes" in str(error)


def _without_data(error: Exception, file: Path) -> ParcoursError:
    """Our error for one of DuckDB's: its kind, never its text."""
    kind = type(error).__name__
    if kind == "ConnectionException" or (kind == "IOException" and "lock on file" in str(error)):
        return WarehouseBusy(f"{file}: held by another process")
    if kind == "OutOfMemoryException":
        return StorageError(f"{file}: memory and spill space are used up")
    if kind in ("IOException", "FatalException", "InternalException"):
        return StorageError(f"{file}: cannot be read or written; is the disk full?")
    return ParcoursError(f"{file}: a statement was refused ({kind})")

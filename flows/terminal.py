"""What a person at a terminal sees: progress on stderr, results on stdout, errors in words."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from warehouse.errors import ParcoursError

INTERRUPTED = 130
USAGE = 2
UNEXPECTED = 1


def say(line: str) -> None:
    """Print one line of result on stdout."""
    print(line, flush=True)


def progress(line: str) -> None:
    """Tell a person at a terminal what is going on; say nothing to a log file or a scheduler."""
    if sys.stderr.isatty():
        print(f"· {line}", file=sys.stderr, flush=True)


def complain(line: str) -> None:
    """Print one line of warning or error on stderr."""
    print(line, file=sys.stderr, flush=True)


def guarded(call: Callable[[], int | None]) -> int:
    """Run a command; turn what it raises into words and an exit code, never into a value of a patient."""
    from cyclopts import CycloptsError

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return call() or 0
    except ParcoursError as error:
        for line in str(error).splitlines():
            complain(f"parcours: {line}")
        return error.exit_code
    except CycloptsError as error:
        complain(f"parcours: {error} (see parcours --help)")
        return USAGE
    except KeyboardInterrupt:
        complain("parcours: interrupted; nothing half-done is kept, run the same command again")
        return INTERRUPTED
    except Exception as error:
        complain(f"parcours: unexpected {where(error)}. Its message is not shown, for it may hold data of a patient.")
        return UNEXPECTED


def where(error: BaseException) -> str:
    """The kind of an unexpected error and the places it passed in this software, without its message."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(ours[-4:]))
    return f"{type(error).__name__} at {places}"


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

"""An input file is copied once into ``raw/<sha256>``; everything else is read from the copy."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import DeclarationError, StorageError
from warehouse.home import Home, need_space, sync_directory
from warehouse.sources.scan import digest_file

_SPACE = 3  # times the file: the copy, its rows, and room to work


@dataclass(frozen=True)
class Received:
    """A file that is kept: its name as the user knows it, its hash, and where the copy lies."""

    shown: str
    sha256: str
    size: int
    file: Path


def receive(home: Home, path: Path) -> Received:
    """Copy ``path`` into the home unless it is there already; hash what was copied, not what was named."""
    try:
        if path.exists() and not path.is_file():
            raise DeclarationError(f"{path}: is not a file")
        size = path.stat().st_size
        known = _known(home, path, size)
        sha256 = known or _copy(home, path, size)
    except FileNotFoundError:
        raise DeclarationError(f"{path}: there is no such file") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read or kept ({error.strerror})") from None
    return Received(path.name, sha256, size, home.raw / sha256)


def _known(home: Home, path: Path, size: int) -> str | None:
    """The hash of a file that is kept already; only worth reading it when one has its size."""
    if any(kept.stat().st_size == size for kept in home.raw.iterdir() if not kept.suffix):
        sha256 = digest_file(path)
        if (home.raw / sha256).exists():
            return sha256
    return None


def _copy(home: Home, path: Path, size: int) -> str:
    need_space(home.raw, _SPACE * size)
    draft = home.raw / f"{os.getpid()}.tmp"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb"):
            shutil.copyfile(path, draft)  # in the kernel where it can
            os.fsync(descriptor)
        sha256 = digest_file(draft)
        draft.rename(home.raw / sha256)
        sync_directory(home.raw)
    finally:
        draft.unlink(missing_ok=True)
    return sha256


def sweep(home: Home) -> None:
    """Remove what interrupted runs left behind. The lock is held."""
    for leftover in home.raw.glob("*.tmp"):
        leftover.unlink(missing_ok=True)

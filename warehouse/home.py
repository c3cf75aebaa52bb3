"""The directory a run keeps everything in: its lock, its key and its releases.

Nothing here imports DuckDB or Prefect, so that a second run is turned away before either loads.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import DeclarationError, StorageError, WarehouseBusy
from warehouse.sources.pseudonyms import SMALLEST_KEY

LOCK_NAME = "lock"
_held: dict[Path, tuple[int, int]] = {}  # lock file -> descriptor, times held by this process


@dataclass(frozen=True)
class Home:
    """Where a run keeps what it keeps. The pseudonym key lies elsewhere, the demo's excepted."""

    path: Path
    key_file: Path

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.path / "warehouse.duckdb"

    @property
    def raw(self) -> Path:
        """Input files as they came, named by their sha256."""
        return self.path / "raw"

    @property
    def releases(self) -> Path:
        """Published releases, each complete and never changed."""
        return self.path / "releases"

    @property
    def logs(self) -> Path:
        """Logs, free of patients."""
        return self.path / "logs"


def open_home(path: Path, *, key_file: Path | None = None, demo: bool = False) -> Home:
    """The home at ``path``, made with mode 0700 when it is not there; its parent must be.

    The key is ``key_file``, or the user's own, or in a demo one inside the home. Raises
    ``DeclarationError`` for a place that cannot be a home, ``StorageError`` for one that cannot be written.
    """
    path = path.expanduser().absolute()
    _refuse_unfit(path)
    home = Home(path, key_file or (path / "pseudonym.key" if demo else default_key_file()))
    try:
        for folder in (home.path, home.raw, home.releases, home.logs):
            folder.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written ({error.strerror})") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise StorageError(f"{path}: may not be written")
    return home


def _refuse_unfit(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise DeclarationError(f"{path}: is not a directory; name a directory for --home")
    if not path.parent.is_dir():
        raise DeclarationError(f"{path}: its parent directory does not exist; make it first")
    work_tree = _unignored_work_tree(path)
    if work_tree:
        raise DeclarationError(
            f"{path}: lies inside the git work tree {work_tree}, where patient data could be committed; "
            "choose another directory or ignore this one there"
        )


def _unignored_work_tree(path: Path) -> Path | None:
    """The git work tree around ``path``, unless git says that the path is ignored in it."""
    tree = next((folder for folder in path.resolve().parents if (folder / ".git").exists()), None)
    git = shutil.which("git")
    if tree is None or git is None:
        return tree
    # A pattern such as "home/" ignores directories only, and the home may not be there yet.
    for name in (str(path), f"{path}/"):
        answer = subprocess.run([git, "-C", str(tree), "check-ignore", "-q", name], check=False, capture_output=True)  # noqa: S603
        if answer.returncode == 0:
            return None
    return tree


def default_key_file() -> Path:
    """The user's key: ``$XDG_CONFIG_HOME/parcours/pseudonym.key``, usually under ``~/.config``."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "parcours" / "pseudonym.key"


def pseudonym_key(home: Home) -> bytes:
    """The key of the home's pseudonyms, made at first use with mode 0600. 32 bytes or more.

    A warehouse knows the key it was filled with: ``Store.ingest`` refuses another one.
    """
    file = home.key_file
    if not file.exists():
        _make_key(file)
    try:
        if file.stat().st_mode & 0o077:
            raise StorageError(f"{file}: others may read the pseudonym key; run: chmod 600 {file}")
        key = file.read_bytes()
    except OSError as error:
        raise StorageError(f"{file}: cannot be read ({error.strerror})") from None
    if len(key) < SMALLEST_KEY:
        raise DeclarationError(f"{file}: expected a key of at least {SMALLEST_KEY} bytes, got {len(key)}")
    return key


def _make_key(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(SMALLEST_KEY))
            stream.flush()
            os.fsync(descriptor)
        draft.rename(file)
        sync_directory(file.parent)
    except OSError as error:
        raise StorageError(f"{file}: the pseudonym key cannot be made ({error.strerror})") from None


@contextmanager
def hold(home: Home, run_id: str) -> Iterator[None]:
    """Hold the home for one run. Other processes get ``WarehouseBusy``; this process may nest.

    The lock is the operating system's and dies with the process: it is never stale.
    """
    file = home.path / LOCK_NAME
    descriptor, times = _held.get(file) or (_take(file, run_id), 0)
    _held[file] = descriptor, times + 1
    try:
        yield
    finally:
        descriptor, times = _held[file]
        if times > 1:
            _held[file] = descriptor, times - 1
        else:
            del _held[file]
            os.close(descriptor)


def _take(file: Path, run_id: str) -> int:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{file}: cannot be opened ({error.strerror})") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        busy = WarehouseBusy(f"{file.parent}: held by {_holder(descriptor)}")
    else:
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "run": run_id}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        return descriptor
    os.close(descriptor)
    raise busy


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"run {holder['run']}, process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):  # taken this instant, its name not written yet
        return "another run"


def need_space(folder: Path, size: int) -> None:
    """Raise ``StorageError`` unless ``size`` bytes are free where ``folder`` lies."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise StorageError(f"{folder}: {size / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free")


def sync_directory(folder: Path) -> None:
    """Make a rename in ``folder`` outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(home: Home, release_id: str, build: Callable[[Path], object]) -> Path:
    """Build a release aside, then move it and ``latest`` into place; readers never see a part.

    ``build`` writes into the directory it is given. A release of this id that is already there is
    kept as it is. What an interrupted run left behind is swept first. Returns the release.
    """
    if release_id == "latest" or not release_id.replace("-", "").isalnum():
        raise DeclarationError("expected a release id of letters, digits and hyphens")
    with hold(home, f"publish {release_id}"):
        release = home.releases / release_id
        try:
            _sweep(home.releases)
            if not release.exists():
                _build_aside(release, build)
            _point_latest(home.releases, release_id)
        except OSError as error:
            raise StorageError(f"{release}: cannot be published ({error.strerror})") from None
        return release


def _sweep(releases: Path) -> None:
    for leftover in releases.glob("*.tmp"):
        if leftover.is_symlink() or leftover.is_file():
            leftover.unlink()
        else:
            shutil.rmtree(leftover)


def _build_aside(release: Path, build: Callable[[Path], object]) -> None:
    draft = release.with_name(release.name + ".tmp")
    draft.mkdir(mode=0o700)
    build(draft)
    for folder, _, names in os.walk(draft, topdown=False):
        for name in names:
            with (Path(folder) / name).open("rb") as stream:
                os.fsync(stream.fileno())
        sync_directory(Path(folder))
    draft.rename(release)
    sync_directory(release.parent)


def _point_latest(releases: Path, release_id: str) -> None:
    latest = releases / "latest"
    if latest.is_symlink() and latest.readlink() == Path(release_id):
        return
    draft = releases / "latest.tmp"
    draft.symlink_to(release_id)
    draft.replace(latest)
    sync_directory(releases)

"""The home: where it may be, who holds it, whose key it uses, and how releases get in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from warehouse.errors import DeclarationError, StorageError, WarehouseBusy
from warehouse.home import Home, hold, need_space, open_home, pseudonym_key, publish

HOLDER = """
import sys, time
from pathlib import Path
from warehouse.home import hold, open_home
with hold(open_home(Path(sys.argv[1]), demo=True), "night run"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    assert home.path.stat().st_mode & 0o777 == 0o700
    assert all(folder.is_dir() for folder in (home.raw, home.releases, home.logs))
    assert open_home(tmp_path / "home") == home


def test_places_that_cannot_be_a_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DeclarationError, match="not a directory"):
        open_home(tmp_path / "file")
    with pytest.raises(DeclarationError, match="parent"):
        open_home(tmp_path / "no" / "home")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="cannot be written"):
        open_home(tmp_path / "home")
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(("ignored", "refused"), [("", True), ("home/\n", False), ("home\n", False), ("other\n", True)])
def test_a_home_in_a_git_work_tree_must_be_ignored_there(tmp_path: Path, ignored: str, refused: bool) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(ignored)
    if not refused:
        assert open_home(tmp_path / "home").path.is_dir()
        return
    with pytest.raises(DeclarationError, match="git work tree"):
        open_home(tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_second_process_is_told_who_holds_the_home(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home", demo=True)
    command = [sys.executable, "-c", HOLDER, str(home.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseBusy, match=f"night run, process {holder.pid}"), hold(home, "mine"):
            pass
        holder.kill()
    with hold(home, "mine"):  # the lock died with its holder
        assert '"run": "mine"' in (home.path / "lock").read_text()


def test_one_process_may_hold_a_home_twice(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    with hold(home, "outer"):
        with hold(home, "inner"):
            pass
        other = subprocess.run(
            [sys.executable, "-c", HOLDER, str(home.path)], input="\n", capture_output=True, text=True, check=False
        )
        assert other.returncode != 0
        assert "run outer" in other.stderr


def test_home_needs_neither_duckdb_nor_prefect() -> None:
    code = (
        "import sys, warehouse.home; sys.exit(any(m in sys.modules for m in ('duckdb', 'prefect', 'polars', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_key_is_made_once_outside_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    home = open_home(tmp_path / "home")
    key = pseudonym_key(home)
    file = tmp_path / "config" / "parcours" / "pseudonym.key"
    assert len(key) == 32
    assert file.read_bytes() == key == pseudonym_key(home)
    assert file.stat().st_mode & 0o777 == 0o600
    assert open_home(tmp_path / "demo", demo=True).key_file.is_relative_to(tmp_path / "demo")


def test_a_short_or_open_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    home = open_home(tmp_path / "home", key_file=file)
    file.write_bytes(b"x" * 31)
    file.chmod(0o600)
    with pytest.raises(DeclarationError, match="32 bytes"):
        pseudonym_key(home)
    file.write_bytes(b"x" * 32)
    file.chmod(0o644)
    with pytest.raises(StorageError, match="chmod 600"):
        pseudonym_key(home)


def page(text: str) -> Callable[[Path], object]:
    def build(folder: Path) -> None:
        (folder / "fr").mkdir()
        (folder / "fr" / "index.html").write_text(text)

    return build


def test_latest_moves_when_the_release_is_whole(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    assert publish(home, "r1", page("one")) == home.releases / "r1"
    assert (home.releases / "latest" / "fr" / "index.html").read_text() == "one"

    def broken(folder: Path) -> None:
        (folder / "index.html").write_text("half")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        publish(home, "r2", broken)
    assert (home.releases / "latest").readlink() == Path("r1")
    assert not (home.releases / "r2").exists()
    publish(home, "r2", page("two"))
    assert (home.releases / "latest" / "fr" / "index.html").read_text() == "two"
    assert sorted(path.name for path in home.releases.iterdir()) == ["latest", "r1", "r2"]


def test_a_release_is_never_built_again(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    publish(home, "r1", page("one"))
    publish(home, "r2", page("two"))
    publish(home, "r1", page("other"))
    assert (home.releases / "latest" / "fr" / "index.html").read_text() == "one"


@pytest.mark.parametrize("release_id", ["", "../x", "a/b", "a.tmp", "latest tmp", "latest"])
def test_release_ids_are_plain_names(tmp_path: Path, release_id: str) -> None:
    home: Home = open_home(tmp_path / "home")
    with pytest.raises(DeclarationError):
        publish(home, release_id, page("x"))


def test_space_is_asked_for_beforehand(tmp_path: Path) -> None:
    need_space(tmp_path, 1)
    with pytest.raises(StorageError, match="MB needed"):
        need_space(tmp_path, 10**18)

"""A process of its own that ingests one file: what kills it does not kill the tests."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMME = """
from datetime import date
from warehouse.programme import Programme
programme = Programme.model_validate({
    "id": "test", "title": {"fr": "Essai", "en": "Test"}, "timezone": "Europe/Paris", "data_lock": date(2024, 4, 1),
    "periods": {"before": {"from": date(2021, 6, 1), "until": date(2022, 1, 1)},
                "after": {"from": date(2023, 1, 1), "until": date(2024, 1, 1)}},
    "time_zero": {"event": "announcement"}, "sites": [{"id": "north"}],
    "sources": [{"id": "ehr", "path": "*.csv"}],
    "analysis": {"indicators": ["x"]}, "privacy": {"purpose": "test", "retention_until": date(2030, 1, 1)}})
"""
INGEST = (
    PROGRAMME
    + """
import sys
from pathlib import Path
from warehouse.errors import ParcoursError
from warehouse.home import hold, open_home, pseudonym_key
from warehouse.store import Store
try:
    home = open_home(Path(sys.argv[1]), demo=True)
    with hold(home, "test run"), Store.open(home) as store:
        print("open", flush=True)
        if len(sys.argv) > 3:
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
        row = store.ingest(programme.sources[0], Path(sys.argv[2]), programme, (), pseudonym_key(home), "test run")
        print(row.loaded, flush=True)
except ParcoursError as error:
    print(type(error).__name__, error, file=sys.stderr)
    sys.exit(error.exit_code)
"""
)
CANARY = "CANARY"


@dataclass(frozen=True)
class Bench:
    """A home and files to put into it from processes of their own."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def file(self, name: str, rows: int, first: int = 0) -> Path:
        path = self.folder / name
        lines = (f"{CANARY}{first + n},consultation,2023-01-{n % 28 + 1:02d},north\n" for n in range(rows))
        path.write_text("patient_id,event_type,occurred_at,site\n" + "".join(lines))
        return path

    def start(self, file: Path, *limits: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", INGEST, str(self.home), str(file), *map(str, limits)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ingest(self, file: Path, *limits: int) -> tuple[int, str]:
        """The exit code and the error output of a whole run."""
        process = self.start(file, *limits)
        _, errors = process.communicate(timeout=300)
        return process.returncode, errors

    def contents(self) -> tuple[int, int, int]:
        """Rows in the ledger, rows they say are loaded, rows that are."""
        from warehouse.home import open_home
        from warehouse.store import Store

        with Store.open(open_home(self.home, demo=True)) as store:
            ledger = store.ledger()
            events = store._database.row("SELECT count(*) FROM core_event")[0]
        return ledger.height, int(ledger["loaded"].sum()), events


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)

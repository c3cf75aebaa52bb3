"""A small programme, and a warehouse to read files into through the front door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from warehouse.home import Home, open_home, pseudonym_key
from warehouse.ledger import LedgerRow
from warehouse.programme import Programme
from warehouse.schemas import Rule
from warehouse.store import Store

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def build_programme(
    *, patients: dict[str, Any] | None = None, data_lock: date = date(2024, 4, 1), **source: Any
) -> Programme:
    """A programme of two sites with one source, changed by ``source``."""
    return Programme.model_validate(
        {
            "id": "test",
            "title": {"fr": "Essai", "en": "Test"},
            "timezone": "Europe/Paris",
            "data_lock": data_lock,
            "periods": {
                "before": {"from": date(2021, 6, 1), "until": date(2022, 1, 1)},
                "after": {"from": date(2023, 1, 1), "until": date(2024, 1, 1)},
            },
            "time_zero": {"event": "announcement"},
            "sites": [{"id": "north"}, {"id": "south"}],
            "sources": [{"id": "ehr", "path": "*.csv", **source}],
            "patients": patients,
            "strata": {"age_band": [50, 65], "sex": True},
            "analysis": {"indicators": ["time_to_referral"]},
            "privacy": {"purpose": "test", "retention_until": date(2030, 1, 1)},
        }
    )


def rule(id: str, predicate: str, column: str, **changes: Any) -> Rule:
    """A rule of no special category."""
    words: dict[str, Any] = {"sentence_fr": id, "sentence_en": id, "category": "conformance", "severity": "warning"}
    return Rule(id=id, column=column, predicate=predicate, **(words | changes))


RULES = (
    rule("broken_row", "fault IS NOT NULL", "fault"),
    rule("missing_patient", "raw_patient_id IS NULL", "patient_id", denominator="fault IS NULL"),
    rule("bad_date", "occurred_at IS NULL", "occurred_at", denominator="fault IS NULL"),
    rule("unknown_type", "event_type IS NULL", "event_type", denominator="fault IS NULL"),
    rule("bad_value", "raw_value IS NOT NULL AND value IS NULL", "value", denominator="raw_value IS NOT NULL"),
    rule("no_site", "site IS NULL", "site", denominator="fault IS NULL", quarantines=False),
)


class Desk:
    """One home, one programme; every file goes in through ``Store.ingest``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home: Home = open_home(folder / "home", demo=True)
        self.programme = build_programme()
        self.rules: tuple[Rule, ...] = RULES

    def declare(self, **source: Any) -> None:
        self.programme = build_programme(**source)

    def file(self, name: str, content: bytes | str) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, content: bytes | str, name: str = "events.csv") -> LedgerRow:
        with Store.open(self.home) as store:
            return self.load_into(store, self.file(name, content))

    def load_into(self, store: Store, path: Path) -> LedgerRow:
        return store.ingest(
            self.programme.sources[0], path, self.programme, self.rules, pseudonym_key(self.home), "run-1"
        )

    def events(self) -> pl.DataFrame:
        with Store.open(self.home) as store:
            return store.events(self.programme, self.programme.vocabulary)

    def read(self, ask: Callable[[Store], Any]) -> Any:
        with Store.open(self.home) as store:
            return ask(store)

    def quarantine(self) -> list[tuple[int, str | None, str]]:
        """``(line, column, rule)`` of what was kept out."""
        frame: pl.DataFrame = self.read(lambda store: store.quarantine())
        return frame.select("line", "column", "rule").rows()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"real data not found beside the checkout: {SHARED}")
    return SHARED

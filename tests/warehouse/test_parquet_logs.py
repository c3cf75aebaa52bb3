# ruff: noqa: DTZ001 - local times without a zone are the subject
"""Event logs in Parquet: the same rows as from CSV, typed values as typed, hostile files refused in words."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from checks.rules import row_rules
from warehouse.database import Database
from warehouse.errors import DeclarationError
from warehouse.ledger import LedgerRow
from warehouse.store import Store

CANARY = "CANARY-4711"
NAMES = {"patient_id": "ipp", "event_type": "acte", "occurred_at": "quand", "site": "uf", "value": "score"}
WHEN = [datetime(2023, 1, 5, 10, 30), datetime(2023, 7, 5, 23, 45, 10), datetime(2023, 10, 29, 2, 30)]


def log(**changed: Any) -> pl.DataFrame:
    """Three good rows of one patient each, some columns changed."""
    columns: dict[str, Any] = {
        "patient_id": [CANARY, "P2", "P3"],
        "event_type": ["announcement", "questionnaire", "death"],
        "occurred_at": WHEN,
        "site": ["north", "south", None],
        "value": [None, 87.5, None],
    }
    return pl.DataFrame(columns | changed)


@pytest.fixture
def parquet(desk: Any) -> Callable[..., LedgerRow]:
    """Load a frame, or the bytes of a file, through the front door under the rules of the product."""

    def load(content: pl.DataFrame | bytes, name: str = "events.parquet", **declared: Any) -> LedgerRow:
        desk.declare(**({"format": "parquet"} | declared))
        desk.rules = row_rules(desk.programme)
        path: Path = desk.folder / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content)
        with Store.open(desk.home) as store:
            return desk.load_into(store, path)

    return load


def bytes_of(frame: pl.DataFrame, folder: Path) -> bytes:
    path = folder / "made.parquet"
    frame.write_parquet(path)
    return path.read_bytes()


@pytest.mark.parametrize("text_columns", ["typed", "texts"])
@pytest.mark.parametrize("declared", [{}, {"date_format": "%d/%m/%Y %H:%M:%S", "decimal": ",", "columns": NAMES}])
def test_the_same_log_as_csv_and_as_parquet_gives_the_same_events(
    desk: Any, parquet: Callable[..., LedgerRow], tmp_path: Path, text_columns: str, declared: dict[str, Any]
) -> None:
    pattern = declared.get("date_format", "%Y-%m-%dT%H:%M:%S")
    number = pl.col("value").cast(pl.String).str.replace(".", declared.get("decimal", "."), literal=True)
    texts = log().with_columns(pl.col("occurred_at").dt.strftime(pattern), number)
    frame = (texts if text_columns == "texts" else log()).rename(declared.get("columns", {}))
    row = parquet(frame, **declared)
    from_parquet = desk.events()

    (tmp_path / "other").mkdir()
    other = type(desk)(tmp_path / "other")
    other.declare(**declared, delimiter=";")
    other.rules = row_rules(other.programme)
    csv = other.load(texts.rename(declared.get("columns", {})).write_csv(separator=";"))
    assert (row.loaded, row.duplicates, row.quarantined) == (csv.loaded, csv.duplicates, csv.quarantined) == (3, 0, 0)
    assert from_parquet["sequence"].to_list() == [1, 2, 3]
    assert other.events()["sequence"].to_list() == [2, 3, 4]  # the lines of the file, below its header
    surrogate = ["sequence", "patient"]  # drawn by each warehouse for itself
    assert from_parquet.drop(surrogate).equals(other.events().drop(surrogate))
    assert from_parquet["patient"].n_unique() == other.events()["patient"].n_unique() == 3
    assert from_parquet["value"].to_list() == [None, 87.5, None]
    assert from_parquet["precision"].to_list() == ["second"] * 3


@pytest.mark.parametrize(
    ("values", "instant", "day", "precision"),
    [
        ([date(2023, 7, 5)] * 3, datetime(2023, 7, 4, 22), date(2023, 7, 5), "day"),
        ([datetime(2023, 7, 5, 23, 30)] * 3, datetime(2023, 7, 5, 21, 30), date(2023, 7, 5), "second"),
        ([datetime(2023, 7, 5, 23, 30, tzinfo=UTC)] * 3, datetime(2023, 7, 5, 23, 30), date(2023, 7, 6), "second"),
        (["2023-07-05T23:30"] * 3, datetime(2023, 7, 5, 21, 30), date(2023, 7, 5), "minute"),
    ],
)
def test_typed_times_are_taken_as_typed(
    desk: Any, parquet: Callable[..., LedgerRow], values: list[Any], instant: datetime, day: date, precision: str
) -> None:
    assert parquet(log(occurred_at=values)).loaded == 3
    assert desk.events().select("occurred_at", "occurred_on", "precision").unique().rows() == [
        (instant, day, precision)
    ]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_time_stamps_of_every_unit(desk: Any, parquet: Callable[..., LedgerRow], unit: Any) -> None:
    assert parquet(log().with_columns(pl.col("occurred_at").cast(pl.Datetime(unit)))).loaded == 3
    assert desk.events()["occurred_at"].to_list()[0] == datetime(2023, 1, 5, 9, 30)


def test_typed_times_beside_texts_in_another_format(desk: Any, parquet: Callable[..., LedgerRow]) -> None:
    frame = log(recorded_at=["06/07/2023", "2023-07-06", "07/07/2023"], event_id=["a", "b", "c"])
    assert parquet(frame, date_format="%d/%m/%Y").loaded == 3
    results = desk.read(lambda store: store.rule_results()).filter(pl.col("rule") == "unreadable_recorded_at")
    assert results.select("violated", "denominator").rows() == [(1, 3)]


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt64, pl.Float32, pl.Float64, pl.Decimal(9, 2), pl.String])
def test_numbers_of_every_type(desk: Any, parquet: Callable[..., LedgerRow], kind: Any) -> None:
    assert parquet(log(value=pl.Series([None, 87, None]).cast(kind))).loaded == 3
    assert desk.events()["value"].to_list() == [None, 87.0, None]


def test_whole_numbers_may_be_identifiers_and_dictionaries_are_texts(
    desk: Any, parquet: Callable[..., LedgerRow]
) -> None:
    frame = log(patient_id=[12, 12, 13]).with_columns(pl.col("event_type", "site").cast(pl.Categorical))
    assert parquet(frame).loaded == 3
    first, second, third = desk.events()["patient"]
    assert first == second != third


def test_faults_name_row_column_and_rule(desk: Any, parquet: Callable[..., LedgerRow]) -> None:
    count = 12
    frame = pl.DataFrame(
        {
            "patient_id": ["P0", "P1", "", None, "P\x004", "x" * 10_001, *(f"P{n}" for n in range(6, count))],
            "event_type": ["death"] * 6 + ["abduction"] + ["death"] * 5,
            "occurred_at": ["2023-01-05"] * 7 + ["05/01/2023", "2023-02-30", "", "2023-01-05", "2023-01-05"],
            "site": ["north"] * 3 + ["south"] + ["north"] * 6 + ["nowhere", "north"],
            "value": [None, float("nan"), *[None] * 9, float("inf")],
        }
    )
    row = parquet(frame)
    assert (row.rows_in, row.loaded, row.duplicates, row.quarantined) == (count, 1, 0, 11)
    assert desk.quarantine() == [
        (2, "value", "unreadable_number"),
        (3, "patient_id", "missing_patient"),
        (4, "patient_id", "missing_patient"),
        (5, "patient_id", "control_character"),
        (6, "patient_id", "oversized_field"),
        (7, "event_type", "unknown_event_type"),
        (8, "occurred_at", "unreadable_date"),
        (9, "occurred_at", "unreadable_date"),
        (10, "occurred_at", "missing_date"),
        (11, "site", "unknown_site"),
        (12, "value", "unreadable_number"),
    ]


def test_years_that_no_calendar_of_ours_holds_are_kept_out(desk: Any, parquet: Callable[..., LedgerRow]) -> None:
    moments = pl.Series([2**63 - 1, -(2**62), 253402300800_000000]).cast(pl.Datetime("us"))
    assert parquet(log(occurred_at=moments)).quarantined == 3
    assert {rule for _, _, rule in desk.quarantine()} == {"unreadable_date"}


def test_repeats_natural_keys_and_the_ledger_are_those_of_every_source(
    desk: Any, parquet: Callable[..., LedgerRow]
) -> None:
    doubled = pl.concat([log(note=["a", "b", "c"]), log(note=["a", "B", "c"])])
    assert (parquet(doubled).loaded, parquet(doubled).already_loaded) == (4, True)
    other_order = log(note=["a", "x", "c"]).select("note", "value", "site", "occurred_at", "event_type", "patient_id")
    assert parquet(other_order, "2.parquet").duplicates == 2
    again = parquet(doubled, natural_key=("patient_id", "event_type", "occurred_at"))
    assert (again.loaded, again.duplicates) == (0, 6)  # the other file was read first: its three are the first now
    assert desk.read(lambda store: store.ledger()["loaded"].to_list()) == [3, 0]


def test_nested_and_binary_columns_that_nobody_declared_only_tell_rows_apart(parquet: Callable[..., LedgerRow]) -> None:
    frame = pl.concat([log(), log()]).with_columns(
        deep=pl.Series([{"q": [number]} for number in (1, 2, 3, 1, 2, 4)]), raw=pl.Series([b"\xff"] * 6)
    )
    assert (row := parquet(frame)).loaded == 4
    assert row.duplicates == 2


# name -> (columns changed, words of the message)
REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "list": ({"event_type": [["a"], ["b"], ["c"]]}, ("'event_type'", "expected text", "a list")),
    "struct": ({"site": [{CANARY: 1}] * 3}, ("'site'", "nested values")),
    "true or false": ({"value": [True, False, None]}, ("'value'", "expected text or a number", "BOOLEAN")),
    "numbers with fractions as identifiers": ({"patient_id": [1.0, 2.0, 3.0]}, ("'patient_id'", "whole numbers")),
    "seconds since 1970 as times": ({"occurred_at": [1, 2, 3]}, ("'occurred_at'", "TIMESTAMP", "BIGINT")),
    "times without a day": ({"occurred_at": [time(1, 2)] * 3}, ("'occurred_at'", "got TIME")),
    "bytes": ({"patient_id": [b"a", b"b", b"c"]}, ("'patient_id'", "BLOB")),
    "decimals as codes": ({"event_type": [Decimal("1.5")] * 3}, ("'event_type'", "DECIMAL")),
    "reserved name": ({"file_row_number": [1, 2, 3]}, ("file_row_number", "rename")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_columns_of_types_that_mean_nothing_here_are_refused_in_words(
    parquet: Callable[..., LedgerRow], case: str
) -> None:
    changed, words = REFUSED[case]
    expect_refusal(parquet, log(**changed), words)


def expect_refusal(parquet: Callable[..., LedgerRow], content: Any, words: tuple[str, ...], **declared: Any) -> None:
    with pytest.raises(DeclarationError) as caught:
        parquet(content, **declared)
    message = str(caught.value)
    assert message.startswith("events.parquet: ")
    assert all(word in message for word in words), message
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_header_drift(desk: Any, parquet: Callable[..., LedgerRow]) -> None:
    expect_refusal(parquet, log().drop("event_type", "occurred_at"), ("'event_type'", "'occurred_at'"))
    renamed = log().rename(NAMES).rename({"quand": "Quand"})
    expect_refusal(parquet, renamed, ("no column 'quand', declared for occurred_at",), columns=NAMES)
    assert parquet(log(colour=[1, 2, 3])).loaded == 3
    assert desk.read(lambda store: store.ledger().height) == 1


def test_columns_that_differ_in_case_alone_are_two_columns(desk: Any, parquet: Callable[..., LedgerRow]) -> None:
    assert parquet(log(SITE=["x", "y", "z"]).select("SITE", *log().columns)).loaded == 3
    assert desk.events()["site"].to_list() == ["north", "south", None]


def test_time_stamps_that_do_not_say_what_they_are_are_refused(
    desk: Any, parquet: Callable[..., LedgerRow], tmp_path: Path
) -> None:
    arrow = pytest.importorskip("pyarrow.parquet")
    arrow.write_table(log().to_arrow(), tmp_path / "int96.parquet", use_deprecated_int96_timestamps=True)
    content = (tmp_path / "int96.parquet").read_bytes()
    expect_refusal(parquet, content, ("'occurred_at'", "INT96", "write TIMESTAMP"))


def test_a_column_twice_is_refused(parquet: Callable[..., LedgerRow], tmp_path: Path) -> None:
    content = bytes_of(log(sitf=["a", "b", "c"]), tmp_path).replace(b"sitf", b"site")
    expect_refusal(parquet, content, ("'site'", "twice"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda _: b"", ("is not Parquet",)),
        (lambda _: b"patient_id,event_type\n", ("is not Parquet",)),
        (lambda whole: b"PARE" + whole[4:-4] + b"PARE", ("encrypted",)),
        (lambda whole: whole[:4], ("cut short",)),
        (lambda whole: whole[: len(whole) // 2], ("cut short",)),
        (lambda whole: whole[:-4] + b"PAR2", ("cut short",)),
        (lambda whole: whole[:-8] + b"\xff\xff\xff\x7f" + whole[-4:], ("damaged",)),
        (lambda whole: whole[:4] + bytes(200) + whole[204:], ("damaged",)),
    ],
)
def test_a_file_that_is_damaged_or_is_something_else_is_refused(
    desk: Any,
    parquet: Callable[..., LedgerRow],
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
    words: tuple[str, ...],
) -> None:
    expect_refusal(parquet, damage(bytes_of(log(), tmp_path)), words)
    assert desk.read(lambda store: store.ledger().height) == 0
    assert parquet(log()).loaded == 3


def test_broken_bytes_anywhere_are_rows_or_an_error_in_words(
    desk: Any, parquet: Callable[..., LedgerRow], tmp_path: Path
) -> None:
    """Pages carry no checksum: a broken byte may read as another text, never as a crash or as fewer rows."""
    desk.declare(format="parquet")
    desk.rules = row_rules(desk.programme)
    whole, draw, refusals = bytes_of(log(), tmp_path), random.Random(7), []
    with Store.open(desk.home) as store:
        for number in range(40):
            broken = bytearray(whole)
            for _ in range(draw.choice([1, 3, 20])):
                broken[draw.randrange(4, len(whole) - 4)] = draw.randrange(256)
            try:
                row = desk.load_into(store, desk.file(f"{number}.parquet", bytes(broken)))
            except DeclarationError as error:
                refusals.append(str(error))
            else:
                assert row.rows_in == 3
    assert 10 < len(refusals) < 40
    assert CANARY not in "".join(refusals)


def test_more_rows_than_a_file_can_hold_are_refused_before_they_are_unpacked(
    parquet: Callable[..., LedgerRow], tmp_path: Path
) -> None:
    rows = 10_000_001
    same = log().head(1).select(pl.all().gather(pl.Series([0]).repeat_by(rows).explode()))
    expect_refusal(parquet, bytes_of(same, tmp_path), ("far more rows",))


def test_nothing_is_fetched_to_read_parquet(tmp_path: Path) -> None:
    bytes_of(log(), tmp_path)
    database = Database(tmp_path / "w.duckdb")  # may neither install nor load an extension, nor leave its folder
    settings = dict(database.rows("SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%known_extensions'"))
    assert settings == {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    assert database.row(f"SELECT count(*) FROM read_parquet('{tmp_path / 'made.parquet'}')") == (3,)
    database.close()

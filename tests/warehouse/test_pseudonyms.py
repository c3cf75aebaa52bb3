"""HMAC-SHA-256 against RFC 4231 and Python's own; no collision, no trimming, no id in the file."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.errors import DeclarationError
from warehouse.home import pseudonym_key
from warehouse.sources.pseudonyms import derived_secret, pseudonymiser, pseudonyms
from warehouse.store import Store

# RFC 4231, test cases 1 to 4, 6 and 7: key, data, HMAC-SHA-256.
VECTORS = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    (b"\xaa" * 131, b"This is a test using a larger than block-size key and a larger than block-size data. "
     b"The key needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "message", "expected"), VECTORS)
def test_known_answers(key: bytes, message: bytes, expected: str) -> None:
    assert pseudonymiser(key)(message).hex() == expected


@given(key=st.binary(min_size=1, max_size=200), identifier=st.text())
def test_equal_to_the_standard_library(key: bytes, identifier: str) -> None:
    identifier = identifier.encode(errors="replace").decode()
    assert pseudonyms(key, [identifier]) == [hmac.new(key, identifier.encode(), hashlib.sha256).digest()]


def test_no_collision_among_many() -> None:
    assert len(set(pseudonyms(b"k" * 32, (str(number) for number in range(200_000))))) == 200_000


def test_secrets_differ_by_purpose_and_key() -> None:
    made = {derived_secret(key, purpose) for key in (b"a" * 32, b"b" * 32) for purpose in ("rows", "events")}
    assert len(made) == 4
    assert all(len(secret) == 32 for secret in made)


def test_ids_are_told_apart_by_their_exact_text(desk: Any) -> None:
    ids = ["NA", "na", "000123", "123", "123 ", " 123", "123.0", "\u00c9", "E\u0301", "null", "None", "-"]
    rows = "".join(f'"{identifier}",death,2023-01-05,north\n' for identifier in ids)
    desk.load("patient_id,event_type,occurred_at,site\n" + rows + "123,referral,2023-01-06,north\n")
    patients = desk.events()["patient"].to_list()
    assert len(set(patients)) == len(ids)
    assert patients[-1] == patients[ids.index("123")]


def test_patients_stay_the_same_across_files(desk: Any) -> None:
    desk.load("patient_id,event_type,occurred_at\nA,death,2023-01-05\nB,death,2023-01-05\n", "1.csv")
    desk.load("patient_id,event_type,occurred_at\nC,referral,2023-01-06\nB,referral,2023-01-06\n", "2.csv")
    a, b, c, again = desk.events()["patient"].to_list()
    assert b == again
    assert len({a, b, c}) == 3
    assert desk.read(lambda s: s.patients(desk.programme)["patient"].to_list()) == sorted({a, b, c})


def test_who_has_only_refused_rows_is_no_patient(desk: Any) -> None:
    refused, accepted = "A,death,never\n" * 2 + "B,death,never\n", "B,death,2023-01-05\n" * 2 + "C,death,2023-01-05\n"
    row = desk.load("patient_id,event_type,occurred_at\n" + refused + accepted)
    assert (row.loaded, row.duplicates, row.quarantined) == (2, 2, 2)
    patients = desk.read(lambda s: s.patients(desk.programme)["patient"].to_list())
    assert patients == sorted(desk.events()["patient"].to_list())
    row = desk.load("patient_id,event_type,occurred_at\nA,death,2023-01-07\n", "later.csv")
    assert len(desk.read(lambda s: s.patients(desk.programme))) == len(set(desk.events()["patient"].to_list())) == 3


def test_no_identifier_stands_in_the_warehouse(desk: Any) -> None:
    ids = [f"CANARY{number:05d}" for number in range(3000)]
    rows = "".join(f"{identifier},death,2023-01-05,north,CANARYNOTE\n" for identifier in ids)
    desk.load("patient_id,event_type,occurred_at,site,note\n" + rows)
    files = [path for path in desk.home.path.rglob("*") if path.is_file() and path.parent != desk.home.raw]
    assert all(b"CANARY" not in path.read_bytes() for path in files)
    key = pseudonym_key(desk.home)
    assert key not in desk.home.warehouse.read_bytes()


def test_another_key_is_refused(desk: Any) -> None:
    desk.load("patient_id,event_type,occurred_at\nA,death,2023-01-05\n")
    source, path = desk.programme.sources[0], desk.folder / "events.csv"
    with Store.open(desk.home) as store, pytest.raises(DeclarationError, match="not the one"):
        store.ingest(source, path, desk.programme, (), b"x" * 32, "run-2")

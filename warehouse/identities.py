"""From identifiers to pseudonyms to surrogates: what leaves this door is a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from warehouse.database import Database, statement
from warehouse.sources.pseudonyms import pseudonyms

if TYPE_CHECKING:
    import polars as pl

_SIZE = 32  # bytes of a pseudonym


def identify(database: Database, key: bytes) -> None:
    """Make the table ``identified``: each identifier of the staged file, its pseudonym and its surrogate.

    Surrogates of new patients follow the order of their pseudonyms, which says nothing of the patients.
    """
    import polars as pl

    frame = database.frame(statement("identifiers"))
    made = pseudonyms(key, frame["raw_patient_id"])
    keyed = frame.with_columns(pl.Series("pseudonym", made, pl.Binary))[_in_order(made)]
    known = database.frame("SELECT pseudonym, patient FROM core_patient")
    (last,) = database.row("SELECT coalesce(max(patient), 0) FROM core_patient")
    with database.lend("keyed", _numbered(keyed, known, last)):
        database.execute("CREATE TEMP TABLE identified AS SELECT * FROM keyed")


def _numbered(keyed: pl.DataFrame, known: pl.DataFrame, last: int) -> pl.DataFrame:
    """Each identifier with its surrogate: known already, or next in line."""
    import polars as pl

    is_new = pl.col("patient").is_null()
    surrogate = pl.coalesce("patient", last + is_new.cum_sum()).cast(pl.Int32)
    joined = keyed.join(known, on="pseudonym", how="left", maintain_order="left")
    return joined.with_columns(patient=surrogate, is_new=is_new)


def _in_order(pseudonyms: Sequence[bytes]) -> pl.Series:
    """The places of the pseudonyms in their order: by the first eight bytes, which never agree by chance."""
    import numpy as np
    import polars as pl

    heads = np.frombuffer(b"".join(pseudonyms), ">u8")[:: _SIZE // 8]
    return pl.Series(np.argsort(heads, kind="stable"))

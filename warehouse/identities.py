"""From identifiers to pseudonyms to surrogates: what leaves this door is a number."""

from __future__ import annotations

from warehouse.database import Database, statement
from warehouse.sources.pseudonyms import pseudonyms


def identify(database: Database, key: bytes) -> None:
    """Make the table ``identified``: each identifier of the staged file, its pseudonym and its surrogate.

    Surrogates follow the order of the pseudonyms' hashes, which says nothing of the patients.
    """
    import polars as pl

    frame = database.frame(statement("identifiers"))
    made = pl.Series("pseudonym", pseudonyms(key, frame["raw_patient_id"]), pl.Binary)
    with database.lend("keyed", frame.with_columns(made)):
        database.execute(statement("identify"))

"""The least that any program must do: parse every column of the log, and group a store of it by patient once."""

from __future__ import annotations

import duckdb

from benchmarks.conventions import Figures, Phases, arguments

COLUMNS = (
    "{source_row: 'BIGINT', patient_id: 'VARCHAR', site: 'VARCHAR', event_type: 'VARCHAR', event_at: 'VARCHAR', "
    "detail: 'VARCHAR', score: 'SMALLINT'}"
)
EVERY_COLUMN = (
    "count(*), sum(source_row), sum(length(patient_id)), sum(length(site)), sum(length(event_type)), "
    "count(TRY_CAST(event_at AS TIMESTAMP)), sum(length(detail)), sum(score)"
)


def main() -> None:
    """Ingest is the parse, indicators are the grouping; the copy into a store between them is not counted."""
    phases = Phases()
    log, folder, report = arguments()
    (folder / "floor.duckdb").unlink(missing_ok=True)
    connection = duckdb.connect(str(folder / "floor.duckdb"))
    connection.execute("SET preserve_insertion_order = false")
    rows = f"read_csv('{log}', header = true, auto_detect = false, delim = ',', quote = '\"', columns = {COLUMNS})"
    phases.end("start")
    parsed = connection.execute(f"SELECT {EVERY_COLUMN} FROM {rows}").fetchone()
    phases.end("ingest")
    typed = "* REPLACE (TRY_CAST(event_at AS TIMESTAMP) AS event_at)"
    connection.execute(f"CREATE TABLE events AS SELECT {typed} FROM {rows}")
    connection.execute("CHECKPOINT")
    phases.end("copy")
    connection.execute("SELECT count(*) FROM (SELECT patient_id, min(event_at) FROM events GROUP BY ALL)").fetchone()
    phases.end("indicators")
    figures: Figures = {"rows": parsed[0] if parsed else None}
    phases.report(figures, report)


if __name__ == "__main__":
    main()

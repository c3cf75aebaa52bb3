-- One row per row kept out and rule it violates. Where it stands, never what it says.
CREATE TABLE IF NOT EXISTS raw_quarantine (
  batch INTEGER NOT NULL,
  source_row BIGINT NOT NULL,
  line BIGINT, -- of the file; null where rows are not lines
  "column" VARCHAR,
  rule VARCHAR NOT NULL
)

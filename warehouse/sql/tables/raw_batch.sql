-- The ledger. One row per file read.
CREATE TABLE IF NOT EXISTS raw_batch (
  batch INTEGER NOT NULL,
  source VARCHAR NOT NULL,
  sha256 VARCHAR NOT NULL,
  file VARCHAR NOT NULL,
  size BIGINT NOT NULL, -- bytes
  contract VARCHAR NOT NULL, -- hash of the declaration and the rules it was read under
  rows_in BIGINT NOT NULL,
  loaded BIGINT NOT NULL,
  duplicates BIGINT NOT NULL,
  quarantined BIGINT NOT NULL,
  base BIGINT NOT NULL, -- the sequence of an event is this and the number of its row
  first_on DATE,
  last_on DATE,
  run_id VARCHAR NOT NULL,
  CHECK (rows_in = loaded + duplicates + quarantined)
)

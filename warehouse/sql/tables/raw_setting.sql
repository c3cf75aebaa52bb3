-- One row per fact about the whole warehouse.
CREATE TABLE IF NOT EXISTS raw_setting (
  setting VARCHAR NOT NULL,
  value VARCHAR NOT NULL
)

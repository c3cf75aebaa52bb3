-- One row per recorded event, in reading order. Superseded versions and cancelled events are rows, too.
CREATE TABLE IF NOT EXISTS core_event (
  sequence BIGINT NOT NULL,
  patient INTEGER NOT NULL,
  bucket UTINYINT NOT NULL, -- patient modulo 256: the unit of work
  event_type VARCHAR NOT NULL,
  code VARCHAR,
  occurred_at TIMESTAMP NOT NULL, -- UTC; local midnight where only the day is known
  occurred_on DATE NOT NULL, -- local calendar day
  precision VARCHAR NOT NULL, -- day, minute, second
  site VARCHAR,
  value DOUBLE,
  event_id VARCHAR, -- keyed hash of the source's own
  status VARCHAR NOT NULL, -- active, corrected, cancelled
  recorded_at TIMESTAMP, -- UTC
  source VARCHAR NOT NULL,
  batch INTEGER NOT NULL,
  source_row BIGINT NOT NULL,
  row_hash UINTEGER -- keyed hash of the row's texts; null where the source keeps repeats
)

-- One row per recorded event, in reading order; read it as core_event. Superseded versions and cancelled
-- events are rows, too. Words are numbers here, and what follows from other columns is left out, which makes
-- writing three times as fast.
CREATE TABLE IF NOT EXISTS core_event_coded (
  sequence BIGINT NOT NULL,
  patient INTEGER NOT NULL,
  event_type INTEGER NOT NULL,
  code INTEGER,
  occurred_at TIMESTAMP NOT NULL,
  occurred_on DATE NOT NULL,
  precision UTINYINT NOT NULL,
  site INTEGER,
  value DOUBLE,
  event_id UUID,
  status UTINYINT NOT NULL,
  recorded_at TIMESTAMP,
  batch INTEGER NOT NULL,
  row_hash UINTEGER
)

-- One row per site, month, activity and item that the file of activity states: what the programme did, no patient.
CREATE TABLE IF NOT EXISTS core_activity (
  site VARCHAR NOT NULL,
  month VARCHAR NOT NULL, -- 2022-03
  activity VARCHAR NOT NULL,
  item VARCHAR, -- null where the row counts the activity itself
  n BIGINT NOT NULL,
  batch INTEGER NOT NULL
)

-- One row per word of core_event: types, codes and sites.
CREATE TABLE IF NOT EXISTS core_label (
  label INTEGER NOT NULL,
  word VARCHAR NOT NULL
)

-- One row per patient and covariate that is known.
CREATE TABLE IF NOT EXISTS core_covariate (
  patient INTEGER NOT NULL,
  covariate VARCHAR NOT NULL,
  value VARCHAR NOT NULL,
  batch INTEGER NOT NULL
)

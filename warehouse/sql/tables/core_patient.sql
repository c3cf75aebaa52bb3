-- One row per patient. The pseudonym stands here and nowhere else.
CREATE TABLE IF NOT EXISTS core_patient (
  patient INTEGER NOT NULL,
  pseudonym BLOB NOT NULL -- HMAC-SHA-256 of the source's identifier
)

-- One row per batch and rule: how many rows the rule speaks of, how many violate it.
CREATE TABLE IF NOT EXISTS raw_rule (
  batch INTEGER NOT NULL,
  rule VARCHAR NOT NULL,
  violated BIGINT NOT NULL,
  denominator BIGINT NOT NULL
)

-- One row per row that repeats an earlier one of the same file in every column. Two rows with the same meaning
-- and other texts share the hash of all their texts by chance: once in 2^64 pairs.
INSERT INTO dropped
WITH ranked AS (
  SELECT source_row, row_number() OVER (
    PARTITION BY row_hash, raw_patient_id, event_type, occurred_at, site, code, value, status, recorded_at, event_id
    ORDER BY source_row
  ) AS occurrence
  FROM staged SEMI JOIN candidates USING (place)
  WHERE fault IS NULL
)
SELECT source_row FROM ranked WHERE occurrence > 1

-- One row per row that repeats an earlier one of the same file in every column. The hash finds the few
-- candidates, the texts decide among them.
INSERT INTO dropped
WITH ranked AS (
  SELECT source_row, row_number() OVER (
    PARTITION BY row_hash, raw_patient_id, raw_event_type, raw_occurred_at, raw_site, raw_code, raw_value,
      raw_status, raw_recorded_at, event_id
    ORDER BY source_row
  ) AS occurrence
  FROM staged
  WHERE fault IS NULL AND row_hash IN (SELECT key_hash FROM repeated)
)
SELECT source_row FROM ranked WHERE occurrence > 1

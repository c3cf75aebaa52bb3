-- The accepted rows, in the order of the file. Codes are looked up first: the engine takes tables made in this
-- transaction for empty ones, and would else build a table of the events to find the few codes in.
INSERT INTO core_event_coded
WITH codes AS (
  SELECT word AS code, label FROM core_label SEMI JOIN used_code USING (word)
)
SELECT
  $base + source_row, patient, {event_type}, codes.label, occurred_at, occurred_on,
  enum_code(precision) + 1, {site}, value, {event_key},
  CASE status WHEN 'active' THEN 1 WHEN 'corrected' THEN 2 WHEN 'cancelled' THEN 3 END, recorded_at,
  $batch, {row_hash}
FROM (SELECT * FROM staged WHERE NOT ({refused})) AS accepted
LEFT JOIN codes USING (code)
JOIN identified USING (raw_patient_id)
ANTI JOIN dropped USING (source_row)

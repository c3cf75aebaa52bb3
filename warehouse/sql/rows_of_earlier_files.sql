-- Rows that repeat, in every column, a row loaded from an earlier file of the same source. Hash, patient
-- and instant agree by chance once in 2^32 rows of one patient at one instant.
INSERT INTO dropped
SELECT staged.source_row
FROM staged
JOIN identified USING (raw_patient_id)
SEMI JOIN (
  SELECT row_hash, patient, occurred_at
  FROM core_event_coded
  WHERE batch IN (SELECT batch FROM raw_batch WHERE source = $source)
) AS loaded
  ON loaded.row_hash = {keyed_hash}
  AND loaded.patient = identified.patient
  AND loaded.occurred_at = staged.occurred_at
WHERE staged.fault IS NULL AND staged.source_row NOT IN (SELECT source_row FROM dropped)

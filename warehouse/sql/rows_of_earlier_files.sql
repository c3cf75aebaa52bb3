-- Rows that repeat, in every column, a row loaded from an earlier file of the same source.
INSERT INTO dropped
SELECT staged.source_row
FROM staged
JOIN identified USING (raw_patient_id)
SEMI JOIN (SELECT * FROM core_event WHERE source = $source) AS loaded
  ON loaded.row_hash = {keyed_hash}
  AND loaded.patient = identified.patient
  AND loaded.event_type = staged.event_type
  AND loaded.occurred_at = staged.occurred_at
  AND loaded.code IS NOT DISTINCT FROM staged.code
  AND loaded.site IS NOT DISTINCT FROM staged.site
  AND loaded.value IS NOT DISTINCT FROM staged.value
WHERE staged.fault IS NULL AND staged.source_row NOT IN (SELECT source_row FROM dropped)

-- Patients seen for the first time who have an event in this batch. All rows are loaded but those that a
-- rule refused and those that repeat another one: only a patient with a refused row may have no event.
INSERT INTO core_patient
WITH doubtful AS (
  SELECT DISTINCT patient
  FROM staged SEMI JOIN refused USING (source_row) JOIN identified USING (raw_patient_id)
  WHERE is_new
),
absent AS (
  SELECT patient FROM doubtful ANTI JOIN (SELECT patient FROM core_event_coded WHERE batch = $batch) USING (patient)
)
SELECT patient, pseudonym
FROM identified ANTI JOIN absent USING (patient)
WHERE is_new
ORDER BY patient

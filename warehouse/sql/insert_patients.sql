-- Patients seen for the first time who have an event in this batch. All rows are loaded but those that a
-- rule refused and those that repeat another one: only a patient with a refused row may have no event.
INSERT INTO core_patient
WITH doubtful AS (
  SELECT patient
  FROM identified SEMI JOIN (SELECT raw_patient_id FROM staged WHERE {refused}) USING (raw_patient_id)
  WHERE is_new
),
present AS (
  SELECT DISTINCT patient
  FROM (SELECT patient FROM core_event_coded WHERE batch = $batch) SEMI JOIN doubtful USING (patient)
),
absent AS (
  FROM doubtful ANTI JOIN present USING (patient)
)
SELECT patient, pseudonym
FROM (SELECT patient, pseudonym FROM identified WHERE is_new) ANTI JOIN absent USING (patient)

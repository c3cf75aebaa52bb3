-- Patients seen for the first time who have an event in this batch.
INSERT INTO core_patient
SELECT patient, pseudonym
FROM identified
WHERE is_new AND patient IN (SELECT patient FROM core_event_coded WHERE batch = $batch)
ORDER BY patient

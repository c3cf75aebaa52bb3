-- One row per identifier of the staged file.
SELECT DISTINCT raw_patient_id FROM staged_rows WHERE raw_patient_id IS NOT NULL

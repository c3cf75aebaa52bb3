-- One row per identifier of the file: its pseudonym and its surrogate, known already or next in line.
CREATE TEMP TABLE identified AS
WITH numbered AS (
  SELECT keyed.*, core_patient.patient AS known, row_number() OVER (
    ORDER BY core_patient.patient IS NULL DESC, hash(pseudonym), pseudonym
  ) AS place
  FROM keyed LEFT JOIN core_patient USING (pseudonym)
)
SELECT
  raw_patient_id,
  pseudonym,
  coalesce(known, (SELECT coalesce(max(patient), 0) FROM core_patient) + place)::INTEGER AS patient,
  known IS NULL AS is_new
FROM numbered

-- One row per row of {rows} that is neither a repeat nor refused, with its patient.
SELECT accepted.* REPLACE ({event_key} AS event_id), identified.patient
FROM (SELECT * FROM {rows} WHERE NOT ({refused})) AS accepted
JOIN identified USING (raw_patient_id)
ANTI JOIN dropped USING (source_row)

-- One row per row of the file that is neither a repeat nor refused, with its patient.
SELECT staged.* REPLACE ({event_key} AS event_id), identified.patient
FROM staged
JOIN identified USING (raw_patient_id)
ANTI JOIN dropped USING (source_row)
ANTI JOIN refused USING (source_row)

-- One row per patient of the file, with the surrogate.
CREATE TEMP TABLE covariate_rows AS
SELECT staged.*, identified.patient, identified.pseudonym, identified.is_new
FROM staged
JOIN identified USING (raw_patient_id)
ANTI JOIN dropped USING (source_row)
ANTI JOIN refused USING (source_row)

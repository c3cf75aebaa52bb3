-- Patients seen for the first time in a file of covariates.
INSERT INTO core_patient
SELECT patient, pseudonym FROM covariate_rows WHERE is_new ORDER BY patient

-- One row per patient, with the covariates that the programme declares.
SELECT patient::BIGINT AS patient, {covariates}
FROM core_patient LEFT JOIN core_covariate USING (patient)
GROUP BY patient
ORDER BY patient

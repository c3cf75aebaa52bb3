-- What the file says of one covariate.
INSERT INTO core_covariate
SELECT patient, {covariate}, {column}, $batch FROM covariate_rows WHERE {column} IS NOT NULL ORDER BY patient

-- Rows about a patient of whom a later row of the same file speaks.
INSERT INTO dropped
SELECT source_row
FROM staged ANTI JOIN refused USING (source_row)
QUALIFY row_number() OVER (PARTITION BY raw_patient_id ORDER BY source_row DESC) > 1

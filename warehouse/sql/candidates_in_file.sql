-- Rows whose natural key may stand more than once in the file.
CREATE TEMP TABLE candidates AS
SELECT source_row
FROM staged ANTI JOIN dropped USING (source_row) ANTI JOIN refused USING (source_row)
WHERE hash({raw_key}) IN (SELECT key_hash FROM repeated)

-- Rows whose natural key may stand more than once in the file.
CREATE TEMP TABLE candidates AS
WITH keyed AS (
  SELECT source_row, hash({raw_key}) AS key_hash
  FROM staged ANTI JOIN dropped USING (source_row) ANTI JOIN refused USING (source_row)
),
repeated AS (
  SELECT key_hash FROM keyed GROUP BY key_hash HAVING count(*) > 1
)
SELECT source_row FROM keyed WHERE key_hash IN (SELECT key_hash FROM repeated)

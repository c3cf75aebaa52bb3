-- The hash of the natural key of every row that may be loaded.
SELECT hash({raw_key}) AS key_hash
FROM staged ANTI JOIN dropped USING (source_row) ANTI JOIN refused USING (source_row)

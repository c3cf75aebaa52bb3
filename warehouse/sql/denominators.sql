-- One row: how many rows each denominator speaks of.
SELECT {counts} FROM staged ANTI JOIN dropped USING (source_row)

-- One row per row of the file: every column that rules may read.
CREATE TEMP VIEW staged AS
SELECT *, {more} FROM staged_rows

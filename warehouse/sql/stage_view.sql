-- One row per row of the file: what may be loaded, and the verdicts. Its place counts from 0.
CREATE TEMP VIEW staged AS
SELECT *, rowid AS place, {more} FROM staged_rows

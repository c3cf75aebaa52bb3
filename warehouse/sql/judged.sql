-- One row per staged row: the verdict on it.
CREATE TEMP TABLE judged AS
SELECT source_row, fault_column, {verdicts} FROM staged

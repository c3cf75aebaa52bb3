-- One row per row that violates some rule or cannot be loaded: which of them.
CREATE TEMP TABLE offending AS
SELECT * FROM (
  SELECT source_row, fault_column, {flags} FROM staged ANTI JOIN dropped USING (source_row)
)
WHERE {any_flag}

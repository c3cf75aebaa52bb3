-- One row per row that some rule refuses or that cannot be loaded: which of them.
CREATE TEMP TABLE offending AS
SELECT * FROM (
  SELECT source_row, fault_column, {flags} FROM {live}
)
WHERE {refused}

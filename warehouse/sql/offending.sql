-- One row per row that violates some rule or cannot be loaded: which of them.
CREATE TEMP TABLE offending AS
SELECT source_row, fault_column, {columns}
FROM (SELECT * FROM {judged} WHERE {wrong}) ANTI JOIN dropped USING (source_row)

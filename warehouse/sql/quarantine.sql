-- One row per row kept out and rule it violates: where it stands.
SELECT source, file, source_row, line, "column", rule
FROM raw_quarantine JOIN raw_batch USING (batch)
ORDER BY batch, source_row, rule

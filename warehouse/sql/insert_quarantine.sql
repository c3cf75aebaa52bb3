-- Where the rows stand that violate one rule.
INSERT INTO raw_quarantine
SELECT $batch, source_row, {line}, coalesce(fault_column, $column), $rule
FROM offending
WHERE {violates}
ORDER BY source_row

-- Rows whose natural key stands in an earlier file of the source.
INSERT INTO candidates
SELECT source_row
FROM ({accepted}) AS accepted
SEMI JOIN (SELECT * FROM core_event WHERE source = $source) AS loaded ON {same_key}
WHERE source_row NOT IN (SELECT source_row FROM candidates)

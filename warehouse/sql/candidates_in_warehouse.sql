-- Rows whose natural key stands in an earlier file of the source.
INSERT INTO candidates
SELECT place
FROM ({accepted}) AS accepted
SEMI JOIN (SELECT * FROM core_event WHERE source = $source) AS loaded ON {same_key}
WHERE place NOT IN (FROM candidates)

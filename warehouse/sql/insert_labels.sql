-- Words that no row before has used.
INSERT INTO core_label
WITH combinations AS (
  SELECT DISTINCT event_type, code, site FROM staged ANTI JOIN refused USING (source_row)
),
words AS (
  SELECT DISTINCT unnest([event_type, code, site]) AS word FROM combinations
)
SELECT (SELECT coalesce(max(label), 0) FROM core_label) + row_number() OVER (ORDER BY word), word
FROM words ANTI JOIN core_label USING (word)
WHERE word IS NOT NULL

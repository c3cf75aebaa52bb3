-- Words of the accepted rows that no row before has used.
INSERT INTO core_label
WITH words AS (
  SELECT word::VARCHAR AS word FROM used_event_type
  UNION
  SELECT word::VARCHAR FROM used_code
  UNION
  SELECT word::VARCHAR FROM used_site
)
SELECT (SELECT coalesce(max(label), 0) FROM core_label) + row_number() OVER (ORDER BY word), word
FROM words ANTI JOIN core_label USING (word)

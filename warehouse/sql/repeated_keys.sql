-- Rows that repeat a natural key: the first stays, and with it the versions of its own event_id.
INSERT INTO dropped
WITH own AS (
  SELECT {key}, event_id, $base + source_row AS sequence, source_row
  FROM ({contenders}) AS accepted
),
earlier AS (
  SELECT {key}, event_id, sequence, NULL::BIGINT AS source_row
  FROM (SELECT * FROM core_event WHERE source = $source) AS loaded
  SEMI JOIN own AS accepted ON {same_key}
),
ranked AS (
  SELECT source_row, event_id, row_number() OVER in_order AS occurrence, first_value(event_id) OVER in_order AS first_id
  FROM (SELECT * FROM own UNION ALL SELECT * FROM earlier)
  WINDOW in_order AS (PARTITION BY {key} ORDER BY sequence)
)
SELECT source_row
FROM ranked
WHERE source_row IS NOT NULL AND occurrence > 1 AND (event_id IS NULL OR event_id IS DISTINCT FROM first_id)

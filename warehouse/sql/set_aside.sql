-- One row per loaded row that is not a current event: an older version of one event_id, or a cancelled event.
-- Of the versions of one event_id, the greatest recorded_at is current, the later row on a tie. The keyed
-- event_id differs between sources.
CREATE OR REPLACE TEMP TABLE set_aside AS
WITH repeated AS (
  SELECT event_id FROM core_event_coded WHERE event_id IS NOT NULL GROUP BY event_id HAVING count(*) > 1
),
ranked AS (
  SELECT sequence, row_number() OVER (
    PARTITION BY event_id ORDER BY recorded_at DESC NULLS LAST, sequence DESC
  ) AS place
  FROM core_event_coded SEMI JOIN repeated USING (event_id)
),
superseded AS (
  SELECT sequence FROM ranked WHERE place > 1
)
SELECT sequence, 'superseded' AS reason FROM superseded
UNION ALL
SELECT sequence, 'cancelled' FROM core_event_coded ANTI JOIN superseded USING (sequence) WHERE status = 3

-- One row per source, event type and offset of the local clock: how days and times of day are spread.
-- A date taken for a time shows as local midnight, an hour later in summer, or off by the zone's offset.
WITH clocks AS (
  SELECT
    source, event_type, occurred_on, precision <> 'day' AS is_timed, ({offset})::BIGINT AS utc_offset,
    epoch(occurred_at)::BIGINT AS instant, epoch(occurred_on)::BIGINT AS midnight
  FROM ({current_events})
),
days AS (
  SELECT *, instant + utc_offset - midnight AS second FROM clocks
)
SELECT
  source, event_type, utc_offset,
  count(*) AS events,
  count(*) FILTER (day(occurred_on) = 1) AS first_of_month,
  count(*) FILTER (day(occurred_on) = 15) AS fifteenth,
  count(*) FILTER (dayofyear(occurred_on) = 1) AS new_year,
  count(*) FILTER (day(occurred_on) > 12) AS after_twelfth,
  count(*) FILTER (is_timed) AS timed,
  count(*) FILTER (
    is_timed AND second IN (0, utc_offset - {standard}, utc_offset % 86400, (86400 - utc_offset) % 86400)
  ) AS at_midnight,
  coalesce(sum(second) FILTER (is_timed), 0)::BIGINT AS seconds,
  coalesce(sum(second::DOUBLE * second) FILTER (is_timed), 0) AS seconds_squared
FROM days
GROUP BY ALL
ORDER BY ALL

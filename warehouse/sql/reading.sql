-- What became of the loaded rows of one programme, on its way to current events.
SELECT
  count(*) AS loaded,
  count(*) FILTER (WHERE reason = 'superseded') AS superseded,
  count(*) FILTER (WHERE reason = 'cancelled') AS cancelled,
  count(*) FILTER (WHERE reason IS NULL AND occurred_on >= $data_lock) AS on_or_after_lock,
  count(*) FILTER (WHERE reason IS NULL AND occurred_on < $data_lock) AS current
FROM core_event LEFT JOIN set_aside USING (sequence)
WHERE source IN (SELECT unnest($sources::VARCHAR[]))

-- The accepted rows, in the order of the file.
INSERT INTO core_event_coded
SELECT
  {base} + source_row, patient, patient % 256, types.label, codes.label, occurred_at, occurred_on,
  CASE precision WHEN 'day' THEN 1 WHEN 'minute' THEN 2 WHEN 'second' THEN 3 END, sites.label, value, event_id,
  CASE status WHEN 'active' THEN 1 WHEN 'corrected' THEN 2 WHEN 'cancelled' THEN 3 END, recorded_at,
  $batch, source_row, {row_hash}
FROM ({accepted}) AS accepted
JOIN core_label AS types ON types.word = accepted.event_type
LEFT JOIN core_label AS codes ON codes.word = accepted.code
LEFT JOIN core_label AS sites ON sites.word = accepted.site

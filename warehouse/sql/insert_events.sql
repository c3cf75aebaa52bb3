-- The accepted rows, in the order of the file.
INSERT INTO core_event
SELECT
  {base} + source_row, patient, patient % 256, event_type, code, occurred_at, occurred_on, precision, site, value,
  event_id, status, recorded_at, $source, $batch, source_row, {row_hash}
FROM ({accepted}) AS accepted

-- The hand-over EVENT: one row per current event of the wanted types.
SELECT
  sequence, patient::BIGINT AS patient, event_type, code, occurred_at, occurred_on, precision, site, value
FROM ({current_events})
WHERE event_type IN (SELECT unnest($event_types::VARCHAR[]))

-- One row per recorded event.
--   sequence: reading order over all files          bucket: patient modulo 256, the unit of work
--   occurred_at: UTC, local midnight where only the day is known   occurred_on: local calendar day
--   precision: day, minute, second                  status: active, corrected, cancelled
--   event_id: keyed hash of the source's own        row_hash: keyed hash of the row's texts
CREATE VIEW IF NOT EXISTS core_event AS
SELECT
  sequence, patient, (patient % 256)::UTINYINT AS bucket, types.word AS event_type, codes.word AS code, occurred_at, occurred_on,
  (['day', 'minute', 'second'])[precision] AS precision, sites.word AS site, value, event_id,
  (['active', 'corrected', 'cancelled'])[status] AS status, recorded_at, source, batch, sequence - base AS source_row, row_hash
FROM core_event_coded
JOIN raw_batch USING (batch)
JOIN core_label AS types ON types.label = core_event_coded.event_type
LEFT JOIN core_label AS codes ON codes.label = core_event_coded.code
LEFT JOIN core_label AS sites ON sites.label = core_event_coded.site

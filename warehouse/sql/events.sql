-- The current events of the wanted types, words as their labels.
SELECT sequence, patient, event_type, code, occurred_at, occurred_on, precision, site, value
FROM core_event_coded ANTI JOIN set_aside USING (sequence)
WHERE batch IN (SELECT batch FROM raw_batch WHERE source IN (SELECT unnest($sources::VARCHAR[])))
  AND occurred_on < $data_lock
  AND event_type IN (SELECT label FROM core_label WHERE word IN (SELECT unnest($event_types::VARCHAR[])))

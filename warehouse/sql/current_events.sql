-- One row per current event before the data lock, of the sources of one programme.
SELECT core_event.*
FROM core_event ANTI JOIN set_aside USING (sequence)
WHERE source IN (SELECT unnest($sources::VARCHAR[])) AND occurred_on < $data_lock

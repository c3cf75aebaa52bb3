-- Rows, first and last day of a batch.
SELECT count(*), min(occurred_on), max(occurred_on) FROM core_event_coded WHERE batch = $batch

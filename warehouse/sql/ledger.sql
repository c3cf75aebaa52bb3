-- One row per file read, in reading order.
SELECT source, file, sha256, rows_in, loaded, duplicates, quarantined FROM raw_batch ORDER BY batch

-- The rows of the file that no rule refuses.
INSERT INTO core_activity
SELECT site, month, activity, item, n, $batch
FROM staged
ANTI JOIN refused USING (source_row)
ORDER BY source_row

-- One row per site, month, activity and item, of months that began before the data lock.
SELECT site, month, activity, item, n
FROM core_activity
WHERE (month || '-01')::DATE < $data_lock
ORDER BY ALL

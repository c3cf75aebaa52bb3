-- One row per site, month and event type that has events.
SELECT site, strftime(occurred_on, '%Y-%m') AS month, event_type, count(*) AS n
FROM ({current_events})
GROUP BY ALL
ORDER BY ALL

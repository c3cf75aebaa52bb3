-- One row per patient with an event: the last one.
SELECT patient::BIGINT AS patient, max(occurred_at) AS last_at, max(occurred_on) AS last_on
FROM ({current_events})
GROUP BY patient
ORDER BY patient

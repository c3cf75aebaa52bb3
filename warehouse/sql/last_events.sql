-- One row per patient with an event: the last one, and the day of the first.
SELECT
    patient::BIGINT AS patient,
    max(occurred_at) AS last_at,
    max(occurred_on) AS last_on,
    min(occurred_on) AS first_on
FROM ({current_events})
GROUP BY patient
ORDER BY patient

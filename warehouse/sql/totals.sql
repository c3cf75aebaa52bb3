-- One row: what is known of the current events as a whole.
WITH current_events AS (
  {current_events}
),
deaths AS (
  SELECT patient, min(occurred_on) AS died_on FROM current_events WHERE event_type = 'death' GROUP BY patient
),
instants AS (
  SELECT count(*) AS n FROM current_events GROUP BY patient, occurred_at HAVING count(*) > 1
),
ordered AS (
  SELECT occurred_at, lag(occurred_at) OVER (PARTITION BY patient, batch ORDER BY sequence) AS earlier
  FROM current_events
)
SELECT
  count(*) AS events,
  count(DISTINCT patient) AS patients,
  min(occurred_on) AS first_on,
  max(occurred_on) AS last_on,
  (SELECT count(*) FROM instants) AS same_instant_groups,
  (SELECT count(*) FROM ordered WHERE occurred_at < earlier) AS out_of_order,
  (SELECT count(*) FROM current_events JOIN deaths USING (patient) WHERE occurred_on > died_on) AS after_death,
  (SELECT count(*) FROM (
    SELECT patient FROM current_events WHERE event_type = 'death' GROUP BY patient HAVING count(DISTINCT occurred_on) > 1
  )) AS patients_with_two_deaths
FROM current_events

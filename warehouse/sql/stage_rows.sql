-- One row per row of the file, in its order: texts as they stand, and what they mean.
CREATE TEMP TABLE staged_rows AS
WITH texts AS (
  SELECT {texts} FROM {relation}
),
moments AS (
  SELECT *, {read} FROM texts
),
written AS (
  SELECT *, {written} FROM moments
),
aligned AS (
  SELECT * {aligned} FROM written
),
instants AS (
  SELECT *, {instants} FROM aligned
)
SELECT
  * EXCLUDE ({aside}),
  {typed}
FROM instants

-- One row per row of the file, in its order: what its texts mean, and the verdict of the rules on it.
CREATE TEMP TABLE staged_rows AS
WITH texts AS (
  SELECT {texts} FROM {relation}
),
moments AS (
  SELECT *, {read} FROM texts
),
shaped AS (
  SELECT *, {usual} FROM moments
),
written AS (
  SELECT *, {written} FROM shaped
),
aligned AS (
  SELECT * {aligned} FROM written
),
instants AS (
  SELECT *, {instants} FROM aligned
),
typed AS (
  SELECT *, {typed} FROM instants
),
complete AS (
  SELECT *, {absent} FROM typed
)
SELECT {kept}, {verdicts}
FROM complete

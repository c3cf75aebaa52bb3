-- One row per row of the file: what its texts stand for, null where for nothing, and what other rows say beside it.
--   times: rows of the same site, month, activity and item   people: those counted of whom an item may be true
CREATE TEMP VIEW staged AS
WITH read AS (
  SELECT
    {places},
    {sites} AS site,
    CASE WHEN regexp_full_match(raw_month, '(19|20)\d\d-(0[1-9]|1[0-2])') THEN raw_month END AS month,
    CASE WHEN raw_activity IN ({activities}) THEN raw_activity END AS activity,
    raw_item AS item,
    CASE WHEN regexp_full_match(raw_n, '\d{{1,9}}') THEN raw_n::BIGINT END AS n
  FROM staged_rows
)
SELECT
  *,
  count(*) OVER (PARTITION BY site, month, activity, item) AS times,
  max(n) FILTER (WHERE item IS NULL) OVER (PARTITION BY site, month, activity) AS people,
  item IS NULL OR coalesce((activity, item) IN ({items}), false) AS knows_item,
  (month || '-01')::DATE >= DATE {data_lock} AS is_after_lock
FROM read

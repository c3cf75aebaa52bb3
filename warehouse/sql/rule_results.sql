-- One row per source and rule, over all its files.
SELECT source, rule, sum(violated)::BIGINT AS violated, sum(denominator)::BIGINT AS denominator
FROM raw_rule JOIN raw_batch USING (batch)
GROUP BY ALL
ORDER BY ALL

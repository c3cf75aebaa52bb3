-- The words that accepted rows have in one column.
CREATE TEMP TABLE used_{column} AS
SELECT DISTINCT {column} AS word FROM staged WHERE NOT ({refused}) AND {column} IS NOT NULL

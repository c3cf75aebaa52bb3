-- One row per row of the file that repeats another one.
CREATE TEMP TABLE dropped (source_row BIGINT)

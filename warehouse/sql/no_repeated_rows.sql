-- The source keeps rows that are equal in every column: each is an event of its own.
CREATE TEMP TABLE dropped (source_row BIGINT)

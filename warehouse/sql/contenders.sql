-- The staged rows whose natural key may stand more than once.
CREATE TEMP TABLE contenders AS
SELECT * FROM staged SEMI JOIN candidates USING (place)

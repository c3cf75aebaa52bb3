-- The hash of every readable row.
SELECT row_hash AS key_hash FROM staged WHERE fault IS NULL

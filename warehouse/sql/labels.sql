-- The labels of the words that accepted rows have in one column.
SELECT core_label.word, label FROM core_label JOIN used_{column} AS used ON core_label.word = used.word::VARCHAR

-- One row per verdict that some row has which is no repeat, and the number of such rows.
SELECT {columns}, count(*) AS n FROM {judged} ANTI JOIN dropped USING (source_row) GROUP BY ALL

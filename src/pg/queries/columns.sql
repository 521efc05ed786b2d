-- Columns of the tables in $1, with what pg_stats shows of them (nothing without SELECT on the table).
SELECT a.attrelid AS table_oid,
       a.attname AS name,
       CASE WHEN a.attlen > 0 THEN a.attlen::float4 ELSE s.avg_width::float4 END AS width,
       coalesce(s.null_frac, 0)::float4 AS null_fraction,
       coalesce(s.n_distinct, 0)::float4 AS n_distinct
  FROM pg_attribute AS a
  JOIN pg_class AS c ON c.oid = a.attrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_stats AS s
    ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
 WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped

-- Indexes on the tables in $1 and the indexes in $2, each in the server's own words.
-- indnullsnotdistinct exists from 15 on: read through jsonb, so that one text serves all versions.
SELECT i.indexrelid AS oid,
       n.nspname AS schema,
       c.relname AS name,
       i.indrelid AS table_oid,
       tn.nspname AS table_schema,
       t.relname AS table_name,
       i.indisvalid AS valid,
       i.indisready AS ready,
       i.indislive AS live,
       am.amname AS method,
       i.indisunique AS is_unique,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS nulls_not_distinct,
       i.indnkeyatts::int4 AS key_count,
       k.texts,
       k.opclasses,
       k.collations,
       k.options,
       pg_get_expr(i.indpred, i.indrelid) AS predicate,
       ARRAY(SELECT o FROM unnest(c.reloptions) AS o ORDER BY o) AS storage,
       sp.spcname AS tablespace,
       pg_get_indexdef(i.indexrelid) AS display,
       c.relpages::int8 * current_setting('block_size')::int8 AS size,
       i.indisreplident AS replica_identity,
       i.indisclustered AS clustered,
       EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = i.indexrelid) AS attached,
       coalesce(x.constraints, '{}') AS constraints,
       coalesce(x.foreign_keys, '{}') AS foreign_keys
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_class AS t ON t.oid = i.indrelid
  JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
  JOIN pg_am AS am ON am.oid = c.relam
  LEFT JOIN pg_tablespace AS sp ON sp.oid = c.reltablespace
  -- pg_constraint has no index on conindid: read it once, not once for each index.
  LEFT JOIN (SELECT conindid,
                    array_agg(conname::text ORDER BY conname) FILTER (WHERE contype <> 'f') AS constraints,
                    array_agg(conname::text ORDER BY conname) FILTER (WHERE contype = 'f') AS foreign_keys
               FROM pg_constraint
              WHERE conindid <> 0 AND contype IN ('p', 'u', 'x', 'f')
              GROUP BY conindid) AS x ON x.conindid = i.indexrelid
 CROSS JOIN LATERAL (
       SELECT array_agg(pg_get_indexdef(i.indexrelid, a.attnum, false) ORDER BY a.attnum) AS texts,
              array_agg(coalesce(opn.nspname || '.' || op.opcname
                                 || coalesce(' (' || array_to_string(a.attoptions, ', ') || ')', ''), '')
                        ORDER BY a.attnum) AS opclasses,
              array_agg(coalesce(con.nspname || '.' || co.collname, '') ORDER BY a.attnum) AS collations,
              array_agg(CASE WHEN a.attnum <= i.indnkeyatts THEN i.indoption[a.attnum - 1] ELSE 0::int2 END
                        ORDER BY a.attnum) AS options
         FROM pg_attribute AS a
         LEFT JOIN pg_opclass AS op ON a.attnum <= i.indnkeyatts AND op.oid = i.indclass[a.attnum - 1]
         LEFT JOIN pg_namespace AS opn ON opn.oid = op.opcnamespace
         LEFT JOIN pg_collation AS co ON a.attnum <= i.indnkeyatts AND co.oid = i.indcollation[a.attnum - 1]
         LEFT JOIN pg_namespace AS con ON con.oid = co.collnamespace
        WHERE a.attrelid = i.indexrelid AND a.attnum > 0) AS k
 WHERE i.indrelid = ANY ($1::oid[]) OR i.indexrelid = ANY ($2::oid[])

-- inventory
-- Every index of this database with what it belongs to. Schemas that begin with pg_ are the system's own; nobody else can
-- make one.
SELECT i.indexrelid AS oid,
       t.relkind::text AS table_kind,
       c.relkind = 'I' AS partitioned,
       x.contype::text AS backs,
       pn.nspname AS parent_schema,
       p.relname AS parent_name,
       CASE WHEN n.nspname LIKE 'pg\_temp\_%' OR n.nspname LIKE 'pg\_toast\_temp\_%' THEN 'temporary'
            WHEN n.nspname LIKE 'pg\_%' OR n.nspname = 'information_schema' THEN 'system'
            WHEN e.objid IS NOT NULL THEN 'extension' END AS owner
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_class AS t ON t.oid = i.indrelid
  JOIN pg_namespace AS n ON n.oid = t.relnamespace
  LEFT JOIN pg_inherits AS h ON h.inhrelid = i.indexrelid
  LEFT JOIN pg_class AS p ON p.oid = h.inhparent
  LEFT JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
  LEFT JOIN (SELECT conindid, min(contype::text) AS contype
               FROM pg_constraint
              WHERE conindid <> 0 AND contype IN ('p', 'u', 'x')
              GROUP BY conindid) AS x ON x.conindid = i.indexrelid
  LEFT JOIN (SELECT DISTINCT objid
               FROM pg_depend
              WHERE classid = 'pg_class'::regclass AND deptype = 'e') AS e ON e.objid IN (i.indexrelid, i.indrelid)

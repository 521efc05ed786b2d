-- $1 schemas, $2 names, $3 the role that will build.
SELECT n.nspname AS schema,
       c.relname AS name,
       c.oid,
       c.relkind::text AS kind,
       c.relpersistence::text AS persistence,
       c.reltuples::float4 AS tuples,
       c.relpages AS pages,
       c.relpages::int8 * current_setting('block_size')::int8 AS size,
       pg_get_userbyid(c.relowner) AS owner,
       pg_has_role($3::text::name, c.relowner, 'USAGE') AS owns,
       has_schema_privilege($3::text::name, n.oid, 'CREATE') AS may_create,
       CASE WHEN c.relfrozenxid = '0'::xid THEN 0 ELSE age(c.relfrozenxid) END AS frozen_age
  FROM unnest($1::text[], $2::text[]) AS w (schema, name)
  JOIN pg_namespace AS n ON n.nspname = w.schema
  JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name

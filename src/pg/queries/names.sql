-- What bears the names ($1 schemas, $2 names).
SELECT n.nspname AS schema, c.relname AS name, c.oid, c.relkind::text AS kind
  FROM unnest($1::text[], $2::text[]) AS w (schema, name)
  JOIN pg_namespace AS n ON n.nspname = w.schema
  JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name

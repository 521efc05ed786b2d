-- What role, database or client set, and everything by name that a rollout depends on.
SELECT s.name, coalesce(s.setting, '') AS setting, s.unit, s.source
  FROM pg_catalog.pg_settings AS s
 WHERE s.source IN ('user', 'database', 'database user', 'client', 'session')
    OR s.name = ANY ($1::text[])
 ORDER BY s.name

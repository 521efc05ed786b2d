-- Who builds in this database: the progress view, and holders of item locks ($1: class of our advisory locks).
-- Without the right to see relid, the lock that every build holds on its table tells it: pg_locks is visible to all.
SELECT p.pid,
       a.backend_start AS started,
       coalesce(a.application_name, '') AS application,
       coalesce(a.usename::text, '') AS usr,
       coalesce(p.relid, (SELECT l.relation
                            FROM pg_locks AS l JOIN pg_class AS t ON t.oid = l.relation
                           WHERE l.pid = p.pid AND l.locktype = 'relation' AND l.granted
                             AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock') AND t.relkind IN ('r', 'm', 'p')
                           LIMIT 1)) AS table_oid,
       nullif(p.index_relid, 0::oid) AS index_oid,
       coalesce(p.command, 'CREATE INDEX or REINDEX') AS command,
       NULL::oid AS item
  FROM pg_stat_progress_create_index AS p
  LEFT JOIN pg_stat_activity AS a ON a.pid = p.pid
 WHERE p.datname = current_database()
UNION ALL
SELECT l.pid, a.backend_start, coalesce(a.application_name, ''), coalesce(a.usename::text, ''),
       NULL, NULL, 'item lock', l.objid
  FROM pg_locks AS l
  LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1::int8::oid AND l.objsubid = 2
   AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())

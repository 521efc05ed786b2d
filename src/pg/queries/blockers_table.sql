-- Locks on the tables in $1 that matter to a build or a drop, granted or queued; not those of the backends in $2.
-- A lock without a pid belongs to a prepared transaction: its own transaction id leads to the name.
SELECT l.relation AS table_oid,
       l.granted,
       string_agg(DISTINCT l.mode, ', ') AS modes,
       bool_or(l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                          'ExclusiveLock', 'AccessExclusiveLock')) AS conflicts,
       bool_or(l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                          'AccessExclusiveLock')) AS writes,
       l.pid,
       a.backend_start AS started,
       a.application_name AS application,
       a.usename::text AS usr,
       host(a.client_addr) AS client,
       a.state,
       a.query,
       a.backend_type,
       coalesce(a.xact_start, x.prepared) AS since,
       x.gid,
       x.owner::text AS owner
  FROM pg_locks AS l
  LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
  LEFT JOIN pg_locks AS t
    ON l.pid IS NULL AND t.virtualtransaction = l.virtualtransaction AND t.locktype = 'transactionid' AND t.granted
  LEFT JOIN pg_prepared_xacts AS x ON x.transaction = t.transactionid
 WHERE l.locktype = 'relation'
   AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
   AND l.relation = ANY ($1::oid[])
   AND (l.pid IS NULL OR (l.pid <> pg_backend_pid() AND l.pid <> ALL ($2::int4[])))
 GROUP BY l.relation, l.granted, l.pid, a.backend_start, a.application_name, a.usename, a.client_addr, a.state, a.query,
          a.backend_type, a.xact_start, x.prepared, x.gid, x.owner

-- Whom the backends in $1 wait for at this moment. pg_blocking_pids names 0 for a prepared transaction: found by its
-- transaction id instead (current_locker_pid would name the innocent session that once prepared it).
SELECT w.pid AS waiter,
       l.locktype,
       p.phase,
       CASE WHEN l.locktype = 'relation'
            THEN (SELECT string_agg(DISTINCT h.mode, ', ') FROM pg_locks AS h
                   WHERE h.pid = b.pid AND h.locktype = 'relation' AND h.granted
                     AND h.database = l.database AND h.relation = l.relation
                     AND h.mode NOT IN ('AccessShareLock', 'RowShareLock')) END AS held,
       b.pid,
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
  FROM unnest($1::int4[]) AS w (pid)
  JOIN LATERAL (SELECT k.* FROM pg_locks AS k WHERE k.pid = w.pid AND NOT k.granted LIMIT 1) AS l ON true
 CROSS JOIN LATERAL (SELECT DISTINCT u.pid FROM unnest(pg_blocking_pids(w.pid)) AS u (pid)) AS b
  LEFT JOIN pg_stat_activity AS a ON a.pid = b.pid
  LEFT JOIN pg_stat_progress_create_index AS p ON p.pid = w.pid
  LEFT JOIN pg_prepared_xacts AS x ON b.pid = 0 AND x.transaction = l.transactionid

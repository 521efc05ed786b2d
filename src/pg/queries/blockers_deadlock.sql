-- Who waits for one of the backends in $1 while it holds a snapshot: when the build gets to its last wait, the server's
-- deadlock check kills the build, not them (40P01, 12-18).
SELECT v.pid AS victim,
       a.pid,
       a.backend_start AS started,
       a.application_name AS application,
       a.usename::text AS usr,
       host(a.client_addr) AS client,
       a.state,
       a.query,
       a.backend_type,
       a.xact_start AS since,
       NULL::text AS gid,
       NULL::text AS owner
  FROM (SELECT DISTINCT l.pid FROM pg_locks AS l WHERE NOT l.granted AND l.pid IS NOT NULL) AS w
  JOIN pg_stat_activity AS a ON a.pid = w.pid AND a.backend_xmin IS NOT NULL
 CROSS JOIN LATERAL (SELECT DISTINCT u.pid FROM unnest(pg_blocking_pids(w.pid)) AS u (pid)) AS v
 WHERE v.pid = ANY ($1::int4[]) AND w.pid <> ALL ($1::int4[])

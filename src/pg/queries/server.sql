-- Figures of the server; NULL where this role may not see.
SELECT r.sees,
       CASE WHEN r.sees THEN count(*) FILTER (WHERE a.state = 'active' AND a.pid <> pg_backend_pid()) END AS active,
       CASE WHEN r.sees THEN count(*) FILTER (WHERE a.backend_type = 'client backend') END AS sessions,
       current_setting('max_connections')::int8 AS max_connections,
       (SELECT count(DISTINCT l.pid) FROM pg_locks AS l WHERE NOT l.granted) AS lock_waits,
       CASE WHEN r.sees THEN (extract(epoch FROM max(clock_timestamp() - a.xact_start)
                              FILTER (WHERE a.backend_type = 'client backend')) * 1000)::int8 END AS oldest_ms,
       CASE WHEN r.sees THEN (SELECT (extract(epoch FROM max(s.replay_lag)) * 1000)::int8
                                FROM pg_stat_replication AS s) END AS lag_ms,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       CASE WHEN pg_is_in_recovery() THEN NULL
            ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8 END AS wal_bytes
  FROM (SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees) AS r
 CROSS JOIN pg_stat_activity AS a
 GROUP BY r.sees

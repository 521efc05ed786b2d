-- Rows are visible to every role, their figures are not.
SELECT r.application_name AS name,
       r.state,
       r.sync_state,
       CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)::int8 END AS lag_bytes,
       (extract(epoch FROM r.replay_lag) * 1000)::int8 AS lag_ms
  FROM pg_stat_replication AS r

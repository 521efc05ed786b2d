-- wal_status exists from 13 on: read through jsonb, so that one text serves all versions.
SELECT s.slot_name AS name,
       s.active,
       CASE WHEN NOT pg_is_in_recovery()
            THEN greatest(0, pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn))::int8 END AS retained,
       to_jsonb(s) ->> 'wal_status' AS wal_status
  FROM pg_replication_slots AS s

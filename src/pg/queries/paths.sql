-- data_directory needs pg_read_all_settings (part of pg_monitor); 42501 otherwise.
SELECT 'data' AS what, current_setting('data_directory') AS path
UNION ALL
SELECT 'wal', current_setting('data_directory') || '/pg_wal'
UNION ALL
SELECT t.spcname::text, pg_tablespace_location(t.oid)
  FROM pg_tablespace AS t
 WHERE pg_tablespace_location(t.oid) <> ''

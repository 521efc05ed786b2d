-- data_directory needs pg_read_all_settings (part of pg_monitor); 42501 otherwise.
-- A database may live in a tablespace of its own: what names none goes there, sort files included.
SELECT 'data' AS what,
       CASE WHEN pg_tablespace_location(d.dattablespace) = '' THEN current_setting('data_directory')
            ELSE pg_tablespace_location(d.dattablespace) END AS path
  FROM pg_database AS d
 WHERE d.datname = current_database()
UNION ALL
SELECT 'wal', current_setting('data_directory') || '/pg_wal'
UNION ALL
SELECT t.spcname::text, pg_tablespace_location(t.oid)
  FROM pg_tablespace AS t
 WHERE pg_tablespace_location(t.oid) <> ''

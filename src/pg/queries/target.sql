-- Where we are. The timeline comes from the name of the current WAL file: pg_control_checkpoint() still names the old one
-- after a promotion (15).
SELECT c.system_identifier,
       d.oid AS database_oid,
       d.datname AS database,
       CASE WHEN pg_is_in_recovery() THEN NULL
            ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END AS timeline,
       pg_is_in_recovery() AS in_recovery,
       current_setting('server_version_num')::int4 AS version_num,
       pg_postmaster_start_time() AS started,
       version() AS version,
       current_user AS role,
       current_setting('is_superuser') = 'on' AS superuser,
       current_setting('server_encoding') AS encoding
  FROM pg_control_system() AS c
 CROSS JOIN pg_database AS d
 WHERE d.datname = current_database()

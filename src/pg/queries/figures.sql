-- Settings that estimates need. Reserved slots have had a second setting since 16.
SELECT (SELECT s.setting::int8 FROM pg_settings AS s WHERE s.name = 'maintenance_work_mem') AS work_mem_kb,
       current_setting('max_parallel_maintenance_workers')::int4 AS workers,
       greatest(0, current_setting('max_connections')::int4
                   - current_setting('superuser_reserved_connections')::int4
                   - coalesce(current_setting('reserved_connections', true), '0')::int4
                   - (SELECT sum(b.numbackends) FROM pg_stat_database AS b))::int4 AS free_connections

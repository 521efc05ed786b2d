-- Who holds a snapshot in this database that a build has to outlive, older than a second: younger ones come and go.
-- Not waited for: autovacuum and VACUUM; from 14 on also builds of plain indexes (those of partial and expression indexes
-- are). A build whose index may not be seen counts as one that is waited for.
SELECT a.pid,
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
  FROM pg_stat_activity AS a
 WHERE a.datname = current_database()
   AND a.backend_xmin IS NOT NULL
   AND a.pid <> pg_backend_pid()
   AND a.pid <> ALL ($1::int4[])
   AND (a.backend_type IS NULL OR a.backend_type NOT IN ('autovacuum worker', 'parallel worker'))
   AND (a.xact_start IS NULL OR a.xact_start < clock_timestamp() - interval '1 second')
   AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum AS v WHERE v.pid = a.pid)
   AND NOT (current_setting('server_version_num')::int4 >= 140000
            AND EXISTS (SELECT FROM pg_stat_progress_create_index AS p
                          JOIN pg_index AS i ON i.indexrelid = p.index_relid
                         WHERE p.pid = a.pid AND p.command LIKE '%CONCURRENTLY'
                           AND i.indpred IS NULL AND i.indexprs IS NULL))

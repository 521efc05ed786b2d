-- Who holds the advisory lock of class $1 and object $2.
SELECT l.pid,
       a.backend_start AS started,
       coalesce(a.application_name, '') AS application,
       coalesce(a.usename::text, '') AS usr
  FROM pg_locks AS l
  LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
   AND l.classid = $1::int8::oid AND l.objid = $2::int8::oid
   AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())

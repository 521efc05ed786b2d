-- Pid and start in one predicate: a pid alone may by now be another session's.
SELECT pg_cancel_backend(a.pid) AS sent FROM pg_stat_activity AS a WHERE a.pid = $1 AND a.backend_start = $2

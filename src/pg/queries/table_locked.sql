-- Which of the backends in $1 have their lock on a table: builds and drops alike take ShareUpdateExclusive first.
SELECT DISTINCT l.pid
  FROM pg_locks AS l
 WHERE l.pid = ANY ($1::int4[]) AND l.locktype = 'relation' AND l.granted AND l.mode = 'ShareUpdateExclusiveLock'

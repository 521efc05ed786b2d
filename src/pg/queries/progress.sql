-- Every row of this database. relid, phase and counters are NULL without the right to see them (12-18).
SELECT p.pid,
       a.backend_start AS started,
       coalesce(a.application_name, '') AS application,
       coalesce(p.command, '') AS command,
       p.relid,
       p.index_relid,
       p.phase,
       p.lockers_done, p.lockers_total,
       p.blocks_done, p.blocks_total,
       p.tuples_done, p.tuples_total,
       p.current_locker_pid
  FROM pg_stat_progress_create_index AS p
  LEFT JOIN pg_stat_activity AS a ON a.pid = p.pid
 WHERE p.datname = current_database()

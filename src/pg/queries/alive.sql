-- Which of the pids in $1 exist, with their start where it may be seen.
SELECT a.pid, a.backend_start AS started FROM pg_stat_activity AS a WHERE a.pid = ANY ($1::int4[])

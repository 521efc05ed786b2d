-- Tried, never waited for: a waiter holds a snapshot, and a build that has to outlive it deadlocks.
SELECT pg_try_advisory_lock($1, $2) AS taken

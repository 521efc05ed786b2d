-- Limits of a reading session. lock_timeout stays below deadlock_timeout (1 s): a reader of ours that queues behind
-- somebody's ALTER TABLE, behind a build, would otherwise hold a snapshot long enough to get the build killed.
SELECT pg_catalog.set_config('lock_timeout', '500ms', false) AS lock_timeout,
       pg_catalog.set_config('statement_timeout', '10s', false) AS statement_timeout

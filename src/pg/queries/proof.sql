-- Evidence about the session itself. backend_start together with the pid names the backend for good.
-- $1: the search path to set, or NULL to leave it as inherited.
SELECT pg_catalog.current_setting('cicerone.nonce', true) AS nonce,
       pg_catalog.inet_client_port() AS client_port,
       pg_catalog.pg_backend_pid() AS pid,
       a.backend_start AS started,
       pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.=) 'on' AS read_only,
       pg_catalog.current_setting('default_transaction_read_only') OPERATOR(pg_catalog.=) 'on' AS default_read_only,
       pg_catalog.current_setting('server_encoding') AS encoding,
       CASE WHEN $1 IS NULL THEN pg_catalog.current_setting('search_path')
            ELSE pg_catalog.set_config('search_path', $1, false) END AS path
  FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a

-- Recovery, and whether sessions are read-only for another reason than our own startup option
-- (reset_val of a startup option is the option itself, so look at what stands in the files, the database and the role).
SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,
       CASE WHEN s.source OPERATOR(pg_catalog.=) 'client' THEN false
            ELSE s.setting OPERATOR(pg_catalog.=) 'on' END AS reset_read_only
  FROM pg_catalog.pg_settings AS s
 WHERE s.name OPERATOR(pg_catalog.=) 'default_transaction_read_only'

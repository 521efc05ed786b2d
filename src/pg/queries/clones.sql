-- The clones that this session has made.
SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = pg_my_temp_schema() AND c.relkind = 'r'

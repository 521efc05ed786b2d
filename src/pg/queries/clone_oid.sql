SELECT to_regclass('pg_temp.' || quote_ident($1))::oid AS oid

-- In base units, so that 2s and 2000ms compare equal. Settings that this version does not have are missing.
SELECT s.name, s.setting FROM pg_settings AS s WHERE s.name = ANY ($1::text[])

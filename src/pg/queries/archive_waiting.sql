-- Needs pg_monitor.
SELECT count(*) FILTER (WHERE f.name LIKE '%.ready') AS waiting FROM pg_ls_archive_statusdir() AS f

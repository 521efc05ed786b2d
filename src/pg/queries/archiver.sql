SELECT current_setting('archive_mode') AS mode, a.last_archived_time AS last_archived, a.last_failed_time AS last_failed
  FROM pg_stat_archiver AS a

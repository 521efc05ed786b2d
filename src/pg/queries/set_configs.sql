-- Those of the settings $1 that this version has, to the values $2.
SELECT s.name, set_config(s.name, w.value, false) AS value
  FROM unnest($1::text[], $2::text[]) AS w (name, value)
  JOIN pg_settings AS s ON s.name = w.name

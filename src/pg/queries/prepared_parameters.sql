SELECT coalesce(array_length(p.parameter_types, 1), 0) AS parameters
  FROM pg_prepared_statements AS p WHERE p.name = 'cicerone_generic'

-- Bytes as they are: names are decoded here, one by one, and what is no UTF-8 is shown escaped.
SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) AS encoding

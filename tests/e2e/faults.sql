CREATE TABLE visits (id bigint, place text, seen_at timestamptz);
CREATE TABLE places (id bigint PRIMARY KEY, name text);
INSERT INTO visits SELECT i, repeat('x', 60) || (i * 7919 % 120000), now() - i * interval '1 second'
  FROM generate_series(1, 120000) AS i;
INSERT INTO places SELECT i, 'p' || i FROM generate_series(1, 500) AS i;

CREATE TABLE customers (id bigint PRIMARY KEY, email text, country text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, state text, placed_at timestamptz);
INSERT INTO customers SELECT i, 'c' || i || '@example.org', 'c' || i % 40 FROM generate_series(1, 2000) AS i;
INSERT INTO orders SELECT i, i % 2000, CASE i % 9 WHEN 0 THEN 'open' ELSE 'done' END, now() - i * interval '1 minute'
  FROM generate_series(1, 6000) AS i;
CREATE INDEX orders_placed ON orders (placed_at);
ANALYZE;

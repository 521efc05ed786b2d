-- True sizes. Takes AccessShare on each relation, so it may fail with 55P03 where somebody holds or queues for more.
SELECT o.oid, pg_relation_size(o.oid::regclass) AS size
  FROM unnest($1::oid[]) AS o (oid)

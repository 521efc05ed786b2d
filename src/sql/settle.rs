//! What a CREATE INDEX says without whatever it need not have said.

use super::shape::{IndexShape, NullsOrder, SortOrder};

/// Operator classes of PostgreSQL's own that are the default of every column of a built-in type that takes them, so that
/// one that is written says what none says (12-18; `text_ops` on a column of the extension type `citext` is another one).
///
/// Not here, although each is a default of its own type: `oid_ops` (also for `integer`), `bpchar_ops` (also for `text`),
/// `bit_ops`, `varbit_ops` (each for the other), `array_ops` of B-tree and hash (also for `oidvector`), and those of BRIN for
/// the same types. There it depends on the column.
const DEFAULTS: [(&str, &str); 6] = [
    (
        "btree",
        "bool_ops bytea_ops char_ops date_ops enum_ops float4_ops float8_ops inet_ops int2_ops int4_ops int8_ops \
         interval_ops jsonb_ops macaddr8_ops macaddr_ops money_ops multirange_ops name_ops numeric_ops oidvector_ops \
         pg_lsn_ops range_ops record_ops text_ops tid_ops time_ops timestamp_ops timestamptz_ops timetz_ops tsquery_ops \
         tsvector_ops uuid_ops xid8_ops",
    ),
    (
        "hash",
        "aclitem_ops bool_ops bytea_ops char_ops cid_ops date_ops enum_ops float4_ops float8_ops inet_ops int2_ops \
         int4_ops int8_ops interval_ops jsonb_ops macaddr8_ops macaddr_ops multirange_ops name_ops numeric_ops \
         oidvector_ops pg_lsn_ops range_ops record_ops text_ops tid_ops time_ops timestamp_ops timestamptz_ops timetz_ops \
         uuid_ops xid8_ops xid_ops",
    ),
    ("gin", "array_ops jsonb_ops tsvector_ops"),
    ("gist", "box_ops circle_ops multirange_ops point_ops poly_ops range_ops tsquery_ops tsvector_ops"),
    ("spgist", "box_ops inet_ops poly_ops quad_point_ops range_ops text_ops"),
    (
        "brin",
        "box_inclusion_ops bytea_minmax_ops char_minmax_ops date_minmax_ops float4_minmax_ops float8_minmax_ops \
         inet_inclusion_ops int2_minmax_ops int4_minmax_ops int8_minmax_ops interval_minmax_ops macaddr8_minmax_ops \
         macaddr_minmax_ops name_minmax_ops numeric_minmax_ops pg_lsn_minmax_ops range_inclusion_ops text_minmax_ops \
         tid_minmax_ops time_minmax_ops timestamp_minmax_ops timestamptz_minmax_ops timetz_minmax_ops uuid_minmax_ops",
    ),
];

/// Every operator class that may as well not be written: access method and name.
pub fn needless_opclasses() -> impl Iterator<Item = (&'static str, &'static str)> {
    DEFAULTS.iter().flat_map(|(method, names)| names.split_ascii_whitespace().map(|name| (*method, name)))
}

/// Whether `opclass`, as it stands in SQL, says no more than none would. One with parameters says more.
fn is_needless(method: &str, opclass: &str) -> bool {
    let name = opclass.strip_prefix("pg_catalog.").unwrap_or(opclass);
    DEFAULTS.iter().any(|(known, names)| {
        *known == method && names.split_ascii_whitespace().any(|needless| needless == name)
    })
}

impl IndexShape {
    /// The same index without `ASC`, without the place of NULLs that the order has anyway, and without operator classes
    /// that every column has by default.
    #[must_use]
    pub fn settled(&self) -> Self {
        let mut shape = self.clone();
        for key in &mut shape.keys {
            let descending = key.order == Some(SortOrder::Desc);
            let usual = if descending { NullsOrder::First } else { NullsOrder::Last };
            key.order = descending.then_some(SortOrder::Desc);
            key.nulls = key.nulls.filter(|nulls| *nulls != usual);
            key.opclass = key.opclass.take().filter(|opclass| !is_needless(&shape.method, opclass));
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::parse_create_index;

    fn settled(keys: &str) -> String {
        let shape = parse_create_index(&format!("CREATE INDEX CONCURRENTLY i ON t {keys}")).unwrap();
        shape.settled().keys.iter().map(super::super::IndexKey::render).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_is_so_anyway_goes_and_all_else_stays() {
        for (written, kept) in [
            ("(a ASC NULLS LAST, b DESC NULLS FIRST)", "a, b DESC"),
            ("(a ASC NULLS FIRST, b DESC NULLS LAST)", "a NULLS FIRST, b DESC NULLS LAST"),
            ("(a text_ops, b pg_catalog.int4_ops DESC, lower(c) TEXT_OPS)", "a, b DESC, lower(c)"),
            (
                "(a text_pattern_ops, b oid_ops, c public.text_ops)",
                "a text_pattern_ops, b oid_ops, c public.text_ops",
            ),
            ("USING gin (a jsonb_ops, b jsonb_path_ops, c array_ops)", "a, b jsonb_path_ops, c"),
            ("USING gin (a text_ops)", "a text_ops"),
            ("(a array_ops)", "a array_ops"),
            ("USING gist (a tsvector_ops (siglen = 100))", "a tsvector_ops (siglen = 100)"),
            ("USING brin (a int4_minmax_ops, b int4_minmax_multi_ops)", "a, b int4_minmax_multi_ops"),
        ] {
            assert_eq!(settled(written), kept, "{written}");
        }
    }
}

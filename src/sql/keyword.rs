//! Keywords that may not stand bare wherever a name may stand.

/// The keywords of any category but "unreserved", in order (PostgreSQL 12-18).
#[rustfmt::skip]
const RESTRICTED: [&str; 165] = [
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between",
    "bigint", "binary", "bit", "boolean", "both", "case", "cast", "char", "character", "check", "coalesce", "collate",
    "collation", "column", "concurrently", "constraint", "create", "cross", "current_catalog", "current_date",
    "current_role", "current_schema", "current_time", "current_timestamp", "current_user", "dec", "decimal",
    "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "exists", "extract", "false", "fetch",
    "float", "for", "foreign", "freeze", "from", "full", "grant", "graph_table", "greatest", "group", "grouping",
    "having", "ilike", "in", "initially", "inner", "inout", "int", "integer", "intersect", "interval", "into", "is",
    "isnull", "join", "json", "json_array", "json_arrayagg", "json_exists", "json_object", "json_objectagg",
    "json_query", "json_scalar", "json_serialize", "json_table", "json_value", "lateral", "leading", "least", "left",
    "like", "limit", "localtime", "localtimestamp", "merge_action", "national", "natural", "nchar", "none",
    "normalize", "not", "notnull", "null", "nullif", "numeric", "offset", "on", "only", "or", "order", "out", "outer",
    "overlaps", "overlay", "placing", "position", "precision", "primary", "real", "references", "returning", "right",
    "row", "select", "session_user", "setof", "similar", "smallint", "some", "substring", "symmetric", "system_user",
    "table", "tablesample", "then", "time", "timestamp", "to", "trailing", "treat", "trim", "true", "union", "unique",
    "user", "using", "values", "varchar", "variadic", "verbose", "when", "where", "window", "with", "xmlattributes",
    "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot",
    "xmlserialize", "xmltable",
];

/// Whether `word`, in lower case, is one.
pub(super) fn is_restricted(word: &str) -> bool {
    // None is longer.
    word.len() <= 17 && RESTRICTED.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use squawk_syntax::SyntaxKind;
    use squawk_syntax::quote::quote_quoted_ident;

    use super::*;

    #[test]
    fn the_keywords_are_those_of_the_grammar() {
        let last = u16::from(SyntaxKind::__LAST);
        let mut found: Vec<String> = (0..last)
            .map(SyntaxKind::from)
            .filter(|kind| kind.is_keyword())
            .map(|kind| format!("{kind:?}").trim_end_matches("_KW").to_ascii_lowercase())
            .filter(|word| quote_quoted_ident(word) != *word)
            .collect();
        found.sort();
        assert_eq!(found, RESTRICTED);
        assert_eq!(RESTRICTED.iter().map(|word| word.len()).max(), Some(17));
    }
}

//! REINDEX that stops everybody.

use super::{Case, Found, Rule};
use crate::audit::statement::{Reindexed, StatementKind};
use crate::lint::Severity;
use crate::lint::series::Nature;

pub(super) const RULE: Rule = Rule {
    id: "reindex-blocks",
    severity: Severity::Error,
    summary: "REINDEX without CONCURRENTLY",
    why: "A plain REINDEX takes a SHARE lock on the table, which stops every write, and an ACCESS EXCLUSIVE lock on each index, \
          which stops every query whose planning looks at the table's indexes: readers and writers wait for the whole build. \
          With CONCURRENTLY (PostgreSQL 12 and later) they go on. It needs the space of a second copy, cannot run in a \
          transaction, and leaves an INVALID copy named …_ccnew behind when it is cut. REINDEX SYSTEM has no such form and is not \
          reported; nor is a table that the same file makes.",
    bad: &[("migrations/0007_orders.sql", "«REINDEX INDEX» idx_orders_customer;\n")],
    good: &[("migrations/0007_orders.sql", "REINDEX INDEX CONCURRENTLY idx_orders_customer;\n")],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for act in &case.file.acts {
        let StatementKind::Reindex { concurrently: false, target } = &act.statement.kind else { continue };
        let new = match target {
            Reindexed::Many("SYSTEM") => continue,
            Reindexed::Many(_) => false,
            Reindexed::Table(table) => case.is_nobodys(table, act),
            Reindexed::Index(index) => case.is_index_of_nobody(index, act),
        };
        if !new {
            let message = "readers and writers wait until this is over".to_owned();
            let help = "write REINDEX … CONCURRENTLY, outside of a transaction";
            let mut it = Found::at(act, case.file.head(act.statement), message, help);
            let plain = match target {
                Reindexed::Index(index) => case.is_plain_index(index),
                Reindexed::Table(table) => case.series.nature(table) == Some(Nature::Plain),
                Reindexed::Many(_) => false,
            };
            it.fix = if plain { case.concurrently_behind(act, 2) } else { None };
            found.push(it);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn each_form_is_told_by_its_words() {
        for (text, wanted) in [
            ("reindex table t;", 1),
            ("reindex (verbose) index i;", 1),
            ("reindex schema s;", 1),
            ("reindex (concurrently) table t;", 0),
            ("reindex system d;", 0),
            ("create table t (a int); create index i on t (a); reindex index i; reindex table t;", 0),
        ] {
            assert_eq!(places(super::RULE.id, &[("1.sql", text)]).len(), wanted, "{text}");
        }
    }
}

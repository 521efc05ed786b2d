//! DROP INDEX CONCURRENTLY in forms that the server refuses.

use super::{Case, Found, Rule};
use crate::audit::statement::StatementKind;
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "drop-concurrently-refused",
    severity: Severity::Error,
    summary: "DROP INDEX CONCURRENTLY of several indexes, or with CASCADE",
    why: "DROP INDEX CONCURRENTLY takes one index, and does not take CASCADE: the server refuses both with 0A000 (12 to 18). Drop \
          the indexes one after the other. What depends on an index, such as a constraint, has to be dropped by itself.",
    bad: &[("migrations/0007_orders.sql", "«DROP INDEX» CONCURRENTLY idx_orders_customer, idx_orders_status;\n")],
    good: &[(
        "migrations/0007_orders.sql",
        "DROP INDEX CONCURRENTLY idx_orders_customer;\nDROP INDEX CONCURRENTLY idx_orders_status;\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for act in &case.file.acts {
        let StatementKind::DropIndex { names, concurrently: true, cascade } = &act.statement.kind else { continue };
        let (what, help) = match (names.len(), cascade) {
            (2.., _) => ("several indexes", "drop them one after the other"),
            (_, true) => ("CASCADE", "drop what depends on it first"),
            (_, false) => continue,
        };
        let message = format!("the server refuses DROP INDEX CONCURRENTLY with {what}");
        found.push(Found::at(act, case.file.head(act.statement), message, help));
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn only_the_concurrent_form_is_so_narrow() {
        for (text, wanted) in [
            ("drop index concurrently a, b;", 1),
            ("drop index concurrently if exists a cascade;", 1),
            ("drop index concurrently a restrict;", 0),
            ("drop index a, b cascade;", 0),
        ] {
            assert_eq!(places(super::RULE.id, &[("1.sql", text)]).len(), wanted, "{text}");
        }
    }
}

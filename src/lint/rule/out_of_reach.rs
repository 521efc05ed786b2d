//! What is known elsewhere only.

use super::{Case, Found, Rule};
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "out-of-reach",
    severity: Severity::Note,
    summary: "SQL that is known at run time or in another file only, so that no rule looked at it",
    why: "SQL that a program puts together from values, a file that psql's \\i brings in, a body in PL/Python: nothing is wrong \
          with these, but nothing could be checked either. They are listed so that nobody takes silence for consent.",
    bad: &[("migrations/0007_orders.sql", "«»\\i indexes.sql\n")],
    good: &[("migrations/0007_orders.sql", "CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id);\n")],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for unread in case.file.subject.document.unread.iter().filter(|it| !it.why.is_broken()) {
        found.push(super::unread(unread, "look at it yourself; nothing is known about it here"));
    }
}

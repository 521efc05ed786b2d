//! What could not be read.

use super::{Case, Found, Rule};
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unreadable",
    severity: Severity::Error,
    summary: "something that could not be parsed, so that no rule looked at it",
    why: "A statement with a syntax error, a string without its end, a program that its own language does not compile, a file \
          that is no text or must not be read: nothing is known about any of these, and a check that passes over them in \
          silence would say that all is well. PostgreSQL's grammar is used for SQL and each language's own for programs; \
          `:name`, `${name}` and `{{ name }}` stand for names.",
    bad: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id) WHERE«»;\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id) WHERE closed_at IS NULL;\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for unread in case.file.subject.document.unread.iter().filter(|it| it.why.is_broken()) {
        found.push(super::unread(unread, "correct it; nothing else was looked at there"));
    }
}

//! Comments that allow nothing. What they are about is known when all other rules are through: see `lint::check`.

use super::{Case, Found, Rule};
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "idle-allow",
    severity: Severity::Error,
    summary: "a `cicerone:allow` without a reason, of an unknown rule, or with nothing to allow",
    why: "`-- cicerone:allow RULE: reason` behind a statement is about the statements of its line; on a line of its own, about the \
          next statement, or the whole string or call of a program that comes next. `cicerone:allow-file` is about the whole \
          file. Several rules are separated by commas, and `lint` stands for all. The reason is what the next reader needs, so \
          that a comment without one allows nothing. One whose finding is gone is to be removed: it would hide the next one.",
    bad: &[(
        "migrations/0007_orders.sql",
        "-- «cicerone:allow» missing-concurrently: built while the shop is closed\n\
         CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id);\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "-- cicerone:allow missing-concurrently: built while the shop is closed\n\
         CREATE INDEX idx_orders_customer ON orders (customer_id);\n",
    )],
    check,
};

fn check(_: &Case<'_, '_>, _: &mut Vec<Found>) {}

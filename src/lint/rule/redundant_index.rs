//! Indexes that say what others say.

use std::ops::Range;

use super::{Case, Found, Rule};
use crate::audit::inventory::Entry;
use crate::audit::statement::{StatementKind, TableAction};
use crate::lint::series::Act;
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "redundant-index",
    severity: Severity::Warning,
    summary: "an index that another one makes superfluous at the end of the series",
    why: "Two indexes with the same keys, order, operator classes, condition and included columns cost every write twice and \
          serve nothing more. A B-tree on (a) is served by one on (a, b) under the same condition: the leading keys are the \
          same. What is UNIQUE is never called superfluous for the sake of a longer one, because it guards a rule. Only \
          indexes that are still there at the end of the series count, so that all migrations should be looked at together. \
          Definitions are compared as they are written: `a > 1` and `1 < a` are two.",
    bad: &[(
        "migrations/0007_orders.sql",
        "«CREATE INDEX» CONCURRENTLY idx_orders_customer ON orders (customer_id);\n\
         CREATE INDEX CONCURRENTLY idx_orders_customer_status ON orders (customer_id, status);\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY idx_orders_customer_status ON orders (customer_id, status);\n\
         CREATE INDEX CONCURRENTLY idx_orders_status ON orders (status);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    let entries = &case.series.inventory.entries;
    for (position, entry) in entries.iter().enumerate().filter(|(_, it)| it.spot.file == case.position) {
        let earlier = entry.duplicates.iter().find(|other| **other < position);
        let (other, what) = match (earlier, entry.covered_by.first()) {
            (Some(other), _) => (*other, "says the same as"),
            (None, Some(other)) => (*other, "serves nothing that is not served by"),
            (None, None) => continue,
        };
        let (Some((act, range)), Some(other)) = (place(case, entry), entries.get(other)) else { continue };
        let message =
            format!("{} {what} {} ({})", entry.index.name, other.index.name, case.series.spot(other));
        found.push(Found::at(act, range, message, "leave one of them out"));
    }
}

/// The statement that makes an index, and where in it.
fn place<'c, 'a>(case: &Case<'c, 'a>, entry: &Entry) -> Option<(&'c Act<'a>, Range<usize>)> {
    let acts = &case.file.acts;
    if let Some(act) = acts.iter().find(|it| it.statement.place == entry.spot.place) {
        return Some((act, case.file.head(act.statement)));
    }
    acts.iter().find_map(|act| {
        let constraints: Vec<_> = if let StatementKind::CreateTable(table) = &act.statement.kind {
            table.constraints.iter().collect()
        } else if let StatementKind::AlterTable { actions, .. } = &act.statement.kind {
            actions
                .iter()
                .filter_map(|action| if let TableAction::Add(it) = action { Some(it.as_ref()) } else { None })
                .collect()
        } else {
            Vec::new()
        };
        let it = constraints.into_iter().find(|it| it.place == entry.spot.place)?;
        Some((act, it.at..it.at + 1))
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        places(super::RULE.id, files)
    }

    #[test]
    fn of_two_that_say_the_same_the_later_one_is_named() {
        let files = [("1.sql", "create index concurrently i on t (a);"), ("2.sql", "\ncreate index concurrently j on t (a);")];
        assert_eq!(found(&files), ["2.sql:2:1"]);
        let dropped = [files[0], files[1], ("3.sql", "drop index concurrently i;")];
        assert_eq!(found(&dropped), [""; 0]);
    }

    #[test]
    fn what_a_constraint_makes_counts_and_what_is_unique_stays() {
        let text = "create table t (a int, b int,\n  unique (a, b));\ncreate index i on t (a);\ncreate unique index u on t (b);\ncreate index j on t (b, a);";
        assert_eq!(found(&[("1.sql", text)]), ["1.sql:3:1"]);
        let twice = "create table t (a int,\n  unique (a));\nalter table t add constraint k unique (a);";
        assert_eq!(found(&[("1.sql", twice)]), ["1.sql:3:19"]);
        // Of two in one CREATE TABLE the server makes one.
        let once = "create table t (a int,\n  unique (a),\n  constraint k unique (a));";
        assert_eq!(found(&[("1.sql", once)]), [""; 0]);
    }
}

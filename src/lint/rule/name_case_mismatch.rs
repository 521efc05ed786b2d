//! An index that is called by a name which it does not have.

use super::{Case, Found, Rule};
use crate::audit::inventory::FateKind;
use crate::audit::statement::{Reindexed, StatementKind, TableAction};
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "name-case-mismatch",
    severity: Severity::Error,
    summary: "an index that is dropped, renamed or rebuilt in another case than it was made in",
    why: "The server folds a name without quotes to lower case and keeps one in quotes as it is: `CREATE INDEX Orders_Customer` \
          makes orders_customer, and `DROP INDEX \"Orders_Customer\"` fails with 42704. With IF EXISTS it does not fail: it \
          drops nothing, and the index stays. Reported when no index of the series ever has the name that is used, and one \
          has it in another case.",
    bad: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY Orders_Customer ON orders (customer_id);\n\
         DROP INDEX CONCURRENTLY IF EXISTS «\"Orders_Customer\"»;\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY Orders_Customer ON orders (customer_id);\n\
         DROP INDEX CONCURRENTLY IF EXISTS orders_customer;\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    let entries = &case.series.inventory.entries;
    let renamed = entries.iter().flat_map(|it| &it.fates).filter_map(|fate| {
        if let FateKind::Renamed(to) = &fate.what { Some(to.as_str()) } else { None }
    });
    let known: Vec<&str> = entries.iter().map(|it| it.index.name.as_str()).chain(renamed).collect();
    for act in &case.file.acts {
        for name in used(&act.statement.kind) {
            let meant = known.iter().find(|it| it.eq_ignore_ascii_case(name));
            let Some(meant) = meant.filter(|_| !known.contains(&name)) else { continue };
            let message = format!("there is no index {name}; the one that is made is {meant}");
            let range = case.file.mention(act.statement, name);
            found.push(Found::at(act, range, message, format!("write {}", crate::sql::quote_ident(meant))));
        }
    }
}

/// Names of indexes that must be there already.
fn used(kind: &StatementKind) -> Vec<&str> {
    if let StatementKind::DropIndex { names, .. } = kind {
        names.iter().map(|it| it.name.as_str()).collect()
    } else if let StatementKind::RenameIndex { index, .. } = kind {
        vec![&index.name]
    } else if let StatementKind::Reindex { target: Reindexed::Index(index), .. } = kind {
        vec![&index.name]
    } else if let StatementKind::AlterTable { actions, .. } = kind {
        let using = actions.iter().filter_map(|action| {
            if let TableAction::Add(it) = action { it.using_index.as_deref() } else { None }
        });
        using.collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn a_name_that_some_index_has_is_right_in_any_file() {
        let make = ("1.sql", "create index concurrently \"I\" on t (a); create index concurrently J on t (b);");
        for (text, wanted) in [
            ("drop index concurrently \"I\";", 0),
            ("drop index concurrently j;", 0),
            ("drop index concurrently I;", 1),
            ("alter index \"J\" rename to k;", 1),
            ("reindex index concurrently i;", 1),
            ("alter table t add constraint c unique using index \"J\";", 1),
            ("drop index concurrently other;", 0),
        ] {
            assert_eq!(places(super::RULE.id, &[make, ("2.sql", text)]).len(), wanted, "{text}");
        }
    }
}

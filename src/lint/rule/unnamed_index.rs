//! An index that the server has to name.

use super::{Case, Found, Rule, shown};
use crate::audit::document::PartKind;
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unnamed-index",
    severity: Severity::Warning,
    summary: "CREATE INDEX without a name",
    why: "Without a name the server makes one of table and columns, and adds a number when it is taken. Which one it is depends \
          on what was there before: the same migration gives other names on other databases. An index whose name nobody knows \
          cannot be dropped, rebuilt or looked for by a later migration, and every run of the statement makes one more. What \
          a framework names by itself is not reported.",
    bad: &[("migrations/0007_orders.sql", "«CREATE INDEX» CONCURRENTLY ON orders (customer_id);\n")],
    good: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, index) in case.indexes() {
        let declared = matches!(act.part.map(|it| &it.kind), Some(PartKind::Declared(_)));
        if index.shape.name.is_none() && !declared {
            let message = format!("the server has to find a name for this index of {}", shown(&index.shape.table));
            found.push(Found::at(act, case.file.head(act.statement), message, "give it a name"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn only_what_stands_in_sql_has_to_be_named() {
        let find = |path: &str, text: &str| places(super::RULE.id, &[(path, text)]).len();
        assert_eq!(find("1.sql", "create unique index on t (a); create index i on t (a);"), 1);
        assert_eq!(find("1.rb", "class A < ActiveRecord::Migration[7.1]\n  def change\n    add_index :t, :a\n  end\nend\n"), 0);
    }
}

//! Names that have to be quoted for ever.

use super::{Case, Found, Rule};
use crate::audit::document::PartKind;
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "quoted-name",
    severity: Severity::Note,
    summary: "an index name with capitals in quotes, which has to be quoted wherever it is used",
    why: "The server folds what is not quoted to lower case. A name that was quoted with capitals in it is found only by those \
          who quote it in the same spelling: `DROP INDEX IF EXISTS` without quotes drops nothing and says so in a NOTICE. Some \
          tools name indexes so; then it is best to turn this rule off.",
    bad: &[("migrations/0007_orders.sql", "CREATE INDEX CONCURRENTLY «\"Orders_customer\"» ON orders (customer_id);\n")],
    good: &[("migrations/0007_orders.sql", "CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id);\n")],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, index) in case.indexes() {
        let declared = matches!(act.part.map(|it| &it.kind), Some(PartKind::Declared(_)));
        let Some(name) = index.shape.name.as_deref().filter(|_| !declared) else { continue };
        if name.bytes().any(|it| it.is_ascii_uppercase()) {
            let message = format!("{name} has to be quoted, in this very spelling, wherever it is used");
            let range = case.file.mention(act.statement, name);
            found.push(Found::at(act, range, message, "write it in lower case"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn only_capitals_between_quotes_stay() {
        for (text, wanted) in [
            ("create index concurrently \"iA\" on t (a);", 1),
            ("create index concurrently iA on t (a);", 0),
            ("create index concurrently \"i a\" on t (a);", 0),
        ] {
            assert_eq!(places(super::RULE.id, &[("1.sql", text)]).len(), wanted, "{text}");
        }
    }
}

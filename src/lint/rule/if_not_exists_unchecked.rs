//! IF NOT EXISTS that takes an unfinished index for a finished one.

use super::{Case, Found, Rule};
use crate::audit::document::PartKind;
use crate::audit::statement::{Nesting, StatementKind};
use crate::audit::words;
use crate::lint::series::Act;
use crate::lint::Severity;

pub(super) const RULE: Rule = Rule {
    id: "if-not-exists-unchecked",
    severity: Severity::Warning,
    summary: "IF NOT EXISTS without a look at whether the index is valid",
    why: "IF NOT EXISTS looks at the name and at nothing else. A concurrent build that was cut leaves an INVALID index of that \
          name: the next run prints a NOTICE, reports success, and the index stays INVALID for good (seen on 12, 14 and 18). \
          The same happens when the name belongs to another definition, another table, or to a table or sequence.\n\n\
          So either look first and drop what is not valid, or ask pg_index.indisvalid afterwards and fail. Both count: a DROP \
          INDEX of that name before it, or `indisvalid` somewhere behind it. Without CONCURRENTLY nothing INVALID can be left \
          behind by this statement; it is reported all the same when the table is not made in the file, because it takes \
          whatever an earlier build has left.",
    bad: &[(
        "migrations/0007_orders.sql",
        "CREATE INDEX CONCURRENTLY «IF NOT EXISTS» idx_orders_customer ON orders (customer_id);\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "-- What an earlier attempt has left goes first.\n\
         DROP INDEX CONCURRENTLY IF EXISTS idx_orders_customer;\n\
         CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_customer ON orders (customer_id);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, index) in case.indexes() {
        let shape = &index.shape;
        let Some(name) = shape.name.as_deref().filter(|_| shape.if_not_exists) else { continue };
        let own = !shape.concurrently && case.is_nobodys(&shape.table, act);
        if own || act.statement.nesting == Nesting::Routine || dropped(case, act, name) || asked(case, act) {
            continue;
        }
        let left = if shape.concurrently { "an INVALID index that a cut build has left" } else { "an INVALID index" };
        let message = format!("this takes {left}, or another relation of that name, for {name}, and reports success");
        let help = format!("drop {name} before it, or ask pg_index.indisvalid behind it and fail");
        found.push(Found::at(act, written(case, act), message, help));
    }
}

/// Bytes of the words IF NOT EXISTS.
fn written(case: &Case<'_, '_>, act: &Act<'_>) -> std::ops::Range<usize> {
    let text = case.file.subject.text;
    let statement = act.statement;
    let spelled: Vec<_> = words(text, statement.at..statement.end).take(12).collect();
    let is = |at: usize, word: &str| spelled.get(at).is_some_and(|it| text[it.clone()].eq_ignore_ascii_case(word));
    (0..spelled.len())
        .find(|at| is(*at, "if") && is(at + 1, "not") && is(at + 2, "exists"))
        .map_or_else(|| case.file.head(statement), |at| spelled[at].start..spelled[at + 2].end)
}

/// Whether an index of that name is dropped before.
fn dropped(case: &Case<'_, '_>, act: &Act<'_>, name: &str) -> bool {
    case.file.acts.iter().filter(|it| it.direction == act.direction && it.statement.at < act.statement.at).any(|it| {
        if let StatementKind::DropIndex { names, .. } = &it.statement.kind {
            names.iter().any(|it| it.name == name)
        } else {
            false
        }
    })
}

/// Whether what comes behind the statement asks for `indisvalid`, in any string too.
fn asked(case: &Case<'_, '_>, act: &Act<'_>) -> bool {
    let text = case.file.subject.text;
    let is_file = matches!(act.part.map(|it| &it.kind), Some(PartKind::File(_)));
    let from = if is_file { act.statement.end.min(text.len()) } else { 0 };
    // In a program a comment is told from code by its own grammar: the word anywhere counts.
    if !is_file {
        return text.contains("indisvalid");
    }
    words(text, from..text.len()).any(|word| {
        let spelled = &text[word];
        spelled.len() >= "indisvalid".len() && spelled.to_ascii_lowercase().contains("indisvalid")
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    fn found(text: &str) -> usize {
        places(super::RULE.id, &[("1.sql", text)]).len()
    }

    #[test]
    fn a_drop_before_it_or_a_question_behind_it_is_a_look() {
        let index = "create index concurrently if not exists i on t (a);";
        for (text, wanted) in [
            (index.to_owned(), 1),
            (format!("drop index if exists j; {index}"), 1),
            (format!("{index} drop index if exists i;"), 1),
            (format!("{index} -- indisvalid\n"), 1),
            (format!("select 1 from pg_index where indisvalid; {index}"), 1),
            (format!("drop index if exists i; {index}"), 0),
            (format!("{index} select 1 / count(*) from pg_index where indisvalid;"), 0),
            (format!("{index} do $$ begin if exists (select from pg_index where not indisvalid) then raise 'x'; end if; end $$;"), 0),
            ("create table if not exists t (a int); create index if not exists i on t (a);".to_owned(), 0),
            ("create index if not exists i on t (a);".to_owned(), 1),
            ("create index concurrently i on t (a);".to_owned(), 0),
        ] {
            assert_eq!(found(&text), wanted, "{text}");
        }
    }
}

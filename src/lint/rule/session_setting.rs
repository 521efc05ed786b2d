//! Settings that a pooler gives to somebody else.

use super::{Case, Found, Rule};
use crate::audit::statement::{Scope, StatementKind};
use crate::lint::Severity;
use crate::lint::sent::{Sent, Wrapper};

pub(super) const RULE: Rule = Rule {
    id: "session-setting",
    severity: Severity::Warning,
    summary: "SET, or a lock, for the session, which a transaction pooler loses or gives to others",
    why: "A pooler in transaction mode gives the server's connection to somebody else after each transaction. Then a SET is gone \
          for the one who said it, and holds for whoever comes next: behind PgBouncer 1.18 another client was seen with a \
          lock_timeout that it never set. An advisory lock of the session stays with the connection when both clients are \
          gone. SET LOCAL ends with its transaction and is safe.\n\n\
          CONCURRENTLY needs its settings for the session, because it cannot be in a transaction: run such a file on a \
          connection of its own that goes past the pooler, and allow this rule with that reason. Dumps of pg_dump are not \
          reported, nor RESET.",
    bad: &[("migrations/0007_orders.sql", "«SET lock_timeout» = '2s';\nALTER TABLE orders ADD COLUMN note text;\n")],
    good: &[(
        "migrations/0007_orders.sql",
        "BEGIN;\nSET LOCAL lock_timeout = '2s';\nALTER TABLE orders ADD COLUMN note text;\nCOMMIT;\n",
    )],
    check,
};

/// Functions that lock for the session.
const LOCKS: [&str; 4] =
    ["pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"];

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    if is_dump(case.file.subject.text) {
        return;
    }
    for act in &case.file.acts {
        if matches!(act.sent, Sent::Inside(Wrapper::Routine)) {
            continue;
        }
        let (what, help) = match what(&act.statement.kind) {
            Some(Kind::Setting) => ("this holds for the session", "write SET LOCAL in a transaction"),
            Some(Kind::Lock) => ("this locks for the session", "write pg_advisory_xact_lock in a transaction"),
            None => continue,
        };
        let message = format!("{what}: a transaction pooler loses it, or gives it to somebody else");
        found.push(Found::at(act, case.file.head(act.statement), message, help));
    }
}

enum Kind {
    Setting,
    Lock,
}

fn what(kind: &StatementKind) -> Option<Kind> {
    if let StatementKind::Set(setting) = kind {
        return (setting.scope == Scope::Session && setting.value.is_some()).then_some(Kind::Setting);
    }
    if let StatementKind::SearchPath { scope, .. } = kind {
        return (*scope == Scope::Session).then_some(Kind::Setting);
    }
    if let StatementKind::Call(call) = kind {
        let locks = call.routines.iter().any(|it| LOCKS.contains(&it.name.as_str()));
        return locks.then_some(Kind::Lock);
    }
    let StatementKind::Other(first) = kind else { return None };
    let role = first.starts_with("SET ROLE") || first.starts_with("SET SESSION AUTHORIZATION");
    role.then_some(Kind::Setting)
}

/// What pg_dump writes at the top is read by psql, on a session of its own.
fn is_dump(text: &str) -> bool {
    let head: String = text.chars().take(4_000).collect();
    head.contains("PostgreSQL database dump") || head.contains("set_config('search_path', '', false)")
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn what_ends_with_the_transaction_and_what_dumps_say_is_left_alone() {
        for (text, wanted) in [
            ("set lock_timeout = '2s';", 1),
            ("set session search_path to s;", 1),
            ("select set_config('lock_timeout', '2s', false);", 1),
            ("set role owner;", 1),
            ("select pg_advisory_lock(1);", 1),
            ("set local lock_timeout = '2s';", 0),
            ("select set_config('lock_timeout', '2s', true);", 0),
            ("reset lock_timeout;", 0),
            ("select pg_advisory_xact_lock(1);", 0),
            ("--\n-- PostgreSQL database dump\n--\nset lock_timeout = 0;", 0),
            ("create function f() returns void language sql set search_path = s as 'select 1';", 0),
        ] {
            assert_eq!(places(super::RULE.id, &[("1.sql", text)]).len(), wanted, "{text}");
        }
    }
}

//! A timeout that throws a concurrent build away.

use super::{Case, Found, Rule};
use crate::lint::Severity;
use crate::text::span;

/// Below this a timeout is short. A single report or a dump holds a snapshot for longer, and a large build takes longer.
const SHORT: u64 = 3_600_000;

pub(super) const RULE: Rule = Rule {
    id: "timeout-before-concurrently",
    severity: Severity::Error,
    summary: "a timeout under one hour holds while CONCURRENTLY builds, and leaves an INVALID index",
    why: "The usual advice is a short lock_timeout before every statement. Before CONCURRENTLY it is wrong. lock_timeout does \
          not only cut the wait for the table: it cuts each wait of the build, also the last one, for snapshots that are \
          older than the index. Any report or pg_dump that runs longer than the timeout, on whatever table, throws away a \
          build that was finished. statement_timeout counts the whole build; 30 seconds ended the build of an index on ten \
          million rows. Whatever cuts it, an INVALID index stays. It keeps its disk space and costs every write, and the same \
          statement with IF NOT EXISTS then reports success without building anything.\n\n\
          While CONCURRENTLY waits, reads and writes go on: there is nothing to protect them from. So set both to 0 before it, \
          watch the build from a second session and cancel it there if you must. (A timeout of an hour or more is not \
          reported.) It is the plain forms, DROP INDEX and ALTER TABLE, that need a short lock_timeout, because whoever comes \
          after them waits behind them.\n\n\
          SET holds for the rest of the session, SET LOCAL until the transaction ends; a COMMIT, RESET, or a SET to 0 \
          before the statement is taken into account, one behind it comes too late. DROP and REINDEX CONCURRENTLY are cut in \
          the same way: the one leaves an index that is switched off, the other a copy named …_ccnew.",
    bad: &[(
        "migrations/0007_orders.sql",
        "SET lock_timeout = '2s';\n«CREATE INDEX» CONCURRENTLY idx_orders_customer ON orders (customer_id);\n",
    )],
    good: &[(
        "migrations/0007_orders.sql",
        "BEGIN;\nSET LOCAL lock_timeout = '2s';\nALTER TABLE orders ADD COLUMN customer_id bigint;\nCOMMIT;\n\
         CREATE INDEX CONCURRENTLY idx_orders_customer ON orders (customer_id);\n",
    )],
    check,
};

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, what) in case.concurrent() {
        for timeout in act.timeouts.iter().filter(|it| it.millis < SHORT) {
            let message = format!(
                "{} of {} (line {}) holds here: when it ends {what}, an INVALID index stays",
                timeout.name,
                span(timeout.millis),
                timeout.place.line,
            );
            let help = format!("write SET {} = 0 before it, and watch the build from a second session", timeout.name);
            found.push(Found::at(act, case.file.head(act.statement), message, help));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    fn found(path: &str, text: &str) -> usize {
        places(super::RULE.id, &[(path, text)]).len()
    }

    const INDEX: &str = "create index concurrently i on t (a);";

    #[test]
    fn what_holds_is_followed_through_the_file() {
        for (before, wanted) in [
            ("set lock_timeout = '2s';", 1),
            ("set session statement_timeout to 30000;", 1),
            ("set lock_timeout = '2s'; set statement_timeout = '5min';", 2),
            ("select set_config('lock_timeout', '2s', false);", 1),
            ("begin; set lock_timeout = '2s'; commit;", 1),
            ("set lock_timeout = '2s'; set lock_timeout = 0;", 0),
            ("set lock_timeout = '2s'; reset lock_timeout;", 0),
            ("set lock_timeout = '2s'; set lock_timeout to default;", 0),
            ("set lock_timeout = '2s'; reset all;", 0),
            ("set lock_timeout = '2s'; discard all;", 0),
            ("begin; set local lock_timeout = '2s'; commit;", 0),
            ("begin; set lock_timeout = '2s'; rollback;", 0),
            ("set lock_timeout = '2s'; begin; rollback;", 1),
            ("set lock_timeout = 0;", 0),
            ("set lock_timeout = '2h';", 0),
            ("set lock_timeout = :'patience';", 0),
            ("set idle_in_transaction_session_timeout = '2s';", 0),
        ] {
            assert_eq!(found("1.sql", &format!("{before} {INDEX}")), wanted, "{before}");
        }
        assert_eq!(found("1.sql", &format!("{INDEX} set lock_timeout = '2s';")), 0);
        assert_eq!(found("1.sql", &format!("set lock_timeout = '2s'; {INDEX} reset lock_timeout;")), 1);
        assert_eq!(found("1.sql", "set lock_timeout = '2s'; create index i on t (a);"), 0);
        assert_eq!(found("1.sql", "set lock_timeout = '2s'; drop index concurrently i;"), 1);
        assert_eq!(found("1.sql", "set lock_timeout = '2s'; reindex table concurrently i;"), 1);
    }

    #[test]
    fn calls_of_a_program_follow_each_other() {
        let python = "def upgrade():\n    op.execute(\"SET lock_timeout = '2s'\")\n    with op.get_context().autocommit_block():\n        op.create_index('i', 't', ['a'], postgresql_concurrently=True)\n";
        assert_eq!(found("1.py", python), 1);
        let back = "def upgrade():\n    with op.get_context().autocommit_block():\n        op.create_index('i', 't', ['a'], postgresql_concurrently=True)\ndef downgrade():\n    op.execute(\"SET lock_timeout = '2s'\")\n";
        assert_eq!(found("1.py", back), 0);
    }
}

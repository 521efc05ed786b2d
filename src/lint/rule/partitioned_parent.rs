//! Indexes of partitioned tables.

use super::{Case, Found, Rule, shown};
use crate::audit::statement::StatementKind;
use crate::lint::Severity;
use crate::lint::series::Nature;

pub(super) const RULE: Rule = Rule {
    id: "partitioned-parent",
    severity: Severity::Error,
    summary: "an index of a partitioned table that is refused, or that locks every partition at once",
    why: "CONCURRENTLY is refused on a partitioned table, also with ON ONLY (0A000, `cannot create index on partitioned table \
          … concurrently`), and so is DROP INDEX CONCURRENTLY of its index. Without it CREATE INDEX takes a SHARE lock on every \
          partition and keeps them all for the whole build.\n\n\
          The way around has four steps: CREATE INDEX … ON ONLY the parent, which builds nothing and is INVALID at first; \
          CREATE INDEX CONCURRENTLY on each partition; a look at whether each is valid; ALTER INDEX … ATTACH PARTITION for \
          each. With the last one the parent's index turns valid. An INVALID one is attached without a word, and on 12 and 13 the \
          parent then never turns valid. Reported for tables that the series makes with PARTITION BY.",
    bad: &[
        ("migrations/0001_events.sql", "CREATE TABLE events (at timestamptz, kind text) PARTITION BY RANGE (at);\n"),
        ("migrations/0007_events.sql", "«CREATE INDEX» CONCURRENTLY idx_events_kind ON events (kind);\n"),
    ],
    good: &[
        (
            "migrations/0001_events.sql",
            "CREATE TABLE events (at timestamptz, kind text) PARTITION BY RANGE (at);\n\
             CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');\n",
        ),
        (
            "migrations/0007_events.sql",
            "CREATE INDEX idx_events_kind ON ONLY events (kind);\n\
             CREATE INDEX CONCURRENTLY idx_events_2026_kind ON events_2026 (kind);\n\
             ALTER INDEX idx_events_kind ATTACH PARTITION idx_events_2026_kind;\n",
        ),
    ],
    check,
};

const INSTEAD: &str =
    "write CREATE INDEX … ON ONLY, build each partition's index CONCURRENTLY, and attach them with ALTER INDEX";

fn check(case: &Case<'_, '_>, found: &mut Vec<Found>) {
    for (act, index) in case.indexes() {
        let shape = &index.shape;
        if case.series.nature(&shape.table) != Some(Nature::Partitioned) {
            continue;
        }
        let table = shown(&shape.table);
        let message = if shape.concurrently {
            format!("{table} is partitioned: the server refuses CONCURRENTLY on it")
        } else if shape.only || case.is_nobodys(&shape.table, act) {
            continue;
        } else {
            format!("{table} is partitioned: this locks every partition against writes until it is over")
        };
        found.push(Found::at(act, case.file.head(act.statement), message, INSTEAD));
    }
    for act in &case.file.acts {
        let StatementKind::DropIndex { names, concurrently: true, .. } = &act.statement.kind else { continue };
        for name in names {
            let Some(table) = case.table_of(name) else { continue };
            if case.series.nature(&table) == Some(Nature::Partitioned) {
                let message = format!("{} belongs to a partitioned table: the server refuses CONCURRENTLY", shown(name));
                let help = "write DROP INDEX with a short lock_timeout: it locks all partitions";
                found.push(Found::at(act, case.file.head(act.statement), message, help));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::places;

    #[test]
    fn what_is_refused_and_what_locks_everything_is_told_from_what_is_new() {
        let make = ("1.sql", "create table t (a int) partition by range (a); create index i on t (a);");
        assert_eq!(places(super::RULE.id, &[make]), [""; 0]);
        for (text, wanted) in [
            ("create index concurrently j on t (a);", 1),
            ("create index concurrently j on only t (a);", 1),
            ("create index j on t (a);", 1),
            ("create index j on only t (a);", 0),
            ("drop index concurrently i;", 1),
            ("create index concurrently j on u (a);", 0),
        ] {
            assert_eq!(places(super::RULE.id, &[make, ("2.sql", text)]).len(), wanted, "{text}");
        }
    }
}

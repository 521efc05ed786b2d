//! Who would hold up the builds, at which stage.

use std::collections::BTreeMap;

use crate::domain::blocker::{BlockStage, Blocker, Holder};
use crate::domain::id::Oid;
use crate::domain::plan::Plan;
use crate::domain::survey::Observed;
use crate::domain::unit::Millis;
use crate::text;

use super::finding::Finding;
use super::{CheckResult, Question, Verdict};

/// Words in the statement of an autovacuum worker that gives way to nobody (12-18).
const WRAPAROUND: &str = "(to prevent wraparound)";

/// Judges everybody who would hold up a build on the plan's tables at `now`. Ordinary traffic comes and goes; what
/// counts is age, and who never goes away by itself.
pub fn blockers(
    seen: &Observed<Vec<Blocker>>,
    plan: &Plan,
    old: Millis,
    now: jiff::Timestamp,
) -> CheckResult {
    let tables: BTreeMap<Oid, &str> =
        plan.items.iter().filter_map(|it| Some((it.table_oid?, it.table.name.as_str()))).collect();
    let mut judged: Vec<Judged> = seen.value.iter().map(|it| judge(it, old, now)).collect();
    judged.sort_by_key(|it| (std::cmp::Reverse(it.verdict), it.blocker.stage, it.blocker.since));
    let worst = judged.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Pass);
    let details = judged.iter().map(|it| it.line(&tables, now));
    let wanted = format!("none older than {}", text::span(old.0));
    let finding = Finding::new(worst, found(&judged, worst), wanted).details(details.collect::<Vec<_>>());
    let advice = judged.first().filter(|it| it.verdict == worst).and_then(|it| it.advice);
    finding.advice(advice.unwrap_or_default()).on(Question::Blockers, seen.evidence.clone())
}

struct Judged<'a> {
    blocker: &'a Blocker,
    verdict: Verdict,
    what: &'static str,
    advice: Option<&'static str>,
}

fn judge(blocker: &Blocker, old: Millis, now: jiff::Timestamp) -> Judged<'_> {
    let is_old = blocker.since.map(|since| Millis::between(since, now) >= old);
    let on_table = matches!(blocker.stage, BlockStage::TableLock | BlockStage::QueuedAhead);
    let (verdict, what, advice) = match (&blocker.holder, on_table, is_old) {
        (Holder::Prepared { .. }, _, Some(false)) => {
            (Verdict::Warn, "prepared transaction", "commit or roll back the prepared transaction")
        }
        (Holder::Prepared { .. }, _, Some(true) | None) => (
            Verdict::Stop,
            "prepared transaction",
            "commit or roll back the prepared transaction: it never ends by itself",
        ),
        (Holder::Session { query: Some(query), .. }, true, _) if query.contains(WRAPAROUND) => (
            Verdict::Warn,
            "vacuum against wraparound",
            "let it finish: it gives way to nobody, and builds on its table wait for it",
        ),
        (Holder::Session { backend_type: Some(kind), .. }, true, _) if kind == "autovacuum worker" => {
            (Verdict::Pass, "autovacuum, gives way", "")
        }
        (Holder::Session { state: Some(state), .. }, true, Some(true))
            if state.starts_with("idle in transaction") =>
        {
            (
                Verdict::Stop,
                "table lock",
                "end that transaction: it has been idle with a lock that no build gets past",
            )
        }
        (Holder::Session { .. }, true, _) => (
            Verdict::Warn,
            "table lock",
            "wait for it to end, or see who runs it: no build on that table starts before",
        ),
        (Holder::Session { .. }, false, Some(true)) => (
            Verdict::Warn,
            words(blocker.stage),
            "end it or let it finish: builds wait for it at that stage however long it takes",
        ),
        (Holder::Session { .. }, false, Some(false)) => (Verdict::Pass, words(blocker.stage), ""),
        (Holder::Session { .. }, false, None) => (
            Verdict::Unknown,
            "age not visible",
            "grant pg_read_all_stats or pg_monitor: how long other roles' transactions run is hidden",
        ),
    };
    Judged { blocker, verdict, what, advice: (!advice.is_empty()).then_some(advice) }
}

fn words(stage: BlockStage) -> &'static str {
    match stage {
        BlockStage::TableLock => "table lock",
        BlockStage::QueuedAhead => "queued for a table lock",
        BlockStage::Writer => "open write",
        BlockStage::OldSnapshot => "snapshot",
        BlockStage::DeadlockAhead => "deadlock ahead",
        BlockStage::Reader => "open reader",
    }
}

/// What is worst, by kind, with the pids of the first ones: the same as long as the same sessions are there.
fn found(judged: &[Judged<'_>], worst: Verdict) -> String {
    if judged.is_empty() {
        return "none".to_owned();
    }
    if worst == Verdict::Pass {
        return "only young ones".to_owned();
    }
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for it in judged.iter().filter(|it| it.verdict == worst) {
        let who = match &it.blocker.holder {
            Holder::Session { backend, .. } => format!("pid {}", backend.pid),
            Holder::Prepared { gid, .. } => gid.clone(),
        };
        let names = kinds.entry(it.what).or_default();
        if !names.contains(&who) {
            names.push(who);
        }
    }
    let part = |(what, names): (&str, Vec<String>)| {
        if worst == Verdict::Unknown {
            return what.to_owned();
        }
        format!("{what}: {}", super::finding::some_of(&names))
    };
    kinds.into_iter().map(part).collect::<Vec<_>>().join("; ")
}

impl Judged<'_> {
    fn line(&self, tables: &BTreeMap<Oid, &str>, now: jiff::Timestamp) -> String {
        let age = self.blocker.since.map_or_else(
            || "age not visible".to_owned(),
            |since| format!("for {}", text::span(Millis::between(since, now).0)),
        );
        let on = match self.blocker.table {
            Some(oid) => tables.get(&oid).map_or_else(|| format!("table oid {oid}"), |it| (*it).to_owned()),
            None => "whole database".to_owned(),
        };
        let query = match &self.blocker.holder {
            Holder::Session { query: Some(query), .. } => format!(": {query}"),
            Holder::Session { query: None, .. } | Holder::Prepared { .. } => String::new(),
        };
        format!(
            "{} {} {on} {age}: {}{query}",
            self.verdict.word(),
            words(self.blocker.stage),
            self.blocker.line()
        )
    }
}

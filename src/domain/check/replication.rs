//! Standbys and slots.

use crate::domain::survey::{Observed, SurveyReplication, SurveySlot, SurveyStandby, Visible};
use crate::domain::unit::{Bytes, Millis};
use crate::text;

use super::finding::{Finding, some_of};
use super::{CheckResult, Question, Verdict};

/// Log not replayed that is worth a word when its age is not known.
const MUCH: Bytes = Bytes(256 << 20);

/// Judges replay lag against `limit`, synchronous replication and what slots keep.
pub fn replication(seen: &Observed<SurveyReplication>, limit: Millis) -> CheckResult {
    judge(&seen.value, limit).on(Question::Replication, seen.evidence.clone())
}

fn judge(it: &SurveyReplication, limit: Millis) -> Finding {
    let wanted = format!("lag below {}", text::span(limit.0));
    let slots: Vec<String> = it.slots.iter().map(slot_line).collect();
    let standbys = match &it.standbys {
        Visible::Seen(standbys) => standbys,
        Visible::NotPermitted(right) => {
            return Finding::new(Verdict::Unknown, "standbys not visible", wanted)
                .details(slots)
                .advice(format!("grant {right}: without it lag cannot be told from no lag"));
        }
    };
    let details: Vec<String> = standbys.iter().map(standby_line).chain(slots).collect();
    let names = |wanted: fn(&SurveyStandby, Millis) -> bool| -> Vec<String> {
        standbys.iter().filter(|it| wanted(it, limit)).map(|it| it.name.clone()).collect()
    };
    let synchronous = standbys.iter().any(|it| {
        it.state.as_deref() == Some("streaming")
            && matches!(it.sync_state.as_deref(), Some("sync" | "quorum"))
    });
    let behind = names(|it, limit| it.lag.is_some_and(|lag| lag > limit));
    let unsure = names(|it, _| it.lag.is_none() && it.lag_bytes.is_none_or(|it| it > MUCH));
    let idle: Vec<String> = it.slots.iter().filter(|it| keeps_log(it)).map(|it| it.name.clone()).collect();
    let finding = if !it.synchronous_names.is_empty() && !synchronous {
        Finding::new(
            Verdict::Stop,
            format!("no synchronous standby of {}", it.synchronous_names),
            "one that streams",
        )
        .advice("bring it back first: a build's commit waits for it, and cancelling does not undo the build")
    } else if !behind.is_empty() {
        Finding::new(Verdict::Stop, format!("behind: {}", some_of(&behind)), wanted)
            .advice("let them catch up: a build adds log of about its own size")
    } else if !unsure.is_empty() {
        Finding::new(Verdict::Warn, format!("lag not told: {}", some_of(&unsure)), wanted)
            .advice("see on the standby how far it is")
    } else if !idle.is_empty() {
        Finding::new(Verdict::Warn, format!("unused slots keep log: {}", some_of(&idle)), wanted)
            .advice("drop slots that nobody uses: they keep all the log that builds write")
    } else if standbys.is_empty() {
        Finding::pass("no standby", wanted)
    } else {
        let all: Vec<String> = standbys.iter().map(|it| it.name.clone()).collect();
        Finding::pass(format!("keep up: {}", some_of(&all)), wanted)
    };
    finding.details(details)
}

fn keeps_log(slot: &SurveySlot) -> bool {
    let endangered = matches!(slot.wal_status.as_deref(), Some("unreserved" | "lost"));
    endangered || (!slot.active && slot.retained.is_some())
}

fn standby_line(it: &SurveyStandby) -> String {
    let lag = it.lag.map_or_else(|| "no lag measured".to_owned(), |lag| text::span(lag.0));
    let bytes = it.lag_bytes.map_or_else(|| "not known".to_owned(), |it| text::bytes(it.0));
    let word = |it: &Option<String>| it.clone().unwrap_or_else(|| "not visible".to_owned());
    format!("standby {}: {}, {}, {lag}, {bytes} to replay", it.name, word(&it.state), word(&it.sync_state))
}

fn slot_line(it: &SurveySlot) -> String {
    let use_ = if it.active { "in use" } else { "not in use" };
    let kept = it.retained.map_or_else(|| "nothing".to_owned(), |it| text::bytes(it.0));
    let status = it.wal_status.as_deref().map_or_else(String::new, |it| format!(", {it}"));
    format!("slot {}: {use_}, keeps {kept}{status}", it.name)
}

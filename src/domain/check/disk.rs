//! Room for indexes, sort files and log.

use std::collections::BTreeMap;

use crate::domain::estimate::{DATA, Need, SpaceNeed};
use crate::domain::survey::{DiskSpace, Observed};
use crate::text;

use super::finding::{Finding, some_of};
use super::{CheckResult, Evidence, Question, Verdict};

/// Judges need against free space, volume by volume, with `margin` percent on top. `space` is absent when nothing
/// tells how much is free.
pub fn disk_headroom(
    need: &Need,
    space: Option<&Observed<Vec<DiskSpace>>>,
    margin: u32,
    otherwise: Evidence,
) -> CheckResult {
    let evidence = space.map_or(otherwise, |it| it.evidence.clone());
    judge(need, space.map(|it| it.value.as_slice()), margin).on(Question::DiskHeadroom, evidence)
}

fn judge(need: &Need, space: Option<&[DiskSpace]>, margin: u32) -> Finding {
    if need.spaces.is_empty() && need.unknown.is_empty() {
        return Finding::pass("nothing to build", "room for the plan");
    }
    let all = need.spaces.values().copied().fold(SpaceNeed::default(), SpaceNeed::with);
    let Some(space) = space.filter(|it| !it.is_empty()) else {
        return Finding::new(Verdict::Unknown, "free space not known", wanted(&all, margin))
            .details(need.spaces.iter().map(|(place, it)| line(place, it)))
            .advice("configure a disk command, or give the free space yourself: SQL cannot tell it");
    };
    let (volumes, homeless) = volumes(need, space);
    let mut details: Vec<String> = need.spaces.iter().map(|(place, it)| line(place, it)).collect();
    let mut worst = Verdict::Pass;
    let mut tightest: Option<(f64, String, String)> = None;
    for (volume, need) in &volumes {
        let free = volume.free.0;
        let asked = with_margin(need.likely().0, margin);
        let verdict = if free < asked {
            Verdict::Stop
        } else if free < need.high.0 {
            Verdict::Warn
        } else {
            Verdict::Pass
        };
        worst = worst.max(verdict);
        let found = format!("{} free on {}", text::bytes(free), volume.what);
        details.push(format!("{found}, {} needed, at most {}", text::bytes(asked), text::bytes(need.high.0)));
        let share = free as f64 / (asked.max(1) as f64);
        if tightest.as_ref().is_none_or(|it| share < it.0) {
            tightest = Some((share, found, wanted(need, margin)));
        }
    }
    let (_, found, wanted) =
        tightest.unwrap_or_else(|| (0.0, "no estimate".to_owned(), wanted(&all, margin)));
    if !homeless.is_empty() && worst < Verdict::Stop {
        return Finding::new(
            Verdict::Unknown,
            format!("free space not known of {}", some_of(&homeless)),
            wanted,
        )
        .details(details)
        .advice("let the disk command report this place too");
    }
    if !need.unknown.is_empty() && worst < Verdict::Stop {
        let count = text::plural(need.unknown.len(), "entry", "entries");
        details.extend(need.unknown.iter().map(|key| format!("no statistics for {key}")));
        return Finding::new(Verdict::Unknown, format!("{found}, {count} without statistics"), wanted)
            .details(details)
            .advice("run ANALYZE on their tables while nobody builds there, then plan again");
    }
    Finding::new(worst, found, wanted).details(details).advice(match worst {
        Verdict::Warn => {
            "enough as likely, too little at the upper end of the estimate: watch it, or free some"
        }
        Verdict::Pass | Verdict::Unknown | Verdict::Stop => {
            "free some, or take entries out of the plan: a full disk stays full until the leftover is dropped"
        }
    })
}

fn wanted(need: &SpaceNeed, margin: u32) -> String {
    format!(">= {}", text::bytes(with_margin(need.likely().0, margin)))
}

fn with_margin(bytes: u64, margin: u32) -> u64 {
    bytes.saturating_add((u128::from(bytes) * u128::from(margin) / 100) as u64)
}

fn line(place: &str, need: &SpaceNeed) -> String {
    format!(
        "{place}: {} stay, {} pass (sort files, log), at most {}",
        text::bytes(need.kept.0),
        text::bytes(need.passing.0),
        text::bytes(need.high.0)
    )
}

/// Needs added up by volume, and the places of which no free space is known.
fn volumes<'a>(need: &Need, space: &'a [DiskSpace]) -> (Vec<(&'a DiskSpace, SpaceNeed)>, Vec<String>) {
    let mut volumes: BTreeMap<usize, SpaceNeed> = BTreeMap::new();
    let mut homeless = Vec::new();
    for (place, more) in &need.spaces {
        let Some(at) = home(place, space) else {
            homeless.push(place.clone());
            continue;
        };
        // Two places that are the same size and equally full are taken for one volume.
        let at = (0..at).find(|other| same_volume(&space[*other], &space[at])).unwrap_or(at);
        let sum = volumes.entry(at).or_default();
        *sum = sum.with(*more);
    }
    (volumes.into_iter().map(|(at, sum)| (&space[at], sum)).collect(), homeless)
}

fn home(place: &str, space: &[DiskSpace]) -> Option<usize> {
    let named = |name: &str| space.iter().position(|it| it.what == name);
    named(place).or_else(|| match space {
        [_] => Some(0),
        // The log lies in the data directory unless somebody moved it, and then it would be reported.
        _ if place == "wal" => named(DATA),
        _ => None,
    })
}

fn same_volume(one: &DiskSpace, other: &DiskSpace) -> bool {
    match (one.total, other.total) {
        (Some(a), Some(b)) => a == b && one.free.0.abs_diff(other.free.0) <= one.free.0 / 100,
        (None, None) => one.free == other.free,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

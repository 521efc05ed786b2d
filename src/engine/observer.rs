//! Watches what runs, on a connection of its own, and never holds anything up.
//!
//! Readings go out as samples, latest wins. What a later reader of the journal needs (a new phase, the OID, who held
//! a build up, a spent budget) becomes an event.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::blocker::{Bites, BlockStage, Blocker};
use crate::domain::budget;
use crate::domain::estimate::Estimate;
use crate::domain::failure::Failure;
use crate::domain::id::{BackendId, EntryKey, Oid};
use crate::domain::observe::Outcome;
use crate::domain::progress::{MethodFamily, Phase, ProgressRow, Tracker, Wait};
use crate::domain::sample::{BuildSample, Link, Samples};
use crate::domain::target::RunSettings;
use crate::domain::unit::Millis;
use crate::ports::{Clock, Monitor, MonitorRound, WatchRequest};

use super::recorder::{NotRecorded, Recorder};

/// Between rounds while something runs. Polling every 2 ms cost a build up to 15 % on two cores; at half a second
/// the cost is not measurable.
const PACE: Duration = Duration::from_millis(500);
/// Between looks for the index of a build that just began: one view, nothing else.
const FIRST_PACE: Duration = Duration::from_millis(25);
/// From a change of what is watched to the next round.
const BURST: Duration = Duration::from_millis(100);
/// For how long: a build that waits for its first lock has no index to show.
const FIRST_LOOKS: Millis = Millis(1_000);
/// Between rounds while nothing runs.
const IDLE_PACE: Duration = Duration::from_secs(2);
/// A wait shorter than this is ordinary traffic and not worth an event.
const WORTH_TELLING: Millis = Millis(1_000);

/// Something that the observer looks after.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Watched {
    pub(super) request: WatchRequest,
    pub(super) family: MethodFamily,
    pub(super) predicted: Option<Estimate>,
    pub(super) what: What,
    pub(super) beginning: Beginning,
    /// How long it may wait, whatever its budgets; absent: the budgets.
    pub(super) patience: Option<Millis>,
}

/// Everything that the observer looks after.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attention {
    /// Builds and drops that run.
    pub(super) items: Vec<Watched>,
    /// What the run made, with its table: a rollback must know who would hold it up before it is asked for.
    pub(super) made: Vec<(EntryKey, Oid)>,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Build,
    Drop,
}

/// Whether this process began it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    Seen,
    /// It was found at work.
    Missed,
}

struct Track {
    backend: BackendId,
    tracker: Tracker,
    phase: Phase,
    located: Option<Oid>,
    told: Vec<Blocker>,
    over_budget: bool,
    told_late: bool,
}

/// The observer's loop. Ends when the coordinator is gone.
pub(super) async fn observe(
    mut monitor: Box<dyn Monitor>,
    clock: std::sync::Arc<dyn Clock>,
    recorder: Recorder,
    mut watched: watch::Receiver<Attention>,
    samples: watch::Sender<Samples>,
    settings: RunSettings,
) {
    let mut tracks: BTreeMap<EntryKey, Track> = BTreeMap::new();
    let mut lost: Option<(jiff::Timestamp, u32)> = None;
    loop {
        let Attention { items: wanted, made } = watched.borrow_and_update().clone();
        let requests: Vec<WatchRequest> = wanted.iter().map(|w| w.request.clone()).collect();
        let pace = match monitor.round(&requests).await {
            Ok(round) => {
                lost = None;
                tracks.retain(|key, track| {
                    wanted.iter().any(|w| w.request.entry == *key && w.request.backend == track.backend)
                });
                let told = take_round(&mut tracks, &wanted, &round, &settings, &recorder).await;
                let drop_holders = drop_holders(monitor.as_mut(), &made).await;
                publish(&samples, &tracks, &wanted, &round, drop_holders);
                if told.is_err() {
                    return;
                }
                if wanted.is_empty() { IDLE_PACE } else { PACE }
            }
            Err(failure) => {
                let now = clock.now();
                let (since, tries) = lost.map_or((now, 1), |(since, tries)| (since, tries + 1));
                lost = Some((since, tries));
                say_lost(&samples, since, tries, failure);
                Duration::from_millis(500 * u64::from(tries.min(10)))
            }
        };
        let paused = wait_for_round(monitor.as_mut(), &mut tracks, &mut watched, &recorder, pace).await;
        if paused.is_err() {
            return;
        }
    }
}

/// Waits for the next round, and meanwhile looks for the indexes of builds that just began: one that was never seen is
/// not ours to drop should its process or its connection die.
async fn wait_for_round(
    monitor: &mut dyn Monitor,
    tracks: &mut BTreeMap<EntryKey, Track>,
    watched: &mut watch::Receiver<Attention>,
    recorder: &Recorder,
    pace: Duration,
) -> Result<(), NotRecorded> {
    let mut round = tokio::time::Instant::now() + pace;
    loop {
        let wanted = watched.borrow().items.clone();
        let unseen = find_indexes(monitor, tracks, &wanted, recorder).await?;
        let look = if unseen { round.min(tokio::time::Instant::now() + FIRST_PACE) } else { round };
        tokio::select! {
            () = tokio::time::sleep_until(look) => {}
            changed = watched.changed() => {
                changed.map_err(|_| NotRecorded::Gone)?;
                // A build that just began is looked at soon, and a burst of changes makes one round.
                round = round.min(tokio::time::Instant::now() + BURST);
            }
        }
        if tokio::time::Instant::now() >= round {
            return Ok(());
        }
    }
}

/// Tells of indexes that show for the first time. True while there are builds that may still show theirs. A reading
/// that fails is left to the next round.
async fn find_indexes(
    monitor: &mut dyn Monitor,
    tracks: &mut BTreeMap<EntryKey, Track>,
    wanted: &[Watched],
    recorder: &Recorder,
) -> Result<bool, NotRecorded> {
    let fresh = |tracks: &BTreeMap<EntryKey, Track>, watched: &Watched| {
        let track = tracks.get(&watched.request.entry).filter(|it| it.backend == watched.request.backend);
        watched.what == What::Build
            && track.is_none_or(|it| it.located.is_none() && it.tracker.in_phase() < FIRST_LOOKS)
    };
    let fresh: Vec<&Watched> = wanted.iter().filter(|watched| fresh(tracks, watched)).collect();
    if fresh.is_empty() {
        return Ok(false);
    }
    let Ok((at, rows)) = monitor.progress().await else { return Ok(false) };
    for watched in fresh {
        let WatchRequest { entry, backend, .. } = &watched.request;
        let seen = rows.iter().find(|row| row.backend == *backend).and_then(|row| row.seen);
        let Some(oid) = seen.map(|seen| seen.index_oid).filter(|oid| *oid != Oid(0)) else { continue };
        let track = track(tracks, watched, at);
        track.located = Some(oid);
        recorder.record(Outcome::Located { entry: entry.clone(), oid }).await?;
    }
    Ok(true)
}

/// What is known of a watched item; nothing when its backend is another one by now.
fn track<'a>(
    tracks: &'a mut BTreeMap<EntryKey, Track>,
    watched: &Watched,
    at: jiff::Timestamp,
) -> &'a mut Track {
    let WatchRequest { entry, backend, .. } = &watched.request;
    tracks.retain(|key, track| key != entry || track.backend == *backend);
    tracks.entry(entry.clone()).or_insert_with(|| Track {
        backend: *backend,
        tracker: match watched.beginning {
            Beginning::Seen => Tracker::new(watched.family, at),
            Beginning::Missed => Tracker::adopted(watched.family, at),
        },
        phase: Phase::FirstLock,
        located: None,
        told: Vec::new(),
        over_budget: false,
        told_late: false,
    })
}

/// A reading that fails leaves the list out; the next round shows whether the link is lost.
async fn drop_holders(
    monitor: &mut dyn Monitor,
    made: &[(EntryKey, Oid)],
) -> BTreeMap<EntryKey, Vec<Blocker>> {
    if made.is_empty() {
        return BTreeMap::new();
    }
    let mut tables: Vec<Oid> = made.iter().map(|(_, table)| *table).collect();
    tables.sort_unstable();
    tables.dedup();
    let Ok(found) = monitor.drop_holders(&tables).await else { return BTreeMap::new() };
    made.iter()
        .filter_map(|(key, table)| {
            let (_, holders) = found.iter().find(|(oid, holders)| oid == table && !holders.is_empty())?;
            Some((key.clone(), holders.clone()))
        })
        .collect()
}

fn say_lost(samples: &watch::Sender<Samples>, since: jiff::Timestamp, tries: u32, failure: Failure) {
    samples.send_modify(|newest| {
        newest.link = Link::Lost { since, tries, why: failure.message };
    });
}

async fn take_round(
    tracks: &mut BTreeMap<EntryKey, Track>,
    wanted: &[Watched],
    round: &MonitorRound,
    settings: &RunSettings,
    recorder: &Recorder,
) -> Result<(), NotRecorded> {
    for watched in wanted {
        let key = &watched.request.entry;
        let track = track(tracks, watched, round.at);
        let row = round.progress.iter().find(|row| row.backend == track.backend);
        let blockers = blockers_of(round, key);
        for outcome in read(track, watched, row, blockers, round, settings) {
            recorder.record(outcome).await?;
        }
    }
    Ok(())
}

fn blockers_of<'a>(round: &'a MonitorRound, key: &EntryKey) -> &'a [Blocker] {
    round.blockers.iter().find(|(entry, _)| entry == key).map_or(&[], |(_, list)| list.as_slice())
}

/// One watched item in one round: what is worth an event.
fn read(
    track: &mut Track,
    watched: &Watched,
    row: Option<&ProgressRow>,
    blockers: &[Blocker],
    round: &MonitorRound,
    settings: &RunSettings,
) -> Vec<Outcome> {
    let entry = watched.request.entry.clone();
    let mut outcomes = Vec::new();
    match row.and_then(|row| row.seen.as_ref()) {
        Some(seen) => {
            track.tracker.read(seen, round.at);
            if seen.index_oid != Oid(0) && track.located != Some(seen.index_oid) {
                track.located = Some(seen.index_oid);
                outcomes.push(Outcome::Located { entry: entry.clone(), oid: seen.index_oid });
            }
            if seen.phase != track.phase {
                track.phase = seen.phase;
                track.over_budget = false;
                track.told.clear();
                outcomes.push(Outcome::PhaseSeen { entry: entry.clone(), phase: seen.phase });
            }
        }
        None => track.tracker.tick(round.at),
    }
    let long = track.tracker.in_phase() >= WORTH_TELLING;
    let urgent = blockers.iter().any(|b| b.stage == BlockStage::DeadlockAhead);
    let bites = blockers.iter().any(|b| b.bites == Bites::Now);
    if (urgent || (bites && long)) && news(&track.told, blockers) {
        track.told = blockers.to_vec();
        let blockers = blockers.to_vec();
        outcomes.push(match watched.what {
            What::Build => Outcome::BuildHeldUp { entry: entry.clone(), blockers },
            What::Drop => Outcome::DropHeldUp { entry: entry.clone(), blockers },
        });
    }
    outcomes.extend(late_comer(track, watched, row, blockers, round));
    outcomes.extend(over_budget(track, watched, settings));
    outcomes
}

fn news(told: &[Blocker], now: &[Blocker]) -> bool {
    let same =
        |a: &Blocker, b: &Blocker| a.stage == b.stage && a.bites == b.bites && a.backend() == b.backend();
    now.iter().any(|blocker| !told.iter().any(|known| same(known, blocker)))
}

/// Our statement waits for the table's first lock behind somebody's *build*: it holds a snapshot that the other
/// build must wait for in the end, and the server would then kill that build (40P01). Ours, build or drop, has done no
/// work and leaves nothing behind, so ours goes.
fn late_comer(
    track: &mut Track,
    watched: &Watched,
    row: Option<&ProgressRow>,
    blockers: &[Blocker],
    round: &MonitorRound,
) -> Option<Outcome> {
    if row.is_some() || track.told_late {
        return None;
    }
    // A drop that has its lock waits for everybody who used the table, and a build on another one may be among them.
    let here =
        |other: &ProgressRow| other.seen.is_none_or(|seen| seen.table_oid == watched.request.table_oid);
    let behind_a_build = blockers.iter().filter(|b| b.bites == Bites::Now).any(|blocker| {
        round.progress.iter().any(|other| Some(other.backend) == blocker.backend() && here(other))
    });
    behind_a_build.then(|| {
        track.told_late = true;
        Outcome::LateComer { entry: watched.request.entry.clone() }
    })
}

fn over_budget(track: &mut Track, watched: &Watched, settings: &RunSettings) -> Option<Outcome> {
    let wait = match watched.what {
        What::Build => track.phase.wait()?,
        // It has no progress row. Its own work takes milliseconds: all else is a wait for whoever used the table.
        What::Drop => Wait::Readers,
    };
    let budget = watched.patience.unwrap_or_else(|| budget::of(wait, settings));
    let waited = track.tracker.in_phase();
    (waited > budget && !track.over_budget).then(|| {
        track.over_budget = true;
        Outcome::BudgetSpent { entry: watched.request.entry.clone(), wait, waited }
    })
}

fn publish(
    samples: &watch::Sender<Samples>,
    tracks: &BTreeMap<EntryKey, Track>,
    wanted: &[Watched],
    round: &MonitorRound,
    drop_holders: BTreeMap<EntryKey, Vec<Blocker>>,
) {
    let builds = wanted
        .iter()
        .filter_map(|watched| {
            let key = &watched.request.entry;
            let track = tracks.get(key)?;
            let seen =
                round.progress.iter().find(|row| row.backend == track.backend).and_then(|row| row.seen);
            let sample = BuildSample {
                backend: Some(track.backend),
                phase: track.tracker.phase(),
                in_phase: track.tracker.in_phase(),
                fraction: track.tracker.fraction(),
                eta: track.tracker.eta(watched.predicted.as_ref()),
                working: track.tracker.working(),
                waiting: track.tracker.waiting(),
                seen,
                blockers: blockers_of(round, key).to_vec(),
            };
            Some((key.clone(), sample))
        })
        .collect();
    samples.send_modify(|newest| {
        // Volumes are read by another task, at a pace of its own.
        *newest = Samples {
            at: Some(round.at),
            link: Link::Up,
            builds,
            drop_holders,
            server: round.server.clone(),
            volumes: std::mem::take(&mut newest.volumes),
        };
    });
}

//! A small server and an engine without tasks: everything that the real one does around [`next_effect`], one step at
//! a time and in any order, so that thousands of interleavings can be tried.

use std::collections::BTreeMap;

use super::*;
use crate::domain::catalog::{Builder, IndexFlags, IndexReading};
use crate::domain::command::Verb;
use crate::domain::event::{DropEvent, PlanReading};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::observe::{Outcome, who_builds};
use crate::domain::plan::fixture::{edit, identity};
use crate::domain::state::StepStatus;
use crate::domain::state::fixture::{
    BUILD, CONFIRM, Log, backend, builder, entry, fail, operator, plan, reading, target,
};
use crate::domain::target::RunSettings;
use crate::domain::unit::Bytes;

/// Whoever made an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    Us,
    Them,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Index {
    pub(super) oid: Oid,
    pub(super) usable: bool,
    pub(super) maker: Maker,
    /// Pid of whoever is at work on it.
    pub(super) built_by: Option<i32>,
}

#[derive(Debug)]
enum Work {
    Connect,
    Plan,
    Checks,
    Explain(Vec<EntryKey>, Moment),
    Build { entry: EntryKey, attempt: u32, at: At },
    Reconcile { entry: EntryKey, told: bool },
    Drop { entry: EntryKey, oid: Oid, purpose: DropPurpose, tries: u8, at: At },
    ReconcileDrop { entry: EntryKey, oid: Oid },
    Cancel { entry: EntryKey },
    Verify(Vec<EntryKey>),
}

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Ready,
    Sent(i32),
    /// The connection broke, and the server goes on.
    Lost,
    Ended(Option<i32>),
}

/// How things turn out.
pub(super) struct Dice<'a> {
    pub(super) rolls: &'a [u8],
    pub(super) at: usize,
}

impl Dice<'_> {
    /// From 0 up to, not including, `below`; 0 once the rolls are used up, which is always the good end.
    fn roll(&mut self, below: u8) -> u8 {
        let roll = self.rolls.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        roll % below
    }
}

pub(super) struct Simulation {
    pub(super) log: Log,
    in_flight: InFlight,
    work: Vec<(EffectKey, Work)>,
    pub(super) indexes: BTreeMap<EntryKey, Index>,
    next: i32,
    moved: bool,
    /// Indexes without a witness that a person named to be rolled back.
    named: Vec<(EntryKey, Oid)>,
}

pub(super) const NAMES: [(&str, u32); 4] = [("a", 1), ("b", 1), ("c", 2), ("d", 3)];

pub(super) fn key(n: usize) -> EntryKey {
    EntryKey(format!("public.{}", NAMES[n % NAMES.len()].0))
}

impl Simulation {
    pub(super) fn new(settings: RunSettings, mode: Mode) -> Self {
        Self {
            log: Log::opened(settings, mode),
            in_flight: InFlight::new(),
            work: Vec::new(),
            indexes: BTreeMap::new(),
            next: 1_000,
            moved: false,
            named: Vec::new(),
        }
    }

    fn number(&mut self) -> i32 {
        self.next += 1;
        self.next
    }

    /// Everything that can be done now, with the promises that every effect must keep.
    pub(super) fn pump(&mut self) {
        self.knows_what_the_server_drops();
        for _ in 0..500 {
            let Some(effect) = next_effect(&self.log.state, &self.in_flight, self.log.now()) else { return };
            let key = effect.key();
            if let Some(key) = &key {
                assert!(!self.in_flight.contains(key), "twice at once: {effect:?}");
            }
            self.promises(&effect);
            let work = match effect {
                Effect::Record(kind) => {
                    self.log.push(kind);
                    continue;
                }
                Effect::Connect => Work::Connect,
                Effect::MakePlan => Work::Plan,
                Effect::RunChecks => Work::Checks,
                Effect::Explain { entries, moment } => Work::Explain(entries, moment),
                Effect::Build { entry, attempt } => {
                    self.log.started(&entry.0, attempt);
                    Work::Build { entry, attempt, at: At::Ready }
                }
                Effect::Reconcile { entry } => Work::Reconcile { entry, told: false },
                Effect::Cancel { entry } => Work::Cancel { entry },
                Effect::Drop { entry, oid, purpose } => {
                    self.log.push(EventKind::Drop(DropEvent::Started { entry: entry.clone(), oid, purpose }));
                    Work::Drop { entry, oid, purpose, tries: 1, at: At::Ready }
                }
                Effect::ReconcileDrop { entry, oid } => Work::ReconcileDrop { entry, oid },
                Effect::Verify { entries } => Work::Verify(entries),
            };
            let key = key.expect("only records have none");
            self.in_flight.insert(key.clone());
            self.work.push((key, work));
        }
        panic!(
            "next_effect does not come to an end: {:#?}",
            self.log.events.iter().rev().take(6).collect::<Vec<_>>()
        );
    }

    fn promises(&self, effect: &Effect) {
        match effect {
            Effect::Build { entry, .. } => {
                let status = self.log.state.builds.get(entry).map(|record| &record.status);
                assert!(
                    matches!(status, None | Some(BuildStatus::Retrying { .. })),
                    "a build in doubt is begun again: {entry:?} {status:?}"
                );
                let index = self.indexes.get(entry);
                let orphan = index.is_some_and(|it| it.maker == Maker::Us && it.built_by.is_some());
                assert!(!orphan, "an orphan of ours builds {entry:?}");
                self.table_is_ours_alone(entry);
                let control = &self.log.state.control;
                assert!(control.paused.is_none() && control.abort.is_none(), "nothing new starts");
            }
            Effect::Drop { entry, oid, purpose } => {
                self.table_is_ours_alone(entry);
                let in_ledger = self.log.state.ledger.get(entry).is_some_and(|made| made.oid == *oid);
                match purpose {
                    DropPurpose::Rollback => assert!(in_ledger, "{entry:?} {oid:?} is not in the ledger"),
                    DropPurpose::Leftover => {
                        let named = self.was_named(entry, *oid);
                        assert!(in_ledger || named, "{entry:?} {oid:?}: nobody asked for that");
                    }
                }
            }
            Effect::Verify { entries } | Effect::Explain { entries, .. } => assert!(!entries.is_empty()),
            Effect::Record(_)
            | Effect::Connect
            | Effect::MakePlan
            | Effect::RunChecks
            | Effect::Reconcile { .. }
            | Effect::Cancel { .. }
            | Effect::ReconcileDrop { .. } => {}
        }
    }

    /// What may be at work on the server is never taken for over: it could not be stopped.
    fn knows_what_the_server_drops(&self) {
        for (_, work) in &self.work {
            if let Work::Drop { entry, at: At::Sent(_) | At::Lost, .. } = work {
                let drop = &self.log.state.drops[entry];
                assert!(drop.is_on_server(), "{entry:?} is dropped at this moment: {drop:?}");
            }
        }
    }

    /// Whether a person, or a policy that a person set, wanted exactly this index to go.
    fn was_named(&self, entry: &EntryKey, oid: Oid) -> bool {
        let policy = self.log.state.repairs_leftovers();
        policy
            || self.named.contains(&(entry.clone(), oid))
            || self.log.events.iter().any(|event| {
                matches!(&event.kind, EventKind::Build(BuildEvent::RetryRequested { entry: of, clean, .. })
                if of == entry && *clean == Some(oid))
            })
    }

    fn table_is_ours_alone(&self, entry: &EntryKey) {
        let table =
            |key: &EntryKey| NAMES.iter().find(|(name, _)| key.0.ends_with(name)).map(|(_, table)| *table);
        for (key, work) in &self.work {
            if let (EffectKey::Entry(other), Work::Build { .. } | Work::Drop { .. }) = (key, work) {
                assert!(table(other) != table(entry), "{entry:?} and {other:?} are on one table");
            }
        }
    }

    pub(super) fn command(&mut self, verb: Verb) -> bool {
        let entries = if let Verb::Roll { entries, .. } = &verb { entries.clone() } else { Vec::new() };
        let state = &self.log.state;
        let presumed: Vec<(EntryKey, Oid)> = entries
            .into_iter()
            .filter_map(|entry| state.presumed(&entry).map(|(oid, _)| (entry, oid)))
            .collect();
        let taken = self.log.command(verb).is_ok();
        if taken {
            self.named.extend(presumed);
        }
        taken
    }

    /// What a worker or the observer says of something that waits.
    pub(super) fn overdue(&mut self, entry: EntryKey, what: u8) {
        let of = entry.clone();
        let waited = crate::domain::unit::Millis(1);
        self.log.outcome(match what {
            0 => Outcome::BudgetSpent { entry, wait: crate::domain::progress::Wait::Writers, waited },
            1 => Outcome::TableHeldTooLong { entry, waited },
            _ => Outcome::LateComer { entry },
        });
        let dropped = |work: &Work| matches!(work, Work::Drop { entry, at: At::Sent(_) | At::Lost, .. } if *entry == of);
        if what > 1 && self.work.iter().any(|(_, work)| dropped(work)) {
            assert!(self.log.state.drops[&of].stopping.is_some(), "{of:?} stays in the way of a build");
        }
    }

    pub(super) fn busy(&self) -> usize {
        self.work.len()
    }

    /// The process dies. Its statements go on or are cut; the next process takes the journal over.
    pub(super) fn crash(&mut self, dice: &mut Dice<'_>) {
        for (_, work) in std::mem::take(&mut self.work) {
            if let Work::Build { entry, at: At::Sent(_), .. } = work {
                if dice.roll(2) == 1 {
                    self.stop_building(&entry);
                }
            } else if let Work::Drop { entry, oid, at: At::Sent(_) | At::Lost, .. } = work {
                self.end_drop(&entry, oid, dice);
            }
        }
        self.in_flight.clear();
        self.log.push(EventKind::Run(RunEvent::TakenOver {
            operator: operator(),
            version: "0.1.0".to_owned(),
            torn: 0,
        }));
    }

    /// The server was promoted, or the address leads elsewhere.
    pub(super) fn move_target(&mut self) {
        self.moved = true;
    }

    /// Somebody else at a prompt.
    pub(super) fn stranger(&mut self, entry: &EntryKey, dice: &mut Dice<'_>) {
        let number = self.number();
        let oid = Oid(number.unsigned_abs());
        match (self.indexes.get_mut(entry), dice.roll(3)) {
            (None, how) => {
                let built_by = (how == 2).then_some(number);
                let index = Index { oid, usable: how == 0, maker: Maker::Them, built_by };
                self.indexes.insert(entry.clone(), index);
            }
            (Some(index), _) if index.maker == Maker::Them && index.built_by.is_some() => {
                index.built_by = None;
                index.usable = dice.roll(2) == 0;
            }
            (Some(index), 0) if index.built_by.is_none() => {
                self.indexes.remove(entry);
            }
            (Some(index), 1) if index.built_by.is_none() => index.usable = true,
            (Some(_), _) => {}
        }
    }

    /// All that goes on by itself comes to its end.
    pub(super) fn settle_server(&mut self) {
        for index in self.indexes.values_mut() {
            let ours = self.work.iter().any(|(_, work)| {
                matches!(work, Work::Build { at: At::Sent(pid), .. } if Some(*pid) == index.built_by)
            });
            if index.built_by.is_some() && !ours {
                index.built_by = None;
                index.usable = true;
            }
        }
    }

    fn stop_building(&mut self, entry: &EntryKey) {
        if let Some(index) = self.indexes.get_mut(entry) {
            index.built_by = None;
        }
    }

    fn end_drop(&mut self, entry: &EntryKey, oid: Oid, dice: &mut Dice<'_>) {
        if self.indexes.get(entry).is_some_and(|it| it.oid == oid) {
            match dice.roll(3) {
                0 => drop(self.indexes.remove(entry)),
                1 => self.indexes.get_mut(entry).into_iter().for_each(|it| it.usable = false),
                _ => {}
            }
        }
    }

    /// One step of one piece of work.
    pub(super) fn progress(&mut self, which: usize, dice: &mut Dice<'_>) {
        if self.work.is_empty() {
            return;
        }
        let which = which % self.work.len();
        let (key, work) = self.work.remove(which);
        match self.advance(work, dice) {
            Some(work) => self.work.insert(which, (key, work)),
            None => drop(self.in_flight.remove(&key)),
        }
    }

    fn advance(&mut self, work: Work, dice: &mut Dice<'_>) -> Option<Work> {
        match work {
            Work::Connect => {
                let seen = edit(target(), |it| self.place(&mut it.identity));
                self.log.outcome(Outcome::Connected(Ok(seen)));
                None
            }
            Work::Plan => {
                let result =
                    if dice.roll(8) == 7 { Err(Failure::refused("unreadable")) } else { Ok(self.plan()) };
                self.log.outcome(Outcome::Planned(result));
                None
            }
            Work::Checks => {
                self.log.outcome(Outcome::ChecksEnded(crate::domain::unit::Millis(1)));
                None
            }
            Work::Explain(entries, moment) => {
                for entry in entries {
                    let plans =
                        vec![PlanReading { query: "q".to_owned(), reading: Err(Failure::refused("no")) }];
                    self.log.outcome(Outcome::Explained { entry, moment, plans });
                }
                None
            }
            Work::Verify(entries) => {
                for entry in entries {
                    let reading = Ok(self.read(&entry));
                    self.log.outcome(Outcome::Verified { entry, reading });
                }
                None
            }
            Work::Cancel { entry } => {
                let sent = self.work.iter().any(|(_, work)| {
                    matches!(work, Work::Build { entry: of, at: At::Sent(_), .. } if *of == entry)
                });
                // What runs is cancelled by its worker's next roll; an orphan at once.
                if !sent && self.indexes.get(&entry).is_some_and(|it| it.maker == Maker::Us) {
                    self.stop_building(&entry);
                }
                None
            }
            Work::Reconcile { entry, told } => {
                if !self.is_watched(&entry) {
                    return None;
                }
                let reading = self.read(&entry);
                let busy = who_builds(&reading, &entry, None).is_some();
                if !busy || !told {
                    let reading = Ok(reading);
                    self.log.outcome(Outcome::BuildRead {
                        entry: entry.clone(),
                        reading,
                        ended: None,
                        jitter: 1,
                    });
                }
                busy.then_some(Work::Reconcile { entry, told: true })
            }
            Work::ReconcileDrop { entry, oid } => {
                self.read_drop(entry, oid);
                None
            }
            Work::Build { entry, attempt, at } => self.build(entry, attempt, at, dice),
            Work::Drop { entry, oid, purpose, tries, at } => {
                let at = self.removal(&entry, oid, purpose, tries, at, dice)?;
                let tries = if at == At::Ready { tries + 1 } else { tries };
                Some(Work::Drop { entry, oid, purpose, tries, at })
            }
        }
    }

    fn is_watched(&self, entry: &EntryKey) -> bool {
        let state = &self.log.state;
        let over = state.control.closed.is_some() || state.control.target_changed.is_some();
        !over
            && state.builds.get(entry).map_or(!state.is_ending_for(entry), |record| {
                matches!(record.status, BuildStatus::Running { .. })
            })
    }

    fn may_build(&self, entry: &EntryKey) -> bool {
        let state = &self.log.state;
        let stopping = state.builds.get(entry).is_some_and(|record| record.stopping().is_some());
        !(stopping || state.control.paused.is_some() || state.is_ending_for(entry))
    }

    fn build(&mut self, entry: EntryKey, attempt: u32, at: At, dice: &mut Dice<'_>) -> Option<Work> {
        let failed = |class| Err(Failure { class, sqlstate: None, message: "it failed".to_owned() });
        match at {
            At::Ready => {
                if !self.may_build(&entry) {
                    return Some(Work::Build { entry, attempt, at: At::Ended(None) });
                }
                let refused = if self.indexes.contains_key(&entry) {
                    Some(FailureClass::Refused)
                } else {
                    [None, None, None, Some(FailureClass::LockTimeout), Some(FailureClass::Privilege)]
                        [usize::from(dice.roll(5))]
                };
                if let Some(class) = refused {
                    self.log.ended(&entry.0, failed(class));
                    return Some(Work::Build { entry, attempt, at: At::Ended(None) });
                }
                let pid = self.number();
                let oid = Oid(self.number().unsigned_abs());
                self.log.intended(&entry.0, pid);
                let index = Index { oid, usable: false, maker: Maker::Us, built_by: Some(pid) };
                self.indexes.insert(entry.clone(), index);
                Some(Work::Build { entry, attempt, at: At::Sent(pid) })
            }
            At::Lost => unreachable!("a build that is lost is read at once"),
            At::Sent(pid) => {
                let stopping =
                    self.log.state.builds.get(&entry).is_some_and(|record| record.stopping().is_some());
                let roll = if stopping { 4 + dice.roll(2) } else { dice.roll(7) };
                let (result, usable, ended) = match roll {
                    1 | 2 => {
                        let oid = self.indexes.get(&entry).map_or(Oid(0), |it| it.oid);
                        self.log.located(&entry.0, oid.0);
                        return Some(Work::Build { entry, attempt, at });
                    }
                    3 => {
                        self.witness(&entry);
                        (failed(FailureClass::UniqueViolation), Some(false), Some(pid))
                    }
                    4 => (failed(FailureClass::Cancelled), Some(false), Some(pid)),
                    5 => (failed(FailureClass::ConnectionLost), Some(true), None),
                    6 => (failed(FailureClass::ConnectionLost), None, None),
                    _ => {
                        self.witness(&entry);
                        (Ok(()), Some(true), Some(pid))
                    }
                };
                if let (Some(usable), Some(index)) = (usable, self.indexes.get_mut(&entry)) {
                    index.usable = usable;
                    index.built_by = None;
                }
                self.log.ended(&entry.0, result);
                Some(Work::Build { entry, attempt, at: At::Ended(ended) })
            }
            At::Ended(ended) => {
                let seen = self.read(&entry);
                self.log.read(&entry.0, seen, ended);
                None
            }
        }
    }

    /// The session that made an index says which.
    fn witness(&mut self, entry: &EntryKey) {
        if let Some(index) = self.indexes.get(entry) {
            self.log.located(&entry.0, index.oid.0);
        }
    }

    fn removal(
        &mut self,
        entry: &EntryKey,
        oid: Oid,
        purpose: DropPurpose,
        tries: u8,
        at: At,
        dice: &mut Dice<'_>,
    ) -> Option<At> {
        let is = self.indexes.get(entry).filter(|it| it.oid == oid).copied();
        match at {
            At::Ready => {
                let Some(index) = is else {
                    self.read_drop(entry.clone(), oid);
                    return None;
                };
                let usable = purpose == DropPurpose::Leftover && index.usable;
                if !self.may_drop(entry) || usable || index.built_by.is_some() || dice.roll(6) == 5 {
                    let why = "refused".to_owned();
                    self.log.outcome(Outcome::DropRefused { entry: entry.clone(), oid, why });
                    return None;
                }
                let pid = self.number();
                let statement = "DROP INDEX CONCURRENTLY".to_owned();
                self.log.outcome(Outcome::AboutToDrop {
                    entry: entry.clone(),
                    oid,
                    statement,
                    backend: backend(pid),
                });
                Some(At::Sent(pid))
            }
            At::Sent(pid) => {
                if let Some(index) = is {
                    let named = self.was_named(entry, oid);
                    assert!(index.maker == Maker::Us || named, "{entry:?}: {index:?} is not ours to drop");
                }
                let roll = dice.roll(7);
                let result = match roll {
                    4 | 5 => Err(Failure::lost("reset")),
                    6 => Err(fail(FailureClass::Deadlock)),
                    _ => Ok(()),
                };
                match roll {
                    // It goes on without anybody to hear it.
                    5 => {}
                    4 | 6 => self.end_drop(entry, oid, dice),
                    _ if is.is_some() => drop(self.indexes.remove(entry)),
                    _ => {}
                }
                self.log.outcome(Outcome::DropEnded { entry: entry.clone(), result });
                Some(if roll == 5 { At::Lost } else { At::Ended(Some(pid)) })
            }
            At::Lost => {
                if dice.roll(3) == 1 {
                    return Some(At::Lost);
                }
                self.end_drop(entry, oid, dice);
                Some(At::Ended(None))
            }
            At::Ended(_) => {
                let result = self.log.state.drops.get(entry).and_then(|drop| drop.result.as_ref());
                let passes = result.is_some_and(|it| it.as_ref().is_err_and(|it| it.class.may_pass()));
                if passes && is.is_some() && tries < 3 && self.may_drop(entry) && dice.roll(2) == 1 {
                    return Some(At::Ready);
                }
                self.read_drop(entry.clone(), oid);
                None
            }
        }
    }

    fn may_drop(&self, entry: &EntryKey) -> bool {
        let state = &self.log.state;
        let stopping = state.drops.get(entry).is_some_and(|drop| drop.stopping.is_some());
        !(stopping || state.control.closed.is_some() || state.control.target_changed.is_some())
    }

    fn read_drop(&mut self, entry: EntryKey, oid: Oid) {
        let seen = self.read(&entry);
        let reading = IndexReading { index: seen.index.filter(|it| it.oid == oid), ..seen };
        self.log.outcome(Outcome::DropRead { entry, oid, reading: Ok(reading) });
    }

    fn place(&self, identity: &mut crate::domain::target::TargetIdentity) {
        if self.moved {
            identity.timeline = Some(2);
        }
    }

    fn read(&self, entry: &EntryKey) -> IndexReading {
        let Some(index) = self.indexes.get(entry) else {
            return edit(reading(None), |it| self.place(&mut it.identity));
        };
        let facts = if self.log.state.plan.is_some() {
            let flags = IndexFlags { valid: index.usable, ready: index.usable, live: true };
            Some(edit(self.log.facts(&entry.0, index.oid.0, index.usable), |it| it.flags = flags))
        } else {
            None
        };
        let builders: Vec<Builder> = index
            .built_by
            .map(|pid| {
                let application = if index.maker == Maker::Us { "cicerone/r1/x" } else { "psql" };
                edit(builder(pid, application), |it| it.index_oid = Some(index.oid))
            })
            .into_iter()
            .collect();
        edit(IndexReading { identity: identity(), index: facts, builders }, |it| self.place(&mut it.identity))
    }

    fn plan(&self) -> Box<Plan> {
        let settings = self.log.state.run.as_ref().unwrap().settings.clone();
        let items = NAMES
            .iter()
            .enumerate()
            .map(|(n, (name, table))| {
                let state = self.state_of(&key(n));
                edit(entry(name, *table, state), |it| {
                    if n == 0 {
                        it.queries = vec!["q".to_owned()];
                    }
                })
            })
            .collect();
        Box::new(edit(plan(items, &settings), |it| {
            it.made_at = self.log.now();
            self.place(&mut it.target);
        }))
    }

    fn state_of(&self, key: &EntryKey) -> ItemState {
        let Some(index) = self.indexes.get(key) else { return ItemState::ToBuild };
        if index.usable {
            return ItemState::Present { oid: index.oid, size: Bytes(1) };
        }
        if let Some(pid) = index.built_by {
            let builder = if index.maker == Maker::Us {
                crate::domain::plan::BuilderKind::Ours
            } else {
                crate::domain::plan::BuilderKind::Stranger {
                    application: "psql".to_owned(),
                    user: "x".to_owned(),
                }
            };
            return ItemState::Building { builder, backend: backend(pid), oid: Some(index.oid) };
        }
        ItemState::Leftover {
            oid: index.oid,
            flags: IndexFlags { valid: false, ready: false, live: true },
            size: Bytes(1),
            harm: crate::domain::plan::LeftoverHarm::TakesSpace,
            ties: Vec::new(),
        }
    }

    /// On to the build step, with a person who says go.
    pub(super) fn agree(&mut self) {
        let mut calm = Dice { rolls: &[], at: 0 };
        let go = || Verb::Confirm { step: CONFIRM.into(), typed: "go".to_owned() };
        while !self.log.state.steps.contains_key(&BUILD.into()) {
            self.pump();
            self.progress(0, &mut calm);
            self.command(go());
        }
    }

    /// Lets everything come to a good end, with a person who answers every step, and says whether it did.
    pub(super) fn drain(&mut self) {
        let mut calm = Dice { rolls: &[], at: 0 };
        for _ in 0..400 {
            self.pump();
            if self.log.state.control.closed.is_some() && self.work.is_empty() {
                return;
            }
            if !self.work.is_empty() {
                self.settle_server();
                for n in 0..self.work.len() {
                    self.progress(n, &mut calm);
                }
                continue;
            }
            if self.log.state.control.paused.is_some() {
                self.command(Verb::Resume);
                continue;
            }
            if wake_at(&self.log.state, self.log.now()).is_some() {
                self.log.quiet += 60;
                continue;
            }
            self.answer();
        }
        panic!(
            "it comes to no end: {:#?}\n{:#?}",
            self.log.state.builds,
            self.log.events.iter().rev().take(8).map(|it| &it.kind).collect::<Vec<_>>()
        );
    }

    fn answer(&mut self) {
        let state = &self.log.state;
        let step = state.current_step().expect("only a finished run has none").id.clone();
        let held = matches!(state.steps.get(&step).map(|it| &it.status), Some(StepStatus::Held { .. }));
        assert!(held, "nothing is in flight, due or held: {step:?} {:#?}", state.builds);
        let go = Verb::Confirm { step, typed: "go".to_owned() };
        let sign = Verb::SignOff { name: "Ana".to_owned(), reason: "fine".to_owned() };
        assert!(
            self.command(go)
                || self.command(sign)
                || self.command(Verb::Recheck)
                || self.command(Verb::EndHere),
            "there is no way on"
        );
    }
}

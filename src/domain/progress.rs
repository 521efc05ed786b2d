//! How far a build is: the server's phases, one fraction over all of them, and an honest time to go.
//!
//! `pg_stat_progress_create_index` restarts its counters in every phase and still shows 100 % of the last scan
//! while the build waits for old snapshots, so a plain done/total lies. The fraction here weights phases by their
//! measured share of the wall time (12-18, 1 M and 10 M rows), never goes back, and stays below one: only a
//! verified index is done.

use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use super::id::{BackendId, Oid, Pid};
use super::unit::{Band, Millis};

/// Phase of CREATE INDEX CONCURRENTLY in the order in which the server goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No progress row yet: the first lock on the table is awaited.
    FirstLock,
    /// `initializing`.
    Initializing,
    /// `waiting for writers before build`.
    WritersBeforeBuild,
    /// `building index: scanning table`, or `building index` of methods without sub-phases.
    Scan,
    /// `building index: sorting …` (no counters).
    Sort,
    /// `building index: loading tuples in tree` or `merging tuples`.
    Load,
    /// `waiting for writers before validation`.
    WritersBeforeValidation,
    /// `index validation: scanning index`.
    ValidateIndex,
    /// `index validation: sorting tuples` (no counters).
    ValidateSort,
    /// `index validation: scanning table`.
    ValidateTable,
    /// `waiting for old snapshots`.
    OldSnapshots,
    /// `waiting for readers …` and whatever a later version adds.
    Other,
}

/// Whether a phase is the server's work or a wait for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// For the table's first lock.
    FirstLock,
    /// For open writes on the table.
    Writers,
    /// For snapshots in this database.
    OldSnapshots,
    /// For transactions that used the table: a drop outlives readers, too.
    Readers,
}

impl Phase {
    /// Every phase of a build in order.
    pub const ORDER: [Self; 11] = [
        Self::FirstLock,
        Self::Initializing,
        Self::WritersBeforeBuild,
        Self::Scan,
        Self::Sort,
        Self::Load,
        Self::WritersBeforeValidation,
        Self::ValidateIndex,
        Self::ValidateSort,
        Self::ValidateTable,
        Self::OldSnapshots,
    ];

    /// Reads the server's words. Unknown words are [`Phase::Other`], never an error.
    pub fn from_server(words: &str) -> Self {
        match words {
            "initializing" => Self::Initializing,
            "waiting for writers before build" => Self::WritersBeforeBuild,
            "waiting for writers before validation" => Self::WritersBeforeValidation,
            "index validation: scanning index" => Self::ValidateIndex,
            "index validation: sorting tuples" => Self::ValidateSort,
            "index validation: scanning table" => Self::ValidateTable,
            "waiting for old snapshots" => Self::OldSnapshots,
            "building index" | "building index: scanning table" | "building index: initializing" => {
                Self::Scan
            }
            other if other.starts_with("building index: sorting") => Self::Sort,
            other
                if other.starts_with("building index: loading")
                    || other.starts_with("building index: merging") =>
            {
                Self::Load
            }
            other if other.starts_with("building index") => Self::Scan,
            _ => Self::Other,
        }
    }

    /// Short words for a narrow column.
    pub fn words(self) -> &'static str {
        match self {
            Self::FirstLock => "wait table lock",
            Self::Initializing => "start",
            Self::WritersBeforeBuild => "wait writers",
            Self::Scan => "scan table",
            Self::Sort => "sort",
            Self::Load => "load tree",
            Self::WritersBeforeValidation => "wait writers 2",
            Self::ValidateIndex => "check index",
            Self::ValidateSort => "check sort",
            Self::ValidateTable => "check table",
            Self::OldSnapshots => "wait snapshots",
            Self::Other => "other",
        }
    }

    /// Number from 1 for "4/8"-like displays: waits and works of a person's view, the first lock not counted.
    pub fn number(self) -> u32 {
        match self {
            Self::FirstLock | Self::Initializing | Self::Other => 0,
            Self::WritersBeforeBuild => 1,
            Self::Scan => 2,
            Self::Sort => 3,
            Self::Load => 4,
            Self::WritersBeforeValidation => 5,
            Self::ValidateIndex => 6,
            Self::ValidateSort => 7,
            Self::ValidateTable => 8,
            Self::OldSnapshots => 9,
        }
    }

    /// Highest [`Phase::number`].
    pub const LAST_NUMBER: u32 = 9;

    /// The wait that this phase is, or none when it is work.
    pub fn wait(self) -> Option<Wait> {
        match self {
            Self::FirstLock => Some(Wait::FirstLock),
            Self::WritersBeforeBuild | Self::WritersBeforeValidation => Some(Wait::Writers),
            Self::OldSnapshots => Some(Wait::OldSnapshots),
            Self::Initializing
            | Self::Scan
            | Self::Sort
            | Self::Load
            | Self::ValidateIndex
            | Self::ValidateSort
            | Self::ValidateTable
            | Self::Other => None,
        }
    }
}

impl Wait {
    /// For a person: "waits for …".
    pub fn words(self) -> &'static str {
        match self {
            Self::FirstLock => "the table's lock",
            Self::Writers => "open writes on the table",
            Self::OldSnapshots => "old snapshots in this database",
            Self::Readers => "open transactions that used the table",
        }
    }
}

/// One row of the progress view as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressRow {
    /// The building backend.
    pub backend: BackendId,
    /// Its `application_name`. Untrusted.
    pub application: String,
    /// `command`.
    pub command: String,
    /// Everything else; absent when the role may not see it (the view then shows NULLs, 12-18).
    pub seen: Option<ProgressSeen>,
}

/// The part of a progress row that needs a right to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressSeen {
    /// `relid`.
    pub table_oid: Oid,
    /// `index_relid`; 0 for a plain CREATE INDEX.
    pub index_oid: Oid,
    /// `phase`.
    pub phase: Phase,
    /// `lockers_*` of the current wait.
    pub lockers: Counter,
    /// `blocks_*` of the current phase.
    pub blocks: Counter,
    /// `tuples_*` of the current phase.
    pub tuples: Counter,
    /// `current_locker_pid`; lies about prepared transactions.
    pub current_locker: Option<Pid>,
}

/// done of total; total 0 means "not counted".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// So far.
    pub done: u64,
    /// In all.
    pub total: u64,
}

impl Counter {
    /// Share done, absent when the phase does not count.
    pub fn share(self) -> Option<f64> {
        (self.total > 0).then(|| (self.done as f64 / self.total as f64).clamp(0.0, 1.0))
    }
}

/// Families of access methods whose phases weigh alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodFamily {
    /// btree.
    Btree,
    /// btree over a part of the rows: the second table scan weighs as much as the first.
    PartialBtree,
    /// gin, gist, spgist, hash and methods of extensions.
    Tree,
    /// brin.
    Brin,
}

impl MethodFamily {
    /// Family of an index.
    pub fn of(method: &str, partial: bool) -> Self {
        match (method, partial) {
            ("btree", false) => Self::Btree,
            ("btree", true) => Self::PartialBtree,
            ("brin", _) => Self::Brin,
            _ => Self::Tree,
        }
    }

    /// Share of the working time that a phase takes.
    #[expect(clippy::match_same_arms, reason = "a table of measurements, one row a figure")]
    fn weight(self, phase: Phase) -> f64 {
        use Phase::{Load, Scan, Sort, ValidateIndex, ValidateSort, ValidateTable};
        match (self, phase) {
            (Self::Btree, Scan) => 0.56,
            (Self::Btree, Sort) => 0.08,
            (Self::Btree, Load) => 0.14,
            (Self::Btree, ValidateIndex) => 0.10,
            (Self::Btree | Self::Tree, ValidateSort) => 0.03,
            (Self::Btree, ValidateTable) => 0.09,
            (Self::PartialBtree, Scan) => 0.46,
            (Self::PartialBtree, Sort) => 0.05,
            (Self::PartialBtree, Load) => 0.03,
            (Self::PartialBtree, ValidateIndex) => 0.02,
            (Self::PartialBtree, ValidateSort) => 0.02,
            (Self::PartialBtree, ValidateTable) => 0.42,
            (Self::Tree, Scan) => 0.52,
            (Self::Tree, Sort | Load) => 0.05,
            (Self::Tree, ValidateIndex) => 0.22,
            (Self::Tree, ValidateTable) => 0.13,
            (Self::Brin, Scan) => 0.35,
            (Self::Brin, ValidateTable) => 0.65,
            _ => 0.0,
        }
    }

    /// Share of the working time before a phase begins.
    fn before(self, phase: Phase) -> f64 {
        Phase::ORDER.iter().take_while(|p| **p < phase).map(|p| self.weight(*p)).sum()
    }

    /// How much of the work is done, 0 to 1, from one reading.
    pub fn fraction(self, seen: &ProgressSeen) -> f64 {
        if seen.phase == Phase::Other {
            return 0.0;
        }
        let weight = self.weight(seen.phase);
        // Without a counter half the weight is the fairest guess.
        let within = match (seen.blocks.share(), seen.tuples.share()) {
            _ if matches!(seen.phase, Phase::Sort | Phase::ValidateSort) => 0.5,
            // blocks_* keep their last value while tuples are loaded.
            (_, Some(tuples)) if seen.phase == Phase::Load => tuples,
            (Some(blocks), _) => blocks,
            (None, Some(tuples)) => tuples,
            (None, None) => 0.5,
        };
        (self.before(seen.phase) + weight * within).clamp(0.0, 0.99)
    }
}

/// Two clocks and one fraction for a running build. Fed with every reading, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tracker {
    family: MethodFamily,
    fraction: f64,
    phase: Phase,
    phase_since: jiff::Timestamp,
    last: jiff::Timestamp,
    working: Millis,
    waiting: Millis,
    longest_wait: Millis,
    beginning: Beginning,
}

/// What a tracker saw of a build's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "beginning", rename_all = "snake_case")]
enum Beginning {
    /// All of it: the clocks are those of the build.
    Seen,
    /// Nothing yet of a build that was at work before; how much it had done shows at the first reading.
    Missed,
    /// Nothing of what came before this share of the work was done.
    MissedUpTo { fraction: f64 },
}

impl Tracker {
    /// Starts the clocks at `now`, before the first lock is given.
    pub fn new(family: MethodFamily, now: jiff::Timestamp) -> Self {
        Self {
            family,
            fraction: 0.0,
            phase: Phase::FirstLock,
            phase_since: now,
            last: now,
            working: Millis(0),
            waiting: Millis(0),
            longest_wait: Millis(0),
            beginning: Beginning::Seen,
        }
    }

    /// Starts the clocks at `now` for a build that has been at work for nobody knows how long.
    pub fn adopted(family: MethodFamily, now: jiff::Timestamp) -> Self {
        Self { beginning: Beginning::Missed, ..Self::new(family, now) }
    }

    /// Takes a reading. The fraction never goes back, whatever the counters do.
    pub fn read(&mut self, seen: &ProgressSeen, now: jiff::Timestamp) {
        self.tick(now);
        if seen.phase != self.phase {
            self.phase = seen.phase;
            self.phase_since = now;
        }
        self.fraction = self.fraction.max(self.family.fraction(seen));
        if self.beginning == Beginning::Missed {
            self.beginning = Beginning::MissedUpTo { fraction: self.fraction };
        }
    }

    /// Lets time pass without a reading.
    pub fn tick(&mut self, now: jiff::Timestamp) {
        let passed = Millis::between(self.last, now);
        if self.phase.wait().is_some() {
            self.waiting = self.waiting + passed;
        } else {
            self.working = self.working + passed;
        }
        if now > self.last {
            self.last = now;
        }
        if self.phase.wait().is_some() {
            self.longest_wait = self.longest_wait.max(Millis::between(self.phase_since, now));
        }
    }

    /// Fraction of the work done, 0 to 0.99: one is for verified.
    pub fn fraction(&self) -> f64 {
        self.fraction
    }

    /// Current phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Time in the current phase.
    pub fn in_phase(&self) -> Millis {
        Millis::between(self.phase_since, self.last)
    }

    /// Time the server worked.
    pub fn working(&self) -> Millis {
        self.working
    }

    /// Time the build waited for others.
    pub fn waiting(&self) -> Millis {
        self.waiting
    }

    /// Work left. The wait of a waiting phase cannot be known and is never part of it.
    pub fn eta(&self, predicted: Option<&Estimate>) -> Eta {
        if let Some(wait) = self.phase.wait() {
            return Eta::Waiting { on: wait, work_left: self.work_left(predicted).map(|band| band.likely) };
        }
        self.work_left(predicted).map_or(Eta::NoGround, Eta::Left)
    }

    fn work_left(&self, predicted: Option<&Estimate>) -> Option<Band<Millis>> {
        // Only what was done while somebody looked says how fast it goes.
        let (before, whole) = match self.beginning {
            Beginning::Seen => (0.0, true),
            Beginning::Missed => return None,
            Beginning::MissedUpTo { fraction } => (fraction, false),
        };
        let done = self.fraction - before;
        // Before five seconds and one percent the extrapolation is noise; the plan's estimate is the better word, unless
        // nobody knows how much of it has passed.
        if self.working < Millis(5_000) || done < 0.01 {
            if !whole {
                return None;
            }
            let time = predicted?.time;
            let less = |m: Millis| Millis(m.0.saturating_sub(self.working.0));
            return Some(Band { low: less(time.low), likely: less(time.likely), high: less(time.high) });
        }
        let left = self.working.0 as f64 * (1.0 - self.fraction) / done;
        // Median error 13-26 %, p90 of the fraction's error about 20 points (250 traces, 12-18): a band of
        // 0.7 to 1.5 covers most builds.
        let scale = |factor: f64| Millis((left * factor) as u64);
        Some(Band { low: scale(0.7), likely: scale(1.0), high: scale(1.5) })
    }
}

/// What can be said about the time to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "eta", rename_all = "snake_case")]
pub enum Eta {
    /// Work left, with its band.
    Left(Band<Millis>),
    /// The build waits for somebody: no time can be given. The work after the wait, if known.
    Waiting {
        /// For what.
        on: Wait,
        /// Work left once the wait is over.
        work_left: Option<Millis>,
    },
    /// Too early to say.
    NoGround,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(phase: Phase, done: u64, total: u64) -> ProgressSeen {
        ProgressSeen {
            table_oid: Oid(1),
            index_oid: Oid(2),
            phase,
            lockers: Counter::default(),
            blocks: Counter { done, total },
            tuples: Counter::default(),
            current_locker: None,
        }
    }

    fn at(seconds: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn the_weights_of_every_family_add_up_to_one() {
        for family in
            [MethodFamily::Btree, MethodFamily::PartialBtree, MethodFamily::Tree, MethodFamily::Brin]
        {
            let sum: f64 = Phase::ORDER.iter().map(|p| family.weight(*p)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{family:?} adds up to {sum}");
        }
    }

    #[test]
    fn the_fraction_never_goes_back_when_counters_restart() {
        let mut tracker = Tracker::new(MethodFamily::Btree, at(0));
        let mut last = 0.0;
        for (n, reading) in (1..).zip([
            seen(Phase::Scan, 10, 100),
            seen(Phase::Scan, 100, 100),
            seen(Phase::Sort, 0, 0),
            seen(Phase::Scan, 5, 100),
            seen(Phase::ValidateIndex, 0, 50),
            seen(Phase::ValidateTable, 99, 100),
            seen(Phase::OldSnapshots, 99, 100),
        ]) {
            tracker.read(&reading, at(n));
            assert!(tracker.fraction() >= last);
            last = tracker.fraction();
        }
        assert!(last < 1.0, "only a verified index is done");
    }

    #[test]
    fn a_wait_stops_the_working_clock_and_gives_no_eta() {
        let mut tracker = Tracker::new(MethodFamily::Btree, at(0));
        tracker.read(&seen(Phase::Scan, 0, 100), at(0));
        tracker.read(&seen(Phase::WritersBeforeValidation, 0, 0), at(10));
        tracker.tick(at(70));
        assert_eq!(tracker.working(), Millis(10_000));
        assert_eq!(tracker.waiting(), Millis(60_000));
        assert!(matches!(tracker.eta(None), Eta::Waiting { on: Wait::Writers, .. }));
    }

    #[test]
    fn there_is_no_eta_before_there_is_ground_for_one() {
        let mut tracker = Tracker::new(MethodFamily::Btree, at(0));
        tracker.read(&seen(Phase::Scan, 1, 100), at(1));
        assert_eq!(tracker.eta(None), Eta::NoGround);
        tracker.read(&seen(Phase::Scan, 50, 100), at(11));
        assert!(matches!(tracker.eta(None), Eta::Left(_)));
    }

    #[test]
    fn phases_of_every_supported_version_are_read() {
        assert_eq!(Phase::from_server("building index: loading tuples in tree"), Phase::Load);
        assert_eq!(Phase::from_server("building index: sorting dead tuples"), Phase::Sort);
        assert_eq!(Phase::from_server("building index: merging tuples (workers)"), Phase::Load);
        assert_eq!(Phase::from_server("waiting for readers before dropping"), Phase::Other);
    }

    #[test]
    fn an_adopted_build_has_no_time_to_go_before_there_is_ground_since_its_adoption() {
        let estimate = crate::domain::state::fixture::estimate(10_000);
        let mut adopted = Tracker::adopted(MethodFamily::Btree, at(0));
        assert_eq!(adopted.eta(Some(&estimate)), Eta::Waiting { on: Wait::FirstLock, work_left: None });
        // It is in the middle of the table after an hour that nobody here has seen.
        adopted.read(&seen(Phase::Scan, 500, 1_000), at(0));
        for second in 1..10 {
            adopted.read(&seen(Phase::Scan, 500, 1_000), at(second));
            assert_eq!(adopted.eta(Some(&estimate)), Eta::NoGround, "after {second} s");
        }
        // 0.56 of the work is the scan: one tenth of it took 100 s, so what is left of all takes about 1186 s.
        adopted.read(&seen(Phase::Scan, 600, 1_000), at(100));
        let Eta::Left(band) = adopted.eta(Some(&estimate)) else { panic!("there is ground now") };
        assert!((1_100_000..1_300_000).contains(&band.likely.0), "{band:?}");
    }
}

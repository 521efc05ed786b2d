//! The format of `tests/scenarios/*.toml`: a world, what happens in it, and what must come of it.

use std::collections::BTreeMap;
use std::time::Duration;

use cicerone::domain::catalog::Tie;
use cicerone::domain::diagnostic::Source;
use cicerone::domain::progress::Phase;
use cicerone::domain::registry::{self, Registry};
use cicerone::domain::target::{
    AbortPolicy, BudgetPolicy, DuplicatePolicy, LeftoverPolicy, Mode, RunSettings,
};
use cicerone::domain::unit::Millis;
use serde::Deserialize;

use crate::scripted::{Ambush, Fault, Hold, HoldStage, Index, Lost, Model, Table};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// What it is about, for whoever reads it.
    #[serde(rename = "about")]
    _about: String,
    #[serde(default)]
    settings: Settings,
    /// How long each working phase of a build takes.
    #[serde(default = "pace")]
    pace: String,
    #[serde(default = "live")]
    pub(super) mode: Mode,
    /// Entries of the registry.
    entry: Vec<Entry>,
    /// Indexes that are there before the run.
    #[serde(default)]
    index: Vec<Present>,
    #[serde(default)]
    fault: Vec<FaultLine>,
    #[serde(default)]
    hold: Vec<HoldLine>,
    /// Builds of others.
    #[serde(default)]
    pub(super) stranger: Vec<Stranger>,
    /// What people do, and when.
    #[serde(default)]
    pub(super) act: Vec<Act>,
    #[serde(default)]
    pub(super) answers: Answers,
    pub(super) expect: Expect,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    jobs: Option<u32>,
    attempts: Option<u32>,
    lock_tries: Option<u32>,
    first_lock: Option<String>,
    writers: Option<String>,
    snapshots: Option<String>,
    on_budget: Option<BudgetPolicy>,
    on_abort: Option<AbortPolicy>,
    leftovers: Option<LeftoverPolicy>,
    duplicates: Option<DuplicatePolicy>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    index: String,
    table: String,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    critical: bool,
    /// The column that it indexes; one of its own when not given.
    column: Option<String>,
    #[serde(default)]
    queries: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Present {
    name: String,
    table: String,
    is: Is,
    #[serde(default)]
    ties: Vec<TieWord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Is {
    Valid,
    Invalid,
    /// Valid, with another definition than the entry of that name.
    Other,
    /// Valid, with the definition of the entry that comes first.
    LikeTheFirst,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TieWord {
    ReplicaIdentity,
    Constraint,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultLine {
    index: String,
    #[serde(default = "first")]
    attempt: u32,
    at: Phase,
    sqlstate: Option<String>,
    lost: Option<LostWord>,
    #[serde(default)]
    drop: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LostWord {
    GoesOn,
    Dies,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldLine {
    table: String,
    stage: StageWord,
    #[serde(default = "zero")]
    from: String,
    until: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StageWord {
    Lock,
    Writer,
    Snapshot,
    Reader,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stranger {
    pub(super) index: String,
    pub(super) table: String,
    pub(super) takes: String,
    #[serde(default = "yes")]
    pub(super) ends_valid: bool,
    /// Begins between our last look at the table and our statement, not at the start.
    #[serde(default)]
    pub(super) ambush: bool,
    /// And our statement is a drop.
    #[serde(default)]
    of_a_drop: bool,
}

/// Something that somebody does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    /// `family.type` or `family.type index`.
    pub(super) on: String,
    /// Which one of these, from 1.
    #[serde(default = "first")]
    pub(super) nth: u32,
    /// How long after it.
    #[serde(default = "zero")]
    pub(super) after: String,
    #[serde(rename = "do")]
    pub(super) what: What,
    pub(super) index: Option<String>,
    /// Whether a command must be refused.
    #[serde(default)]
    pub(super) refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Pause,
    Resume,
    Stop,
    Skip,
    Retry,
    Repair,
    Roll,
    Abort,
    Recheck,
    Confirm,
    EndHere,
    /// The server is promoted, or the address leads elsewhere.
    Promote,
    /// An index appears by hand.
    Appear,
    /// An index is dropped by hand.
    Vanish,
    /// An index becomes its table's replica identity.
    Tie,
    /// The registry's files change.
    Edit,
    /// The server restarts and is away for ten seconds.
    Restart,
    /// The engine's process is killed, and another takes over.
    Kill,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answers {
    pub(super) confirm: bool,
    pub(super) waive: bool,
    pub(super) sign: bool,
    /// What is said to a build or verify step that waits.
    pub(super) held: HeldAnswer,
    /// Who says whether to go on waiting over a budget.
    pub(super) waits: WaitAnswer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HeldAnswer {
    GoOn,
    EndHere,
    Nothing,
}

/// What is said to a build or drop that waits over its budget and asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WaitAnswer {
    GoOn,
    /// Nobody is there.
    Nobody,
}

impl Default for Answers {
    fn default() -> Self {
        Self { confirm: true, waive: true, sign: true, held: HeldAnswer::EndHere, waits: WaitAnswer::GoOn }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    /// `finished`, `aborted`, …; absent when the journal was sealed.
    pub(super) ending: Option<String>,
    pub(super) exit: u8,
    pub(super) entries: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) ledger: Vec<String>,
    /// Statements in order.
    pub(super) sent: Option<Vec<String>>,
    /// Statements in any order.
    pub(super) sent_somehow: Option<Vec<String>>,
    /// `name valid` or `name invalid`, sorted.
    pub(super) indexes: Vec<String>,
    /// Words that must be in what is said of an entry.
    #[serde(default)]
    pub(super) says: BTreeMap<String, String>,
    /// Virtual time.
    pub(super) within: Option<String>,
}

fn live() -> Mode {
    Mode::Live
}

fn pace() -> String {
    "2s".to_owned()
}

fn first() -> u32 {
    1
}

fn zero() -> String {
    "0s".to_owned()
}

fn yes() -> bool {
    true
}

/// `30s`, `5min`, `200ms`.
pub(super) fn span(text: &str) -> Duration {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().unwrap_or_else(|_| panic!("{text} is no span of time"));
    match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_mins(number),
        "h" => Duration::from_hours(number),
        other => panic!("{other} is no unit of time"),
    }
}

impl Script {
    pub(super) fn read(text: &str) -> Self {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, with an operator who wants invalid indexes in the way to go, whoever left them: whether a process that
    /// dies has seen its index is a matter of when it dies.
    pub(super) fn repairing(mut self) -> Self {
        self.settings.leftovers = Some(LeftoverPolicy::Repair);
        self
    }

    pub(super) fn settings(&self) -> RunSettings {
        let given = &self.settings;
        let base = RunSettings::default();
        let time = |text: &Option<String>, otherwise| {
            text.as_deref().map_or(otherwise, |text| Millis::from(span(text)))
        };
        RunSettings {
            jobs: given.jobs.unwrap_or(base.jobs),
            attempts: given.attempts.unwrap_or(base.attempts),
            lock_tries: given.lock_tries.unwrap_or(base.lock_tries),
            first_lock_budget: time(&given.first_lock, base.first_lock_budget),
            writers_budget: time(&given.writers, base.writers_budget),
            snapshots_budget: time(&given.snapshots, base.snapshots_budget),
            on_budget: given.on_budget.unwrap_or_default(),
            on_abort: given.on_abort.unwrap_or_default(),
            leftovers: given.leftovers.unwrap_or_default(),
            duplicates: given.duplicates.unwrap_or_default(),
            ..base
        }
    }

    pub(super) fn registry(&self) -> Registry {
        use std::fmt::Write as _;
        let mut text = "version = 1\n".to_owned();
        for entry in &self.entry {
            let Entry { index, table, unique, critical, column, queries } = entry;
            let unique = if *unique { "UNIQUE " } else { "" };
            let column = column.as_ref().unwrap_or(index);
            writeln!(
                text,
                "[[index]]\nname = \"{index}\"\ndomain = \"d\"\ntable = \"{table}\"\ncritical = {critical}\n\
                 sql = \"CREATE {unique}INDEX CONCURRENTLY {index} ON {table} ({column})\"\nqueries = {queries:?}"
            )
            .unwrap();
        }
        registry::load(&[Source { path: "registry.toml".to_owned(), text }])
            .unwrap_or_else(|found| panic!("{found:?}"))
    }

    pub(super) fn model(&self) -> Model {
        let registry = self.registry();
        let mut model = Model {
            identity: cicerone::domain::target::TargetIdentity {
                system_identifier: 7_300_000_000_000_000_001,
                database_oid: cicerone::domain::id::Oid(5),
                database: "app".to_owned(),
                timeline: Some(1),
                standing: cicerone::domain::target::Standing::Primary,
                version_num: 150_018,
                started: "2026-02-01T00:00:00Z".parse().unwrap(),
            },
            registry,
            tables: BTreeMap::new(),
            indexes: Vec::new(),
            backends: BTreeMap::new(),
            holds: Vec::new(),
            faults: self.fault.iter().map(FaultLine::fault).collect(),
            ambush: Vec::new(),
            builds: BTreeMap::new(),
            drops: BTreeMap::new(),
            sent: Vec::new(),
            pace: span(&self.pace),
            down_until: Duration::ZERO,
            violations: Vec::new(),
            next: 1_000,
        };
        let others = self.index.iter().map(|it| &it.table).chain(self.stranger.iter().map(|it| &it.table));
        for name in self.entry.iter().map(|it| &it.table).chain(others) {
            if !model.tables.contains_key(name) {
                let oid = model.oid();
                model.tables.insert(name.clone(), Table { oid, name: name.clone() });
            }
        }
        for present in &self.index {
            let index = present.index(&mut model);
            model.indexes.push(index);
        }
        for hold in &self.hold {
            let pid = model.number();
            model.holds.push(hold.hold(pid));
        }
        for stranger in self.stranger.iter().filter(|it| it.ambush) {
            let takes = span(&stranger.takes);
            model.ambush.push(Ambush {
                index: stranger.index.clone(),
                table: stranger.table.clone(),
                takes,
                drop: stranger.of_a_drop,
            });
        }
        model
    }
}

impl Present {
    fn index(&self, model: &mut Model) -> Index {
        let other = model.indexes_definition();
        let first = model.registry.entries[0].name.0.clone();
        let definition = match self.is {
            Is::Other => other,
            Is::LikeTheFirst => model.wanted(&first).unwrap(),
            Is::Valid | Is::Invalid => model.wanted(&self.name).unwrap_or(other),
        };
        Index {
            oid: model.oid(),
            name: self.name.clone(),
            table: self.table.clone(),
            valid: self.is != Is::Invalid,
            ready: true,
            live: true,
            definition,
            ties: self.ties.iter().map(|tie| tie.tie()).collect(),
        }
    }
}

impl TieWord {
    fn tie(self) -> Tie {
        match self {
            Self::ReplicaIdentity => Tie::ReplicaIdentity,
            Self::Constraint => Tie::Constraint { name: "c".to_owned() },
        }
    }
}

impl FaultLine {
    fn fault(&self) -> Fault {
        Fault {
            index: self.index.clone(),
            attempt: self.attempt,
            at: self.at,
            sqlstate: self.sqlstate.clone(),
            lost: self.lost.map(|it| match it {
                LostWord::GoesOn => Lost::GoesOn,
                LostWord::Dies => Lost::Dies,
            }),
            drop: self.drop,
        }
    }
}

impl HoldLine {
    fn hold(&self, pid: i32) -> Hold {
        Hold {
            table: self.table.clone(),
            stage: match self.stage {
                StageWord::Lock => HoldStage::Lock,
                StageWord::Writer => HoldStage::Writer,
                StageWord::Snapshot => HoldStage::Snapshot,
                StageWord::Reader => HoldStage::Reader,
            },
            from: span(&self.from),
            until: span(&self.until),
            pid,
        }
    }
}

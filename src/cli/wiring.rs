//! Arguments become adapters.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use crate::domain::id::{Person, PlanId};
use crate::domain::playbook::Playbook;
use crate::domain::target::{DuplicatePolicy, Environment, LeftoverPolicy, Mode, RunSettings};
use crate::engine::{Hands, World};
use crate::host::probe::command::{OUTPUT_LIMIT, ProbeSpec, clean_environment};
use crate::host::{HostProbes, OperatorFigure, ServerPlace};
use crate::pg::connect::{Access, Connector, Translation, place};
use crate::pg::conninfo::{ConnInfo, Host, Origin, Plaintext, Request, resolve};
use crate::pg::{Link, LinkOptions, PgBackends, PgCatalog, PgExplainer, PgMonitor, PgSurvey, PgWorkshop};

use super::args::{RunArgs, TargetArgs};
use super::error::CliError;
use super::input::RegistryFiles;
use super::surrounding::Surrounding;

/// How long a probe command may take.
const PROBE_DEADLINE: Duration = Duration::from_secs(20);

/// A target that can be connected to.
pub struct Reach {
    /// Where, resolved by libpq's conventions.
    pub info: ConnInfo,
    /// The environment word.
    pub environment: Environment,
    /// What may be done there.
    pub mode: Mode,
    /// Whether the server's paths are ours.
    pub place: ServerPlace,
    /// `host:port/database`, for the first frame.
    pub title: String,
    /// Name under which the target's runs are kept.
    pub kept_as: String,
    translation: Translation,
}

impl Reach {
    /// Resolves the connection parameters.
    pub fn resolve(args: &TargetArgs, run: &RunArgs, around: &Surrounding) -> Result<Self, CliError> {
        let plaintext = if args.insecure_plaintext { Plaintext::OnLoopback } else { Plaintext::Refused };
        let private = args.dsn.is_some() && args.dsn == around.text("CICERONE_DSN");
        let origin = if private { Origin::Private } else { Origin::Argv };
        let request = Request { dsn: args.dsn.as_deref(), origin, plaintext };
        let info = resolve(&request, &around.for_libpq()).map_err(|error| {
            CliError::usage("the connection parameters do not lead anywhere").because(&error)
        })?;
        let environment: Environment = match args.environment.parse() {
            Ok(word) => word,
            Err(never) => match never {},
        };
        let socket = info.endpoints.iter().all(|endpoint| matches!(endpoint.host, Host::Unix(_)));
        let place = if args.server_is_here || socket { ServerPlace::Here } else { ServerPlace::Elsewhere };
        let translation = if args.via_tunnel { Translation::Vouched } else { Translation::Refused };
        let mode = if run.dry_run { Mode::DryRun } else { Mode::Live };
        Ok(Self { title: title(&info), kept_as: title(&info), info, environment, mode, place, translation })
    }

    /// A throwaway server.
    pub fn rehearsal(conninfo: &str, run: &RunArgs, around: &Surrounding) -> Result<Self, CliError> {
        let request = Request { dsn: Some(conninfo), origin: Origin::Private, plaintext: Plaintext::Refused };
        let info = resolve(&request, &around.for_libpq())
            .map_err(|error| CliError::usage("the throwaway server cannot be reached").because(&error))?;
        Ok(Self {
            title: title(&info),
            kept_as: "rehearsal".to_owned(),
            info,
            environment: Environment::Rehearsal,
            mode: if run.dry_run { Mode::DryRun } else { Mode::Rehearsal },
            place: ServerPlace::Here,
            translation: Translation::Refused,
        })
    }
}

fn title(info: &ConnInfo) -> String {
    let places: Vec<String> = info.endpoints.iter().map(place).collect();
    format!("{}/{}", places.join(","), info.database)
}

/// Reads of one target's catalogs, and nothing else.
pub struct Reader {
    /// The catalogs.
    pub catalog: PgCatalog,
    /// Tasks of the connections.
    pub tasks: TaskTracker,
}

/// Wires what only reads. Nothing is sent yet.
pub fn reader(reach: &Reach, access: Access, label: &str, around: &Surrounding) -> Result<Reader, CliError> {
    let (link, tasks) = link(reach, access, None, label, around)?;
    Ok(Reader { catalog: PgCatalog::new(link), tasks })
}

fn link(
    reach: &Reach,
    readers: Access,
    build_role: Option<String>,
    label: &str,
    around: &Surrounding,
) -> Result<(Link, TaskTracker), CliError> {
    let tasks = TaskTracker::new();
    let tracker = tasks.clone();
    let runtime = Handle::current();
    let spawner = Arc::new(move |_name: &'static str, task: crate::pg::connect::Task| {
        tracker.spawn_on(task, &runtime);
    });
    let connector = Connector::new(reach.info.clone(), reach.translation, spawner)
        .map_err(|error| CliError::usage("TLS cannot be set up").because(&error))?;
    let environment = reach.environment.clone();
    let options = LinkOptions { label: label.to_owned(), environment, readers, build_role };
    Ok((Link::new(connector, around.clock.clone(), options), tasks))
}

/// Adapters of one target. `tasks` holds the connections' tasks; close it and wait, once everything is dropped.
pub struct Wired {
    /// For the engine.
    pub world: World,
    /// For the observer.
    pub monitor: PgMonitor,
    /// Tasks of the connections.
    pub tasks: TaskTracker,
}

/// Wires the adapters. Nothing is sent yet.
pub fn wire(
    reach: &Reach,
    args: &TargetArgs,
    registry: RegistryFiles,
    settings: &RunSettings,
    label: &str,
    around: &Surrounding,
) -> Result<Wired, CliError> {
    let readers = match reach.mode {
        Mode::DryRun => Access::ReadOnly,
        Mode::Live | Mode::Rehearsal => Access::ReadWrite,
    };
    let (link, tasks) = link(reach, readers, settings.build_role.clone(), label, around)?;
    // A dry run is wired without anything that could change a server.
    let hands = match reach.mode {
        Mode::DryRun => None,
        Mode::Live | Mode::Rehearsal => Some(Hands {
            workshop: Arc::new(PgWorkshop::new(link.clone())),
            backends: Arc::new(PgBackends::new(link.clone())),
        }),
    };
    let world = World {
        catalog: Arc::new(PgCatalog::new(link.clone())),
        survey: Arc::new(PgSurvey::new(link.clone())),
        explainer: Arc::new(PgExplainer::new(link.clone())),
        host: Arc::new(probes(reach, args, around)),
        registry: Arc::new(registry),
        hands,
        clock: around.clock.clone(),
        ids: around.ids.clone(),
    };
    Ok(Wired { world, monitor: PgMonitor::new(link), tasks })
}

fn probes(reach: &Reach, args: &TargetArgs, around: &Surrounding) -> HostProbes {
    let spec = |command: &Option<String>| {
        command.as_ref().map(|command| ProbeSpec {
            argv: command.split_whitespace().map(ToOwned::to_owned).collect(),
            environment: clean_environment(around.vars()),
            deadline: PROBE_DEADLINE,
            output_limit: OUTPUT_LIMIT,
        })
    };
    let figure = |free| OperatorFigure { free, by: around.person(), at: around.now() };
    HostProbes {
        clock: around.clock.clone(),
        place: reach.place,
        disk_command: spec(&args.disk_command),
        disk_figure: args.disk_free.map(figure),
        backup_command: spec(&args.backup_command),
    }
}

/// Settings of a run: the playbook's under the command line's.
pub fn settings(args: &TargetArgs, run: &RunArgs, reach: &Reach, playbook: &Playbook) -> RunSettings {
    let cores = std::thread::available_parallelism().map_or(2, |n| u32::try_from(n.get()).unwrap_or(2));
    let here = matches!(reach.place, ServerPlace::Here);
    // Measured on 2 cores: as many jobs as cores, each on a table of its own, take 0.53 to 0.58 of the time of one.
    let mut settings = RunSettings { jobs: if here { cores } else { 2 }, ..RunSettings::default() };
    super::input::apply_playbook(&mut settings, playbook);
    settings.jobs = run.jobs.unwrap_or(settings.jobs);
    settings.attempts = run.attempts.unwrap_or(settings.attempts);
    settings.lock_tries = run.lock_tries.unwrap_or(settings.lock_tries);
    settings.first_lock_budget = run.first_lock_budget.unwrap_or(settings.first_lock_budget);
    settings.writers_budget = run.writers_budget.unwrap_or(settings.writers_budget);
    settings.snapshots_budget = run.snapshots_budget.unwrap_or(settings.snapshots_budget);
    settings.on_budget = run.on_budget.map_or(settings.on_budget, Into::into);
    settings.on_abort = run.on_abort.map_or(settings.on_abort, Into::into);
    settings.maintenance_work_mem_kb = run.maintenance_work_mem.map(|size| size.0 / 1024);
    settings.memory_budget_kb = run.memory_budget.map(|size| size.0 / 1024);
    settings.parallel_workers = run.parallel_workers;
    settings.build_role.clone_from(&args.role);
    if run.build_duplicates {
        settings.duplicates = DuplicatePolicy::Build;
    }
    if run.repair_leftovers {
        settings.leftovers = LeftoverPolicy::Repair;
    }
    settings.thresholds.backup_max_age = args.backup_max_age;
    settings.only_plan = run.plan_id.clone().map(PlanId);
    settings
}

/// Who the commands of this process come from.
pub fn author(around: &Surrounding) -> Person {
    around.person()
}

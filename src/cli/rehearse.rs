//! `cicerone rehearse`: a throwaway server, and then the same as anywhere else.

use std::io::Write;
use std::path::PathBuf;

use crate::domain::playbook::Playbook;
use crate::domain::registry::Registry;
use crate::domain::unit::Rows;
use crate::pg::conninfo::Host;
use crate::rehearsal::cluster::{Cluster, ClusterSpec};
use crate::rehearsal::discover::{Binaries, DiscoverError, Wanted, discover};
use crate::rehearsal::fault::{Fault, FaultTarget, Injection, Outcome, Since, Timing, inject};
use crate::rehearsal::fetch::{Consent, fetch};
use crate::rehearsal::guard::Listen;
use crate::rehearsal::sample::{SampleSize, analyze, load_sample, load_schema};
use crate::rehearsal::surroundings::Surroundings;
use crate::rehearsal::user::server_user;

use crate::sql::quote_qualified;

use super::apart::{self, Duty};
use super::args::{RehearseArgs, RunArgs, TargetArgs};
use super::attended;
use super::console::{self, Engine};
use super::drive::Answers;
use super::error::CliError;
use super::exit::Exit;
use super::input::{self, RegistryFiles};
use super::opening::{self, Fresh, Opened};
use super::run::{self, Headless, follow, signal_or};
use super::signal::Signals;
use super::stream::say;
use super::surrounding::Surrounding;
use super::window;
use super::wiring::{self, Reach};

/// Database of the sample.
const DATABASE: &str = "app";

/// `cicerone rehearse`.
pub async fn rehearse(
    rehearsal: &RehearseArgs,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    // Mistakes in files are told before a server is started for them.
    let script = Script::read(rehearsal, target)?;
    let cluster = start(rehearsal, around).await?;
    let mut server = Server::Goes;
    let result = match prepare(&cluster, rehearsal, &script).await {
        Ok(()) if rehearsal.only_server => only_server(&cluster).await,
        Ok(()) => walk(&cluster, &mut server, rehearsal, script, target, args, around).await,
        Err(error) => Err(error),
    };
    match server {
        Server::Stays => cluster.leave(),
        Server::Goes => cluster.stop().await,
    }
    result
}

/// What becomes of the throwaway server when this process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// The engine still uses it, and takes it along at its end.
    Stays,
    /// Nobody needs it any more.
    Goes,
}

/// The engine of a rehearsal whose server is up.
pub async fn engine(
    rehearsal: &RehearseArgs,
    conninfo: &str,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    let Script { registry, playbook, .. } = Script::read(rehearsal, target)?;
    let reach = Reach::rehearsal(conninfo, args, around)?;
    if !reach.info.endpoints.iter().all(|endpoint| matches!(endpoint.host, Host::Unix(_))) {
        return Err(CliError::usage("a throwaway server has a socket and nothing else").with_exit(Exit::Bug));
    }
    let opened = open(&reach, &registry, playbook, target, args, around)?;
    attended::attend(opened, &reach, target, args, registry, around, Vec::new()).await
}

/// Opens the rehearsal's run. The server of an earlier one is gone: there is nothing to take over.
fn open(
    reach: &Reach,
    registry: &RegistryFiles,
    playbook: (Playbook, String),
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<Opened, CliError> {
    let settings = wiring::settings(target, args, reach, &playbook.0);
    let dir = opening::state_dir(target, around)?;
    opening::open(&dir, Fresh { reach, registry, playbook, settings }, around)
}

/// The files that a rehearsal follows.
struct Script {
    registry: RegistryFiles,
    playbook: (Playbook, String),
    /// The user's own tables.
    schema: Option<String>,
    /// What faults hold, as SQL writes it.
    fault_table: String,
}

impl Script {
    fn read(rehearsal: &RehearseArgs, target: &TargetArgs) -> Result<Self, CliError> {
        let schema = match &rehearsal.schema {
            Some(file) => Some(fs_err::read_to_string(file).map_err(|error| {
                CliError::usage("the schema to rehearse on cannot be read")
                    .because(&error)
                    .hint("--schema names a file of SQL, such as the output of pg_dump --schema-only")
            })?),
            None => None,
        };
        let own = target.registry != [PathBuf::from("registry.toml")] || schema.is_some();
        let registry =
            if own { RegistryFiles::Paths(target.registry.clone()) } else { RegistryFiles::Sample };
        let first = if rehearsal.only_server { None } else { first_table(&registry.load()?) };
        // The sample's busiest table; an own registry names its own.
        let table = if own { first } else { None };
        let fault_table = rehearsal.fault_table.clone().or(table).unwrap_or_else(|| "leads".to_owned());
        let playbook = rehearsal.playbook.clone().unwrap_or_else(|| PathBuf::from("rehearsal"));
        Ok(Self { registry, playbook: input::playbook(&playbook)?, schema, fault_table })
    }
}

fn first_table(registry: &Registry) -> Option<String> {
    registry.entries.first().map(|entry| quote_qualified(&entry.table.schema, &entry.table.name))
}

async fn start(rehearsal: &RehearseArgs, around: &Surrounding) -> Result<Cluster, CliError> {
    let surroundings = Surroundings::read(|name| around.var(name));
    let binaries = binaries(rehearsal, &surroundings)?;
    let run_as = server_user(&surroundings)
        .map_err(|error| CliError::usage("there is no account to run a server as").because(&error))?;
    let parent_dir = match &rehearsal.temp_dir {
        Some(folder) => folder.clone(),
        None => around.var("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from),
    };
    let guard_exe = std::env::current_exe()
        .map_err(|error| CliError::usage("the program does not find itself").because(&error))?;
    say(&format!("Starting a throwaway PostgreSQL {} from {}", binaries.version, binaries.folder.display()));
    let spec = ClusterSpec {
        binaries,
        parent_dir,
        settings: Vec::new(),
        listen: if rehearsal.only_server { Listen::Loopback } else { Listen::SocketOnly },
        guard_exe,
        run_as,
        templates: None,
    };
    Cluster::start(spec)
        .await
        .map_err(|error| CliError::usage("the throwaway server did not start").because(&error))
}

fn binaries(rehearsal: &RehearseArgs, surroundings: &Surroundings) -> Result<Binaries, CliError> {
    let wanted = Wanted { folder: rehearsal.pg_bin.clone(), major: rehearsal.pg_version };
    let missing = match discover(surroundings, &wanted) {
        Ok(binaries) => return Ok(binaries),
        Err(error @ (DiscoverError::NotAServer(_) | DiscoverError::OtherVersion { .. })) => {
            return Err(CliError::usage("that is no server to rehearse on").because(&error));
        }
        Err(error @ DiscoverError::NotFound { .. }) => error,
    };
    let consent = if rehearsal.fetch { Consent::Given } else { Consent::Withheld };
    if rehearsal.fetch {
        say(&format!("{missing}: fetching a pinned build"));
    }
    fetch(surroundings, rehearsal.pg_version, consent).map_err(|error| {
        CliError::usage("there is no PostgreSQL server to rehearse on").because(&missing).because(&error)
    })
}

async fn prepare(cluster: &Cluster, rehearsal: &RehearseArgs, script: &Script) -> Result<(), CliError> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        CliError::usage("the sample database could not be made").because(error)
    };
    load_schema(&cluster.conninfo("postgres"), &format!("CREATE DATABASE {DATABASE}"))
        .await
        .map_err(|error| failed(&error))?;
    let conninfo = cluster.conninfo(DATABASE);
    if let (Some(sql), Some(file)) = (&script.schema, &rehearsal.schema) {
        say(&format!("Loading {}", file.display()));
        load_schema(&conninfo, sql).await.map_err(|error| {
            CliError::usage(format!("{} could not be loaded", file.display()))
                .because(&error)
                .hint("it is sent as it stands: plain SQL, without psql's own commands and without COPY data")
        })?;
        analyze(&conninfo).await.map_err(|error| failed(&error))?;
    } else {
        let size = SampleSize { scale: rehearsal.scale, pace: rehearsal.pace };
        say(&format!("Loading {} rows into 28 tables", crate::text::count(size.total().0)));
        load_sample(&conninfo, size, |_: &'static str, _: Rows| {}).await.map_err(|error| failed(&error))?;
    }
    Ok(())
}

async fn only_server(cluster: &Cluster) -> Result<u8, CliError> {
    let mut signals = Signals::install()?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", cluster.conninfo(DATABASE))?;
    if let Some(tcp) = cluster.conninfo_tcp(DATABASE) {
        writeln!(out, "{tcp}")?;
    }
    out.flush()?;
    say(&format!("Server log: {}\nCtrl-C ends the server.", cluster.log_path().display()));
    signals.next().await;
    Ok(Exit::Verified as u8)
}

async fn walk(
    cluster: &Cluster,
    server: &mut Server,
    rehearsal: &RehearseArgs,
    script: Script,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    let target_of_faults = FaultTarget::new(cluster, DATABASE)
        .on_table(&script.fault_table)
        .holding(rehearsal.fault_hold.into())
        .counting(Since::FirstBuild);
    let mut injected = inject_all(&target_of_faults, &rehearsal.faults, Timing::BeforeTheRun).await?;
    let reach = Reach::rehearsal(&cluster.conninfo(DATABASE), args, around)?;
    let Script { registry, playbook, .. } = script;
    let code = if around.form(&args.look).is_some() && !args.headless {
        let lifeline = cluster.lifeline().map_err(|error| {
            CliError::usage("the throwaway server cannot be handed over").because(&error).with_exit(Exit::Bug)
        })?;
        let options = console::options(&reach, args, around);
        let duty = Duty::Rehearsal { conninfo: cluster.conninfo(DATABASE) };
        let engine = Engine::Starting(apart::start(&duty, Some(lifeline))?);
        // Whatever becomes of this process: it would wait for a server that the engine needs.
        *server = Server::Stays;
        injected.extend(inject_all(&target_of_faults, &rehearsal.faults, Timing::Anytime).await?);
        let shown = Box::pin(console::show(engine, options, args, around)).await?;
        if shown.ended {
            *server = Server::Goes;
        }
        shown.code()
    } else {
        let window_end = window::asked(args, around)?;
        let opened = open(&reach, &registry, playbook, target, args, around)?;
        injected.extend(inject_all(&target_of_faults, &rehearsal.faults, Timing::Anytime).await?);
        let answers = headless_answers(args);
        let headless = Headless { reach: &reach, target, registry, output: args.output, answers, window_end };
        let (exit, driven) = follow(opened, headless, around).await?;
        signal_or(&driven, args.exit_policy.apply(exit))
    };
    for fault in injected {
        report_fault(fault).await;
    }
    Ok(code)
}

/// Without a screen a rehearsal answers its own gates: there is nothing to lose.
fn headless_answers(args: &RunArgs) -> Answers {
    let mut answers = run::answers(args);
    answers.go = true;
    answers.sign_off.get_or_insert_with(|| ("rehearsal".to_owned(), "rehearsed without a screen".to_owned()));
    answers
}

async fn inject_all(
    target: &FaultTarget,
    faults: &[Fault],
    timing: Timing,
) -> Result<Vec<Injection>, CliError> {
    let mut injected = Vec::new();
    for fault in faults.iter().filter(|fault| fault.timing() == timing) {
        say(&format!("Fault: {}", fault.summary()));
        let injection = inject(*fault, target.clone()).await.map_err(|error| {
            CliError::usage(format!("the fault {fault} could not be injected")).because(&error)
        })?;
        injected.push(injection);
    }
    Ok(injected)
}

async fn report_fault(injection: Injection) {
    let fault = injection.fault();
    let line = match injection.stop().await {
        Ok(Outcome::Struck(pid)) => format!("Fault {fault}: struck pid {pid}"),
        Ok(Outcome::Released) => format!("Fault {fault}: over"),
        Ok(Outcome::SessionEnded) => format!("Fault {fault}: its session was ended"),
        Ok(Outcome::NothingToHit) => format!("Fault {fault}: found nothing to hit"),
        Err(error) => format!("Fault {fault}: {error}"),
    };
    // On standard error, so that the last line of standard output stays the result.
    say(&line);
}

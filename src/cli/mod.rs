//! Composition root: arguments, environment and configuration become wired adapters.

use std::ffi::OsString;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

pub mod answer;
pub mod apart;
pub mod args;
pub mod attended;
pub mod audit;
pub mod config;
pub mod console;
pub mod drive;
pub mod ending;
mod enrolment;
pub mod error;
pub mod exit;
mod finding;
mod folder;
pub mod guard;
pub mod hold;
mod import;
pub mod input;
pub mod inspect;
pub mod lint;
pub mod logging;
pub mod look;
mod names;
pub mod opening;
pub mod paths;
pub mod plan;
pub mod preflight;
mod project;
pub mod registry;
pub mod rehearse;
pub mod run;
pub mod show;
pub mod signal;
pub mod source;
pub mod stream;
pub mod surrounding;
pub mod table;
pub mod window;
pub mod wiring;

use crate::rehearsal::guard as keeper;
use crate::relay::Role;

use args::{ConfigVerb, JournalVerb, Output, RegistryVerb, RunArgs, TargetArgs, Verb};
use config::{ParseError, Parsed, Setup};
use error::CliError;
use exit::Exit;
use stream::{Patient, say};
use surrounding::Surrounding;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == keeper::SUBCOMMAND
    {
        return keeper::run(rest);
    }
    install_hooks();
    let around = Surrounding::read();
    let whole: Vec<OsString> = std::env::args_os().collect();
    let parsed = match config::parse(&whole, &around) {
        Ok(parsed) => parsed,
        Err(ParseError::Usage(error)) => {
            // Help and version are answers, everything else is a usage error; clap prints both where they belong.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 });
        }
        Err(ParseError::Config(error)) => {
            if apart::Duty::of_this_process(&around).is_some() {
                // A file that was changed since the console read it. Nobody reads an engine's standard error.
                let _ = apart::announce(&apart::Birth::Failed((*error).clone()));
            }
            return fail(&error);
        }
    };
    // A panic has written its report in the hook; what is left to say is the exit code of a bug.
    match catch_unwind(AssertUnwindSafe(|| answer(parsed, &around))) {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(error)) => fail(&error),
        Err(_) => ExitCode::from(Exit::Bug as u8),
    }
}

/// Does what is asked for, with a runtime only where there is something to wait for: its threads take time and memory.
fn answer(parsed: Parsed, around: &Surrounding) -> Result<u8, CliError> {
    let Parsed { cli, setup } = parsed;
    let playbook = std::path::PathBuf::from("playbooks/index-rollout.toml");
    let command = cli.command.unwrap_or(Verb::Console { playbook });
    let mut out = Patient::new(std::io::stdout());
    let duty = apart::Duty::of_this_process(around);
    if duty.is_none() && !waits(&command) {
        return without_server(command, &setup, &cli.target, &cli.run, around, &mut out);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().map_err(
            |error| CliError::usage("no runtime could be started").because(&error).with_exit(Exit::Bug),
        )?;
    let result = runtime.block_on(async {
        match duty {
            Some(duty) => apart::engine(command, duty, &cli.target, &cli.run, around).await,
            None => Box::pin(dispatch(command, &setup, &cli.target, &cli.run, around, &mut out)).await,
        }
    });
    // Connections that still wait for a server must not keep the process.
    runtime.shutdown_background();
    result
}

/// Whether a command waits for a server, a terminal or another process.
fn waits(command: &Verb) -> bool {
    match command {
        Verb::Audit(what) => what.live,
        Verb::Import(what) => what.live,
        Verb::Lint(_)
        | Verb::Guard(_)
        | Verb::Config { .. }
        | Verb::Paths
        | Verb::Completions { .. }
        | Verb::Man { .. }
        | Verb::Runs
        | Verb::Status { .. }
        | Verb::Report { .. }
        | Verb::Registry { .. }
        | Verb::Journal { .. } => false,
        Verb::Console { .. }
        | Verb::Attach { .. }
        | Verb::Show { .. }
        | Verb::Rehearse(_)
        | Verb::Run { .. }
        | Verb::Plan { .. }
        | Verb::Preflight { .. }
        | Verb::Verify
        | Verb::Rollback { .. } => true,
    }
}

fn fail(error: &CliError) -> ExitCode {
    // Without a standard error there is only the code.
    let _ = write!(std::io::stderr(), "{error}");
    ExitCode::from(error.exit as u8)
}

/// A panic always reaches the log; it reaches the terminal only while no screen is up.
fn install_hooks() {
    let (panic_hook, eyre_hook) = color_eyre::config::HookBuilder::default().into_hooks();
    // Installed twice only in tests.
    let _ = eyre_hook.install();
    std::panic::set_hook(Box::new(move |info| {
        let report = panic_hook.panic_report(info);
        tracing::error!(%report, "panic");
        if !console::SCREEN.load(Ordering::SeqCst) {
            let _ = writeln!(std::io::stderr(), "{report}");
        }
    }));
}

/// Commands that wait for something.
async fn dispatch(
    command: Verb,
    setup: &Setup,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    mut out: &mut dyn Write,
) -> Result<u8, CliError> {
    match command {
        Verb::Console { .. } if around.form(&args.look).is_some() && !args.headless => {
            Box::pin(console::console(target, args, around)).await
        }
        Verb::Attach { run, observe } => {
            let wants = if observe { Role::Observer } else { Role::Controller };
            Box::pin(console::attach(run.as_deref(), wants, target, args, around)).await
        }
        Verb::Console { playbook } => {
            if !args.headless {
                say(
                    "No terminal that could show a console: running without a screen, as `cicerone run` does",
                );
            }
            run::run(&playbook, target, args, around).await
        }
        Verb::Rehearse(rehearsal) => rehearse::rehearse(&rehearsal, target, args, around).await,
        Verb::Run { playbook } => run::run(&playbook, target, args, around).await,
        Verb::Rollback { run_id, entries, confirm } => {
            Box::pin(run::rollback(run_id.as_deref(), &entries, &confirm, target, args, around)).await
        }
        Verb::Plan { playbook } => {
            inspect::plan(&playbook, target, args, around, &mut out).await.map(|exit| applied(args, exit))
        }
        Verb::Preflight { playbook } => inspect::preflight(&playbook, target, args, around, &mut out)
            .await
            .map(|exit| applied(args, exit)),
        Verb::Show { screen, run } => {
            show::show(screen.into(), run.as_deref(), target, args, around, &mut out).await
        }
        Verb::Verify => inspect::verify(target, args, around, &mut out).await.map(|exit| applied(args, exit)),
        Verb::Audit(what) => {
            let setting = of_audit(setup, target, args, around);
            let done = audit::audit_live(&what, &setting, target, args, around, out).await;
            done.map(|exit| applied(args, exit))
        }
        Verb::Import(what) => {
            let setting = of_import(setup, target, args);
            let done = import::of_database(&what, &setting, target, args, around, out).await;
            done.map(|exit| applied(args, exit))
        }
        Verb::Lint(_)
        | Verb::Guard(_)
        | Verb::Config { .. }
        | Verb::Paths
        | Verb::Completions { .. }
        | Verb::Man { .. }
        | Verb::Runs
        | Verb::Status { .. }
        | Verb::Report { .. }
        | Verb::Registry { .. }
        | Verb::Journal { .. } => Ok(Exit::Bug as u8),
    }
}

/// Whether somebody named a registry. It has a default, which counts only where one is wanted.
fn names_registry(setup: &Setup) -> bool {
    setup.rows.iter().any(|row| row.key.ends_with(".registry") && row.from != "default")
}

fn of_audit<'a>(
    setup: &Setup,
    target: &'a TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> audit::Setting<'a> {
    audit::Setting {
        registry: names_registry(setup).then_some(target.registry.as_slice()),
        usual: &target.registry,
        hand: hand(args),
        output: args.output,
        width: table::width(around),
    }
}

fn of_import<'a>(setup: &Setup, target: &'a TargetArgs, args: &RunArgs) -> import::Setting<'a> {
    import::Setting {
        registry: &target.registry,
        said: names_registry(setup),
        hand: hand(args),
        output: args.output,
    }
}

/// A dry run writes no file either.
fn hand(args: &RunArgs) -> enrolment::Hand {
    if args.dry_run { enrolment::Hand::Show } else { enrolment::Hand::Write }
}

fn applied(args: &RunArgs, exit: Exit) -> u8 {
    args.exit_policy.apply(exit) as u8
}

fn configuration(
    verb: Option<ConfigVerb>,
    setup: &Setup,
    args: &RunArgs,
    out: &mut dyn Write,
) -> Result<u8, CliError> {
    let exit = match verb {
        None => config::show(setup, args.output, out)?,
        Some(ConfigVerb::Check { files }) => config::check(&files, out)?,
    };
    Ok(applied(args, exit))
}

/// Commands that need no server.
fn without_server(
    verb: Verb,
    setup: &Setup,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
    out: &mut dyn Write,
) -> Result<u8, CliError> {
    match verb {
        Verb::Audit(what) => {
            audit::audit(&what, &of_audit(setup, target, args, around), out).map(|exit| applied(args, exit))
        }
        Verb::Import(what) => {
            import::of_files(&what, &of_import(setup, target, args), out).map(|exit| applied(args, exit))
        }
        Verb::Lint(what) => lint::lint(&what, args.output, out).map(|exit| applied(args, exit)),
        Verb::Guard(what) => {
            guard::guard(&what, args.output, table::width(around), out).map(|exit| applied(args, exit))
        }
        Verb::Config { verb } => configuration(verb, setup, args, out),
        Verb::Paths => paths::paths(setup, target, args.output, around, out).map(|exit| applied(args, exit)),
        Verb::Runs | Verb::Status { all: true, .. } => {
            inspect::all_status(target, args, around, out).map(|exit| applied(args, exit))
        }
        Verb::Status { run, all: false } => {
            inspect::status(run.as_deref(), target, args, around, out).map(|exit| applied(args, exit))
        }
        Verb::Report { run } => {
            inspect::report(run.as_deref(), target, around, out).map(|exit| applied(args, exit))
        }
        Verb::Registry { verb: RegistryVerb::Check { paths } } => {
            let paths = if paths.is_empty() { target.registry.clone() } else { paths };
            let output = match args.output {
                Output::Plain => registry::Output::Text,
                Output::Json => registry::Output::Json,
            };
            Ok(registry::check(&paths, out, output)?)
        }
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut config::command(), "cicerone", &mut &mut *out);
            Ok(Exit::Verified as u8)
        }
        Verb::Man { folder } => {
            clap_mangen::generate_to(config::command(), &folder).map_err(|error| {
                CliError::usage(format!("no manual pages can be written into {}", folder.display()))
                    .because(&error)
                    .hint("make the folder first")
            })?;
            Ok(Exit::Verified as u8)
        }
        Verb::Journal { verb: JournalVerb::Verify { journal } } => {
            inspect::verify_journal(journal.as_deref(), target, args, around, out)
                .map(|exit| applied(args, exit))
        }
        Verb::Console { .. }
        | Verb::Attach { .. }
        | Verb::Show { .. }
        | Verb::Rehearse(_)
        | Verb::Run { .. }
        | Verb::Plan { .. }
        | Verb::Preflight { .. }
        | Verb::Verify
        | Verb::Rollback { .. } => Ok(Exit::Bug as u8),
    }
}

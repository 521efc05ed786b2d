//! The console: a screen that visits an engine. Whatever becomes of the screen, the run is not touched by it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::domain::id::{Person, RunId};
use crate::domain::sample::Samples;
use crate::domain::state::RunState;
use crate::host::logout;
use crate::ports::Clock;
use crate::relay::{self, Hello, PROTOCOL, Role, Visit};
use crate::store::run_journal::RunJournal;
use crate::ui::{self, Charset, Form, Inbound, Leave, Outbound, UiOptions, Wiring};

use super::apart::{self, Birth, Duty, Starting};
use super::args::{Output, RunArgs, TargetArgs};
use super::error::CliError;
use super::exit::{Exit, SIGNAL_BASE};
use super::look;
use super::opening;
use super::run;
use super::signal::{Signal, Signals};
use super::stream::say;
use super::surrounding::Surrounding;
use super::window;
use super::wiring::Reach;

mod session;

use session::Session;

/// Whether a screen is up: then nothing else may write to the terminal.
pub static SCREEN: AtomicBool = AtomicBool::new(false);

/// How long the screen waits for an engine that is about to say that it cannot run: a mistake in a file is told without a
/// flash of the screen.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long an engine may take to end a run in which nothing was done.
const GOODBYE: Duration = Duration::from_secs(10);

/// `cicerone console`.
pub async fn console(target: &TargetArgs, args: &RunArgs, around: &Surrounding) -> Result<u8, CliError> {
    let reach = Reach::resolve(target, args, around)?;
    // What was said wrongly is told before anything is opened.
    window::asked(args, around)?;
    let options = options(&reach, args, around);
    let engine = match opening::attended_of(&opening::state_dir(target, around)?, &reach)? {
        // Whoever lost a terminal runs the same command again.
        Some((folder, socket)) if !args.new_run => {
            let state = RunState::replay(&RunJournal::read(&folder.journal())?.events);
            run::check_same(&state, &folder, &reach, args)?;
            Engine::Listens { socket, run: folder.run().clone(), wants: Role::Controller }
        }
        Some(_) | None => {
            warn_of_logout(around);
            Engine::Starting(apart::start(&Duty::Target, None)?)
        }
    };
    let shown = show(engine, options, args, around).await?;
    Ok(shown.code())
}

/// Before anything starts: an engine that the system ends at logout does not outlive its console.
fn warn_of_logout(around: &Surrounding) {
    let in_session = around.var("XDG_SESSION_ID").is_some();
    if in_session && logout::ends_processes(Path::new("/"), &around.system_user().unwrap_or_default()) {
        say(
            "This system ends your processes at logout (KillUserProcesses=yes): the engine would end with your session.",
        );
        say("What survives: systemd-run --user --scope cicerone ..., or loginctl enable-linger");
    }
}

/// `cicerone attach`.
pub async fn attach(
    run: Option<&str>,
    wants: Role,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    let form = match args.output {
        // Programs only watch.
        Output::Json => Form::Json,
        Output::Plain => around.form(&args.look).ok_or_else(|| {
            CliError::usage("a console needs a terminal").hint(
                "`cicerone status` and `cicerone show` tell how a run stands without one, --output json follows it",
            )
        })?,
    };
    let wants = if form == Form::Json { Role::Observer } else { wants };
    let dir = opening::state_dir(target, around)?;
    let folder = match run {
        Some(run) => opening::find(&dir, Some(run))?.folder,
        None => opening::attended(&dir)?.ok_or_else(|| {
            CliError::usage("no engine drives a run here")
                .hint("`cicerone runs` lists the runs; `cicerone console` begins or takes over one")
                .with_exit(Exit::Unknown)
        })?,
    };
    let none = || {
        CliError::usage(format!("no engine drives run {}", folder.run().as_str()))
            .hint("the command that began it takes it over: `cicerone console` or `cicerone run`")
            .with_exit(Exit::Unknown)
    };
    let socket = folder.socket().ok_or_else(none)?;
    let engine = Engine::Listens { socket, run: folder.run().clone(), wants };
    let looks = look::looks(&args.look, around);
    // Everything beyond ASCII is escaped in JSON.
    let charset = if form == Form::Json { Charset::Unicode } else { looks.charset };
    let options = UiOptions { form, charset, title: folder.run().as_str().to_owned(), ..looks };
    Ok(show(engine, options, args, around).await?.code())
}

/// Where the engine is.
pub enum Engine {
    /// It was started and has not said where.
    Starting(Starting),
    /// Here.
    Listens {
        /// Its socket.
        socket: PathBuf,
        /// Its run.
        run: RunId,
        /// What this console wants to be.
        wants: Role,
    },
}

/// How a console ended.
pub struct Shown {
    /// The run's exit code, as the engine's policy has it; unknown for a run that goes on.
    pub exit: u8,
    /// Whether the engine said that it has ended.
    pub ended: bool,
    /// The signal that ended the console.
    pub signal: Option<Signal>,
}

impl Shown {
    /// The process's exit code.
    pub fn code(&self) -> u8 {
        match self.signal {
            Some(signal @ (Signal::Interrupt | Signal::Terminate)) => SIGNAL_BASE + signal.number(),
            // As with a terminal that is gone before its signal comes.
            Some(Signal::Hangup) | None => self.exit,
        }
    }
}

/// Shows a run until the operator has left.
pub async fn show(
    engine: Engine,
    options: UiOptions,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<Shown, CliError> {
    // An engine that is started here has the flag itself.
    let window_end = match &engine {
        Engine::Listens { .. } => window::asked(args, around)?,
        Engine::Starting(_) => None,
    };
    let signals = Signals::of_screen()?;
    let form = options.form;
    explain(form, args, around);
    let by = around.person();
    let mut arrival = Box::pin(arrive(engine, &by));
    let early = timeout(PATIENCE, &mut arrival).await;
    if let Ok(Err(failure)) = early {
        return Err(failure);
    }
    let (to_screen, inbound) = std_mpsc::channel();
    let (wishes, asked) = mpsc::unbounded_channel();
    let samples = Arc::new(Mutex::new(Samples::default()));
    let leaves = screen(Screen { inbound, wishes, samples: samples.clone(), options }, &by, around)?;
    let mut screen = Shut { leaves, asked, to_screen, signals, form };
    let arrived = if let Ok(arrived) = early { Some(arrived) } else { screen.until(&mut arrival).await };
    let gone = if arrived.is_none() { Some(screen.left().await) } else { None };
    let arrived = match arrived {
        Some(arrived) => Ok(arrived),
        // Left before the engine had spoken: what was left is told, if it speaks soon.
        None => timeout(GOODBYE, &mut arrival).await,
    };
    let Ok(arrived) = arrived else {
        return Ok(Shown {
            exit: Exit::Unknown as u8,
            ended: false,
            signal: gone.and_then(|(_, signal)| signal),
        });
    };
    drop(arrival);
    let arrived = match arrived {
        Ok(arrived) => arrived,
        Err(failure) => {
            if gone.is_none() {
                let _ = screen.to_screen.send(Inbound::LeaveNow);
                screen.leaves.recv().await;
            }
            return Err(failure);
        }
    };
    let mut session = Session::new(arrived, screen.to_screen.clone(), samples, by);
    session.set_window(window_end).await;
    let (leave, signal) = match gone {
        Some(gone) => gone,
        None => session.run(&mut screen).await,
    };
    session.signal = signal;
    session.left(leave, &mut screen.signals).await;
    session.last_words(form);
    let exit = args.exit_policy.apply_to_code(session.exit());
    Ok(Shown { exit, ended: session.end.is_some(), signal: session.signal })
}

/// How the screen was left, and the signal that made it so.
type Gone = (Option<Result<Leave, ui::UiError>>, Option<Signal>);

/// The screen as seen from here.
struct Shut {
    leaves: mpsc::Receiver<Result<Leave, ui::UiError>>,
    asked: mpsc::UnboundedReceiver<Outbound>,
    to_screen: std_mpsc::Sender<Inbound>,
    signals: Signals,
    form: Form,
}

/// Waits for a signal that makes the console go, and keeps it. Where the terminal is in its line mode, Ctrl-C is a
/// signal, and means what the key means.
async fn signalled(signals: &mut Signals, to_screen: &std_mpsc::Sender<Inbound>, form: Form) {
    loop {
        signals.keep().await;
        if form != Form::Lines || signals.kept() != Some(Signal::Interrupt) {
            return;
        }
        signals.forget();
        let _ = to_screen.send(Inbound::Interrupt);
    }
}

/// Why there are lines where somebody may have expected a screen.
fn explain(form: Form, args: &RunArgs, around: &Surrounding) {
    if form == Form::Lines && !args.look.plain {
        let term = around.text("TERM").map_or("TERM is not set".to_owned(), |term| format!("TERM={term}"));
        say(&format!("This terminal shows no screen ({term}): the console speaks in lines, as with --plain"));
    }
}

impl Shut {
    /// What comes first, unless the screen is about to be left.
    async fn until<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.is_about_to_go() => None,
        }
    }

    /// Waits without taking anything away from [`Self::left`] but a signal, which is kept for it.
    async fn is_about_to_go(&mut self) {
        while self.leaves.is_empty() && !self.leaves.is_closed() && self.signals.kept().is_none() {
            let pause = tokio::time::sleep(Duration::from_millis(20));
            tokio::select! {
                () = pause => {}
                () = signalled(&mut self.signals, &self.to_screen, self.form) => {}
            }
        }
    }

    /// Waits until it is left; a signal makes it so.
    async fn left(&mut self) -> Gone {
        let signal = self.signals.kept();
        if signal.is_some() {
            let _ = self.to_screen.send(Inbound::LeaveNow);
        }
        (self.leaves.recv().await, signal)
    }
}

/// An engine that let this console in.
struct Arrived {
    visit: Visit,
    socket: PathBuf,
    notes: Vec<String>,
}

async fn arrive(engine: Engine, by: &Person) -> Result<Arrived, CliError> {
    let Found { socket, notes, wants } = born(engine).await?;
    let visit = relay::visit(&socket, hello(by, wants)).await.map_err(|error| {
        CliError::usage("the run's engine does not answer")
            .because(&error)
            .hint("the command that began the run takes it over when its engine is gone")
            .with_exit(Exit::Unknown)
    })?;
    Ok(Arrived { visit, socket, notes })
}

/// What this console says at the door.
pub fn hello(by: &Person, wants: Role) -> Hello {
    Hello { protocol: PROTOCOL, build: env!("CARGO_PKG_VERSION").to_owned(), person: by.clone(), wants }
}

struct Found {
    socket: PathBuf,
    notes: Vec<String>,
    wants: Role,
}

async fn born(engine: Engine) -> Result<Found, CliError> {
    match engine {
        Engine::Listens { socket, wants, .. } => Ok(Found { socket, notes: Vec::new(), wants }),
        Engine::Starting(starting) => match starting.birth().await {
            Birth::Listens { socket, notes, .. } => Ok(Found { socket, notes, wants: Role::Controller }),
            Birth::Failed(error) => Err(error),
        },
    }
}

struct Screen {
    inbound: std_mpsc::Receiver<Inbound>,
    wishes: mpsc::UnboundedSender<Outbound>,
    samples: Arc<Mutex<Samples>>,
    options: UiOptions,
}

/// Starts the screen's thread. What comes back is how it was left, once.
fn screen(
    screen: Screen,
    by: &Person,
    around: &Surrounding,
) -> Result<mpsc::Receiver<Result<Leave, ui::UiError>>, CliError> {
    let Screen { inbound, wishes, samples, options } = screen;
    let wiring = Wiring {
        inbound,
        samples: Box::new(move || samples.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        outbound: Box::new(move |wish| {
            // Nobody takes wishes of a screen that is being left.
            let _ = wishes.send(wish);
        }),
        operator: by.clone(),
        options,
        now: {
            let clock = around.clock.clone();
            Box::new(move || clock.now())
        },
    };
    let (left, leaves) = mpsc::channel(1);
    std::thread::Builder::new()
        .name("console".to_owned())
        .spawn(move || {
            SCREEN.store(true, Ordering::SeqCst);
            let leave = ui::run(wiring);
            SCREEN.store(false, Ordering::SeqCst);
            // The other side waits for exactly this.
            let _ = left.blocking_send(leave);
        })
        .map_err(|error| CliError::usage("the console cannot be started").because(&error))?;
    Ok(leaves)
}

/// Looks, and what is known of the target before anything was read.
pub fn options(reach: &Reach, args: &RunArgs, around: &Surrounding) -> UiOptions {
    UiOptions {
        environment: reach.environment.clone(),
        mode: reach.mode,
        title: reach.title.clone(),
        ..look::looks(&args.look, around)
    }
}

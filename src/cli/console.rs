//! The console: a screen that visits an engine. Whatever becomes of the screen, the run is not touched by it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::domain::command::{Command, Verb};
use crate::domain::id::{Person, RunId};
use crate::domain::sample::Samples;
use crate::domain::unit::Millis;
use crate::host::logout;
use crate::ports::Clock;
use crate::relay::{self, Ears, FromEngine, Hello, Mouth, PROTOCOL, Role, ToEngine, Visit};
use crate::ui::{self, Charset, Home, Inbound, Leave, Multiplexer, Outbound, Theme, UiOptions, Wiring};

use super::apart::{self, Birth, Duty, Starting};
use super::args::{Color, OnDetach, RunArgs, TargetArgs};
use super::error::CliError;
use super::exit::{Exit, SIGNAL_BASE};
use super::opening;
use super::signal::{Signal, Signals};
use super::stream::say;
use super::surrounding::Surrounding;
use super::wiring::Reach;

/// Whether a screen is up: then nothing else may write to the terminal.
pub static SCREEN: AtomicBool = AtomicBool::new(false);

/// How long the screen waits for an engine that is about to say that it cannot run: a mistake in a file is told without a
/// flash of the screen.
const PATIENCE: Duration = Duration::from_millis(40);

/// How long an engine may take to end a run in which nothing was done.
const GOODBYE: Duration = Duration::from_secs(10);

/// `cicerone console`.
pub async fn console(target: &TargetArgs, args: &RunArgs, around: &Surrounding) -> Result<u8, CliError> {
    let reach = Reach::resolve(target, args, around)?;
    let engine = match opening::attended_of(&opening::state_dir(target, around)?, &reach)? {
        // Whoever lost a terminal runs the same command again.
        Some((run, socket)) if !args.new_run => Engine::Listens { socket, run, wants: Role::Controller },
        Some(_) | None => {
            warn_of_logout(around);
            Engine::Starting(apart::start(&Duty::Target, None)?)
        }
    };
    let shown = show(engine, options(&reach, args, around), args, around).await?;
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
    if !around.has_screen() {
        return Err(CliError::usage("a console needs a terminal")
            .hint("`cicerone status` tells how a run stands without one"));
    }
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
    let options = UiOptions { title: folder.run().as_str().to_owned(), ..looks(args, around) };
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
    /// Whether the run goes on without it.
    pub goes_on: bool,
    /// The signal that ended the console.
    pub signal: Option<Signal>,
}

impl Shown {
    /// The process's exit code.
    pub fn code(&self) -> u8 {
        match self.signal {
            Some(signal) => SIGNAL_BASE + signal.number(),
            None => self.exit,
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
    let mut signals = Signals::install()?;
    let by = around.person();
    let mut born = Box::pin(born(engine));
    let early = timeout(PATIENCE, &mut born).await;
    if let Ok(Err(failure)) = early {
        return Err(failure);
    }
    let (to_screen, inbound) = std_mpsc::channel();
    let (wishes, mut asked) = mpsc::unbounded_channel();
    let samples = Arc::new(Mutex::new(Samples::default()));
    let mut leaves = screen(Screen { inbound, wishes, samples: samples.clone(), options }, &by, around)?;
    let mut gone = None;
    let born = if let Ok(found) = early {
        found
    } else {
        tokio::select! {
            found = &mut born => found,
            leave = leaves.recv() => {
                gone = Some((leave, None));
                born.await
            }
            signal = signals.next() => {
                let _ = to_screen.send(Inbound::LeaveNow);
                gone = Some((leaves.recv().await, Some(signal)));
                born.await
            }
        }
    };
    let visit = match born {
        Ok(found) => enter(found, &by).await,
        Err(failure) => Err(failure),
    };
    let (visit, notes) = match visit {
        Ok(visit) => visit,
        Err(failure) => {
            let _ = to_screen.send(Inbound::LeaveNow);
            leaves.recv().await;
            return Err(failure);
        }
    };
    for note in notes {
        let _ = to_screen.send(Inbound::Note(note));
    }
    let mut session = Session::new(visit, to_screen, samples, by);
    match gone {
        // Left before the engine had spoken.
        Some((leave, signal)) => {
            session.signal = signal;
            session.left(leave).await;
        }
        None => session.run(&mut asked, &mut leaves, &mut signals).await,
    }
    session.last_words(args.on_detach);
    let goes_on = session.end.is_none() && session.ears.is_some();
    Ok(Shown { exit: session.exit(), goes_on, signal: session.signal })
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

async fn enter(found: Found, by: &Person) -> Result<(Visit, Vec<String>), CliError> {
    let Found { socket, mut notes, wants } = found;
    let hello =
        Hello { protocol: PROTOCOL, build: env!("CARGO_PKG_VERSION").to_owned(), person: by.clone(), wants };
    let visit = relay::visit(&socket, hello).await.map_err(|error| {
        CliError::usage("the run's engine does not answer")
            .because(&error)
            .hint("the command that began the run takes it over when its engine is gone")
            .with_exit(Exit::Unknown)
    })?;
    if visit.welcome.role == Role::Observer {
        notes.push(match &visit.welcome.holder {
            Some(holder) => format!("{} has the run in hand: this console only watches", holder.0),
            None => "this console only watches".to_owned(),
        });
    }
    Ok((visit, notes))
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

struct Session {
    ears: Option<Ears>,
    mouth: Mouth,
    run: RunId,
    by: Person,
    to_screen: std_mpsc::Sender<Inbound>,
    samples: Arc<Mutex<Samples>>,
    /// What the engine said at its end.
    end: Option<(Vec<String>, u8)>,
    signal: Option<Signal>,
    /// Whether the operator left the run to itself.
    meant: bool,
    screen_error: Option<String>,
}

impl Session {
    fn new(
        visit: Visit,
        to_screen: std_mpsc::Sender<Inbound>,
        samples: Arc<Mutex<Samples>>,
        by: Person,
    ) -> Self {
        let Visit { welcome, ears, mouth } = visit;
        Self {
            ears: Some(ears),
            mouth,
            run: welcome.run,
            by,
            to_screen,
            samples,
            end: None,
            signal: None,
            meant: false,
            screen_error: None,
        }
    }

    async fn run(
        &mut self,
        asked: &mut mpsc::UnboundedReceiver<Outbound>,
        leaves: &mut mpsc::Receiver<Result<Leave, ui::UiError>>,
        signals: &mut Signals,
    ) {
        let mut beats = interval(relay::BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = hear(&mut self.ears) => self.heard(message),
                Some(wish) = asked.recv() => self.wish(wish).await,
                _ = beats.tick() => self.say(&ToEngine::Beat).await,
                leave = leaves.recv() => {
                    // What was wished before it was left counts.
                    while let Ok(wish) = asked.try_recv() {
                        self.wish(wish).await;
                    }
                    return self.left(leave).await;
                }
                signal = signals.next() => {
                    self.signal = Some(signal);
                    let _ = self.to_screen.send(Inbound::LeaveNow);
                }
            }
        }
    }

    fn heard(&mut self, message: Option<FromEngine>) {
        // A screen that is gone says so through its own channel.
        let tell = |message| drop(self.to_screen.send(message));
        match message {
            Some(FromEngine::Event(event)) => tell(Inbound::Event(event)),
            Some(FromEngine::Refused { verb, refusal }) => tell(Inbound::Refused { verb, refusal }),
            Some(FromEngine::ReportWritten { path }) => tell(Inbound::ReportWritten { path }),
            Some(FromEngine::ReportFailed { why }) => tell(Inbound::ReportFailed { why }),
            Some(FromEngine::Note(text)) => tell(Inbound::Note(text)),
            Some(FromEngine::Samples(samples)) => {
                *self.samples.lock().unwrap_or_else(PoisonError::into_inner) = samples;
            }
            Some(FromEngine::Lease { holder, role }) => {
                tell(Inbound::Said(match (role, holder) {
                    (Role::Controller, _) => "this console has the run in hand".to_owned(),
                    (Role::Observer, Some(holder)) => {
                        format!("{} has the run in hand: this console only watches", holder.0)
                    }
                    (Role::Observer, None) => "nobody has the run in hand".to_owned(),
                }));
            }
            Some(FromEngine::Ended { words, after, exit }) => {
                self.end = Some((after, exit));
                tell(Inbound::EngineEnded { words });
            }
            Some(FromEngine::Welcome(_) | FromEngine::Unfit { .. } | FromEngine::CaughtUp) => {}
            None => {
                self.ears = None;
                if self.end.is_none() {
                    tell(Inbound::EngineLost {
                        why: "the engine does not answer any more: run the same command again".to_owned(),
                    });
                }
            }
        }
    }

    async fn wish(&mut self, wish: Outbound) {
        match wish {
            Outbound::Command(command) => self.say(&ToEngine::Command(command)).await,
            Outbound::TakeControl => self.say(&ToEngine::Take).await,
            Outbound::WriteReport => self.say(&ToEngine::Report).await,
        }
    }

    /// An engine that is gone is noticed where it is listened to.
    async fn say(&mut self, message: &ToEngine) {
        if let Err(error) = self.mouth.say(message).await {
            tracing::debug!(%error, "the engine takes nothing more");
        }
    }

    /// A run in which nothing was done ends with its console; every other one goes on.
    async fn left(&mut self, leave: Option<Result<Leave, ui::UiError>>) {
        if let Some(Err(error)) = &leave {
            self.screen_error = Some(error.to_string());
        }
        if matches!(leave, Some(Ok(Leave::Detach))) {
            self.meant = true;
            return self.say(&ToEngine::Depart).await;
        }
        let wants_end = matches!(leave, Some(Ok(Leave::Quit))) && self.signal.is_none();
        if !wants_end || self.end.is_some() || self.ears.is_none() {
            return;
        }
        let reason = "left before anything was done".to_owned();
        let command = Command { by: self.by.clone(), verb: Verb::Abort { reason } };
        self.say(&ToEngine::Command(command)).await;
        let end = async {
            while self.end.is_none() && self.ears.is_some() {
                let message = hear(&mut self.ears).await;
                self.heard(message);
            }
        };
        // One that takes longer goes on; that is said.
        let _ = timeout(GOODBYE, end).await;
    }

    fn exit(&self) -> u8 {
        self.end.as_ref().map_or(Exit::Unknown as u8, |(_, exit)| *exit)
    }

    /// What stays on the terminal once the screen is gone.
    fn last_words(&self, policy: OnDetach) {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.screen_error.as_ref().map(|error| format!("The screen was lost: {error}")));
        match &self.end {
            Some((after, _)) => lines.extend(after.iter().cloned()),
            None if self.ears.is_none() => {
                lines.push(format!(
                    "The engine of run {} is gone: run the same command again to take it over",
                    self.run.as_str()
                ));
            }
            None => {
                let becomes = match policy {
                    _ if self.meant => "it goes on",
                    OnDetach::Hold => "running builds finish, then it holds",
                    OnDetach::GoOn => "it goes on up to the next step that needs a person",
                    OnDetach::Abort => "it ends",
                };
                lines.push(format!(
                    "Run {} is left to itself: {becomes}. `cicerone attach {}` returns to it",
                    self.run.as_str(),
                    self.run.as_str()
                ));
            }
        }
        // The terminal may be gone or frozen: that must not hold the process.
        let safe: Vec<String> = lines
            .into_iter()
            .map(|line| format!("{}\n", crate::text::Untrusted::from(line).display_safe(None)))
            .collect();
        ui::print_after(&safe.concat());
    }
}

/// For ever, once the engine is gone.
async fn hear(ears: &mut Option<Ears>) -> Option<FromEngine> {
    match ears {
        Some(ears) => ears.hear().await,
        None => std::future::pending().await,
    }
}

/// Looks, and what is known of the target before anything was read.
pub fn options(reach: &Reach, args: &RunArgs, around: &Surrounding) -> UiOptions {
    UiOptions {
        environment: reach.environment.clone(),
        mode: reach.mode,
        title: reach.title.clone(),
        ..looks(args, around)
    }
}

fn looks(args: &RunArgs, around: &Surrounding) -> UiOptions {
    let colour = match args.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => around.var("NO_COLOR").is_none(),
    };
    UiOptions {
        theme: if colour { Theme::Default } else { Theme::Mono },
        charset: if args.ascii || !around.has_unicode() { Charset::Ascii } else { Charset::Unicode },
        refresh: Millis(1_000),
        esc_delay: Millis(if around.var("SSH_CONNECTION").is_some() { 250 } else { 50 }),
        zone: jiff::tz::TimeZone::system(),
        multiplexer: if around.var("TMUX").is_some() { Multiplexer::Tmux } else { Multiplexer::None },
        home: Home::Apart,
        ..UiOptions::default()
    }
}

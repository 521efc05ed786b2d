//! The console: the screen on a thread of its own, the engine on the runtime, plain messages in between.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::domain::command::{Command, Refusal, Verb};
use crate::domain::event::{Event, EventKind, StepEvent};
use crate::domain::id::{CheckId, Person, StepId};
use crate::domain::sample::Samples;
use crate::domain::state::RunState;
use crate::domain::unit::Millis;
use crate::engine::{self, EngineEnd, EngineHandle, Opening, Outlets};
use crate::ports::Clock;
use crate::store::run_folder::RunFolder;
use crate::ui::{self, Charset, Inbound, Leave, Multiplexer, Outbound, Theme, UiOptions, Wiring};

use super::answer::{Rest, Said};
use super::args::{Color, RunArgs, TargetArgs};
use super::drive::Answers;
use super::ending;
use super::error::CliError;
use super::exit::{Exit, SIGNAL_BASE};
use super::hold::Hold;
use super::input::{self, RegistryFiles};
use super::logging;
use super::opening::{self, Fresh, Opened};
use super::run::{self, open_or_take_over};
use super::signal::{Signal, Signals};
use super::surrounding::Surrounding;
use super::wiring::{self, Reach, wire};

/// Whether a screen is up: then nothing else may write to the terminal.
pub static SCREEN: AtomicBool = AtomicBool::new(false);

/// `cicerone console`.
pub async fn console(
    playbook: &Path,
    target: &TargetArgs,
    args: &RunArgs,
    around: &Surrounding,
) -> Result<u8, CliError> {
    let reach = Reach::resolve(target, args, around)?;
    let registry = RegistryFiles::Paths(target.registry.clone());
    let loaded = input::playbook(playbook)?;
    let settings = wiring::settings(target, args, &reach, &loaded.0);
    let dir = opening::state_dir(target, around)?;
    let fresh = Fresh { reach: &reach, registry: &registry, playbook: loaded, settings };
    let opened = open_or_take_over(&dir, fresh, args, around)?;
    let shown = show(opened, &reach, target, args, registry, around).await?;
    Ok(shown.code(args))
}

/// How a console ended.
pub struct Shown {
    /// The run's exit code.
    pub exit: Exit,
    /// The signal that ended it.
    pub signal: Option<Signal>,
}

impl Shown {
    /// The process's exit code.
    pub fn code(&self, args: &RunArgs) -> u8 {
        match self.signal {
            Some(signal) => SIGNAL_BASE + signal.number(),
            None => args.exit_policy.apply(self.exit) as u8,
        }
    }
}

/// Shows a run until it has ended and the operator has left.
pub async fn show(
    opened: Opened,
    reach: &Reach,
    target: &TargetArgs,
    args: &RunArgs,
    registry: RegistryFiles,
    around: &Surrounding,
) -> Result<Shown, CliError> {
    let Opened { folder, journal, events, state } = opened;
    let log = logging::start(&folder, around)?;
    let label = format!("cicerone/{}", folder.run().0);
    let settings = state.run.as_ref().map(|run| run.settings.clone()).unwrap_or_default();
    let wired = wire(reach, target, registry, &settings, &label, around)?;
    let mut signals = Signals::install()?;
    let (event_sender, event_reader) = mpsc::unbounded_channel();
    let (sample_sender, sample_reader) = watch::channel(Samples::default());
    let (to_screen, inbound) = std_mpsc::channel();
    for event in events {
        // The screen's thread is not up yet: nothing can be gone.
        let _ = to_screen.send(Inbound::Event(event));
    }
    let outlets = Outlets { events: vec![event_sender], samples: sample_sender };
    let opening = Opening { journal: Box::new(journal), state, monitor: Box::new(wired.monitor) };
    let (engine, handle) = engine::open(wired.world, opening, outlets);
    let by = around.person();
    let wiring = Wiring {
        inbound,
        samples: Box::new(move || sample_reader.borrow().clone()),
        outbound: outbound(handle.clone(), to_screen.clone(), folder.clone()),
        operator: by.clone(),
        options: options(reach, args, around),
        now: {
            let clock = around.clock.clone();
            Box::new(move || clock.now())
        },
    };
    let (left, mut leaves) = mpsc::channel(1);
    let screen = std::thread::Builder::new()
        .name("console".to_owned())
        .spawn(move || {
            SCREEN.store(true, Ordering::SeqCst);
            let leave = ui::run(wiring);
            SCREEN.store(false, Ordering::SeqCst);
            // The other side waits for exactly this.
            let _ = left.blocking_send(leave);
        })
        .map_err(|error| CliError::usage("the console cannot be started").because(&error))?;
    let mut session = Session {
        state: Box::new(engine.state().clone()),
        answers: run::answers(args),
        answered: BTreeSet::new(),
        handle,
        by,
        to_screen,
        events: event_reader,
        attended: true,
        ending: false,
        signal: None,
        end: None,
        ui_error: None,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(engine.run());
    session.run(&mut tasks, &mut leaves, &mut signals, &folder).await;
    // The thread has answered before the loop ended; joining it cannot wait for anything but its last lines.
    if screen.join().is_err() {
        tracing::error!("the console's thread panicked");
    }
    wired.tasks.close();
    let end = session
        .end
        .ok_or_else(|| CliError::usage("the engine ended by a panic: see the log").with_exit(Exit::Bug))?;
    last_words(&folder, &end, session.ui_error.as_deref());
    drop(log);
    Ok(Shown { exit: ending::code(&end), signal: session.signal })
}

struct Session {
    handle: EngineHandle,
    by: Person,
    to_screen: std_mpsc::Sender<Inbound>,
    /// The fold, to know what flags are asked.
    state: Box<RunState>,
    /// What flags answer: it needs nobody at the screen.
    answers: Answers,
    /// Checks that flags have waived.
    answered: BTreeSet<CheckId>,
    events: mpsc::UnboundedReceiver<Event>,
    /// Whether somebody looks at the screen.
    attended: bool,
    /// Whether the run is to end at the step that waits, as soon as nothing runs any more.
    ending: bool,
    signal: Option<Signal>,
    end: Option<EngineEnd>,
    ui_error: Option<String>,
}

impl Session {
    async fn run(
        &mut self,
        tasks: &mut JoinSet<EngineEnd>,
        leaves: &mut mpsc::Receiver<Result<Leave, ui::UiError>>,
        signals: &mut Signals,
        folder: &RunFolder,
    ) {
        let mut running = true;
        let mut hold = Hold::of(folder);
        while running || self.attended {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => self.pass_on(event).await,
                Some(ended) = tasks.join_next(), if running => {
                    running = false;
                    self.engine_ended(ended.ok(), folder).await;
                }
                leave = leaves.recv(), if self.attended => {
                    self.attended = false;
                    self.left(leave).await;
                }
                verb = hold.changed(), if running => {
                    // Paused or resumed at the screen already: then that is so.
                    let _ = self.handle.command(Command { by: self.by.clone(), verb }).await;
                }
                signal = signals.next() => self.signalled(signal).await,
            }
        }
    }

    /// What the screen is told. Flags answer what they were given for; nobody at the screen means nobody to answer
    /// the rest.
    async fn pass_on(&mut self, event: Event) {
        self.state.apply(&event);
        let held = if let EventKind::Step(StepEvent::Held { step, .. }) = &event.kind {
            Some(step.clone())
        } else {
            None
        };
        if self.attended {
            // A screen that is gone says so through its own channel.
            let _ = self.to_screen.send(Inbound::Event(event));
        }
        let open = match &held {
            Some(step) => self.answer(step).await == Rest::NeedsPerson,
            None => self.ending,
        };
        if !self.attended {
            if open {
                self.end_here().await;
            }
            // Nor to say whether to go on waiting; refused as long as that is not all that is left.
            let _ = self.handle.command(Command { by: self.by.clone(), verb: Verb::EndUnanswered }).await;
        }
    }

    /// Says what flags say, and what is left of the question.
    async fn answer(&mut self, step: &StepId) -> Rest {
        let answer = self.answers.to(step, &self.state, &self.answered);
        let mut rest = answer.rest;
        if rest == Rest::NeedsPerson && !self.attended {
            return rest;
        }
        for Said { flag, verb } in answer.said {
            if let Verb::Waive { check, .. } = &verb {
                self.answered.insert(check.clone());
            }
            let _ = self.to_screen.send(Inbound::Note(format!("{flag} answers {}", step.0)));
            let command = Command { by: self.by.clone(), verb: verb.clone() };
            if let Err(refusal) = self.handle.command(command).await {
                tracing::warn!(%refusal, flag, "an answer was refused");
                let _ = self.to_screen.send(Inbound::Refused { verb, refusal });
                rest = Rest::NeedsPerson;
            }
        }
        rest
    }

    async fn end_here(&mut self) {
        let command = Command { by: self.by.clone(), verb: Verb::EndHere };
        // What runs comes to its end first: then it is asked for again.
        self.ending = matches!(self.handle.command(command).await, Err(Refusal::NotReady { .. }));
    }

    async fn send(&self, verb: Verb) {
        if let Err(refusal) = self.handle.command(Command { by: self.by.clone(), verb }).await {
            tracing::warn!(%refusal, "command refused");
        }
    }

    async fn engine_ended(&mut self, end: Option<EngineEnd>, folder: &RunFolder) {
        while let Ok(event) = self.events.try_recv() {
            self.pass_on(event).await;
        }
        let words = match ending::write_report(folder) {
            Ok(end) => {
                vec![format!("report {}", end.report.display()), "journal.jsonl lies beside it".to_owned()]
            }
            Err(error) => vec![
                format!("no report could be written: {}", error.what),
                format!("journal {}", folder.journal().display()),
            ],
        };
        self.end = end;
        // Whether or not anybody still looks.
        let _ = self.to_screen.send(Inbound::EngineEnded { words });
    }

    /// The screen is not the run: what runs goes on, and a step that needs a person ends it.
    async fn left(&mut self, leave: Option<Result<Leave, ui::UiError>>) {
        if let Some(Err(error)) = &leave {
            self.ui_error = Some(error.to_string());
        }
        tracing::info!(?leave, "the screen was left");
        if self.end.is_none() {
            self.end_here().await;
        }
        // The screen lets a person leave only where nothing is at work on the server: nothing is waited for.
        if self.ending && self.signal.is_none() && matches!(leave, Some(Ok(Leave::Quit))) {
            self.send(Verb::Abort { reason: "left before anything was done".to_owned() }).await;
        }
    }

    async fn signalled(&mut self, signal: Signal) {
        if self.signal.is_some() {
            self.handle.end_now().await;
        } else {
            self.send(Verb::Abort { reason: format!("received {}", signal.name()) }).await;
            let _ = self.to_screen.send(Inbound::LeaveNow);
        }
        self.signal = Some(signal);
    }
}

/// Commands go to the engine without making the screen wait; a refusal comes back as a message.
fn outbound(
    handle: EngineHandle,
    to_screen: std_mpsc::Sender<Inbound>,
    folder: RunFolder,
) -> Box<dyn Fn(Outbound) + Send> {
    let runtime = tokio::runtime::Handle::current();
    Box::new(move |message| {
        let to_screen = to_screen.clone();
        // A screen that is gone needs no answer.
        match message {
            Outbound::Command(command) => {
                let handle = handle.clone();
                runtime.spawn(async move {
                    let verb = command.verb.clone();
                    if let Err(refusal) = handle.command(command).await {
                        let _ = to_screen.send(Inbound::Refused { verb, refusal });
                    }
                });
            }
            Outbound::WriteReport => {
                let folder = folder.clone();
                runtime.spawn_blocking(move || {
                    let answer = match ending::write_report(&folder) {
                        Ok(end) => Inbound::ReportWritten { path: end.report.display().to_string() },
                        Err(error) => Inbound::ReportFailed { why: error.what },
                    };
                    let _ = to_screen.send(answer);
                });
            }
        }
    })
}

fn options(reach: &Reach, args: &RunArgs, around: &Surrounding) -> UiOptions {
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
        environment: reach.environment.clone(),
        mode: reach.mode,
        zone: jiff::tz::TimeZone::system(),
        multiplexer: if around.var("TMUX").is_some() { Multiplexer::Tmux } else { Multiplexer::None },
        title: reach.title.clone(),
    }
}

/// What stays on the terminal once the screen is gone.
fn last_words(folder: &RunFolder, end: &EngineEnd, ui_error: Option<&str>) {
    let mut lines = Vec::new();
    if let Some(error) = ui_error {
        lines.push(format!("The screen was lost: {error}"));
    }
    if let Some(sealed) = &end.sealed {
        lines.push(format!("Error: {sealed}; nothing more was started"));
    }
    lines.extend(ending::left_running(end));
    let run_end = crate::report::RunEnd {
        report: folder.report_markdown(),
        journal: folder.journal(),
        head: crate::domain::id::Digest(end.head.clone()),
    };
    lines.push(crate::report::plain::last_line(&end.state, &run_end));
    // The terminal may be gone or frozen: that is not the run's fault, and must not hold the process.
    let safe: Vec<String> = lines
        .into_iter()
        .map(|line| format!("{}\n", crate::text::Untrusted::from(line).display_safe(None)))
        .collect();
    ui::print_after(&safe.concat());
}

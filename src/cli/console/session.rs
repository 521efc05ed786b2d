//! What goes on between an open screen and the engine that it visits.

use std::path::PathBuf;
use std::sync::mpsc as std_mpsc;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::domain::command::{Command, Verb};
use crate::domain::event::{EventKind, RunEvent};
use crate::domain::id::{Person, RunId, Seq};
use crate::domain::sample::Samples;
use crate::relay::{self, Ears, FromEngine, Mouth, Role, ToEngine, Visit};
use crate::ui::{self, Form, Hand, Inbound, Leave, Outbound};

use super::super::exit::Exit;
use super::super::signal::{Signal, Signals};
use super::super::stream::say;
use super::{Arrived, GOODBYE, Gone, Shut, hello, signalled};

/// One visit, from the door to the last words.
pub(super) struct Session {
    pub(super) ears: Option<Ears>,
    mouth: Mouth,
    socket: PathBuf,
    run: RunId,
    role: Role,
    /// What becomes of the run when nobody has it in hand.
    alone: String,
    by: Person,
    to_screen: std_mpsc::Sender<Inbound>,
    samples: Arc<Mutex<Samples>>,
    /// The newest event that was shown: a second visit is told all of them again.
    seen: Seq,
    /// What the engine said at its end.
    pub(super) end: Option<(Vec<String>, u8)>,
    pub(super) signal: Option<Signal>,
    /// What the operator left the run to.
    left_to: LeftTo,
    screen_error: Option<String>,
}

/// What a run is left to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeftTo {
    /// What the engine does without a controller.
    Policy,
    /// Going on: that was said.
    GoOn,
    /// A pause that was asked for and has not been confirmed.
    Pause,
    /// A pause that the journal has.
    Paused,
}

impl Session {
    pub(super) fn new(
        arrived: Arrived,
        to_screen: std_mpsc::Sender<Inbound>,
        samples: Arc<Mutex<Samples>>,
        by: Person,
    ) -> Self {
        let Arrived { visit: Visit { welcome, ears, mouth }, socket, notes } = arrived;
        for note in notes {
            let _ = to_screen.send(Inbound::Said(note));
        }
        let _ = to_screen.send(Inbound::Hand(hand(welcome.role, welcome.holder.clone())));
        Self {
            ears: Some(ears),
            mouth,
            socket,
            run: welcome.run,
            role: welcome.role,
            alone: welcome.alone,
            by,
            to_screen,
            samples,
            seen: Seq(0),
            end: None,
            signal: None,
            left_to: LeftTo::Policy,
            screen_error: None,
        }
    }

    /// Says when the window ends, to an engine that was there already.
    pub(super) async fn set_window(&mut self, end: Option<jiff::Timestamp>) {
        if let Some(end) = end.filter(|_| self.role == Role::Controller) {
            let command = Command { by: self.by.clone(), verb: Verb::SetWindow { end: Some(end) } };
            self.say(&ToEngine::Command(command)).await;
        }
    }

    /// Until the screen is left.
    pub(super) async fn run(&mut self, screen: &mut Shut) -> Gone {
        let mut beats = interval(relay::BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Without it a screen still compares sizes.
        let mut resizes = signal(SignalKind::window_change()).ok();
        loop {
            tokio::select! {
                message = hear(&mut self.ears) => match message {
                    Some(message) => self.heard(message),
                    None => self.come_again().await,
                },
                Some(wish) = screen.asked.recv() => self.wish(wish).await,
                _ = beats.tick() => self.say(&ToEngine::Beat).await,
                () = resized(&mut resizes) => drop(screen.to_screen.send(Inbound::Resized)),
                () = signalled(&mut screen.signals, &screen.to_screen, screen.form),
                    if screen.signals.kept().is_none() => {
                    let _ = screen.to_screen.send(Inbound::LeaveNow);
                }
                leave = screen.leaves.recv() => {
                    // What was wished before it was left counts.
                    while let Ok(wish) = screen.asked.try_recv() {
                        self.wish(wish).await;
                    }
                    return (leave, screen.signals.kept());
                }
            }
        }
    }

    /// The engine hung up: it has gone, or it showed out a console that was asleep.
    async fn come_again(&mut self) {
        self.ears = None;
        if self.end.is_some() {
            return;
        }
        if let Ok(Visit { welcome, ears, mouth }) =
            relay::visit(&self.socket, hello(&self.by, self.role)).await
        {
            (self.ears, self.mouth, self.role) = (Some(ears), mouth, welcome.role);
            let said = "the engine had hung up; it answers again".to_owned();
            let _ = self.to_screen.send(Inbound::Said(said));
            // For a while nobody at this console had the run in hand: it is SAFE again.
            let _ = self.to_screen.send(Inbound::Hand(Hand::Theirs { holder: None }));
            let _ = self.to_screen.send(Inbound::Hand(hand(welcome.role, welcome.holder)));
            return;
        }
        let why = "the engine does not answer any more: run the same command again".to_owned();
        let _ = self.to_screen.send(Inbound::EngineLost { why });
    }

    fn heard(&mut self, message: FromEngine) {
        // A screen that is gone says so through its own channel.
        let tell = |message| drop(self.to_screen.send(message));
        match message {
            FromEngine::Event(event) if event.seq <= self.seen => {}
            FromEngine::Event(event) => {
                self.seen = event.seq;
                if let EventKind::Run(RunEvent::Paused { .. }) = &event.kind {
                    self.left_to = LeftTo::Paused;
                } else if let EventKind::Run(RunEvent::Unpaused { .. }) = &event.kind {
                    self.left_to = LeftTo::Policy;
                }
                tell(Inbound::Event(event));
            }
            FromEngine::Refused { verb, refusal } => tell(Inbound::Refused { verb, refusal }),
            FromEngine::ReportWritten { path } => tell(Inbound::ReportWritten { path }),
            FromEngine::ReportFailed { why } => tell(Inbound::ReportFailed { why }),
            FromEngine::Note(text) => tell(Inbound::Note(text)),
            FromEngine::Samples(samples) => {
                *self.samples.lock().unwrap_or_else(PoisonError::into_inner) = samples;
            }
            FromEngine::Lease { holder, role } => {
                tell(Inbound::Hand(hand(role, holder)));
                self.role = role;
            }
            FromEngine::Ended { words, after, exit } => {
                self.end = Some((after, exit));
                tell(Inbound::EngineEnded { words });
            }
            FromEngine::CaughtUp => tell(Inbound::CaughtUp),
            FromEngine::Welcome(_) | FromEngine::Unfit { .. } => {}
        }
    }

    async fn wish(&mut self, wish: Outbound) {
        match wish {
            Outbound::Command(command) => {
                if command.verb == Verb::Pause {
                    self.left_to = LeftTo::Pause;
                }
                self.say(&ToEngine::Command(command)).await;
            }
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

    /// A run in which nothing was done ends with its console; every other one goes on. Which it is, the engine knows.
    pub(super) async fn left(&mut self, leave: Option<Result<Leave, ui::UiError>>, signals: &mut Signals) {
        if let Some(Err(error)) = &leave {
            self.screen_error = Some(error.to_string());
        }
        if matches!(leave, Some(Ok(Leave::Detach))) {
            match self.left_to {
                LeftTo::Pause => self.until_paused().await,
                LeftTo::Paused => {}
                LeftTo::Policy | LeftTo::GoOn => self.left_to = LeftTo::GoOn,
            }
            // Nobody listens any more: then it is not said that the run goes on.
            if self.mouth.say(&ToEngine::Depart).await.is_err() {
                self.ears = None;
            }
            return;
        }
        let wants_end = matches!(leave, Some(Ok(Leave::Quit))) && self.signal.is_none();
        if !wants_end || self.end.is_some() || self.ears.is_none() || self.role == Role::Observer {
            return;
        }
        self.say(&ToEngine::Quit).await;
        let end = async {
            while self.end.is_none() && self.ears.is_some() {
                match hear(&mut self.ears).await {
                    None => self.ears = None,
                    Some(FromEngine::Refused { .. }) => break,
                    Some(message) => self.heard(message),
                }
            }
        };
        // One that takes longer goes on; that is said.
        tokio::select! {
            _ = timeout(GOODBYE, end) => {}
            _ = signals.next() => {}
        }
    }

    /// What is said of a pause on the way out is what the journal says.
    async fn until_paused(&mut self) {
        let paused = async {
            while self.left_to == LeftTo::Pause && self.end.is_none() && self.ears.is_some() {
                match hear(&mut self.ears).await {
                    None => self.ears = None,
                    Some(FromEngine::Refused { .. }) => break,
                    Some(message) => self.heard(message),
                }
            }
        };
        // Not confirmed in time: that is said.
        let _ = timeout(GOODBYE, paused).await;
    }

    pub(super) fn exit(&self) -> u8 {
        self.end.as_ref().map_or(Exit::Unknown as u8, |(_, exit)| *exit)
    }

    /// What stays on the terminal once the screen is gone.
    pub(super) fn last_words(&self, form: Form) {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.screen_error.as_ref().map(|error| format!("The screen was lost: {error}")));
        let run = self.run.as_str();
        match &self.end {
            Some((after, _)) => lines.extend(after.iter().cloned()),
            None if self.ears.is_none() => {
                lines.push(format!(
                    "The engine of run {run} is gone: run the same command again to take it over"
                ));
            }
            None if self.role == Role::Observer => {
                lines.push(format!("Run {run} goes on, in the hands of others"));
            }
            None => {
                let becomes = match self.left_to {
                    LeftTo::Policy => self.alone.as_str(),
                    LeftTo::GoOn => "it goes on",
                    LeftTo::Paused => "running builds finish, nothing new starts",
                    LeftTo::Pause => "a pause was asked for and NOT confirmed; look with `cicerone status`",
                };
                let attach = format!("`cicerone attach {run}` returns to it");
                lines.push(format!("Run {run} is left to itself: {becomes}. {attach}"));
            }
        }
        if form == Form::Json {
            // Standard output holds JSON and nothing else.
            return lines.iter().for_each(|line| say(line));
        }
        // The terminal may be gone or frozen: that must not hold the process.
        let safe: Vec<String> = lines
            .into_iter()
            .map(|line| format!("{}\n", crate::text::Untrusted::from(line).display_safe(None)))
            .collect();
        ui::print_after(&safe.concat());
    }
}

fn hand(role: Role, holder: Option<Person>) -> Hand {
    match role {
        Role::Controller => Hand::Ours,
        Role::Observer => Hand::Theirs { holder },
    }
}

/// The next time that the terminal has another size.
async fn resized(resizes: &mut Option<tokio::signal::unix::Signal>) {
    match resizes {
        Some(resizes) => drop(resizes.recv().await),
        None => std::future::pending().await,
    }
}

/// For ever, once the engine is gone.
async fn hear(ears: &mut Option<Ears>) -> Option<FromEngine> {
    match ears {
        Some(ears) => ears.hear().await,
        None => std::future::pending().await,
    }
}

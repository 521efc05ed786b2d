//! What the console knows, and what a key means.

use std::time::Duration;

use crate::domain::command::{Command, Verb};
use crate::domain::event::{EventKind, RunEvent};
use crate::domain::id::Person;
use crate::domain::sample::{Link, Samples};
use crate::domain::target::Mode;

use super::allowed::allowed;
use super::call::Caller;
use super::copy;
use super::input::{Key, Timed, Token};
use super::keymap::{Action, Deed, See, Way};
use super::log::LogLine;
use super::opening::{abort, arm, conditions, leave, open, overtaken, undo_everything};
use super::panel::{Panel, Pressed, Purpose, asked_for};
use super::picture::{Engine, Picture};
use super::pointing::Spot;
use super::scene::{Scene, entry_order};
use super::travel::Towards;
use super::trend::Trend;
use super::ui_state::{Arm, Aside, Focus, Frozen, Look, Prompt, Screen, UiState};
use super::view_model::line::Tone;
use super::view_model::{ViewModel, view_model};
use super::{Bandwidth, Hand, Home, Inbound, Leave, Mouse, Theme, UiOptions};

/// A second Ctrl-C within so long counts.
const INTERRUPT_AGAIN: Duration = Duration::from_secs(2);
/// Looks that are remembered for Esc.
const DEEPEST_LOOK: usize = 8;

/// What a key led to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// A wish for the engine.
    Send(Command),
    /// The screen must be written anew.
    Repaint,
    /// A wish to have the run in hand.
    Control,
    /// A wish for the report as it is now.
    Report,
    /// Safe text for the clipboard, and for the main screen until the next key.
    Copy(String),
    /// Back from the main screen.
    Back,
    /// Whether the terminal is to tell of its mouse.
    Mouse(Mouse),
    /// The process is to be stopped until the shell lets it go on.
    Suspend,
    /// The console is left.
    Leave(Leave),
}

/// Whether the operator waits for the end of the run to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    WhenOver,
}

/// State of the console.
pub(super) struct Console {
    operator: Person,
    options: UiOptions,
    pub(super) picture: Picture,
    pub(super) samples: Samples,
    trend: Trend,
    pub(super) ui: UiState,
    leaving: Leaving,
    rows: Rows,
    pub(super) caller: Caller,
    /// What was drawn in which row, for the mouse.
    pub(super) spots: Vec<(u16, Spot)>,
}

/// Whether rows stand as the newest events want it. They are sorted once a frame, not once an event: a journal that
/// is taken over has thousands of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Sorted,
    Stale,
}

impl Console {
    /// A console that knows nothing yet.
    pub(super) fn new(operator: Person, options: UiOptions) -> Self {
        let mut ui = UiState::new(options.theme, options.refresh, options.times);
        ui.view.mouse = options.mouse;
        Self {
            operator,
            ui,
            options,
            picture: Picture::default(),
            samples: Samples::default(),
            trend: Trend::default(),
            leaving: Leaving::No,
            rows: Rows::Sorted,
            caller: Caller::default(),
            spots: Vec::new(),
        }
    }

    /// Colours to draw with.
    pub(super) fn theme(&self) -> Theme {
        self.ui.view.theme
    }

    /// Pace of data on the screen.
    pub(super) fn refresh(&self) -> Duration {
        let least = match self.options.bandwidth {
            Bandwidth::Full => Duration::from_millis(500),
            Bandwidth::Low => Duration::from_secs(2),
        };
        Duration::from(self.ui.view.refresh).clamp(least, Duration::from_secs(10))
    }

    /// Whether its screen is the one in view.
    pub(super) fn is_in_view(&self) -> bool {
        self.ui.aside == Aside::No
    }

    /// What the operator sees and is judged by: the frozen picture while one is frozen.
    pub(super) fn scene(&self, now: jiff::Timestamp) -> Scene<'_> {
        let (picture, samples, trend) = match &self.ui.freeze {
            Some(frozen) => (&frozen.picture, &frozen.samples, &frozen.trend),
            None => (&self.picture, &self.samples, &self.trend),
        };
        let (ui, options, operator) = (&self.ui, &self.options, &self.operator);
        Scene { picture, samples, trend, ui, options, operator, now }
    }

    /// What is so, whatever picture is in view.
    pub(super) fn live(&self, now: jiff::Timestamp) -> Scene<'_> {
        let Self { picture, samples, trend, ui, options, operator, .. } = self;
        Scene { picture, samples, trend, ui, options, operator, now }
    }

    /// What to draw.
    pub(super) fn view(&self, now: jiff::Timestamp) -> ViewModel {
        view_model(&self.scene(now))
    }

    /// The terminal's size, looked at before every frame.
    pub(super) fn resize(&mut self, size: (u16, u16)) {
        self.ui.view.size = size;
    }

    /// A frame is on the screen: an open panel begins to count its guard time.
    pub(super) fn shown(&mut self, at: Duration) {
        if let Some(panel) = &mut self.ui.panel {
            panel.shown.get_or_insert(at);
        }
    }

    /// A message of the engine's side.
    pub(super) fn inbound(&mut self, message: Inbound, now: jiff::Timestamp) -> Option<Leave> {
        match message {
            Inbound::Event(event) => {
                if let EventKind::Run(RunEvent::TakenOver { .. } | RunEvent::TargetChanged { .. }) =
                    &event.kind
                {
                    self.disarm("the target or its driver changed", now);
                }
                self.picture.take(&event);
                self.rows = Rows::Stale;
            }
            Inbound::Refused { refusal, .. } => {
                let text = format!("refused: {refusal}");
                self.note(&text, Tone::Bad, now);
                self.ui.say(Tone::Bad, text, now);
            }
            Inbound::EngineEnded { words } => {
                for line in &words {
                    self.note(line, Tone::Strong, now);
                }
                self.picture.engine = Engine::Ended(words);
                self.disarm("the run is over", now);
                if self.leaving == Leaving::WhenOver {
                    return Some(Leave::Quit);
                }
            }
            Inbound::EngineLost { why } => {
                self.note(&why, Tone::Bad, now);
                self.disarm("the engine is gone", now);
                self.picture.engine = Engine::Ended(vec![why]);
            }
            Inbound::ReportWritten { path } => {
                self.note(&format!("report {path}"), Tone::Good, now);
                let log = self.options.keys.key(Action::See(See::Log));
                self.ui.say(Tone::Good, format!("the report is written: [{log}] says where"), now);
            }
            Inbound::ReportFailed { why } => {
                let text = format!("no report could be written: {why}");
                self.note(&text, Tone::Bad, now);
                self.ui.say(Tone::Bad, text, now);
            }
            Inbound::Said(text) => {
                self.note(&text, Tone::Warn, now);
                self.ui.say(Tone::Warn, text, now);
            }
            Inbound::Hand(hand) => self.handed(hand, now),
            Inbound::Note(text) => self.note(&text, Tone::Plain, now),
            // Said where there are lines; a screen shows what there is.
            Inbound::CaughtUp | Inbound::Interrupt | Inbound::Resized => {}
            Inbound::LeaveNow => return Some(Leave::Quit),
        }
        self.settle(now);
        None
    }

    fn handed(&mut self, hand: Hand, now: jiff::Timestamp) {
        if self.picture.hand != hand {
            let text = match &hand {
                Hand::Ours => "this console has the run in hand".to_owned(),
                Hand::Theirs { holder: Some(holder) } => {
                    format!("{} has the run in hand: this console only watches", holder.0)
                }
                Hand::Theirs { holder: None } => {
                    "nobody has the run in hand: this console only watches".to_owned()
                }
            };
            self.note(&text, Tone::Warn, now);
            self.ui.say(Tone::Warn, text, now);
        }
        if hand != Hand::Ours {
            self.disarm("the run is not in this console's hand", now);
        }
        self.picture.hand = hand;
    }

    /// Nobody is left who could send anything.
    pub(super) fn engine_gone(&mut self) {
        if self.picture.engine == Engine::Working {
            self.picture.engine = Engine::Ended(vec!["the engine has ended without a word".to_owned()]);
        }
    }

    /// The newest readings.
    pub(super) fn read(&mut self, samples: Samples, now: jiff::Timestamp) {
        let was_lost = matches!(self.samples.link, Link::Lost { .. });
        if was_lost && samples.link == Link::Up {
            self.disarm("the link was lost and is back", now);
        }
        self.trend.read(&samples);
        self.samples = samples;
        self.settle(now);
        if self.rows == Rows::Stale {
            self.reorder();
        }
    }

    /// Takes back what time or events have overtaken.
    fn settle(&mut self, now: jiff::Timestamp) {
        if self.ui.arm != Arm::Safe && self.ui.arm.left(now).is_none() {
            self.disarm("15 minutes without a key", now);
        }
        // Judged by the live picture, frozen or not: the panel acts on the world, not on a picture of it.
        let overtaken = self.ui.panel.as_ref().and_then(|panel| overtaken(panel, &self.live(now)));
        if let Some(why) = overtaken {
            self.ui.panel = None;
            self.leaving = Leaving::No;
            self.ui.say(Tone::Warn, format!("the panel was closed: {why}"), now);
            self.reorder();
        }
    }

    fn reorder(&mut self) {
        // Rows stand still under an open panel and in a frozen picture.
        if self.ui.panel.is_none() && self.ui.freeze.is_none() {
            self.ui.view.order = entry_order(&self.picture);
            self.rows = Rows::Sorted;
        }
    }

    fn note(&mut self, text: &str, tone: Tone, now: jiff::Timestamp) {
        self.picture.say(LogLine { at: now, who: "console".to_owned(), text: text.to_owned(), tone });
    }

    /// Goes back to SAFE, and says why.
    pub(super) fn disarm(&mut self, why: &str, now: jiff::Timestamp) {
        if self.ui.arm != Arm::Safe {
            self.ui.arm = Arm::Safe;
            self.note(&format!("SAFE: {why}"), Tone::Plain, now);
            self.ui.say(Tone::Warn, format!("SAFE: {why}"), now);
        }
    }

    /// A key or a paste.
    pub(super) fn token(&mut self, timed: &Timed, now: jiff::Timestamp) -> Vec<Outcome> {
        self.settle(now);
        if let Token::Mouse(pointer) = timed.token {
            self.point(pointer, now);
            return Vec::new();
        }
        if self.ui.aside == Aside::Yes {
            // Whatever it was, it was meant to come back from there.
            self.ui.aside = Aside::No;
            return vec![Outcome::Back];
        }
        let Token::Key(key) = timed.token else {
            let dropped = "a paste was dropped: nothing here takes one";
            // A tall panel covers the line that messages stand in.
            if let Some(panel) = &mut self.ui.panel {
                panel.said = Some("a paste was dropped: type it".to_owned());
            }
            self.ui.say(Tone::Warn, dropped, now);
            return Vec::new();
        };
        if let Arm::Armed { last_key, .. } = &mut self.ui.arm {
            *last_key = now;
        }
        // These three mean the same everywhere, in panels and prompts too.
        if key == Key::Ctrl('l') {
            return vec![Outcome::Repaint];
        }
        if key == Key::Ctrl('c') {
            return self.interrupt(timed.at, now);
        }
        if key == Key::Ctrl('z') {
            return self.act(Action::Way(Way::Suspend), now);
        }
        if let Some(mut panel) = self.ui.panel.take() {
            return match panel.press(key, timed.at) {
                Pressed::Open => {
                    self.ui.panel = Some(panel);
                    Vec::new()
                }
                Pressed::Closed => {
                    // A wish to leave that was taken back is none.
                    self.leaving = Leaving::No;
                    self.ui.say(Tone::Plain, "closed: all is as it was", now);
                    self.reorder();
                    Vec::new()
                }
                Pressed::Complete => self.complete(panel, now),
            };
        }
        if let Some(prompt) = self.ui.prompt.take() {
            return self.prompt_key(prompt, key, now);
        }
        self.ui.message = None;
        let screen = self.scene(now).screen();
        match self.options.keys.action(key, screen) {
            Some(action) => self.act(action, now),
            None => Vec::new(),
        }
    }

    /// Everything was typed: judged once more by what is so now.
    fn complete(&mut self, panel: Panel, now: jiff::Timestamp) -> Vec<Outcome> {
        if let Some((deed, level)) = conditions(&panel.purpose)
            && let Err(why) = super::allowed::still_allowed(deed, level, &self.scene(now))
        {
            let mut panel = panel;
            panel.said = Some(why);
            self.ui.panel = Some(panel);
            return Vec::new();
        }
        if panel.purpose == Purpose::Leave {
            let verb = panel.verb().filter(|_| self.picture.run.control.paused.is_none());
            let command = verb.map(|verb| Outcome::Send(Command { by: self.operator.clone(), verb }));
            return command.into_iter().chain([Outcome::Leave(Leave::Detach)]).collect();
        }
        let Some(verb) = panel.verb() else {
            self.ui.arm = Arm::Armed { by: self.operator.clone(), last_key: now };
            self.note("armed for 15 min without a key", Tone::Warn, now);
            let possible = match self.scene(now).mode() {
                Mode::DryRun => "ARMED: a check can be waived now; this is a dry run, nothing is changed",
                Mode::Live | Mode::Rehearsal => {
                    "ARMED: undo, waive, end session and sign-off are possible now"
                }
            };
            self.ui.say(Tone::Warn, possible, now);
            return Vec::new();
        };
        self.ui.say(Tone::Plain, format!("sent: {}", asked_for(&verb)), now);
        self.reorder();
        vec![Outcome::Send(Command { by: self.operator.clone(), verb })]
    }

    /// A wish of this operator.
    pub(super) fn command_of(&self, verb: Verb) -> Command {
        Command { by: self.operator.clone(), verb }
    }

    fn interrupt(&mut self, at: Duration, now: jiff::Timestamp) -> Vec<Outcome> {
        let again = self.ui.view.interrupted.is_some_and(|first| at.saturating_sub(first) <= INTERRUPT_AGAIN);
        if again {
            self.ui.view.interrupted = None;
            let goes_on = self.options.home == Home::Apart && self.picture.run.target.is_some();
            return if goes_on && !self.picture.over() {
                vec![Outcome::Leave(Leave::Detach)]
            } else {
                self.leave(now)
            };
        }
        self.ui.view.interrupted = Some(at);
        self.ui.say(Tone::Warn, "Ctrl-C again within 2 s to leave; no build is cancelled by it", now);
        Vec::new()
    }

    fn leave(&mut self, now: jiff::Timestamp) -> Vec<Outcome> {
        let scene = self.scene(now);
        // Before a server has answered, nothing can have been sent to it.
        let nothing_runs = scene.picture.run.target.is_none() || scene.mode() == Mode::DryRun;
        if self.picture.over() || nothing_runs {
            return vec![Outcome::Leave(Leave::Quit)];
        }
        if self.options.home == Home::Apart {
            self.ui.prompt = None;
            self.ui.panel = Some(leave());
            return Vec::new();
        }
        self.leaving = Leaving::WhenOver;
        if self.picture.run.control.abort.is_some() {
            self.ui.say(Tone::Warn, "the run is ending: the console closes when it has", now);
        } else {
            self.ui.prompt = None;
            self.ui.panel = Some(abort());
        }
        Vec::new()
    }

    /// Does what a key or a command means.
    pub(super) fn act(&mut self, action: Action, now: jiff::Timestamp) -> Vec<Outcome> {
        let refused = allowed(action, &self.scene(now));
        if let Err(why) = refused {
            self.ui.say(Tone::Warn, format!("not now: {why}"), now);
            return Vec::new();
        }
        match action {
            Action::Move(motion) => self.travel(motion, now),
            Action::See(See::Repaint) => return vec![Outcome::Repaint],
            Action::See(See::Report) => {
                self.ui.say(Tone::Plain, "the report is being written", now);
                return vec![Outcome::Report];
            }
            Action::See(See::CopyRow) => return self.copy(copy::row(&self.scene(now))),
            Action::See(See::CopyPane) => return self.copy(Some(copy::pane(&self.scene(now)))),
            Action::See(see) => self.look(see, now),
            Action::Way(Way::Leave) => return self.leave(now),
            Action::Way(Way::Suspend) => {
                // Whoever has the terminal meanwhile is not known.
                self.disarm("the console was suspended", now);
                if let Some(panel) = &mut self.ui.panel {
                    panel.shown = None;
                }
                return vec![Outcome::Suspend];
            }
            // Answered before the keymap is asked.
            Action::Way(Way::Interrupt) => {}
            Action::Do(deed) => return self.deed(deed, now),
        }
        Vec::new()
    }

    fn deed(&mut self, deed: Deed, now: jiff::Timestamp) -> Vec<Outcome> {
        use crate::domain::command::Verb;
        let opened = open(deed, &self.scene(now));
        match opened {
            Ok(Some(panel)) => self.ui.panel = Some(panel),
            Ok(None) => {
                let verb = if deed == Deed::Pause { Verb::Pause } else { Verb::Recheck };
                return vec![Outcome::Send(Command { by: self.operator.clone(), verb })];
            }
            Err(why) => self.ui.say(Tone::Warn, format!("not now: {why}"), now),
        }
        Vec::new()
    }

    fn look(&mut self, see: See, now: jiff::Timestamp) {
        match see {
            See::Filter => self.ui.prompt = Some(Prompt::Filter(String::new())),
            See::Command => self.ui.prompt = Some(Prompt::Command(String::new(), 0)),
            See::Back => self.back(),
            See::Help => self.look_at(Screen::Help),
            See::Plan => self.look_at(Screen::Plan),
            See::Log => self.look_at(Screen::Log),
            See::Blockers => self.look_at(Screen::Blockers),
            See::Playbook => self.ui.look = vec![Look::At(Screen::Steps)],
            See::Follow => self.ui.look.clear(),
            See::Phase(phase) => self.look_at_phase(phase, now),
            See::Freeze => self.freeze(now),
            See::Detail | See::NextPane => {
                self.ui.focus = match self.ui.focus {
                    Focus::List => Focus::Detail,
                    Focus::Detail => Focus::List,
                };
            }
            See::NextHit => self.next_hit(Towards::Next, now),
            See::PreviousHit => self.next_hit(Towards::Previous, now),
            See::Times => self.set_times(self.ui.view.times.next(), now),
            See::Slower => self.set_rate(self.ui.view.slower().unwrap_or(self.ui.view.refresh), now),
            See::Faster => self.set_rate(self.ui.view.faster().unwrap_or(self.ui.view.refresh), now),
            // Answered where they are asked for.
            See::Repaint | See::Report | See::CopyRow | See::CopyPane => {}
        }
    }

    fn copy(&mut self, text: Option<String>) -> Vec<Outcome> {
        let Some(text) = text else { return Vec::new() };
        self.ui.aside = Aside::Yes;
        vec![Outcome::Copy(text)]
    }

    fn back(&mut self) {
        if self.ui.focus == Focus::Detail {
            self.ui.focus = Focus::List;
        } else if self.ui.filter.is_empty() {
            self.ui.look.pop();
        } else {
            self.ui.filter.clear();
        }
        self.ui.cursor.line = 0;
    }

    fn look_at(&mut self, screen: Screen) {
        let look = Look::At(screen);
        if self.ui.look.last() == Some(&look) {
            self.ui.look.pop();
        } else {
            self.ui.look.retain(|known| *known != look);
            self.ui.look.push(look);
            if self.ui.look.len() > DEEPEST_LOOK {
                self.ui.look.remove(0);
            }
        }
        self.ui.focus = Focus::List;
        self.ui.cursor.line = 0;
    }

    fn look_at_phase(&mut self, phase: u8, now: jiff::Timestamp) {
        let index = usize::from(phase).saturating_sub(1);
        let found = self.picture.run.run.as_ref().and_then(|run| run.playbook.phases.get(index));
        let Some(found) = found else {
            self.ui.say(Tone::Warn, format!("the playbook has no phase {phase}"), now);
            return;
        };
        // Where the playbook stands for a phase without a screen of its own, the cursor is on that phase.
        self.ui.cursor.step = found.steps.first().map(|step| step.id.clone());
        let current = self.scene(now).current_phase();
        self.ui.look = if current == Some(index) { Vec::new() } else { vec![Look::Phase(index)] };
        self.ui.focus = Focus::List;
        self.ui.cursor.line = 0;
    }

    fn freeze(&mut self, now: jiff::Timestamp) {
        self.ui.freeze = match self.ui.freeze.take() {
            Some(_) => None,
            None => Some(Box::new(Frozen {
                at: now,
                picture: self.picture.clone(),
                samples: self.samples.clone(),
                trend: self.trend.clone(),
            })),
        };
        self.reorder();
    }

    /// Opens the arming panel.
    pub(super) fn ask_to_arm(&mut self, now: jiff::Timestamp) {
        let opened = arm(&self.scene(now));
        self.open_or_say(opened, now);
    }

    /// Opens the panel that drops all that this run made.
    pub(super) fn ask_to_undo_everything(&mut self, now: jiff::Timestamp) {
        let opened = undo_everything(&self.scene(now));
        self.open_or_say(opened, now);
    }

    /// Opens the panel that ends the run.
    pub(super) fn ask_to_abort(&mut self, now: jiff::Timestamp) {
        let scene = self.scene(now);
        let opened = if scene.picture.over() || scene.picture.run.run.is_none() {
            Err("no run is open".to_owned())
        } else if scene.picture.run.control.abort.is_some() {
            Err("the run is ending already".to_owned())
        } else {
            Ok(abort())
        };
        self.open_or_say(opened, now);
    }

    fn open_or_say(&mut self, opened: Result<Panel, String>, now: jiff::Timestamp) {
        match opened {
            Ok(panel) => self.ui.panel = Some(panel),
            Err(why) => self.ui.say(Tone::Warn, format!("not now: {why}"), now),
        }
    }
}

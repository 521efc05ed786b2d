//! The `:` and `/` prompts.

use crate::domain::command::Verb;
use crate::domain::unit::Millis;
use crate::domain::window::{HOW_WRITTEN, parse_end};

use super::console::{Console, Outcome};
use super::input::Key;
use super::keymap::{Action, Deed, See, Way};
use super::ui_state::{Look, Prompt, Screen, Times, View};
use super::view_model::line::Tone;
use super::{Mouse, Theme};

/// Longest line that can be typed, in characters.
const LONGEST: usize = 80;

/// Every command with what it does, for completion, help and the document of keys. One that takes a word ends in a
/// blank.
pub(super) const COMMANDS: &[(&str, &str)] = &[
    ("abort", "end the run before its end"),
    ("arm", "make removing and signing possible, for 15 minutes without a key"),
    ("blockers", "who holds builds up, now and later"),
    ("control", "take the run in hand, from whoever has it"),
    ("export", "write the report now"),
    ("goto ", "look at a phase by its number, or at preflight, plan, steps, builds, blockers, verify, log"),
    ("help", "keys of this screen"),
    ("log", "the full log"),
    ("mouse ", "on or off: the wheel scrolls, a click moves the cursor; nothing is done by it"),
    ("plan", "what would be built, and what that costs"),
    ("q", "leave; with a live run it asks first"),
    ("rate ", "refresh every so many seconds, 0.5 to 10"),
    ("retry", "another attempt at the entry under the cursor"),
    ("safe", "end `:arm` at once"),
    ("skip", "leave the entry under the cursor out"),
    ("stop", "stop the own build or drop under the cursor"),
    ("theme ", "default, mono, high-contrast or colour-blind"),
    ("tz ", "times in utc, local or relative"),
    ("undo", "drop the entry under the cursor, if this run made it"),
    ("undo all", "drop all that this run made"),
    ("window ", "when the window ends: 05:00Z, a span like 2h, or off; nothing new starts after it"),
    ("waive", "go on although the check under the cursor does not pass"),
];
/// Commands that are kept to be recalled.
const KEPT: usize = 50;

impl Console {
    /// A key while a prompt is open; the prompt was taken out and is put back while it stays open.
    pub(super) fn prompt_key(&mut self, prompt: Prompt, key: Key, now: jiff::Timestamp) -> Vec<Outcome> {
        match prompt {
            Prompt::Filter(text) => {
                match edited(text, key) {
                    Edited::Text(text) => {
                        self.ui.filter.clone_from(&text);
                        self.ui.prompt = Some(Prompt::Filter(text));
                    }
                    Edited::Done(text) => self.ui.filter = text,
                    Edited::Closed => self.ui.filter.clear(),
                }
                Vec::new()
            }
            Prompt::Command(text, back) if matches!(key, Key::Up | Key::Down) => {
                self.recall(text, if key == Key::Up { back + 1 } else { back.saturating_sub(1) });
                Vec::new()
            }
            Prompt::Command(text, back) => match edited(text, key) {
                Edited::Text(text) => {
                    self.ui.message = None;
                    let text = if key == Key::Tab { self.complete_command(&text, now) } else { text };
                    self.ui.prompt = Some(Prompt::Command(text, back));
                    Vec::new()
                }
                Edited::Done(text) => self.command(text.trim(), now),
                Edited::Closed => Vec::new(),
            },
        }
    }

    /// Completes as far as commands agree, and lists those that do not.
    fn complete_command(&mut self, text: &str, now: jiff::Timestamp) -> String {
        let matching: Vec<&str> = beginning(text).map(str::trim_end).collect();
        if matching.is_empty() {
            self.ui.say(Tone::Warn, format!("no command begins with :{text}. [?] lists them all"), now);
        } else if matching.len() > 1 {
            self.ui.say(Tone::Plain, matching.join("  "), now);
        }
        completed(text)
    }

    /// Puts a command of before into the prompt, counted from the newest; what is typed stays where there is none.
    fn recall(&mut self, text: String, back: usize) {
        let known = self.ui.history.len();
        let (text, back) = match known.checked_sub(back).and_then(|index| self.ui.history.get(index)) {
            Some(line) => (line.clone(), back),
            None if back == 0 => (String::new(), 0),
            None => (text, known),
        };
        self.ui.prompt = Some(Prompt::Command(text, back));
    }

    fn remember(&mut self, line: &str) {
        if !line.is_empty() && self.ui.history.last().is_none_or(|last| last != line) {
            self.ui.history.push(line.to_owned());
            let over = self.ui.history.len().saturating_sub(KEPT);
            self.ui.history.drain(..over);
        }
    }

    fn command(&mut self, line: &str, now: jiff::Timestamp) -> Vec<Outcome> {
        self.remember(line);
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
        self.ui.message = None;
        match (word, rest) {
            ("", _) => {}
            ("arm", "") => self.ask_to_arm(now),
            ("safe", "") => self.safe(now),
            ("undo", "all") => self.ask_to_undo_everything(now),
            ("abort", "") => self.ask_to_abort(now),
            ("undo", "") => return self.act(Action::Do(Deed::Undo), now),
            ("waive", "") => return self.act(Action::Do(Deed::Waive), now),
            ("skip", "") => return self.act(Action::Do(Deed::Skip), now),
            ("retry", "") => return self.act(Action::Do(Deed::Retry), now),
            ("stop", "") => return self.act(Action::Do(Deed::Stop), now),
            ("blockers", "") => return self.act(Action::See(See::Blockers), now),
            ("plan", "") => return self.act(Action::See(See::Plan), now),
            ("log", "") => return self.act(Action::See(See::Log), now),
            ("help", "") => return self.act(Action::See(See::Help), now),
            ("q" | "quit", "") => return self.act(Action::Way(Way::Leave), now),
            ("theme", word) => match Theme::of(word) {
                Some(theme) => self.ui.view.theme = theme,
                None => self.ui.say(Tone::Warn, "themes: default, mono, high-contrast, colour-blind", now),
            },
            ("mouse", "on") => return self.use_mouse(Mouse::On, now),
            ("mouse", "off") => return self.use_mouse(Mouse::Off, now),
            ("mouse", _) => self.ui.say(Tone::Warn, "mouse takes on or off", now),
            ("control", "") => return vec![Outcome::Control],
            ("export", "") => return self.act(Action::See(See::Report), now),
            ("rate", seconds) => match View::rate(seconds) {
                Some(refresh) => self.set_rate(refresh, now),
                None => self.ui.say(Tone::Warn, "rate takes 0.5 to 10 seconds, for example :rate 2", now),
            },
            ("tz", word) => match Times::of(word) {
                Some(times) => self.set_times(times, now),
                None => self.ui.say(Tone::Warn, "tz takes utc, local or relative", now),
            },
            ("window", end) => return self.set_window(end, now),
            ("goto", place) => return self.go_to(place, now),
            _ => self.ui.say(Tone::Warn, format!("no such command: {line}. [?] lists them"), now),
        }
        Vec::new()
    }

    fn set_window(&mut self, text: &str, now: jiff::Timestamp) -> Vec<Outcome> {
        let end = if text == "off" { None } else { parse_end(text, now) };
        if end.is_none() && text != "off" {
            self.ui.say(Tone::Warn, format!(":window: {HOW_WRITTEN}, or off"), now);
            return Vec::new();
        }
        if let Err(why) = super::allowed::may_say(&self.scene(now)) {
            self.ui.say(Tone::Warn, format!("not now: {why}"), now);
            return Vec::new();
        }
        // That it is so, the clock in the rule says once the journal has it.
        let paused = if self.picture.run.control.paused.is_some() {
            format!(
                "; the queue stays paused: [{}] lets it go on",
                self.scene(now).key(Action::Do(Deed::Pause))
            )
        } else {
            String::new()
        };
        self.ui.say(Tone::Plain, format!("sent: end of the window{paused}"), now);
        vec![Outcome::Send(self.command_of(Verb::SetWindow { end }))]
    }

    /// Goes back to SAFE on the operator's wish.
    pub(super) fn safe(&mut self, now: jiff::Timestamp) {
        self.disarm("as asked", now);
    }

    /// Sets the time between two pictures.
    pub(super) fn set_rate(&mut self, refresh: Millis, now: jiff::Timestamp) {
        self.ui.view.refresh = refresh;
        let every = Millis::from(self.refresh());
        let why = if every > refresh { ": no less on a slow link" } else { "" };
        self.ui.say(Tone::Plain, format!("refresh every {}{why}", crate::text::span(every.0)), now);
    }

    /// Sets how times are shown.
    pub(super) fn set_times(&mut self, times: Times, now: jiff::Timestamp) {
        self.ui.view.times = times;
        self.ui.say(Tone::Plain, format!("times: {}; the clock in the bar stays UTC", times.word()), now);
    }

    fn use_mouse(&mut self, mouse: Mouse, now: jiff::Timestamp) -> Vec<Outcome> {
        self.ui.view.mouse = mouse;
        let said = match mouse {
            Mouse::On => "the mouse scrolls and moves the cursor; with Shift it marks text as before",
            Mouse::Off => "the mouse is the terminal's again",
        };
        self.ui.say(Tone::Plain, said, now);
        vec![Outcome::Mouse(mouse)]
    }

    fn go_to(&mut self, place: &str, now: jiff::Timestamp) -> Vec<Outcome> {
        if let Ok(phase) = place.parse::<u8>() {
            return self.act(
                if phase == 0 { Action::See(See::Playbook) } else { Action::See(See::Phase(phase)) },
                now,
            );
        }
        let screen = match place {
            "preflight" => Screen::Preflight,
            "plan" => Screen::Plan,
            "playbook" | "steps" => Screen::Steps,
            "builds" => Screen::Builds,
            "blockers" => Screen::Blockers,
            "verify" => Screen::Verify,
            "log" => Screen::Log,
            _ => {
                let places = "a phase number, preflight, plan, steps, builds, blockers, verify, log";
                self.ui.say(Tone::Warn, format!("goto knows: {places}"), now);
                return Vec::new();
            }
        };
        self.ui.look = vec![Look::At(screen)];
        Vec::new()
    }
}

enum Edited {
    Text(String),
    Done(String),
    Closed,
}

fn edited(mut text: String, key: Key) -> Edited {
    match key {
        Key::Esc => return Edited::Closed,
        Key::Enter => return Edited::Done(text),
        Key::Backspace if text.is_empty() => return Edited::Closed,
        Key::Backspace => {
            text.pop();
        }
        Key::Ctrl('u') => text.clear(),
        Key::Char(char) if text.chars().count() < LONGEST => text.push(char),
        Key::Char(_)
        | Key::Ctrl(_)
        | Key::Tab
        | Key::BackTab
        | Key::Delete
        | Key::Up
        | Key::Down
        | Key::Left
        | Key::Right
        | Key::Home
        | Key::End
        | Key::PageUp
        | Key::PageDown
        | Key::F(_)
        | Key::Other => {}
    }
    Edited::Text(text)
}

fn beginning(text: &str) -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(command, _)| *command).filter(move |it| it.starts_with(text))
}

/// The longest text that every command beginning so has in common.
fn completed(text: &str) -> String {
    let mut matching = beginning(text);
    let Some(first) = matching.next() else { return text.to_owned() };
    let common = matching.fold(first.len(), |length, other| {
        first.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count().min(length)
    });
    first.get(..common).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_completes_as_far_as_commands_agree() {
        assert_eq!(completed("ar"), "arm");
        assert_eq!(completed("a"), "a");
        assert_eq!(completed("u"), "undo");
        assert_eq!(completed("th"), "theme ");
        assert_eq!(completed("ra"), "rate ");
        assert_eq!(completed("zzz"), "zzz");
    }

    #[test]
    fn a_prompt_edits_one_line() {
        let typed = |text: &str, key| match edited(text.to_owned(), key) {
            Edited::Text(text) => text,
            Edited::Done(text) => format!("done {text}"),
            Edited::Closed => "closed".to_owned(),
        };
        assert_eq!(typed("ar", Key::Char('m')), "arm");
        assert_eq!(typed("arm", Key::Backspace), "ar");
        assert_eq!(typed("", Key::Backspace), "closed");
        assert_eq!(typed("arm", Key::Enter), "done arm");
        assert_eq!(typed("arm", Key::Ctrl('u')), "");
        assert_eq!(typed("arm", Key::Left), "arm");
    }
}

//! The console in lines, as somebody who only hears it meets it.

use std::sync::Arc;
use std::sync::Mutex;

use crate::domain::command::Verb;
use crate::domain::event::{EventKind, RunEvent};
use crate::domain::sample::Samples;
use crate::domain::target::Mode;

use super::super::testdata::{Script, Texts, operator};
use super::super::{Charset, UiOptions};
use super::*;

/// A console in lines with somebody who types.
struct Ear {
    desk: Desk,
    at: Duration,
    now: jiff::Timestamp,
    sent: Arc<Mutex<Vec<Outbound>>>,
    left: Option<Leave>,
}

impl Ear {
    fn new(script: &Script, samples: Samples) -> Self {
        Self::with(UiOptions::default(), script, samples)
    }

    fn with(options: UiOptions, script: &Script, samples: Samples) -> Self {
        let options = UiOptions { charset: Charset::Ascii, form: Form::Lines, ..options };
        let mut console = Console::new(operator(), options);
        console.resize(WHOLE);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let into = sent.clone();
        let desk = Desk {
            console,
            teller: Teller::new(Form::Lines),
            voice: Voice { outlet: Outlet::of_output(), form: Form::Lines },
            outbound: Box::new(move |wish| into.lock().unwrap().push(wish)),
            reader: None,
            deaf: None,
            ends: Ends::Open,
        };
        let mut ear = Self { desk, at: Duration::from_secs(1), now: script.now(), sent, left: None };
        for event in &script.events {
            ear.desk.console.inbound(Inbound::Event(event.clone()), ear.now);
        }
        ear.desk.console.read(samples, ear.now);
        ear
    }

    /// One that has heard the screen.
    fn at(script: &Script, samples: Samples) -> Self {
        let mut ear = Self::new(script, samples);
        ear.desk.woken(Wake::Inbound(Inbound::CaughtUp), ear.at, ear.now);
        ear.hears();
        ear
    }

    /// What is said now, without the times before the lines.
    fn hears(&mut self) -> Vec<String> {
        let said = self.desk.teller.tell(&self.desk.console.scene(self.now));
        if self.desk.teller.has_told_panel() {
            self.desk.panel_was_told(self.at);
        }
        let lines = said.iter().flat_map(|said| said.lines(self.now));
        lines.map(|line| line.split_once(' ').map_or(line.clone(), |(_, text)| text.to_owned())).collect()
    }

    /// Time passes.
    fn waits(&mut self, millis: u64) -> &mut Self {
        self.at += Duration::from_millis(millis);
        self.now += jiff::SignedDuration::from_millis(i64::try_from(millis).unwrap());
        self
    }

    /// Types a line after a moment and hears the answer.
    fn types(&mut self, line: &str) -> Vec<String> {
        self.waits(500);
        let line = TimedLine { typed: TypedLine::Line(line.to_owned()), at: self.at };
        self.takes(line)
    }

    fn takes(&mut self, line: TimedLine) -> Vec<String> {
        let left = self.desk.woken(Wake::Line(line), self.at, self.now);
        self.left = self.left.or(left);
        self.hears()
    }

    fn sent(&self) -> Vec<Verb> {
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .filter_map(|wish| match wish {
                Outbound::Command(command) => Some(command.verb.clone()),
                Outbound::TakeControl | Outbound::WriteReport => None,
            })
            .collect()
    }
}

fn building() -> (Script, Samples) {
    let script = Script::building(Texts::Ordinary, Mode::Live);
    let samples = script.samples();
    (script, samples)
}

fn is_in(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.contains(text))
}

#[test]
fn whoever_comes_hears_the_screen_once_and_then_nothing_that_does_not_change() {
    let (script, samples) = building();
    let mut ear = Ear::new(&script, samples.clone());
    let before = ear.hears();
    assert!(!is_in(&before, "row "), "not yet: {before:#?}");
    ear.desk.woken(Wake::Inbound(Inbound::CaughtUp), ear.at, ear.now);
    let screen = ear.hears();
    for text in [
        "screen builds",
        "target PROD  db1.example:5432/app",
        "row 1, cursor: WAIT  idx_leads",
        "WAITING FOR pid 1234",
    ] {
        assert!(is_in(&screen, text), "{text}: {screen:#?}");
    }
    assert!(!is_in(&screen, "opened run"), "what was logged before stays in the log: {screen:#?}");
    for _ in 0..20 {
        ear.waits(1_000);
        // Clocks go on, and the readings are as fresh as before.
        let fresh = Samples { at: Some(ear.now), ..samples.clone() };
        ear.desk.console.read(fresh, ear.now);
        assert_eq!(ear.hears(), Vec::<String>::new());
    }
}

#[test]
fn each_change_is_said_once_in_the_words_of_the_screen() {
    let (mut script, samples) = building();
    let mut ear = Ear::at(&script, samples.clone());
    script.verified(4);
    ear.now = script.now();
    for event in &script.events[script.events.len() - 2..] {
        ear.desk.woken(Wake::Inbound(Inbound::Event(event.clone())), ear.at, ear.now);
    }
    ear.desk.console.read(Samples { at: Some(ear.now), ..samples }, ear.now);
    let said = ear.hears();
    assert_eq!(
        said.iter().filter(|line| line.contains("OK  idx_calls_parent_sid; ")).count(),
        1,
        "{said:#?}"
    );
    assert!(is_in(&said, "auto  public.idx_calls_parent_sid: it is valid"), "{said:#?}");
    assert!(is_in(&said, "phases run a7f3") || !is_in(&said, "phases"), "{said:#?}");
    assert_eq!(ear.hears(), Vec::<String>::new());
}

#[test]
fn progress_is_said_every_tenth_or_half_a_minute() {
    let (script, samples) = building();
    let mut ear = Ear::at(&script, samples.clone());
    let mut progress = |seconds: u64, fraction: f64| {
        ear.waits(seconds * 1_000);
        let mut fresh = Samples { at: Some(ear.now), ..samples.clone() };
        fresh.builds.get_mut(&script.key(4)).unwrap().fraction = fraction;
        ear.desk.console.read(fresh, ear.now);
        ear.hears()
    };
    assert_eq!(progress(1, 0.40), Vec::<String>::new());
    assert_eq!(progress(1, 0.44), ["idx_calls_parent_sid: DONE 44%; LEFT ~00:02:00"], "ten more than 33");
    assert_eq!(progress(1, 0.50), Vec::<String>::new());
    assert_eq!(progress(30, 0.50), ["idx_calls_parent_sid: DONE 50%; LEFT ~00:02:00"]);
    assert_eq!(progress(40, 0.50), Vec::<String>::new(), "no change is no news");
}

#[test]
fn a_panel_is_said_whole_and_takes_lines_only_after_it_could_be_read() {
    let script = Script::confirm(Texts::Ordinary, Mode::Live);
    let samples = script.quiet();
    let mut ear = Ear::at(&script, samples.clone());
    let panel = ear.types("s");
    for text in
        ["panel GO  2 Go or no-go", "on PROD app", "CREATE INDEX CONCURRENTLY", "field 1 of 1: type go"]
    {
        assert!(is_in(&panel, text), "{text}: {panel:#?}");
    }
    // What arrived before, or at once after, was meant for something else.
    let at = ear.at + Duration::from_millis(300);
    let said = ear.takes(TimedLine { typed: TypedLine::Line("go".to_owned()), at });
    assert!(is_in(&said, "too soon"), "{said:#?}");
    assert_eq!(ear.sent(), []);
    let said = ear.types("");
    assert!(is_in(&said, "not the same yet"), "{said:#?}");
    let said = ear.types("goo");
    assert!(is_in(&said, "goo"), "{said:#?}");
    assert_eq!(ear.sent(), []);
    let said = ear.types("go");
    assert!(is_in(&said, "sent"), "{said:#?}");
    assert!(matches!(ear.sent().as_slice(), [Verb::Confirm { .. }]), "{:?}", ear.sent());
}

#[test]
fn a_paste_and_lines_with_keys_in_them_do_nothing_in_a_panel_or_outside() {
    let script = Script::confirm(Texts::Ordinary, Mode::Live);
    let mut ear = Ear::at(&script, script.quiet());
    for _ in 0..2 {
        for typed in [TypedLine::Paste, TypedLine::Odd, TypedLine::Long] {
            ear.waits(1_000);
            let said = ear.takes(TimedLine { typed, at: ear.at });
            assert!(is_in(&said, "dropped"), "{said:#?}");
        }
        ear.types("s");
    }
    assert_eq!(ear.sent(), []);
    assert!(ear.desk.console.ui.panel.is_some(), "it is as it was");
    let said = ear.types("esc");
    assert!(is_in(&said, "closed: all is as it was"), "{said:#?}");
    assert!(ear.desk.console.ui.panel.is_none());
}

#[test]
fn a_panel_behind_another_one_is_said_whole_though_nothing_was_said_between_them() {
    let (script, samples) = building();
    let mut ear = Ear::at(&script, samples);
    assert!(is_in(&ear.types("q"), "panel"));
    ear.waits(1_000);
    for line in ["esc", "arm"] {
        let line = TimedLine { typed: TypedLine::Line(line.to_owned()), at: ear.at };
        ear.desk.woken(Wake::Line(line), ear.at, ear.now);
    }
    assert!(!ear.desk.teller.has_told_panel(), "nobody can have read it yet");
    let said = ear.hears();
    for text in ["panel ", "field 1 of 1: type the database name", "esc or . leaves all as it is"] {
        assert!(is_in(&said, text), "{text}: {said:#?}");
    }
    // The same panel, asked for anew, is another one as well.
    ear.waits(1_000);
    for line in ["esc", "arm"] {
        let line = TimedLine { typed: TypedLine::Line(line.to_owned()), at: ear.at };
        ear.desk.woken(Wake::Line(line), ear.at, ear.now);
    }
    assert!(is_in(&ear.hears(), "field 1 of 1: type the database name"));
}

#[test]
fn a_dot_follows_the_run_wherever_the_key_for_that_was_put() {
    let (script, samples) = building();
    for (action, key) in [("follow", "v"), ("log", ".")] {
        let wish = |action: &str, key: &str| super::super::Wish {
            action: action.to_owned(),
            keys: vec![key.to_owned()],
        };
        let wishes = if action == "follow" {
            vec![wish("follow", "v")]
        } else {
            vec![wish("follow", "v"), wish(action, key)]
        };
        let keys = super::super::Keymap::rebound(&wishes).unwrap();
        let options = UiOptions { keys, ..UiOptions::default() };
        let mut ear = Ear::with(options, &script, samples.clone());
        ear.desk.woken(Wake::Inbound(Inbound::CaughtUp), ear.at, ear.now);
        ear.hears();
        assert!(is_in(&ear.types("goto steps"), "screen steps"));
        assert!(is_in(&ear.types("."), "screen builds"), "{action} on {key}");
    }
}

#[test]
fn a_number_is_the_row_that_was_said_with_it_wherever_that_has_moved() {
    let (mut script, samples) = building();
    let mut ear = Ear::at(&script, samples.clone());
    let said = ear.types("2");
    assert!(is_in(&said, "row 2: RUN  idx_calls_parent_sid"), "{said:#?}");
    // It ends, and the list is sorted anew: the number stays with its index.
    script.verified(4);
    for event in &script.events[script.events.len() - 2..] {
        ear.desk.woken(Wake::Inbound(Inbound::Event(event.clone())), ear.at, ear.now);
    }
    ear.desk.console.read(Samples { at: Some(ear.now), ..samples }, ear.now);
    ear.hears();
    ear.types("1");
    let said = ear.types("2");
    assert!(is_in(&said, "row 2: OK  idx_calls_parent_sid"), "{said:#?}");
    let said = ear.types("99");
    assert!(is_in(&said, "no row 99"), "{said:#?}");
    let said = ear.types("k 2");
    assert!(is_in(&said, "row "), "{said:#?}");
}

#[test]
fn lines_are_keys_commands_filters_and_places() {
    let (script, samples) = building();
    let mut ear = Ear::at(&script, samples);
    assert!(is_in(&ear.types("b"), "screen blockers"));
    assert!(is_in(&ear.types("esc"), "screen builds"));
    assert!(is_in(&ear.types("goto log"), "opened run"));
    assert!(is_in(&ear.types(":goto steps"), "screen steps"));
    assert!(is_in(&ear.types("."), "screen builds"));
    let found = ear.types("/email");
    assert!(is_in(&found, "row 1") && !is_in(&found, "row 2"), "{found:#?}");
    assert!(is_in(&ear.types("/"), "row 8"), "an empty filter is none");
    assert!(is_in(&ear.types("?"), "s         go"));
    assert!(is_in(&ear.types(""), "WAIT  "));
    assert!(is_in(&ear.types("arm"), "type the database name"));
    assert!(is_in(&ear.types("app"), "ARMED"));
    assert!(is_in(&ear.types("safe"), "SAFE"));
    for nonsense in ["go", "stopp", "S", "yes", "undo it all", "K", "rm -rf /", "s 3", "drop index", ":"] {
        let said = ear.types(nonsense);
        assert!(!said.is_empty(), "{nonsense} gets an answer");
        assert!(ear.desk.console.ui.panel.is_none(), "{nonsense}: {said:#?}");
    }
    assert_eq!(ear.sent(), []);
}

#[test]
fn q_asks_ctrl_c_leaves_at_its_second_time_and_a_stopped_console_is_safe_again() {
    let (script, samples) = building();
    let mut ear = Ear::at(&script, samples);
    assert!(is_in(&ear.types("q"), "panel"));
    ear.types(".");
    ear.types("arm");
    assert!(is_in(&ear.types("app"), "ARMED"));
    ear.types("q");
    ear.desk.console.stood_still(ear.now);
    ear.desk.teller.forget_panel();
    let said = ear.hears();
    assert!(is_in(&said, "SAFE: the console stood still") && is_in(&said, "panel"), "{said:#?}");
    ear.types("esc");
    for _ in 0..2 {
        let left = ear.desk.woken(Wake::Inbound(Inbound::Interrupt), ear.at, ear.now);
        ear.left = ear.left.or(left);
        ear.waits(500);
    }
    // The engine of this console is in its own process in production; here it would end the run, and is asked.
    assert!(ear.left.is_some() || ear.desk.console.ui.panel.is_some());
    assert_eq!(ear.sent(), []);
}

#[test]
fn blockers_that_the_status_does_not_name_come_and_go_by_name() {
    let (script, mut samples) = building();
    let mut ear = Ear::at(&script, samples.clone());
    let key = script.key(2);
    samples.at = Some(ear.now);
    samples.builds.get_mut(&key).unwrap().blockers.clear();
    ear.desk.console.read(samples.clone(), ear.now);
    let said = ear.hears();
    assert!(
        is_in(&said, "no more: public.idx_leads_tenant_status_created_at is held up by pid 1234"),
        "{said:#?}"
    );
    assert_eq!(ear.hears(), Vec::<String>::new());
}

#[test]
fn hostile_texts_are_said_without_a_control_character() {
    for script in [Script::building(Texts::Hostile, Mode::Live), Script::gate(Texts::Hostile, Mode::Live)] {
        let mut ear = Ear::at(&script, script.samples());
        let mut said = Vec::new();
        for line in ["", ".", "1", "b", "l", "?", "goto verify", "goto steps", "y", "Y", "q"] {
            said.extend(ear.types(line));
        }
        assert!(said.len() > 50, "{said:#?}");
        for line in said {
            assert!(
                !line.chars().any(|char| char.is_control() || "\u{202e}\u{200b}".contains(char)),
                "{line:?}"
            );
        }
    }
}

#[test]
fn json_is_ascii_a_line_each_and_has_the_same_words() {
    let script = Script::building(Texts::Hostile, Mode::Live);
    let mut console =
        Console::new(operator(), UiOptions { charset: Charset::Unicode, ..UiOptions::default() });
    console.resize(WHOLE);
    for event in &script.events {
        console.inbound(Inbound::Event(event.clone()), script.now());
    }
    console.read(script.samples(), script.now());
    let mut teller = Teller::new(Form::Json);
    teller.catch_up();
    let said = teller.tell(&console.scene(script.now()));
    let lines: Vec<String> = said.iter().map(|said| said.json(script.now())).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in &lines {
        assert!(line.is_ascii() && line.ends_with('\n') && line.matches('\n').count() == 1, "{line:?}");
    }
    let version: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&version["type"], &version["format"]), (&"version".into(), &1.into()));
    let screen: serde_json::Value = serde_json::from_str(&lines[1]).unwrap();
    assert_eq!((&screen["type"], &screen["twin"]["screen"]), (&"screen".into(), &"builds".into()));
    let twin = super::super::twin::twin(&console.scene(script.now()));
    assert_eq!(screen["twin"], serde_json::to_value(twin).unwrap());
    // A row that is told later has the number that it had there.
    let names = |value: &serde_json::Value| value["cells"]["INDEX"].clone();
    let rows = screen["twin"]["table"]["rows"].as_array().unwrap().clone();
    let mut script = script;
    script.verified(4);
    for event in &script.events[script.events.len() - 2..] {
        console.inbound(Inbound::Event(event.clone()), script.now());
    }
    let told = teller.tell(&console.scene(script.now()));
    let mut told = told.iter().filter(|said| matches!(said, Said::Row { .. }));
    let row: serde_json::Value = serde_json::from_str(&told.next_back().unwrap().json(script.now())).unwrap();
    let place = rows.iter().position(|known| names(known) == names(&row)).unwrap();
    assert_eq!(row["number"], place + 1, "{row}");
    console.inbound(Inbound::Said("the engine answers again".to_owned()), script.now());
    let said = teller.tell(&console.scene(script.now()));
    let line: serde_json::Value = serde_json::from_str(&said[0].json(script.now())).unwrap();
    assert_eq!((&line["type"], &line["text"]), (&"message".into(), &"the engine answers again".into()));
}

#[test]
fn a_run_that_is_over_ends_what_only_watches() {
    let script = Script::whole(Texts::Ordinary, Mode::Live);
    let mut ear = Ear::at(&script, script.quiet());
    ear.desk.voice.form = Form::Json;
    let closed = matches!(script.events.last().unwrap().kind, EventKind::Run(RunEvent::Closed { .. }));
    assert!(closed);
    ear.desk.woken(Wake::Inbound(Inbound::EngineEnded { words: Vec::new() }), ear.at, ear.now);
    assert_eq!(ear.desk.ends, Ends::Over);
}

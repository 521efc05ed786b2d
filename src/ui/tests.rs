//! The console as an operator meets it: what is on the screen, and what keys do.

use std::time::Duration;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::domain::command::{Command, Verb};
use crate::domain::event::SessionEnd;
use crate::domain::id::Person;
use crate::domain::sample::{Link, Samples};
use crate::domain::target::{Environment, Mode};

use super::console::{Console, Outcome};
use super::input::{Key, Timed, Token};
use super::render::render;
use super::testdata::{NAMES, Script, Texts, operator};
use super::ui_state::Arm;
use super::{Charset, Inbound, Leave, Theme, UiOptions};

/// A console with an operator in front of it.
struct Desk {
    console: Console,
    at: Duration,
    now: jiff::Timestamp,
    out: Vec<Outcome>,
}

impl Desk {
    fn new(charset: Charset) -> Self {
        let options = UiOptions {
            theme: Theme::Mono,
            charset,
            environment: Environment::Prod,
            title: "db1.example:5432/app".to_owned(),
            ..UiOptions::default()
        };
        let mut desk = Self {
            console: Console::new(operator(), options),
            at: Duration::from_secs(1),
            now: super::testdata::start(),
            out: Vec::new(),
        };
        desk.console.resize((80, 24));
        desk
    }

    fn at(script: &Script, samples: Samples) -> Self {
        let mut desk = Self::new(Charset::Ascii);
        desk.follow(script, samples);
        desk
    }

    fn building() -> Self {
        let script = Script::building(Texts::Ordinary, Mode::Live);
        let samples = script.samples();
        Self::at(&script, samples)
    }

    fn follow(&mut self, script: &Script, samples: Samples) {
        self.now = script.now();
        for event in &script.events {
            self.console.inbound(Inbound::Event(event.clone()), self.now);
        }
        self.console.read(samples, self.now);
    }

    fn pass(&mut self, millis: u64) {
        self.at += Duration::from_millis(millis);
        self.now += jiff::SignedDuration::from_millis(i64::try_from(millis).unwrap());
    }

    /// The screen is drawn, and half a second passes.
    fn see(&mut self) -> &mut Self {
        self.console.shown(self.at);
        self.pass(500);
        self
    }

    fn key(&mut self, key: Key) -> &mut Self {
        self.pass(50);
        let timed = Timed { token: Token::Key(key), at: self.at };
        self.out.extend(self.console.token(&timed, self.now));
        self
    }

    /// Types a text; `\n` is Enter.
    fn keys(&mut self, text: &str) -> &mut Self {
        for char in text.chars() {
            self.key(if char == '\n' { Key::Enter } else { Key::Char(char) });
        }
        self
    }

    fn arm(&mut self) -> &mut Self {
        self.keys(":arm\n").see().keys("app\n");
        assert!(matches!(self.console.ui.arm, Arm::Armed { .. }), "{}", self.screen((80, 24)));
        self.see()
    }

    fn sent(&self) -> Vec<&Verb> {
        self.out
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Send(Command { verb, .. }) => Some(verb),
                Outcome::Repaint | Outcome::Leave(_) => None,
            })
            .collect()
    }

    fn message(&self) -> String {
        self.console.ui.message.as_ref().map(|message| message.text.clone()).unwrap_or_default()
    }

    fn screen(&mut self, size: (u16, u16)) -> String {
        self.console.resize(size);
        let view = self.console.view(self.now);
        let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let theme = self.console.theme();
        terminal
            .draw(|frame| {
                render(&view, theme, frame.buffer_mut());
            })
            .unwrap();
        let buffer = terminal.backend().buffer().clone();
        let mut text = String::new();
        for y in 0..size.1 {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..size.0 {
                let symbol = buffer[(x, y)].symbol();
                if skip == 0 {
                    line.push_str(symbol);
                    skip = crate::text::cell_width(symbol).max(1);
                }
                skip -= 1;
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The screen at every size it is made for.
    fn screens(&mut self) -> String {
        [(80, 24), (120, 40), (40, 10)].map(|size| format!("{size:?}\n{}", self.screen(size))).concat()
    }
}

mod pictures {
    use super::*;

    macro_rules! picture {
        ($name:ident, $desk:expr) => {
            #[test]
            fn $name() {
                let mut desk = $desk;
                insta::assert_snapshot!(desk.screens());
            }
        };
    }

    fn gate(texts: Texts) -> Desk {
        let script = Script::gate(texts, Mode::Live);
        let samples = script.quiet();
        Desk::at(&script, samples)
    }

    fn to_sign() -> Desk {
        let script = Script::to_sign(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        Desk::at(&script, samples)
    }

    /// Types texts one after the other, with a look at the screen after each.
    fn after(mut desk: Desk, texts: &[&str]) -> Desk {
        desk.see();
        for text in texts {
            desk.keys(text).see();
        }
        desk
    }

    picture!(before_the_first_event, Desk::new(Charset::Ascii));
    picture!(preflight_with_a_closed_gate, gate(Texts::Ordinary));
    picture!(preflight_of_hostile_texts, gate(Texts::Hostile));
    picture!(playbook_held_for_a_person, {
        let script = Script::confirm(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        Desk::at(&script, samples)
    });
    picture!(go_panel, {
        let script = Script::confirm(Texts::Ordinary, Mode::Rehearsal);
        let samples = script.quiet();
        after(Desk::at(&script, samples), &["s", "g"])
    });
    picture!(builds_with_one_held_up, after(Desk::building(), &[]));
    picture!(builds_of_hostile_texts, {
        let script = Script::building(Texts::Hostile, Mode::Live);
        let samples = script.samples();
        Desk::at(&script, samples)
    });
    picture!(blockers_now_and_later, after(Desk::building(), &["b"]));
    picture!(undo_panel, {
        let mut desk = Desk::building();
        desk.see().arm();
        after(desk, &["u", "idx_leads"])
    });
    picture!(end_session_panel, {
        let mut desk = Desk::building();
        desk.see().arm();
        after(desk, &["b", "K", "terminate\n1234 b"])
    });
    picture!(verification_waiting_for_a_signature, to_sign());
    picture!(sign_off_panel, {
        let mut desk = to_sign();
        desk.see().arm();
        after(desk, &["s", "Jane\nall va"])
    });
    picture!(help_says_why_a_key_cannot_act, after(Desk::building(), &["?"]));
    picture!(the_log, after(Desk::building(), &["l"]));
    picture!(the_end, {
        let script = Script::whole(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        let now = desk.now;
        desk.console.inbound(Inbound::EngineEnded("report: /tmp/a7f3/report.md".to_owned()), now);
        desk
    });
    picture!(lost_link_and_frozen_picture, {
        let mut desk = Desk::building();
        let mut samples = desk.console.samples.clone();
        samples.link = Link::Lost { since: desk.now, tries: 3, why: "connection reset by peer".to_owned() };
        let now = desk.now;
        desk.console.read(samples, now);
        desk.pass(12_000);
        desk
    });
}

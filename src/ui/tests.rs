//! The console as an operator meets it: what is on the screen, and what keys do.

use std::time::Duration;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::domain::blocker::Bites;
use crate::domain::command::{Command, Verb};
use crate::domain::decide::decide;
use crate::domain::event::{
    Before, BuildEvent, Conclusion, DropEvent, DropPurpose, EventKind, Next, Origin, RunEvent, SessionEnd,
};
use crate::domain::id::{EntryKey, Oid, Person};
use crate::domain::progress::Wait;
use crate::domain::sample::{Link, Samples};
use crate::domain::target::{BudgetPolicy, Environment, Mode};
use crate::domain::unit::Millis;

mod looks;

use super::console::{Console, Outcome};
use super::input::{Key, Timed, Token};
use super::render::render;
use super::testdata::{NAMES, Script, Texts, blocker, builder, operator};
use super::ui_state::Arm;
use super::{Charset, Inbound, Leave, Theme, UiOptions};

mod everywhere;
mod screenshot;
mod states;

/// A console with an operator in front of it.
struct Desk {
    console: Console,
    at: Duration,
    now: jiff::Timestamp,
    out: Vec<Outcome>,
}

impl Desk {
    fn new(charset: Charset) -> Self {
        Self::with(Theme::Mono, charset)
    }

    fn with(theme: Theme, charset: Charset) -> Self {
        Self::seat(theme, charset, operator())
    }

    fn of(person: Person) -> Self {
        Self::seat(Theme::Mono, Charset::Ascii, person)
    }

    fn seat(theme: Theme, charset: Charset, person: Person) -> Self {
        let options = UiOptions {
            theme,
            charset,
            environment: Environment::Prod,
            title: "db1.example:5432/app".to_owned(),
            ..UiOptions::default()
        };
        let mut desk = Self {
            console: Console::new(person, options),
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
                Outcome::Repaint
                | Outcome::Control
                | Outcome::Report
                | Outcome::Copy(_)
                | Outcome::Back
                | Outcome::Mouse(_)
                | Outcome::Suspend
                | Outcome::Leave(_) => None,
            })
            .collect()
    }

    fn copied(&self) -> Option<&str> {
        self.out
            .iter()
            .rev()
            .find_map(|outcome| if let Outcome::Copy(text) = outcome { Some(text.as_str()) } else { None })
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
        [(80, 24), (120, 40), (200, 60), (40, 10)]
            .map(|size| format!("{size:?}\n{}", self.screen(size)))
            .concat()
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
        desk.console
            .inbound(Inbound::EngineEnded { words: vec!["report /tmp/a7f3/report.md".to_owned()] }, now);
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

mod keys {
    use super::*;

    fn confirm() -> Desk {
        let script = Script::confirm(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see();
        desk
    }

    fn to_sign() -> Desk {
        let script = Script::to_sign(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see();
        desk
    }

    #[test]
    fn a_held_step_goes_on_after_go_and_enter_and_not_before() {
        let mut desk = confirm();
        desk.keys("s").see().keys("g\n");
        assert!(desk.sent().is_empty());
        desk.keys("o\n");
        let [Verb::Confirm { step, typed }] = desk.sent()[..] else { panic!("{:?}", desk.sent()) };
        assert_eq!((step.0.as_str(), typed.as_str()), ("go.confirm", "go"));
    }

    #[test]
    fn a_closed_gate_says_why_instead_of_opening_a_panel() {
        let script = Script::gate(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see().keys("s");
        assert!(desk.console.ui.panel.is_none());
        assert!(desk.message().contains("gate closed"), "{}", desk.message());
    }

    #[test]
    fn a_check_is_waived_only_when_armed_and_with_a_reason_that_says_something() {
        let script = Script::gate(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see().keys("w");
        assert!(desk.console.ui.panel.is_none(), "SAFE");
        desk.arm().keys("jw").see().keys("no\n");
        assert!(desk.sent().is_empty());
        desk.keys(", space is added at 03:30Z\n");
        let [Verb::Waive { check, reason }] = desk.sent()[..] else { panic!("{:?}", desk.sent()) };
        assert_eq!((check.0.as_str(), reason.as_str()), ("disk_headroom", "no, space is added at 03:30Z"));
    }

    #[test]
    fn stop_needs_its_word_and_undo_needs_armed_and_the_name_of_the_index() {
        let mut desk = Desk::building();
        desk.see().keys("x").see().keys("stop\n");
        let key = format!("public.{}", NAMES[2].0);
        assert!(matches!(desk.sent()[..], [Verb::Stop { entry }] if entry.0 == key), "{:?}", desk.sent());

        let mut desk = Desk::building();
        desk.see().keys("u");
        assert!(desk.message().contains("SAFE"), "{}", desk.message());
        desk.arm().keys("u").see().keys("idx_leads_email\nwrong column order\n");
        assert!(desk.sent().is_empty(), "another index's name");
        desk.key(Key::Ctrl('u')).keys(&format!("{}\nwrong column order\n", NAMES[2].0));
        let [Verb::Roll { entries, reason }] = desk.sent()[..] else { panic!("{:?}", desk.sent()) };
        assert_eq!((entries[0].0.as_str(), reason.as_str()), (key.as_str(), "wrong column order"));
    }

    #[test]
    fn undo_all_needs_the_name_of_the_database_and_means_all_that_there_is_when_it_is_sent() {
        let mut desk = Desk::building();
        desk.see().arm().keys("0u").see().keys("app\nwrong maintenance window\n");
        assert!(
            matches!(desk.sent()[..], [Verb::Roll { entries, .. }] if entries.is_empty()),
            "{:?}",
            desk.sent()
        );
    }

    #[test]
    fn a_session_is_ended_by_its_pid_and_name_and_never_after_it_is_gone() {
        let mut desk = Desk::building();
        desk.see().arm().keys("bK").see();
        desk.keys("terminate\n1234 billing-worker\nidle for eighteen minutes\n");
        let [Verb::EndSession { backend, how, .. }] = desk.sent()[..] else { panic!("{:?}", desk.sent()) };
        assert_eq!((backend.pid.0, *how), (1234, SessionEnd::Terminate));

        let mut desk = Desk::building();
        desk.see().arm().keys("bK").see().keys("terminate\n1234 billing-worker\nidle for eighteen");
        let mut samples = desk.console.samples.clone();
        samples.builds.clear();
        let now = desk.now;
        desk.console.read(samples, now);
        assert!(desk.console.ui.panel.is_none(), "the panel went with the session");
        desk.keys(" minutes\n");
        assert!(desk.sent().is_empty());
    }

    #[test]
    fn the_run_is_signed_with_name_and_reason() {
        let mut desk = to_sign();
        desk.arm().keys("s").see().keys("Jane Doe\nall verified, service looks well\n");
        let [Verb::SignOff { name, reason }] = desk.sent()[..] else { panic!("{:?}", desk.sent()) };
        assert_eq!((name.as_str(), reason.as_str()), ("Jane Doe", "all verified, service looks well"));
    }

    #[test]
    fn armed_ends_after_fifteen_minutes_without_a_key_and_with_a_lost_link() {
        let mut desk = Desk::building();
        desk.see().arm();
        desk.pass(14 * 60_000);
        desk.keys("j");
        desk.pass(14 * 60_000);
        assert!(desk.console.ui.arm.left(desk.now).is_some(), "a key began the time anew");
        desk.pass(60_000);
        desk.keys("j");
        assert_eq!(desk.console.ui.arm, Arm::Safe);

        let mut desk = Desk::building();
        desk.see().arm();
        let up = desk.console.samples.clone();
        let lost =
            Samples { link: Link::Lost { since: desk.now, tries: 1, why: "reset".to_owned() }, ..up.clone() };
        let now = desk.now;
        desk.console.read(lost, now);
        assert_ne!(desk.console.ui.arm, Arm::Safe);
        desk.console.read(up, now);
        assert_eq!(desk.console.ui.arm, Arm::Safe);
    }

    #[test]
    fn a_panel_typed_while_armed_is_not_sent_when_that_has_ended() {
        let mut desk = Desk::building();
        desk.see().arm().keys("u").see().keys(&format!("{}\nwrong column order", NAMES[2].0));
        desk.pass(16 * 60_000);
        desk.keys("\n");
        assert!(desk.sent().is_empty());
        let said = desk.console.ui.panel.as_ref().and_then(|panel| panel.said.clone()).unwrap_or_default();
        assert!(said.contains("old") || said.contains("SAFE"), "{said}");
    }

    #[test]
    fn a_stale_or_frozen_picture_is_no_ground_for_an_act() {
        let mut desk = Desk::building();
        desk.pass(11_000);
        desk.see().keys("x");
        assert!(desk.message().contains("old"), "{}", desk.message());
        let mut desk = Desk::building();
        desk.see().keys("fx");
        assert!(desk.message().contains("frozen"), "{}", desk.message());
        desk.keys("fx");
        assert!(desk.console.ui.panel.is_some());
    }

    #[test]
    fn a_dry_run_cannot_stop_undo_retry_or_end_a_session_and_says_so() {
        let script = Script::building(Texts::Ordinary, Mode::DryRun);
        let samples = script.samples();
        for keys in ["3x", "3u", "3:retry\n", "bK"] {
            let mut desk = Desk::at(&script, samples.clone());
            desk.see().arm().keys(keys);
            assert!(desk.console.ui.panel.is_none(), "{keys}");
            assert!(desk.message().contains("dry run"), "{keys}: {}", desk.message());
        }
    }

    #[test]
    fn a_dry_run_arms_and_waives_as_a_live_run_does() {
        let script = Script::gate(Texts::Ordinary, Mode::DryRun);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see().keys("w");
        assert!(desk.console.ui.panel.is_none(), "SAFE");
        desk.keys(":arm\n").see();
        assert!(desk.screen((80, 24)).contains("This is a dry run"), "{}", desk.screen((80, 24)));
        desk.key(Key::Esc).arm().keys("jw").see().keys("space is added at 03:30Z\n");
        assert!(matches!(desk.sent()[..], [Verb::Waive { .. }]), "{:?}", desk.sent());
        // The gate that decides takes it too.
        let [Outcome::Send(command)] = &desk.out[..] else { panic!("{:?}", desk.out) };
        let decided = crate::domain::decide::decide(&desk.console.picture.run, command);
        assert!(decided.is_ok(), "{decided:?}");
    }

    #[test]
    fn a_build_over_its_budget_asks_where_it_is_shown() {
        let mut script = Script::building(Texts::Ordinary, Mode::Live);
        let entry = script.key(2);
        let spent = |policy| BuildEvent::BudgetSpent {
            entry: entry.clone(),
            wait: Wait::Writers,
            waited: Millis(60_000),
            policy,
        };
        script.build(spent(BudgetPolicy::Ask));
        let samples = script.samples();
        let question = "over its budget: x stops it, or let it wait";
        assert!(!Desk::at(&script, samples.clone()).screen((120, 40)).contains(question), "nobody is asked");
        let EventKind::Run(RunEvent::Opened { settings, .. }) = &mut script.events[0].kind else {
            panic!("the first event opens the run")
        };
        settings.on_budget = BudgetPolicy::Ask;
        let screen = Desk::at(&script, samples).screen((120, 40));
        assert!(screen.contains(question), "{screen}");
    }

    #[test]
    fn esc_never_leaves_and_a_live_run_is_left_only_by_ending_it() {
        let mut desk = Desk::building();
        desk.see();
        for _ in 0..10 {
            desk.key(Key::Esc);
        }
        assert!(desk.out.is_empty());
        desk.keys("q").see().key(Key::Esc);
        assert!(desk.out.is_empty());
        desk.key(Key::Ctrl('c')).key(Key::Ctrl('c')).see().keys("abort\nserver is needed elsewhere\n");
        assert!(matches!(desk.sent()[..], [Verb::Abort { .. }]), "{:?}", desk.out);
        let now = desk.now;
        let left =
            desk.console.inbound(Inbound::EngineEnded { words: vec!["journal closed".to_owned()] }, now);
        assert_eq!(left, Some(Leave::Quit), "it closes when the engine has ended");
    }

    #[test]
    fn a_wish_to_leave_that_was_taken_back_keeps_the_last_screen() {
        let mut desk = Desk::building();
        desk.see().keys("q").see().key(Key::Esc);
        let now = desk.now;
        let left =
            desk.console.inbound(Inbound::EngineEnded { words: vec!["journal closed".to_owned()] }, now);
        assert_eq!(left, None, "the screen stays until somebody leaves");
    }

    const DEEP: &str = "/home/jane/.local/state/cicerone/db1.example.com-5432-app-of-the-crm/runs/20261120-025625-a7f3/report.md";

    #[test]
    fn once_the_run_has_ended_nothing_is_stale_and_nobody_is_armed() {
        let script = Script::whole(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see();
        let now = desk.now;
        desk.console.inbound(Inbound::EngineEnded { words: vec![format!("report {DEEP}")] }, now);
        desk.pass(600_000);
        for size in [(80, 24), (120, 40), (60, 12)] {
            let screen = desk.screen(size);
            assert!(screen.contains("ENDED") && !screen.contains("STALE"), "{screen}");
        }
    }

    #[test]
    fn the_reports_path_is_whole_and_so_is_the_way_out_at_80_columns() {
        let script = Script::whole(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see();
        let now = desk.now;
        let beside = "journal.jsonl lies beside it".to_owned();
        desk.console.inbound(Inbound::EngineEnded { words: vec![format!("report {DEEP}"), beside] }, now);
        let screen = desk.screen((80, 24));
        let together: String = screen.split_whitespace().collect();
        assert!(together.contains(DEEP), "{screen}");
        assert!(screen.contains("journal.jsonl lies beside it"), "{screen}");
        assert!(screen.contains("the run came to its end. [q] leaves"), "{screen}");
    }

    #[test]
    fn however_a_run_ended_the_status_line_says_so_and_how_to_leave_in_80_columns() {
        use crate::domain::event::{Ending, EventKind, RunEvent};
        let step = || crate::domain::id::StepId::from("signoff.signoff");
        for ending in [
            Ending::Finished,
            Ending::RolledBack,
            Ending::Aborted,
            Ending::NeedsPerson { step: step() },
            Ending::StoppedAt { step: step() },
            Ending::Unknown { why: "the connection was lost and nobody could look again ".repeat(3) },
        ] {
            let mut script = Script::to_sign(Texts::Ordinary, Mode::Live);
            script.push(EventKind::Run(RunEvent::Closed { ending: ending.clone() }));
            let samples = script.quiet();
            let mut desk = Desk::at(&script, samples);
            let screen = desk.screen((80, 24));
            assert!(screen.contains("[q] leaves"), "{ending:?}\n{screen}");
        }
        let script = Script::to_sign(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        let now = desk.now;
        desk.console.inbound(Inbound::EngineEnded { words: vec![format!("report {DEEP}")] }, now);
        let screen = desk.screen((80, 24));
        assert!(screen.contains("[q] leaves"), "{screen}");
    }

    #[test]
    fn n_goes_round_the_rows_that_the_filter_means() {
        let mut desk = Desk::building();
        let chosen =
            |desk: &Desk| desk.console.scene(desk.now).entry().map(|item| item.key.0.clone()).unwrap();
        desk.see().keys("n");
        assert!(desk.message().contains("no filter"), "{}", desk.message());
        desk.keys("/orders\n");
        let first = chosen(&desk);
        assert!(desk.screen((80, 24)).contains(" /orders ([Esc] shows all) "), "{}", desk.screen((80, 24)));
        let second = chosen(desk.keys("n"));
        assert_ne!(first, second);
        assert_eq!(chosen(desk.keys("n")), first, "round the end");
        assert_eq!(chosen(desk.keys("N")), second);
        // A list that is not narrowed is searched.
        desk.keys("0/sign\ng");
        let step =
            |desk: &Desk| desk.console.scene(desk.now).step().map(|row| row.step.id.0.clone()).unwrap();
        assert_eq!(step(desk.keys("n")), "signoff.signoff");
    }

    #[test]
    fn a_key_of_ones_own_acts_is_shown_and_its_shipped_key_does_nothing() {
        use super::super::ui_state::{Look, Screen};
        use super::super::{Keymap, Wish};
        let keys = |wish: &[(&str, &str)]| {
            let wish = wish.iter().map(|(action, keys)| Wish {
                action: (*action).to_owned(),
                keys: keys.split(' ').map(str::to_owned).collect(),
            });
            Keymap::rebound(&wish.collect::<Vec<_>>()).unwrap()
        };
        let keys = keys(&[("log", "o"), ("pause", "v"), ("page_down", "PgDn Ctrl-F Ctrl-V")]);
        let script = Script::building(Texts::Ordinary, Mode::Live);
        let samples = script.samples();
        let mut desk = Desk::new(Charset::Ascii);
        desk.console = Console::new(operator(), UiOptions { keys, ..UiOptions::default() });
        desk.follow(&script, samples);
        let hints = desk.see().screen((120, 24));
        assert!(hints.contains("[v] pause") && !hints.contains("[p]"), "{hints}");
        desk.keys("lp");
        assert_eq!((desk.console.ui.look.as_slice(), desk.sent().len()), (&[][..], 0));
        desk.keys("?");
        let help = desk.screen((100, 120));
        assert!(help.contains("  o         look   the full log"), "{help}");
        assert!(help.contains("  PgDn Ctrl-F Ctrl-V\n            look   a page down"), "{help}");
        desk.keys("?ov");
        assert_eq!(desk.console.ui.look, [Look::At(Screen::Log)]);
        assert!(matches!(desk.sent().as_slice(), [Verb::Pause]), "{:?}", desk.sent());
    }

    #[test]
    fn the_environment_has_the_colour_that_it_was_given_and_none_in_mono() {
        use super::super::{Hue, Theme};
        use ratatui::style::Color;
        let script = Script::building(Texts::Ordinary, Mode::Live);
        let samples = script.samples();
        let colour = |theme: Theme, hues: &[(&str, Hue)]| {
            let mut desk = Desk::new(Charset::Ascii);
            let hues = hues.iter().map(|(word, hue)| ((*word).to_owned(), *hue)).collect();
            desk.console = Console::new(operator(), UiOptions { theme, hues, ..UiOptions::default() });
            desk.follow(&script, samples.clone());
            let view = desk.console.view(desk.now);
            let (buffer, _) = super::super::render::frame(&view, theme);
            assert_eq!(buffer[(1, 0)].symbol(), "P");
            buffer[(1, 0)].fg
        };
        let hues = [("STAGE", Hue::Green), ("PROD", Hue::Red), ("PROD", Hue::Blue)];
        assert_eq!(colour(Theme::Default, &hues), Color::LightRed);
        assert_eq!(colour(Theme::Default, &hues[..1]), Color::Reset);
        assert_eq!(colour(Theme::Mono, &hues), Color::Reset);
    }

    #[test]
    fn times_are_utc_then_local_then_ages_and_the_clock_stays_utc() {
        let script = Script::building(Texts::Ordinary, Mode::Live);
        let samples = script.samples();
        let mut desk = Desk::new(Charset::Ascii);
        desk.console = Console::new(
            operator(),
            UiOptions { zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(2)), ..UiOptions::default() },
        );
        desk.follow(&script, samples);
        desk.see().keys("l");
        let bar = super::super::show::time(desk.now);
        for (keys, part) in [("", "02:56:25Z"), ("t", "04:56:25+02:00"), ("t", " ago "), ("t", "02:56:25Z")] {
            let screen = desk.keys(&format!("{keys}gg")).screen((80, 24));
            assert!(screen.contains(part), "{part}\n{screen}");
            assert!(screen.lines().next().unwrap_or_default().contains(&bar[..5]), "{screen}");
        }
        desk.keys(":tz relative\n");
        assert!(desk.message().contains("relative"));
        desk.keys(":tz mars\n");
        assert!(desk.message().contains("utc, local or relative"));
    }

    #[test]
    fn the_refresh_goes_from_half_a_second_to_ten_and_no_further() {
        let mut desk = Desk::building();
        desk.see();
        let refresh = |desk: &Desk| desk.console.refresh().as_millis();
        assert_eq!(refresh(&desk), 1_000);
        desk.keys("--");
        assert_eq!(refresh(&desk), 500);
        assert!(desk.message().contains("shortest"), "{}", desk.message());
        desk.keys("++++++");
        assert_eq!(refresh(&desk), 10_000);
        desk.keys(":rate 2.5\n");
        assert_eq!(refresh(&desk), 2_500);
        for wrong in ["0.1", "60", "fast", "NaN", ""] {
            desk.keys(&format!(":rate {wrong}\n"));
            assert_eq!(refresh(&desk), 2_500, "{wrong}");
        }
    }

    #[test]
    fn a_statement_is_copied_whole_and_the_key_that_comes_back_does_nothing_else() {
        let mut desk = Desk::building();
        desk.see().keys("y");
        let statement = desk.copied().map(str::to_owned).unwrap_or_default();
        let wanted = format!("CREATE INDEX CONCURRENTLY {} ON public.{}", NAMES[2].0, NAMES[2].1);
        assert!(statement.starts_with(&wanted), "{statement}");
        assert!(!desk.console.is_in_view());
        desk.keys("x");
        assert_eq!(desk.out.last(), Some(&Outcome::Back));
        assert!(desk.console.is_in_view() && desk.console.ui.panel.is_none());
        desk.keys("y");
        let timed = Timed { token: Token::Paste, at: desk.at };
        let now = desk.now;
        assert_eq!(desk.console.token(&timed, now), [Outcome::Back], "a paste comes back as well");
    }

    #[test]
    fn a_whole_pane_is_copied_with_the_rows_that_do_not_fit_and_nothing_that_steers_a_terminal() {
        let script = Script::building(Texts::Hostile, Mode::Live);
        let samples = script.samples();
        let mut desk = Desk::at(&script, samples);
        desk.console.resize((80, 16));
        for keys in ["y", "Y", "1y", "1Y", "by", "bY", "0y", "0Y", "ly", "lY"] {
            desk.see().keys(keys);
            let copied = desk.copied().unwrap_or_default();
            let steers = copied.chars().any(|char| char.is_control() && char != '\n');
            assert!(!copied.is_empty() && !steers && !copied.contains('\u{202e}'), "{keys}: {copied:?}");
            desk.key(Key::Esc).keys(".");
        }
        let mut desk = Desk::building();
        desk.console.resize((80, 16));
        desk.see().keys("Y");
        let copied = desk.copied().unwrap_or_default();
        for (name, _) in NAMES.iter().filter(|(name, _)| name.len() < 26) {
            assert!(copied.contains(name), "{name}\n{copied}");
        }
    }

    #[test]
    fn the_report_is_asked_for_at_any_time_once_a_run_is_open() {
        let mut desk = Desk::new(Charset::Ascii);
        desk.see().keys("e");
        assert!(desk.message().contains("no run is open"), "{}", desk.message());
        let mut desk = Desk::building();
        desk.see().keys("e:export\n");
        assert_eq!(desk.out, [Outcome::Report, Outcome::Report]);
        let now = desk.now;
        desk.console.inbound(Inbound::ReportWritten { path: DEEP.to_owned() }, now);
        assert!(desk.message().contains("report is written"));
        let log: String = desk.keys("l").screen((80, 24)).split_whitespace().collect();
        assert!(log.contains(DEEP), "all of its path is in the log");
        desk.console.inbound(Inbound::ReportFailed { why: "no space is left".to_owned() }, now);
        assert!(desk.message().contains("no space is left"));
    }

    #[test]
    fn the_screen_is_suspended_only_while_the_engine_waits_and_comes_back_safe() {
        let mut desk = Desk::building();
        desk.see().key(Key::Ctrl('z'));
        assert!(
            desk.out.is_empty() && desk.message().contains("would be stopped as well"),
            "{}",
            desk.message()
        );
        let mut desk = to_sign();
        desk.arm().key(Key::Ctrl('z'));
        assert_eq!(desk.out.last(), Some(&Outcome::Suspend));
        assert_eq!(desk.console.ui.arm, Arm::Safe);
        // A panel that was open is read anew before it takes keys.
        let mut desk = confirm();
        desk.keys("s").see().key(Key::Ctrl('z')).keys("go\n");
        assert!(desk.sent().is_empty());
        desk.see().keys("go\n");
        assert!(matches!(desk.sent()[..], [Verb::Confirm { .. }]));
    }

    #[test]
    fn commands_are_recalled_newest_first() {
        let mut desk = Desk::building();
        let typed = |desk: &Desk| match &desk.console.ui.prompt {
            Some(super::super::ui_state::Prompt::Command(text, _)) => text.clone(),
            other => panic!("{other:?}"),
        };
        desk.see().keys(":rate 2\n:goto log\n:").key(Key::Up);
        assert_eq!(typed(&desk), "goto log");
        assert_eq!(typed(desk.key(Key::Up)), "rate 2");
        assert_eq!(typed(desk.key(Key::Up)), "rate 2", "there is none before it");
        assert_eq!(typed(desk.key(Key::Down)), "goto log");
        assert_eq!(typed(desk.key(Key::Down)), "");
    }

    #[test]
    fn help_of_every_screen_lists_every_key_that_is_bound_there_and_why_one_cannot_act() {
        use super::super::keymap::BINDINGS;
        use super::super::ui_state::Screen;
        for (keys, screen) in [
            ("1", Screen::Preflight),
            ("0", Screen::Steps),
            ("3", Screen::Builds),
            ("b", Screen::Blockers),
            ("5", Screen::Verify),
            ("l", Screen::Log),
        ] {
            let mut desk = Desk::building();
            desk.see().keys(keys).keys("?");
            let help = desk.screen((100, 120));
            for binding in BINDINGS.iter().filter(|binding| binding.on(screen)) {
                let row = help.lines().find(|line| {
                    line.starts_with(&format!("  {} ", binding.shown)) && line.contains(binding.what)
                });
                assert!(row.is_some(), "{} on {screen:?}\n{help}", binding.shown);
            }
            assert!(help.contains("not now: SAFE: type :arm first") || screen != Screen::Builds, "{help}");
            assert!(help.contains("not now: no filter: [/] first"), "{help}");
            assert!(help.contains(":rate") && help.contains(":tz") && help.contains(":export"), "{help}");
        }
    }

    #[test]
    fn a_recheck_is_on_every_screen() {
        for keys in ["1", "0", "3", "b", "5", "l"] {
            let mut desk = to_sign();
            desk.see().keys(keys).keys("r");
            assert!(matches!(desk.sent()[..], [Verb::Recheck]), "{keys}: {}", desk.message());
        }
    }

    #[test]
    fn one_ctrl_c_or_two_far_apart_do_nothing() {
        let mut desk = Desk::building();
        desk.see().key(Key::Ctrl('c'));
        desk.pass(2_500);
        desk.key(Key::Ctrl('c'));
        assert!(desk.console.ui.panel.is_none() && desk.out.is_empty());
    }

    #[test]
    fn before_a_run_is_open_and_after_its_end_q_leaves_at_once() {
        let mut desk = Desk::new(Charset::Ascii);
        desk.see().keys("q");
        assert_eq!(desk.out, [Outcome::Leave(Leave::Quit)]);
        let script = Script::whole(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see().keys("q");
        assert_eq!(desk.out, [Outcome::Leave(Leave::Quit)]);
    }

    #[test]
    fn a_paste_does_nothing_but_say_so() {
        let mut desk = confirm();
        desk.keys("s").see();
        let timed = Timed { token: Token::Paste, at: desk.at };
        let now = desk.now;
        assert!(desk.console.token(&timed, now).is_empty());
        assert_eq!(desk.console.ui.panel.as_ref().map(|panel| panel.fields[0].text.as_str()), Some(""));
        assert!(desk.message().contains("paste"));
    }

    #[test]
    fn the_cursor_stays_on_its_entry_when_rows_move_and_rows_stand_still_under_a_panel() {
        let mut desk = Desk::building();
        desk.see().keys("j");
        let chosen = desk.console.scene(desk.now).entry().map(|item| item.key.0.clone());
        assert_eq!(chosen, Some(format!("public.{}", NAMES[4].0)));
        let mut script = Script::building(Texts::Ordinary, Mode::Live);
        let known = script.events.len();
        script.verified(4);
        desk.keys("x").see();
        let order = desk.console.ui.view.order.clone();
        let now = desk.now;
        // Another build ends meanwhile, which would move the rows.
        let mut other = Script::building(Texts::Ordinary, Mode::Live);
        other.verified(2);
        for event in &other.events[known..] {
            desk.console.inbound(Inbound::Event(event.clone()), now);
        }
        let samples = desk.console.samples.clone();
        desk.console.read(samples, now);
        assert_eq!(desk.console.ui.view.order, order);
        desk.key(Key::Esc);
        assert_ne!(desk.console.ui.view.order, order);
        assert_eq!(desk.console.scene(desk.now).entry().map(|item| item.key.0.clone()), chosen);
        // The build of the panel itself ends: the panel goes.
        desk.keys("x").see();
        for event in &script.events[known..] {
            desk.console.inbound(Inbound::Event(event.clone()), now);
        }
        assert!(desk.console.ui.panel.is_none());
    }

    #[test]
    fn digits_look_at_phases_and_a_dot_follows_the_run_again() {
        let mut desk = Desk::building();
        let first = |desk: &mut Desk| desk.screen((80, 24)).lines().nth(3).unwrap_or_default().to_owned();
        assert!(first(&mut desk).contains("INDEXES"));
        desk.see().keys("1");
        assert!(first(&mut desk).contains("PRE-FLIGHT"));
        desk.keys("5");
        assert!(first(&mut desk).contains("VERIFY"));
        desk.keys("0");
        assert!(first(&mut desk).contains("PLAYBOOK"));
        desk.keys(".");
        assert!(first(&mut desk).contains("INDEXES"));
        desk.keys("9");
        assert!(desk.message().contains("no phase 9"));
    }

    #[test]
    fn what_was_read_of_an_index_is_not_shown_of_it_once_it_is_dropped() {
        let script = Script::whole(Texts::Ordinary, Mode::Live);
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see().keys("/tenant_created\n");
        let screen = desk.screen((80, 24));
        let row = screen.lines().find(|line| line.contains("> SKIP")).unwrap_or_default();
        assert!(row.contains("gone") && !row.contains("uses it"), "{screen}");
        assert!(
            screen.contains("dropped by its rollback") && !screen.contains("read again: it is valid"),
            "{screen}"
        );
    }

    #[test]
    fn nothing_is_signed_or_begun_while_a_rollback_goes_on() {
        let mut script = Script::to_sign(Texts::Ordinary, Mode::Live);
        let entries = vec![script.key(0)];
        script.push(crate::domain::event::EventKind::Rollback(
            crate::domain::event::RollbackEvent::Requested {
                by: operator(),
                reason: "wrong column order".to_owned(),
                entries,
            },
        ));
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        desk.see().arm().keys("s");
        assert!(desk.message().contains("rolling back"), "{}", desk.message());
    }

    #[test]
    fn pause_acts_at_once_and_resuming_needs_go() {
        let mut desk = Desk::building();
        desk.see().keys("p");
        assert!(matches!(desk.sent()[..], [Verb::Pause]));
        let mut script = Script::building(Texts::Ordinary, Mode::Live);
        let known = script.events.len();
        script.push(crate::domain::event::EventKind::Run(crate::domain::event::RunEvent::Paused {
            by: Person("jane".to_owned()),
        }));
        let now = desk.now;
        desk.console.inbound(Inbound::Event(script.events[known].clone()), now);
        desk.keys("p").see().keys("go\n");
        assert!(matches!(desk.sent()[..], [Verb::Pause, Verb::Resume]));
    }

    #[test]
    fn a_foreign_leftover_is_dropped_for_a_retry_only_by_name_and_armed() {
        let mut script = Script::building(Texts::Ordinary, Mode::Live);
        let entry = script.key(7);
        script.build(crate::domain::event::BuildEvent::Skipped {
            entry,
            by: operator(),
            reason: "leftover of somebody else".to_owned(),
        });
        let samples = script.samples();
        let mut desk = Desk::at(&script, samples);
        desk.see().keys("/tasks\n:retry\n");
        assert!(desk.message().contains("SAFE"), "{}", desk.message());
        desk.arm().keys(":retry\n").see().keys("retry\n");
        assert!(desk.sent().is_empty());
        desk.key(Key::Ctrl('u')).keys("idx_tasks_due\n");
        assert!(matches!(
            desk.sent()[..],
            [Verb::Retry { leftover: crate::domain::target::LeftoverPolicy::Repair, .. }]
        ));
    }

    #[test]
    fn a_screen_too_small_for_a_panel_opens_none() {
        let mut desk = confirm();
        desk.console.resize((59, 24));
        desk.keys("s");
        assert!(desk.console.ui.panel.is_none());
        assert!(desk.message().contains("too small"), "{}", desk.message());
    }

    #[test]
    fn a_refusal_is_shown_in_its_own_words() {
        let mut desk = Desk::building();
        let verb = Verb::Recheck;
        let refusal = crate::domain::command::Refusal::GateClosed { why: "disk head room".to_owned() };
        let now = desk.now;
        desk.console.inbound(Inbound::Refused { verb, refusal }, now);
        assert!(desk.screen((80, 24)).contains("refused: the gate is closed: disk head room"));
    }

    #[test]
    fn everything_shown_in_ascii_mode_is_ascii_even_when_names_are_not() {
        for script in [Script::building, Script::gate, Script::to_sign, Script::whole] {
            let script = script(Texts::Hostile, Mode::Live);
            let samples = script.samples();
            let mut desk = Desk::at(&script, samples);
            desk.see();
            for keys in ["", "b", "l", "?", "0", "1", "3", "4", "q"] {
                desk.keys(keys).see();
                for size in [(80, 24), (120, 40), (40, 10)] {
                    let screen = desk.screen(size);
                    assert!(screen.is_ascii(), "{screen}");
                    assert!(!screen.contains('\u{1b}'));
                }
            }
        }
    }
}

/// What can be stopped and dropped although no statement of a build runs.
mod unusual {
    use super::*;

    /// A build that waits for its first lock.
    fn preparing() -> (Script, EntryKey) {
        let mut script = Script::building(Texts::Ordinary, Mode::Live);
        let entry = script.key(5);
        script.build(BuildEvent::Started { entry: entry.clone(), attempt: 1 });
        let blockers = vec![blocker(Texts::Ordinary, 5, Bites::Now)];
        script.build(BuildEvent::HeldUp { entry: entry.clone(), blockers });
        script.build(BuildEvent::BudgetSpent {
            entry: entry.clone(),
            wait: Wait::FirstLock,
            waited: Millis(2_000),
            policy: BudgetPolicy::Ask,
        });
        (script, entry)
    }

    fn intended(entry: &EntryKey) -> BuildEvent {
        BuildEvent::Intended {
            entry: entry.clone(),
            attempt: 1,
            statement: "CREATE INDEX CONCURRENTLY idx_msgs_conv_time ON public.messages (id)".to_owned(),
            before: Before::Absent,
            backend: builder(5),
            table_oid: Oid(16_005),
        }
    }

    fn drop_begins(script: &mut Script, index: usize, purpose: DropPurpose) -> EntryKey {
        let entry = script.key(index);
        let oid = Oid(17_000 + u32::try_from(index).unwrap());
        script.push(EventKind::Drop(DropEvent::Started { entry: entry.clone(), oid, purpose }));
        entry
    }

    fn drop_is_sent(script: &mut Script, entry: &EntryKey, index: usize) {
        script.push(EventKind::Drop(DropEvent::Intended {
            entry: entry.clone(),
            oid: Oid(17_000 + u32::try_from(index).unwrap()),
            statement: format!("DROP INDEX CONCURRENTLY {}", entry.0),
            backend: builder(70),
        }));
    }

    fn desk(script: &Script) -> Desk {
        let samples = script.samples();
        let mut desk = Desk::at(script, samples);
        desk.see();
        desk
    }

    /// Stops what the filter finds, after a look at the panel, which is returned.
    fn stop(desk: &mut Desk, filter: &str) -> String {
        desk.keys(&format!("/{filter}\nx")).see();
        let panel = desk.screen((80, 24));
        // The engine goes on reading while somebody types.
        let (samples, now) = (desk.console.samples.clone(), desk.now);
        desk.console.read(samples, now);
        desk.keys("stop\n");
        panel
    }

    fn stopped(desk: &Desk, entry: &EntryKey, panel: &str) {
        let [Outcome::Send(command)] = &desk.out[..] else { panic!("{}\n{panel}", desk.message()) };
        assert_eq!(command.verb, Verb::Stop { entry: entry.clone() });
        let decided = decide(&desk.console.picture.run, command);
        assert!(decided.is_ok(), "{decided:?}");
    }

    #[test]
    fn a_build_that_waits_for_its_first_lock_is_stopped_and_nothing_was_sent() {
        let (script, entry) = preparing();
        let mut desk = desk(&script);
        let panel = stop(&mut desk, "msgs");
        stopped(&desk, &entry, &panel);
        assert!(panel.contains("nothing was sent for it") && !panel.contains("pg_cancel_backend"), "{panel}");
    }

    #[test]
    fn a_build_that_waits_for_its_first_lock_is_not_said_to_be_held_up_by_nobody() {
        let (script, _) = preparing();
        let samples = script.quiet();
        let mut desk = Desk::at(&script, samples);
        let screen = desk.screen((80, 24));
        assert!(screen.contains("public.idx_msgs_conv_time waits for the table's lock"), "{screen}");
        assert!(!screen.contains("nobody holds them up"), "{screen}");
    }

    #[test]
    fn a_panel_that_says_that_nothing_was_sent_closes_once_something_is() {
        let (mut script, entry) = preparing();
        let mut desk = desk(&script);
        desk.keys("/msgs\nx").see().keys("sto");
        let known = script.events.len();
        script.build(intended(&entry));
        let now = desk.now;
        desk.console.inbound(Inbound::Event(script.events[known].clone()), now);
        assert!(desk.message().contains("panel was closed"), "{}", desk.message());
        desk.keys("p\n");
        assert!(!desk.sent().iter().any(|verb| matches!(verb, Verb::Stop { .. })), "{:?}", desk.sent());
    }

    #[test]
    fn the_drop_of_a_rollback_is_stopped_on_its_own_backend_and_the_panel_says_what_is_left() {
        let mut script = Script::to_sign(Texts::Ordinary, Mode::Live);
        let entry = drop_begins(&mut script, 0, DropPurpose::Rollback);
        drop_is_sent(&mut script, &entry, 0);
        let mut desk = desk(&script);
        let panel = stop(&mut desk, "tenant_created");
        stopped(&desk, &entry, &panel);
        assert!(panel.contains(&format!("pg_cancel_backend({})", builder(70).pid)), "{panel}");
        assert!(panel.contains("STOP THE DROP") && panel.contains("serves no query"), "{panel}");
    }

    #[test]
    fn the_drop_of_a_leftover_is_stopped_before_it_is_sent_too() {
        let mut script = Script::building(Texts::Ordinary, Mode::Live);
        script.begin(5).failed(5);
        let entry = script.key(5);
        let Some(EventKind::Build(BuildEvent::Concluded { next, .. })) =
            script.events.last_mut().map(|event| &mut event.kind)
        else {
            panic!("a failure is concluded")
        };
        *next = Next::DropThenStop { sentence: "the table holds duplicate values".to_owned() };
        drop_begins(&mut script, 5, DropPurpose::Leftover);
        let mut waiting = desk(&script);
        let panel = stop(&mut waiting, "msgs");
        stopped(&waiting, &entry, &panel);
        assert!(panel.contains("nothing was sent for it") && !panel.contains("pg_cancel_backend"), "{panel}");
        drop_is_sent(&mut script, &entry, 5);
        let mut sent = desk(&script);
        let panel = stop(&mut sent, "msgs");
        stopped(&sent, &entry, &panel);
        assert!(panel.contains(&format!("pg_cancel_backend({})", builder(70).pid)), "{panel}");
    }

    #[test]
    fn an_index_that_is_most_likely_of_this_run_is_dropped_by_name() {
        let mut script = Script::building(Texts::Ordinary, Mode::Live);
        let entry = script.key(5);
        script.build(BuildEvent::Started { entry: entry.clone(), attempt: 1 });
        script.build(intended(&entry));
        script.build(BuildEvent::Concluded {
            entry: entry.clone(),
            conclusion: Conclusion::Verified {
                oid: Oid(17_005),
                size: crate::domain::unit::Bytes(8_192),
                origin: Origin::Presumed,
            },
            next: Next::Done,
        });
        let mut desk = desk(&script);
        assert!(desk.console.picture.run.presumed(&entry).is_some());
        desk.arm().keys("/msgs\nu").see().keys("idx_msgs_conv_time\nnobody asks for these\n");
        let [Outcome::Send(command)] = &desk.out[..] else { panic!("{}", desk.message()) };
        assert!(matches!(&command.verb, Verb::Roll { entries, .. } if *entries == [entry]), "{command:?}");
        let decided = decide(&desk.console.picture.run, command);
        assert!(decided.is_ok(), "{decided:?}");
    }

    #[test]
    fn a_frozen_picture_of_a_waiting_engine_does_not_suspend_one_that_works() {
        let script = Script::confirm(Texts::Ordinary, Mode::Live);
        let mut desk = Desk::at(&script, script.quiet());
        desk.see().keys("f");
        let later = Script::building(Texts::Ordinary, Mode::Live);
        for event in &later.events[script.events.len()..] {
            let now = desk.now;
            desk.console.inbound(Inbound::Event(event.clone()), now);
        }
        desk.key(Key::Ctrl('z'));
        assert!(
            desk.out.is_empty() && desk.message().contains("frozen"),
            "{:?} {}",
            desk.out,
            desk.message()
        );
    }
}

mod random {
    use super::*;

    fn every_script() -> impl Strategy<Value = (Texts, Mode)> {
        let texts = prop_oneof![Just(Texts::Ordinary), Just(Texts::Hostile)];
        let mode = prop_oneof![Just(Mode::Live), Just(Mode::Rehearsal), Just(Mode::DryRun)];
        (texts, mode)
    }

    fn any_key() -> impl Strategy<Value = Key> {
        prop_oneof![
            12 => proptest::sample::select("swpxurbKlfq0123459.jkgG/:?nNtyYe+-".chars().collect::<Vec<_>>()).prop_map(Key::Char),
            6 => proptest::sample::select("gostpabrmieckdxly123 ".chars().collect::<Vec<_>>()).prop_map(Key::Char),
            6 => Just(Key::Enter),
            2 => Just(Key::Esc),
            1 => Just(Key::Tab),
            1 => Just(Key::Backspace),
            1 => Just(Key::Down),
            1 => Just(Key::PageDown),
            1 => Just(Key::Ctrl('c')),
            1 => Just(Key::Ctrl('z')),
            1 => Just(Key::Other),
        ]
    }

    /// Keys that come together: mostly one, sometimes a word that a panel may ask for.
    fn any_keys() -> impl Strategy<Value = Vec<Key>> {
        let words = [
            "go",
            "stop",
            "skip",
            "abort",
            "retry",
            "terminate",
            "cancel",
            "app",
            "1234 billing-worker",
            "idx_leads_tenant_status_created_at",
            "because it must be so",
            ":arm",
            ":undo all",
            ":skip",
            ":retry",
        ];
        let word = proptest::sample::select(words.to_vec())
            .prop_map(|word| word.chars().map(Key::Char).chain([Key::Enter]).collect::<Vec<_>>());
        prop_oneof![3 => any_key().prop_map(|key| vec![key]), 1 => word]
    }

    /// What must have been typed, letter by letter, for a command to be sent; none for what one key may do.
    fn typed_for(verb: &Verb) -> Vec<String> {
        match verb {
            Verb::Recheck
            | Verb::Pause
            | Verb::EndHere
            | Verb::EndUnanswered
            | Verb::TakeControl
            | Verb::SetWindow { .. }
            | Verb::LoseControl { .. } => Vec::new(),
            Verb::Confirm { .. } | Verb::Resume => vec!["go".to_owned()],
            Verb::Stop { .. } => vec!["stop".to_owned()],
            Verb::Skip { reason, .. } => vec!["skip".to_owned(), reason.clone()],
            Verb::Retry { entry, leftover: crate::domain::target::LeftoverPolicy::Repair } => {
                vec![entry.0.trim_start_matches("public.").to_owned()]
            }
            Verb::Retry { .. } => vec!["retry".to_owned()],
            Verb::Abort { reason } => vec!["abort".to_owned(), reason.clone()],
            Verb::Waive { reason, .. } => vec![reason.clone()],
            Verb::SignOff { name, reason } => vec![name.clone(), reason.clone()],
            Verb::Roll { entries, reason } => {
                let name = entries.first().and_then(|key| key.0.rsplit('.').next().map(str::to_owned));
                vec![name.unwrap_or_else(|| "app".to_owned()), reason.clone()]
            }
            Verb::EndSession { backend, reason, .. } => vec![backend.pid.to_string(), reason.clone()],
        }
    }

    /// Whether every letter was pressed, in order: fields may be filled in turns.
    fn typed_in_order(text: &str, typed: &str) -> bool {
        let mut typed = typed.chars();
        text.chars().all(|wanted| typed.any(|char| char == wanted))
    }

    fn removes(verb: &Verb) -> bool {
        matches!(
            verb,
            Verb::Waive { .. } | Verb::Roll { .. } | Verb::EndSession { .. } | Verb::SignOff { .. }
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn every_prefix_of_a_run_draws_at_any_size(
            (texts, mode) in every_script(),
            part in 0.0_f64..=1.0,
            size in (1_u16..=180, 1_u16..=60),
            keys in proptest::collection::vec(any_key(), 0..12),
            unicode in any::<bool>(),
        ) {
            let mut script = Script::whole(texts, mode);
            let samples = script.samples();
            script.events.truncate((script.events.len() as f64 * part) as usize);
            let mut desk = Desk::new(if unicode { Charset::Unicode } else { Charset::Ascii });
            desk.follow(&script, samples);
            desk.console.resize(size);
            desk.see();
            for key in keys {
                desk.key(key).see();
                let screen = desk.screen(size);
                prop_assert_eq!(screen.lines().count(), usize::from(size.1));
            }
        }

        #[test]
        fn random_keys_act_only_through_what_was_typed(
            script in 0_usize..4,
            armed in any::<bool>(),
            chunks in proptest::collection::vec((any_keys(), 0_u64..900), 1..250),
        ) {
            let script = [Script::gate, Script::confirm, Script::building, Script::to_sign][script](Texts::Ordinary, Mode::Live);
            let samples = script.samples();
            let mut desk = Desk::at(&script, samples);
            desk.see();
            if armed {
                desk.arm();
            }
            let mut typed = String::new();
            let keys = chunks.into_iter().flat_map(|(keys, pause)| {
                keys.into_iter().enumerate().map(move |(index, key)| (key, if index == 0 { pause } else { 0 }))
            });
            for (key, pause) in keys {
                desk.pass(pause);
                // The engine goes on reading.
                desk.console.samples.at = Some(desk.now);
                desk.console.shown(desk.at);
                let was_safe = desk.console.ui.arm.left(desk.now).is_none();
                if let Key::Char(char) = key {
                    typed.push(char);
                } else if key == Key::Esc {
                    // Closes any panel: what was typed before it counts for nothing after it.
                    typed.clear();
                }
                let sent = desk.sent().len();
                desk.key(key);
                for verb in desk.sent().into_iter().skip(sent) {
                    prop_assert!(!(was_safe && removes(verb)), "{verb:?} while SAFE");
                    for text in typed_for(verb) {
                        prop_assert!(typed_in_order(text.trim(), &typed), "{verb:?} without {text:?} in {typed:?}");
                    }
                    prop_assert!(typed_for(verb).is_empty() || key == Key::Enter);
                }
            }
        }
    }
}

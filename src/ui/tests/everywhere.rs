//! What is on every screen: the target, safety, phase, time, the way back, who blocks, the last statement.

use crate::domain::event::Event;
use crate::domain::id::Seq;
use crate::domain::plan::ItemState;

use super::super::Hand;
use super::*;

#[test]
fn whoever_only_watches_sees_so_on_every_screen_and_cannot_ask_for_anything() {
    let mut desk = Desk::building();
    let holder = Some(crate::domain::id::Person("ana".to_owned()));
    desk.console.inbound(Inbound::Hand(Hand::Theirs { holder }), desk.now);
    for key in ["0", "1", "3", "4", "l", "?"] {
        desk.keys(key).pass(20_000);
        let screen = desk.screen((80, 24));
        assert!(screen.contains("WATCHING"), "{screen}");
        assert!(desk.screen((120, 40)).contains("WATCHING: ana has it, :control takes it"));
        desk.key(Key::Esc);
    }
    desk.keys("3x");
    assert!(desk.console.ui.panel.is_none());
    assert_eq!(desk.message(), "not now: this console only watches: :control takes the run in hand");
    desk.keys("p");
    assert_eq!(desk.sent(), Vec::<&Verb>::new());
    desk.console.inbound(Inbound::Hand(Hand::Ours), desk.now);
    assert!(!desk.screen((120, 40)).contains("WATCHING"));
    desk.keys("p");
    assert_eq!(desk.sent(), [&Verb::Pause]);
}

#[test]
fn what_counts_everywhere_is_on_every_screen_at_80_columns() {
    let mut desk = Desk::building();
    desk.arm();
    for key in ["0", "1", "3", "b", "4", "l", "?"] {
        desk.keys(key);
        let screen = desk.screen((80, 24));
        for part in [
            "PROD",
            "db1.example:5432/app",
            "primary",
            "TLS",
            "[ARMED ",
            ">3 BUILD 2/8",
            "00:07:",
            "left ~00:09:30 + ",
            "undo 4",
            "WAIT  00:02:",
            "pid 1234",
            "sql 03:02:48Z  CREATE INDEX",
        ] {
            assert!(screen.contains(part), "{part} is missing after {key}:\n{screen}");
        }
        desk.key(Key::Esc);
    }
    // A pause says who paused, and does not hide who blocks.
    let mut script = Script::building(Texts::Ordinary, Mode::Live);
    script.push(EventKind::Run(RunEvent::Paused { by: operator() }));
    let mut desk = Desk::at(&script, script.samples());
    let screen = desk.screen((80, 24));
    assert!(screen.contains("paused by jane") && screen.contains("pid 1234 blocks 00:02:"), "{screen}");
}

#[test]
fn the_windows_clock_stands_on_every_screen_and_says_when_the_queue_outlasts_it() {
    let mut script = Script::building(Texts::Ordinary, Mode::Live);
    let end = |minutes| Some(script_now() + jiff::SignedDuration::from_mins(minutes));
    script.push(EventKind::Run(RunEvent::WindowSet { by: operator(), end: end(60) }));
    let mut desk = Desk::at(&script, script.samples());
    assert!(desk.screen((120, 40)).contains("window closes 04:03Z, 00:59:"), "{}", desk.screen((120, 40)));
    assert!(desk.screen((80, 24)).contains("window 00:59:"), "{}", desk.screen((80, 24)));
    desk.keys("0");
    assert!(desk.screen((80, 24)).contains("window to 04:03Z"), "{}", desk.screen((80, 24)));
    script.push(EventKind::Run(RunEvent::WindowSet { by: operator(), end: end(5) }));
    let mut desk = Desk::at(&script, script.samples());
    assert!(desk.screen((160, 40)).contains("left, too short"), "{}", desk.screen((160, 40)));
    desk.pass(600_000);
    assert!(desk.screen((120, 40)).contains("window closed 03:08Z: the queue GOES ON"));
    let paused =
        Event { seq: Seq(900), at: desk.now, kind: EventKind::Run(RunEvent::Paused { by: operator() }) };
    desk.console.inbound(Inbound::Event(paused), desk.now);
    assert!(desk.screen((120, 40)).contains("window closed 03:08Z: nothing new starts"));
}

fn script_now() -> jiff::Timestamp {
    Script::building(Texts::Ordinary, Mode::Live).now()
}

#[test]
fn the_window_is_moved_by_a_moment_that_is_still_to_come_and_by_nothing_else() {
    let mut desk = Desk::building();
    for (typed, said) in [(":window soon\n", "05:00Z"), (":window 2026-11-20T03:00:00Z\n", "05:00Z")] {
        desk.see().keys(typed);
        assert!(desk.message().contains(said), "{}", desk.message());
    }
    desk.see().keys(":window 05:00Z\n").keys(":window off\n");
    let five = "2026-11-20T05:00:00Z".parse().unwrap();
    assert_eq!(desk.sent(), [&Verb::SetWindow { end: Some(five) }, &Verb::SetWindow { end: None }]);
}

#[test]
fn whoever_armed_it_gives_way_to_where_it_is_armed() {
    let script = Script::building(Texts::Ordinary, Mode::Live);
    for (name, shown) in [("jane", true), ("postgres", false), ("administrator", false)] {
        let mut desk = Desk::of(Person(name.to_owned()));
        desk.follow(&script, script.samples());
        desk.arm();
        desk.pass(4_000);
        let screen = desk.screen((80, 24));
        let bar = screen.lines().next().unwrap_or_default();
        assert!(bar.contains("db1.example:5432/app  primary  TLS") && bar.contains("[ARMED 14:5"), "{bar}");
        assert_eq!(bar.contains(name), shown, "{bar}");
    }
}

#[test]
fn what_is_left_counts_leftovers_that_are_built_anew_and_names_the_reason_why_it_is_not_known() {
    let mut script = Script::building(Texts::Ordinary, Mode::Live);
    let only = |state: ItemState, estimate: bool, script: &mut Script| {
        for event in &mut script.events {
            if let EventKind::Run(RunEvent::Planned { plan }) = &mut event.kind {
                plan.items.truncate(1);
                plan.items[0].key = EntryKey("public.idx_only".to_owned());
                plan.items[0].state = state.clone();
                plan.settings.leftovers = crate::domain::target::LeftoverPolicy::Repair;
                if !estimate {
                    plan.items[0].estimate = None;
                }
            }
        }
        Desk::at(script, script.quiet()).screen((120, 40))
    };
    let leftover = ItemState::Leftover {
        oid: Oid(1),
        flags: crate::domain::catalog::IndexFlags { valid: false, ready: true, live: true },
        size: crate::domain::unit::Bytes(1),
        harm: crate::domain::plan::LeftoverHarm::CostsWrites,
        ties: Vec::new(),
    };
    assert!(only(leftover, true, &mut script).contains("left ~00:01:35"));
    let theirs = ItemState::Building {
        oid: None,
        builder: crate::domain::plan::BuilderKind::Ours,
        backend: builder(0),
    };
    assert!(only(theirs, true, &mut script).contains("left unknown: it ends when others do"));
    assert!(only(ItemState::ToBuild, false, &mut script).contains("left unknown: no estimate of the tables"));
    let present = ItemState::Present { oid: Oid(1), size: crate::domain::unit::Bytes(1) };
    assert!(only(present, true, &mut script).contains("nothing left to build"));
}

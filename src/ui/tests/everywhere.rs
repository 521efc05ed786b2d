//! What is on every screen: the target, safety, phase, time, the way back, who blocks, the last statement.

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
            "left ~00:09:30 + the wait",
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

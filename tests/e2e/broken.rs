//! A bug in the console: the terminal is given back, and what broke is told.

use std::process::Command;
use std::sync::mpsc;

use cicerone::domain::id::Person;
use cicerone::domain::sample::Samples;
use cicerone::ui::{self, Leave, UiError, UiOptions, Wiring};

use crate::support::pty::Pty;

/// Set for the process that is to break.
const BREAKS: &str = "CICERONE_TEST_BREAKS";

/// The console of this very test program, with a reading that panics once the screen is up.
#[expect(clippy::disallowed_methods, reason = "the clock of a screen that nobody judges")]
fn break_down() -> Result<Leave, UiError> {
    let (_engine, inbound) = mpsc::channel();
    let asked = std::cell::Cell::new(0);
    ui::run(Wiring {
        inbound,
        samples: Box::new(move || {
            asked.set(asked.get() + 1);
            assert!(asked.get() < 3, "a reading that breaks");
            Samples::default()
        }),
        outbound: Box::new(|_| {}),
        operator: Person("jane".to_owned()),
        options: UiOptions::default(),
        now: Box::new(jiff::Timestamp::now),
    })
}

#[expect(clippy::disallowed_methods, reason = "that is how this program is told to be the one that breaks")]
fn is_to_break() -> bool {
    std::env::var_os(BREAKS).is_some()
}

#[tokio::test]
async fn a_console_that_panics_gives_the_terminal_back_and_says_what_broke() {
    if is_to_break() {
        let broken = tokio::task::spawn_blocking(break_down).await.expect("caught");
        assert!(
            matches!(&broken, Err(UiError::Panicked { message }) if message.contains("a reading that breaks")),
            "{broken:?}"
        );
        return;
    }
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "--nocapture", "--test-threads", "1"]);
    command.arg("broken::a_console_that_panics_gives_the_terminal_back_and_says_what_broke");
    command.env(BREAKS, "1").env("RUST_BACKTRACE", "0");
    let mut pty = Pty::start(&command, (80, 24));
    let left = pty.ends().await.with_code(0);
    let raw = pty.raw();
    let (up, down) = (raw.find("\u{1b}[?1049h"), raw.rfind("\u{1b}[?1049l"));
    assert!(up.is_some() && up < down, "the screen was up, and is gone: {raw:?}");
    assert!(left.text.contains("1 passed"), "{}", left.text);
}

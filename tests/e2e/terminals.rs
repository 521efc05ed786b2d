//! The console on terminals of every family: the same words, no sequence that the family does not know, and everything given
//! back.

use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;

use crate::console::{GATE, abort, arm, console, open};
use crate::program::Home;
use crate::server;
use crate::support::pty::{ENTER, Left, Pty};

/// A server that never answers: the console is up, and nothing is ever read.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a port"))
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    fn console(&self, home: &Home, more: &[&str]) -> Command {
        let dsn = format!("host=127.0.0.1 port={} dbname=app user=nobody connect_timeout=100", self.port());
        let mut command = console(home, &dsn, &["--insecure-plaintext"]);
        command.args(more);
        command
    }
}

/// A terminal's control sequences, taken apart.
#[derive(Debug, Default)]
struct Sequences {
    /// `ESC [`, parameters, last byte.
    csi: Vec<(String, char)>,
    /// Everything else that begins with ESC.
    others: Vec<String>,
    /// What is no sequence.
    text: String,
}

impl Sequences {
    fn of(raw: &str) -> Self {
        let mut found = Self::default();
        let mut rest = raw;
        while let Some(at) = rest.find('\x1b') {
            found.text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(csi) = rest.strip_prefix('[') {
                let end = csi.find(|c: char| ('@'..='~').contains(&c)).expect("a sequence has an end");
                let last = csi[end..].chars().next().expect("it is there");
                found.csi.push((csi[..end].to_owned(), last));
                rest = &csi[end + 1..];
            } else {
                found.others.push(rest.chars().take(8).collect());
            }
        }
        found.text.push_str(rest);
        found
    }

    /// Codes of looks.
    fn looks(&self) -> Vec<u8> {
        let looks = self.csi.iter().filter(|(_, last)| *last == 'm');
        let codes = looks.flat_map(|(codes, _)| codes.split(';').filter(|code| !code.is_empty()));
        codes.map(|code| code.parse().expect("a number")).collect()
    }

    fn has_colour(&self) -> bool {
        self.looks().iter().any(|code| matches!(code, 30..=37 | 90..=97))
    }

    /// Private modes that were set or reset.
    fn modes(&self) -> Vec<&str> {
        let mut modes: Vec<&str> = self.csi.iter().filter_map(|(mode, _)| mode.strip_prefix('?')).collect();
        modes.sort_unstable();
        modes.dedup();
        modes
    }
}

/// Opens the console on a terminal of this name, looks around, copies, and leaves.
async fn visit(term: &str, more: &[&str], around: &[(&str, &str)]) -> (Sequences, String, Left) {
    let (home, silent) = (Home::with_small_registry(), Silent::new());
    let mut command = silent.console(&home, more);
    command.env("TERM", term);
    for (name, value) in around {
        command.env(name, value);
    }
    let mut pty = open(&command);
    pty.shows(&format!("connecting to 127.0.0.1:{}/app", silent.port())).await;
    pty.shows("[q] leave").await;
    let screen = pty.screen();
    pty.types("?").await;
    pty.shows(" keys of the ").await;
    pty.types("?").await;
    pty.hides(" keys of the ").await;
    pty.types("Y").await;
    pty.shows("Any key goes back").await;
    pty.types(" ").await;
    pty.shows("[q] leave").await;
    pty.types("q").await;
    let left = pty.ends().await.with_code(6);
    (Sequences::of(&pty.raw()), screen, left)
}

/// A screen's words: its ports and clocks left out, and the lines that a locale swaps in.
fn words(screen: &str) -> Vec<String> {
    let words = screen.split_whitespace().map(|word| word.replace('─', "-"));
    words.filter(|word| !word.contains(|c: char| c.is_ascii_digit())).collect()
}

const LOOKS: [u8; 8] = [0, 1, 2, 4, 7, 22, 24, 27];

#[tokio::test]
async fn every_terminal_shows_the_same_words_and_is_told_nothing_that_its_family_does_not_know() {
    let mut all = Vec::new();
    for (term, modes, colours, clipboard) in [
        ("xterm-256color", &["1049", "2004", "2026", "25"][..], true, true),
        ("tmux-256color", &["1049", "2004", "2026", "25"], true, true),
        ("screen", &["1049", "2004", "25"], true, true),
        ("no-such-terminal", &["1049", "2004", "2026", "25"], true, true),
        ("linux", &["25"], true, false),
        ("vt100", &[], false, false),
        ("vt220", &[], false, false),
    ] {
        let (found, screen, left) = visit(term, &[], &[]).await;
        let mut known: Vec<&str> = found.modes();
        known.retain(|mode| modes.contains(mode));
        assert_eq!(found.modes(), known, "{term}");
        assert_eq!(known, modes, "{term}");
        assert_eq!(found.has_colour(), colours, "{term}");
        let looks = found.looks();
        let bright = looks.iter().any(|code| matches!(code, 90..=97));
        assert_eq!(bright, term.ends_with("256color"), "{term}: {looks:?}");
        for code in looks {
            let colour = colours && matches!(code, 30..=37 | 39 | 90..=97);
            let plain =
                if term.starts_with("vt") { [0, 1, 4, 7].contains(&code) } else { LOOKS.contains(&code) };
            assert!(plain || colour, "{code} on {term}");
        }
        for (parameters, last) in &found.csi {
            let moves = matches!(last, 'H' | 'J' | 'K' | 'C' | 'm');
            assert!(moves || parameters.starts_with('?'), "ESC [ {parameters} {last} on {term}");
        }
        assert_eq!(!found.others.is_empty(), clipboard, "{term}: {:?}", found.others);
        if !clipboard {
            assert!(found.text.is_ascii(), "{term}: {:?}", found.text);
            // It has one screen only: that is left empty.
            assert!(!left.text.contains("connecting to"), "{term}: {}", left.text);
        }
        all.push((term, words(&screen)));
    }
    for (term, words) in &all {
        assert_eq!(words, &all[0].1, "{term}");
    }
}

#[tokio::test]
async fn a_terminal_that_cannot_move_its_cursor_gets_no_control_sequence_at_all() {
    for term in ["dumb", ""] {
        let (home, silent) = (Home::with_small_registry(), Silent::new());
        let mut command = silent.console(&home, &[]);
        command.env("TERM", term);
        let mut pty = open(&command);
        crate::support::wait::eventually("it says something", || pty.written() > 0).await;
        pty.signal(Signal::TERM);
        pty.ends().await;
        assert!(!pty.raw().contains('\x1b'), "{term:?}: {:?}", pty.raw());
    }
}

#[tokio::test]
async fn colours_are_as_the_flag_says_then_the_environment_and_never_where_there_are_none() {
    let term = "xterm-256color";
    for (term, more, around, coloured) in [
        (term, &["--color", "never"][..], &[][..], false),
        (term, &[], &[("NO_COLOR", "1")], false),
        (term, &["--color", "always"], &[("NO_COLOR", "1")], true),
        (term, &["--theme", "mono"], &[], false),
        (term, &["--theme", "high-contrast"], &[], false),
        (term, &["--theme", "default"], &[("NO_COLOR", "1")], true),
        (term, &[], &[("CICERONE_THEME", "mono")], false),
        (term, &["--theme", "cb"], &[("CICERONE_THEME", "mono")], true),
        ("vt100", &["--color", "always"], &[], false),
    ] {
        let (found, _, _) = visit(term, more, around).await;
        assert_eq!(found.has_colour(), coloured, "{term} {more:?} {around:?}: {:?}", found.looks());
        if more.contains(&"cb") {
            let red_or_green = found.looks().iter().any(|code| matches!(code, 31 | 32 | 91 | 92));
            assert!(!red_or_green && found.looks().contains(&33), "{:?}", found.looks());
        }
    }
}

#[tokio::test]
async fn a_theme_of_the_environment_that_is_none_is_told_before_anything_starts() {
    let home = Home::with_small_registry();
    let mut command = Silent::new().console(&home, &[]);
    command.env("CICERONE_THEME", "pretty");
    let left = open(&command).ends().await.with_code(2);
    assert!(left.text.contains("invalid value 'pretty' for '--theme"), "{}", left.text);
    assert!(left.text.contains("high-contrast"), "{}", left.text);
    assert!(home.engines().is_empty());
}

#[tokio::test]
async fn every_signal_gives_every_kind_of_terminal_back() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut first = Some(console(&home, &database.conninfo(), &["--mouse"]));
    for term in ["xterm-256color", "screen", "linux", "vt100"] {
        for (signal, code) in [(Signal::HUP, 7), (Signal::INT, 130), (Signal::TERM, 143)] {
            let mut command = first.take().unwrap_or_else(|| home.cicerone(&["attach", "--mouse"]));
            command.env("TERM", term);
            let mut pty = open(&command);
            pty.shows(GATE).await;
            pty.signal(signal);
            let left = tokio::time::timeout(Duration::from_secs(10), pty.ends()).await.expect("it ends");
            let left = left.with_code(code);
            assert!(left.text.contains("is left to itself"), "{term} {signal:?}: {}", left.text);
        }
    }
    let mut pty = open(&home.cicerone(&["attach"]));
    pty.shows(GATE).await;
    abort(&mut pty).await.with_code(6);
}

#[tokio::test]
async fn the_mouse_is_asked_for_only_on_request_and_does_nothing_but_move() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = open(&console(&home, &database.conninfo(), &[]));
    pty.shows(GATE).await;
    assert!(!pty.raw().contains("\x1b[?1000"), "off by default");
    arm(&mut pty, &database.name).await;
    pty.types("3").await;
    pty.shows("> TODO    idx_").await;
    let place =
        |pty: &Pty, text: &str| pty.screen().lines().position(|line| line.contains(text)).expect("a row");
    let press = |pty: &mut Pty, row: usize| {
        pty.sends(format!("\x1b[<0;9;{0}M\x1b[<0;9;{0}m", row + 1).as_bytes());
    };
    // Reports that somebody else's program left on do nothing, whatever their bytes look like.
    let row = place(&pty, " idx_orders_open ");
    press(&mut pty, row);
    pty.sends(b"\x1b[Mxxx\x1b[M qu\x1b[<65;1;1M");
    pty.types(&format!(":mouse on{ENTER}")).await;
    pty.shows("the mouse scrolls").await;
    assert!(!pty.screen().contains("> TODO    idx_orders_open"), "{}", pty.screen());
    assert!(pty.raw().contains("\x1b[?1000h\x1b[?1006h"));
    press(&mut pty, row);
    pty.shows("> TODO    idx_orders_open").await;
    // The text aside is there to be marked: the mouse is the terminal's until the key that comes back.
    pty.types("y").await;
    pty.shows("Any key goes back").await;
    let off = |pty: &Pty| pty.raw().rfind("\x1b[?1000l") > pty.raw().rfind("\x1b[?1000h");
    assert!(off(&pty));
    pty.types(" ").await;
    pty.shows("> TODO    idx_orders_open").await;
    assert!(!off(&pty));
    // Everywhere on every screen, a panel included.
    for key in ["1", "2", "3", "?", "?", "l", "l", "u"] {
        pty.types(key).await;
        for row in 0..24 {
            press(&mut pty, row);
        }
        pty.sends(b"\x1b[<64;1;1M\x1b[<65;1;1M");
    }
    abort_from_anywhere(&mut pty).await;
    assert!(off(&pty));
    assert_eq!(database.log().changes().len(), 0);
}

/// Closes what may be open, then ends the run.
async fn abort_from_anywhere(pty: &mut Pty) {
    pty.types("\x1b").await;
    pty.types("\x1b").await;
    abort(pty).await.with_code(6);
}

#[tokio::test]
async fn a_person_who_is_needed_is_called_once_and_only_in_a_way_that_the_terminal_knows() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let title = format!("\x1b]9;cicerone STAGE {}: a person is needed\x07", database.name);
    let both = format!("{title}\x07");
    for (term, how, sequence) in [
        ("xterm-256color", "off", None),
        ("xterm-256color", "bell", Some("\x07")),
        ("xterm-kitty", "osc9", Some(title.as_str())),
        ("screen", "osc9", Some(both.as_str())),
        ("linux", "osc9", Some("\x07")),
    ] {
        let mut command = console(&home, &database.conninfo(), &["--new-run", "--notify", how]);
        command.env("TERM", term);
        let mut pty = open(&command);
        pty.shows(GATE).await;
        crate::console::frames(&mut pty, 2).await;
        let raw = pty.raw();
        let bells = sequence.map_or(0, |sequence| sequence.matches('\x07').count());
        assert_eq!(raw.matches('\x07').count(), bells, "{term} {how}");
        assert!(sequence.is_none_or(|sequence| raw.contains(sequence)), "{term} {how}: {raw:?}");
        let notice = sequence.is_some_and(|sequence| sequence.contains("\x1b]"));
        assert_eq!(raw.contains("\x1b]"), notice, "{term} {how}");
        abort(&mut pty).await.with_code(6);
    }
}

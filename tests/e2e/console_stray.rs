//! Keys that nobody meant: thousands of them, torn sequences, pastes, and what was typed before there was a screen.
//! The server's log and the run's journal are the witnesses.

use std::time::Duration;

use futures_util::future::join_all;

use crate::console::{GATE, arm, building, console, frames, open, signals};
use crate::program::Home;
use crate::server::{self, Database};
use crate::support::pty::{ENTER, ESC, Pty};

/// Where a run stands while the keys come.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The gate is closed: waivers are possible.
    Gate,
    /// A go is waited for.
    Go,
    /// A build is held up by a session: stop, undo and the end of that session are possible.
    HeldUp,
    /// Everything is built: undo and sign-off are possible.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Safety {
    Safe,
    Armed,
}

/// Keys of one console: four places make two thousand.
const KEYS: usize = 500;
/// Slower than what counts as a paste (eight keys within 30 ms), faster than any fingers.
const PACE: Duration = Duration::from_millis(8);

const WAIVER: [&str; 2] = ["--waive", "backup=restored by hand at 02"];

/// One key: any that prints, those that act more often, and some that do not print.
fn key(chance: &mut fastrand::Rng) -> String {
    match chance.u8(0..12) {
        0 => ESC.to_owned(),
        1 => ENTER.to_owned(),
        2 => ["\t", "\x1b[A", "\x1b[B", "\x1b[5~", "\x1bOP", "\x7f", "\x15"][chance.usize(0..7)].to_owned(),
        3..=5 => ["s", "u", "x", "w", "K", "q", "p", "r", "b", "y", "e", ":"][chance.usize(0..12)].to_owned(),
        _ => char::from(chance.u8(b' '..=b'~')).to_string(),
    }
}

async fn at(place: Place, home: &Home, database: &Database) -> Pty {
    let more: &[&str] = match place {
        Place::Gate => &[],
        Place::Go => &WAIVER,
        Place::HeldUp | Place::Done => &["--go", WAIVER[0], WAIVER[1]],
    };
    let mut pty = open(&console(home, &database.conninfo(), more));
    let told = match place {
        Place::Gate => GATE,
        Place::Go => "[s] waiting for you at 2",
        Place::HeldUp => "witness holds up",
        Place::Done => "[s] your signature at 5",
    };
    pty.shows(told).await;
    pty
}

/// Presses them, and says whether anything changed on the server.
async fn press(place: Place, safety: Safety, seed: u64) {
    let case = format!("{place:?} {safety:?} seed {seed}");
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut writer = database.connect().await;
    let hold = writer.transaction().await.expect("a transaction");
    if matches!(place, Place::HeldUp) {
        hold.batch_execute("UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    }
    let mut pty = at(place, &home, &database).await;
    if safety == Safety::Armed {
        arm(&mut pty, &database.name).await;
    }
    if matches!(place, Place::HeldUp) {
        pty.types("b").await;
        pty.shows(" BLOCKERS  ").await;
    }
    let (indexes, changes) = (database.indexes().await, database.log().changes().len());
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut panels = 0;
    for _ in 0..KEYS {
        // A sign-off may be typed by chance, and then a key leaves a run that is over: nothing was changed by it.
        if !pty.is_running() {
            break;
        }
        pty.sends(key(&mut chance).as_bytes());
        tokio::time::sleep(PACE).await;
        panels += usize::from(pty.screen().contains("type what is asked"));
    }
    // Keys that open nothing would prove nothing.
    assert!(panels > 20, "{case}: {panels}");
    let log = database.log();
    assert_eq!(log.changes().len(), changes, "{case}: {:?}", log.changes().last());
    assert_eq!(signals(&database), [""; 0], "{case}");
    assert_eq!(database.indexes().await, indexes, "{case}");
    hold.batch_execute("SELECT 1").await.expect("nobody ended the session");
}

#[tokio::test]
async fn two_thousand_keys_in_safe_and_in_armed_change_nothing_on_the_server() {
    let mut presses = Vec::new();
    for safety in [Safety::Safe, Safety::Armed] {
        for (place, seed) in [(Place::Gate, 11), (Place::Go, 12), (Place::HeldUp, 13), (Place::Done, 14)] {
            presses.push(press(place, safety, seed));
        }
    }
    join_all(presses).await;
}

/// Lines of the run's journal: every command that was taken is one.
fn journaled(home: &Home) -> usize {
    fs_err::read_to_string(home.only_run().join("journal.jsonl")).expect("a journal").lines().count()
}

#[tokio::test]
async fn torn_key_sequences_act_in_no_place() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = at(Place::Done, &home, &database).await;
    arm(&mut pty, &database.name).await;
    let (changes, commands) = (database.log().changes().len(), journaled(&home));
    for gap in [1, 10, 50].map(Duration::from_millis) {
        for sequence in [
            "\x1b[A",
            "\x1b[D",
            "\x1b[H",
            "\x1bOP",
            "\x1bOS",
            "\x1b[3~",
            "\x1b[Z",
            "\x1b[1;5C",
            "\x1b[27;5;117~",
        ] {
            for byte in sequence.bytes() {
                pty.sends(&[byte]);
                tokio::time::sleep(gap).await;
            }
            assert!(!pty.screen().contains("type what is asked"), "{sequence:?} {gap:?}\n{}", pty.screen());
        }
        // A paste whose marks come in pieces.
        for piece in [&b"\x1b"[..], b"[200", b"~u\ridx_orders_open\rbecause I say so\r", b"\x1b[2", b"01~"] {
            pty.sends(piece);
            tokio::time::sleep(gap).await;
        }
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        pty.types(&format!("{ESC}{ESC}{ESC}")).await;
        pty.hides("type the index name").await;
    }
    frames(&mut pty, 1).await;
    assert_eq!(journaled(&home), commands, "no command was taken");
    assert_eq!(database.log().changes().len(), changes);
}

#[tokio::test]
async fn what_is_typed_ahead_of_a_screen_or_a_panel_acts_on_neither() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = open(&console(&home, &database.conninfo(), &WAIVER));
    // Before there is a screen.
    pty.sends(b"s\rgo\r:abort\r");
    pty.shows("[s] waiting for you at 2").await;
    frames(&mut pty, 1).await;
    assert!(!pty.screen().contains("type what is asked"), "{}", pty.screen());
    let commands = journaled(&home);
    // Before the panel is on the screen, and before anybody can have read it.
    pty.types(&format!("sgo{ENTER}")).await;
    pty.shows("type go").await;
    pty.types(ESC).await;
    pty.hides("type go").await;
    pty.types("s").await;
    pty.shows("type go").await;
    pty.types(&format!("go{ENTER}")).await;
    frames(&mut pty, 1).await;
    assert!(pty.screen().contains("type go"), "{}", pty.screen());
    // In one go, as a macro types it: a paste.
    pty.types(ESC).await;
    pty.hides("type go").await;
    pty.sends(b"sgo\rgo\rgo\rgo\rgo\rgo\r");
    frames(&mut pty, 2).await;
    assert_eq!(journaled(&home), commands, "no command was taken");
    assert_eq!(database.log().changes().len(), 0);
}

#[tokio::test]
async fn stray_keys_and_pastes_touch_nothing() {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut pty = building(&home, &database).await;
    pty.shows("[s] your signature at 5").await;
    let indexes = database.indexes().await;
    let changes = database.log().changes().len();
    pty.types("4/open").await;
    pty.types(ENTER).await;
    pty.shows("> OK      idx_orders_open").await;
    pty.sends(b"\x1b[200~u\ridx_orders_open\rbecause I say so\r\x1b[201~");
    pty.shows("a paste was dropped").await;
    pty.types("u").await;
    pty.panel("type the index name").await;
    pty.sends(b"\x1b[200~idx_orders_open\rbecause I say so\r\x1b[201~");
    frames(&mut pty, 2).await;
    assert!(pty.screen().contains("type the index name"), "{}", pty.screen());
    // Without the marks of a paste, and without a person's pauses.
    pty.sends(b"idx_orders_open\rbecause I say so\r");
    frames(&mut pty, 2).await;
    pty.types(ESC).await;
    pty.hides("type the index name").await;

    let log = database.log();
    assert_eq!(log.changes().len(), changes, "{:?}", log.changes().last());
    assert_eq!(signals(&database), [""; 0]);
    assert_eq!(database.indexes().await, indexes);
    // The paste is over after a second of silence.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    crate::console::abort(&mut pty).await.with_code(6);
}

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

/// Keys of one console: ten of them make ten thousand.
const KEYS: usize = 1_000;
/// Slower than what counts as a paste (eight keys within 30 ms), faster than any fingers.
const PACE: Duration = Duration::from_millis(7);

/// What counts as a paste is over after a second of silence. A busy machine may take keys for one.
const SILENCE: Duration = Duration::from_millis(1_100);
/// Keys between two silences.
const BREATH: usize = 200;

const WAIVER: [&str; 2] = ["--waive", "backup=restored by hand at 02"];

/// What somebody, or something, sends to a terminal.
enum Stroke {
    /// One key, or what a terminal sends for one.
    Key(Vec<u8>),
    /// A sequence whose bytes come one by one, so far apart.
    Torn(&'static str, Duration),
    /// More at once than fingers can: with or without the marks of a paste.
    Burst(Vec<u8>),
    /// A panel's key and its word at once, before anybody can have read what it says.
    Ahead(&'static str),
    /// So many new sizes in a row.
    Sizes(usize),
}

/// Words that panels ask for, behind the keys that open them.
const CONFIRMATIONS: [&str; 6] = [
    "sgo\rgo\rgo\r",
    "xstop\rstop\r",
    "uidx_orders_open\rbecause I say so\r",
    "wbecause I say so\r",
    ":abort\rabort\rbecause I say so\r",
    "Kterminate\rterminate\rbecause I say so\r",
];
/// What a terminal sends by itself: mouse reports of three kinds, focus, answers, pieces of characters.
const NOISE: [&[u8]; 10] = [
    b"\x1b[<0;10;10M",
    b"\x1b[<65;80;24m",
    b"\x1b[Msu\x4b",
    b"\x1b[32;10;10M",
    b"\x1b[I",
    b"\x1b[?62;22c",
    b"\xe6\x97",
    b"\xc3",
    b"\xff",
    b"\xed\xa0\x80",
];
const TORN: [&str; 8] =
    ["\x1b[A", "\x1b[D", "\x1bOP", "\x1bOS", "\x1b[3~", "\x1b[Z", "\x1b[1;5C", "\x1b[27;5;117~"];
const KEYPAD: [&str; 7] = ["\t", "\x1b[A", "\x1b[B", "\x1b[5~", "\x1bOP", "\x7f", "\x15"];
const ACTING: [&str; 13] = ["s", "u", "x", "w", "K", "q", "p", "r", "b", "y", "e", ":", "."];
const SIZES: [(u16, u16); 7] = [(80, 24), (40, 10), (120, 40), (60, 12), (1, 1), (200, 60), (59, 11)];

fn stroke(chance: &mut fastrand::Rng) -> Stroke {
    let any = |of: &[&str], chance: &mut fastrand::Rng| of[chance.usize(0..of.len())].as_bytes().to_vec();
    match chance.u16(0..480) {
        0 => {
            let text = CONFIRMATIONS[chance.usize(0..CONFIRMATIONS.len())];
            Stroke::Burst(if chance.bool() {
                format!("\x1b[200~{text}\x1b[201~").into_bytes()
            } else {
                text.as_bytes().to_vec()
            })
        }
        1..=3 => Stroke::Ahead(["sgo\r", "xgo\r", "pgo\r"][chance.usize(0..3)]),
        4 => Stroke::Sizes(chance.usize(1..8)),
        5..=11 => {
            let gap = [1, 10, 50][chance.usize(0..3)];
            Stroke::Torn(TORN[chance.usize(0..TORN.len())], Duration::from_millis(gap))
        }
        12..=23 => Stroke::Key(NOISE[chance.usize(0..NOISE.len())].to_vec()),
        // Every control byte there is.
        24..=35 => Stroke::Key(vec![chance.u8(0..32)]),
        36..=75 => Stroke::Key(ESC.into()),
        76..=115 => Stroke::Key(ENTER.into()),
        116..=155 => Stroke::Key(any(&KEYPAD, chance)),
        156..=275 => Stroke::Key(any(&ACTING, chance)),
        _ => Stroke::Key(vec![chance.u8(b' '..=b'~')]),
    }
}

async fn send(stroke: Stroke, pty: &mut Pty, typed: &mut Typed, chance: &mut fastrand::Rng) {
    match stroke {
        Stroke::Key(bytes) => {
            typed.take(&bytes);
            pty.sends(&bytes);
        }
        Stroke::Torn(sequence, gap) => {
            for byte in sequence.bytes() {
                pty.sends(&[byte]);
                tokio::time::sleep(gap).await;
            }
        }
        Stroke::Burst(bytes) => {
            pty.sends(&bytes);
            tokio::time::sleep(SILENCE).await;
        }
        Stroke::Ahead(keys) => {
            // Closes whatever may be open: the word is none for it.
            pty.types(ESC).await;
            pty.sends(keys.as_bytes());
        }
        Stroke::Sizes(count) => {
            for _ in 0..count {
                pty.resize(SIZES[chance.usize(0..SIZES.len())]);
                tokio::time::sleep(PACE).await;
            }
            pty.resize(SIZES[0]);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// The lines that were typed key by key, as a field takes them: the model of what somebody may have meant.
#[derive(Default)]
struct Typed {
    line: String,
    lines: Vec<String>,
}

impl Typed {
    fn take(&mut self, bytes: &[u8]) {
        match bytes {
            [b'\r' | b'\n'] => self.lines.push(std::mem::take(&mut self.line)),
            [0x7f | 0x08] => drop(self.line.pop()),
            [0x15] => self.line.clear(),
            [byte @ b' '..=b'~'] => self.line.push(char::from(*byte)),
            _ => {}
        }
    }

    /// Whether one of them ends in something that a panel may ask for before it changes the server. Keys before it may
    /// have opened the panel.
    fn confirms(&self) -> bool {
        let words = ["go", "stop", "retry", "abort", "idx_customers_email", "idx_customers_country"];
        let more = ["idx_orders_customer", "idx_orders_open", "witness"];
        let mut words = words.iter().chain(&more);
        words.any(|word| self.lines.iter().any(|line| line.ends_with(word)))
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

/// Sends up to so many to a console on a run of its own, and asks the server what came of them. Returns how many it took,
/// and how often a panel was seen.
async fn press(
    place: Place,
    safety: Safety,
    chance: &mut fastrand::Rng,
    keys: usize,
    case: &str,
) -> (usize, usize) {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let mut writer = database.connect().await;
    let hold = writer.transaction().await.expect("a transaction");
    if matches!(place, Place::HeldUp) {
        hold.batch_execute("UPDATE orders SET state = state WHERE id = 1").await.expect("a write");
    }
    let mut pty = at(place, &home, &database).await;
    let (indexes, changes) = (database.indexes().await, database.log().changes().len());
    let (mut sent, mut panels, mut typed) = (0, 0, Typed::default());
    make(safety, &mut pty, &database).await;
    while sent < keys {
        if sent % 8 == 0 {
            panels += usize::from(pty.screen().contains("type what is asked"));
            if !goes_on(&mut pty, &home).await {
                break;
            }
        }
        if sent % BREATH == BREATH - 1 {
            tokio::time::sleep(SILENCE).await;
            if !goes_on(&mut pty, &home).await {
                break;
            }
            make(safety, &mut pty, &database).await;
        }
        send(stroke(chance), &mut pty, &mut typed, chance).await;
        sent += 1;
        tokio::time::sleep(PACE).await;
    }
    let log = database.log();
    let done = log.changes().split_off(changes);
    let meant = typed.confirms();
    assert!(done.is_empty() || meant, "{case}: {done:?}");
    assert!(log.signals().is_empty() || meant, "{case}: {:?}", log.signals());
    assert!(database.indexes().await == indexes || meant, "{case}");
    hold.batch_execute("SELECT 1").await.expect("nobody ended the session");
    (sent, panels)
}

/// Whether keys can still do something here; at a console that is there, again if need be. A sign-off may be typed by
/// chance: nothing was changed by it, and nothing more can be.
async fn goes_on(pty: &mut Pty, home: &Home) -> bool {
    if pty.screen().contains(" ENDED ") {
        return false;
    }
    if pty.is_running() {
        return true;
    }
    // Whoever signed may have left, too.
    if home.only_run().join("report.md").exists() {
        return false;
    }
    // Ctrl-C twice leaves; so does a terminal that was not the console's own for a moment.
    *pty = open(&home.cicerone(&["attach"]));
    pty.until("the screen is up", |screen| screen.contains("[SAFE]")).await;
    true
}

/// Closes whatever is open, and arms where that is wanted and can be.
async fn make(safety: Safety, pty: &mut Pty, database: &Database) {
    // Once a run is signed there is nothing left to be armed for.
    let needless = |screen: &str| screen.contains("[ARMED") || screen.contains(" ENDED ");
    if safety == Safety::Safe || needless(&pty.screen()) {
        return;
    }
    // What was copied stands in place of the screen, and hides what it says, until a key comes.
    pty.types(&format!("{}\x0c", ESC.repeat(4))).await;
    pty.until("the screen is back", |screen| screen.contains("[SAFE]") || needless(screen)).await;
    if needless(&pty.screen()) {
        return;
    }
    if pty.screen().contains(" FROZEN ") {
        // A picture that stands still is no ground to be armed on.
        pty.types("f").await;
        pty.hides(" FROZEN ").await;
    }
    arm(pty, &database.name).await;
}

async fn ten_thousand(safety: Safety) {
    let clock = fastrand::u64(..);
    let places = [Place::Gate, Place::Go, Place::HeldUp, Place::Done];
    // Each seed at two places.
    let seeds = [11, 12, 13, 14, clock, 11, 12, 13, 14, clock].into_iter().zip(places.into_iter().cycle());
    let consoles = seeds.map(|(seed, place)| async move {
        let case = format!("{place:?} {safety:?} seed {seed}");
        let mut chance = fastrand::Rng::with_seed(seed);
        let (mut sent, mut panels) = (0, 0);
        while sent < KEYS {
            let (more, seen) = press(place, safety, &mut chance, KEYS - sent, &case).await;
            (sent, panels) = (sent + more, panels + seen);
        }
        // Keys that open nothing would prove nothing.
        assert!(panels > 5, "{case}: {panels}");
        sent
    });
    let sent: usize = join_all(consoles).await.into_iter().sum();
    assert!(sent >= 10_000, "{sent}");
}

#[tokio::test]
async fn ten_thousand_keys_and_pastes_in_safe_change_nothing_on_the_server() {
    ten_thousand(Safety::Safe).await;
}

#[tokio::test]
async fn ten_thousand_keys_and_pastes_in_armed_change_nothing_on_the_server() {
    ten_thousand(Safety::Armed).await;
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

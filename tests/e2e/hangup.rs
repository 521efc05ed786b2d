//! A terminal that is taken away ends the console on it, wherever that stands: soon, and without work for the processor.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::process::Command;

use crate::console::{GATE, arm, console, open, ticks};
use crate::program::Home;
use crate::server;
use crate::support::pty::{Pty, Reading};

/// Where a console stands when its terminal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// No server has answered.
    NoServer,
    Gate,
    Panel,
    Prompt,
    Help,
    /// Another console has the run in hand.
    Watching,
    /// Nobody reads its output, and no more fits.
    Stalled,
    /// It never hears of the signal.
    WithoutSignal,
}

const PLACES: [Place; 8] = [
    Place::NoServer,
    Place::Gate,
    Place::Panel,
    Place::Prompt,
    Place::Help,
    Place::Watching,
    Place::Stalled,
    Place::WithoutSignal,
];

/// The same command by a shell that ignores the signal of a terminal that is lost.
fn without_signal(command: &Command) -> Command {
    let inside = command.as_std();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(inside.get_program()).args(inside.get_args());
    shell.env_clear().envs(inside.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(inside.get_current_dir().expect("a folder"));
    shell
}

/// A zombie keeps its times until somebody waits for it.
fn has_ended(pid: u32) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).expect("nobody has waited for it");
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

async fn loses_its_terminal(place: Place) {
    let (home, database) = (Home::with_small_registry(), server::small().await);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let dsn = if place == Place::NoServer {
        format!("host=127.0.0.1 port={} dbname=app user=nobody", silent.local_addr().expect("one").port())
    } else {
        database.conninfo()
    };
    let mut command = console(&home, &dsn, &["--insecure-plaintext"]);
    if place == Place::WithoutSignal {
        command = without_signal(&command);
    }
    let size = if place == Place::Stalled { (200, 60) } else { (80, 24) };
    let mut pty = Pty::start(command.as_std(), size);
    let mut first = None;
    pty.shows(if place == Place::NoServer { "connecting to 127.0.0.1" } else { GATE }).await;
    match place {
        Place::NoServer | Place::Gate | Place::WithoutSignal => {}
        Place::Panel => {
            arm(&mut pty, &database.name).await;
            pty.types("w").await;
            pty.panel("reason, kept in the report").await;
        }
        Place::Prompt => pty.types(":undo").await,
        Place::Help => {
            pty.types("?").await;
            pty.shows("keys of the pre-flight").await;
        }
        Place::Watching => {
            first = Some(std::mem::replace(&mut pty, open(&home.cicerone(&["attach"]))));
            pty.shows(GATE).await;
        }
        Place::Stalled => {
            pty.reads(Reading::Stopped);
            for _ in 0..20 {
                pty.sends(b"\x0c");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    let (pid, before) = (pty.pid(), ticks(pty.pid()));
    pty.hangs_up();
    let gone = async {
        while !has_ended(pid) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(2), gone).await.is_ok(), "{place:?}: it stays");
    let used = ticks(pid) - before;
    assert!(used < 20, "{place:?}: {used} ticks after its terminal was gone");
    drop(first);
}

#[tokio::test]
async fn a_console_whose_terminal_is_gone_is_gone_within_2_s_and_burns_nothing() {
    join_all(PLACES.map(loses_its_terminal)).await;
}

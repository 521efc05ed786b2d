//! Whoever does not read holds nobody up: neither a terminal that takes no more output, nor a console that was stopped.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::console::open;
use crate::detach::the_rollout_is_whole;
use crate::program::Home;
use crate::server::{self, Database};
use crate::support::pty::{ENTER, Pty, Reading};
use crate::support::wait::eventually;

/// Whether those who look on do so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watchers {
    Read,
    Stall,
}

/// A large terminal: a frame of it does not fit into what the system keeps for whoever does not read.
const LARGE: (u16, u16) = (200, 60);

async fn at_the_gate(home: &Home, database: &Database) -> Pty {
    let mut command = home.cicerone(&["console", "index-rollout", "--dsn", &database.conninfo()]);
    command.args(["--registry", server::REGISTRY, "--jobs", "2", "--sign-off", "e2e"]);
    command.args(["--waive", "backup=sample data of a test", "--on-detach", "go-on"]);
    let mut pty = Pty::start(command.as_std(), LARGE);
    pty.shows("[s] waiting for you at 2").await;
    pty.types("s").await;
    pty.panel("type go").await;
    pty.types("go").await;
    pty
}

/// Frames that are asked for while nobody reads.
const FRAMES: usize = 40;

/// Has whole frames drawn, a key each, at the pace at which they are.
async fn redraw(pty: &mut Pty, frames: usize) {
    for _ in 0..frames {
        pty.sends(b"\x0c");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// From the go to the end of the engine, with a controlling console on a terminal and one that only watches.
async fn rollout(watchers: Watchers) -> Duration {
    let (home, database) = (Home::new(), server::sample().await);
    let before = database.indexes().await.len();
    let mut pty = at_the_gate(&home, &database).await;
    let mut observer = open(&home.cicerone(&["attach"]));
    observer.shows("[s] waiting for you at 2").await;
    let begin = Instant::now();
    let ended = async {
        eventually("the engine has come to its end", || home.engines().is_empty()).await;
        begin.elapsed()
    };
    let took = if watchers == Watchers::Read {
        pty.sends(ENTER.as_bytes());
        ended.await
    } else {
        let before = pty.written();
        redraw(&mut pty, 1).await;
        eventually("a whole frame is there", || pty.written() > before + 2_000).await;
        let frame = pty.written() - before;
        observer.signal(Signal::STOP);
        pty.reads(Reading::Stopped);
        let unread = pty.written();
        pty.sends(ENTER.as_bytes());
        let ((), took) = tokio::join!(redraw(&mut pty, FRAMES), ended);
        pty.reads(Reading::Goes);
        observer.signal(Signal::CONT);
        eventually("what the system has kept is read", || pty.written() > unread).await;
        let kept = pty.written() - unread;
        assert!(
            kept < frame * FRAMES / 2,
            "{kept} bytes were kept, a frame has {frame}: nothing was held up"
        );
        took
    };
    // Whoever stalled sees the end once it looks again: the whole of it, or that the engine is gone.
    pty.until("the end is seen", |screen| screen.contains("82 of 82") || screen.contains("[q] leave")).await;
    the_rollout_is_whole(&home, &database, before).await;
    took
}

#[tokio::test]
async fn a_rollout_takes_as_long_with_stalled_readers_as_with_readers() {
    let watched = rollout(Watchers::Read).await;
    let stalled = rollout(Watchers::Stall).await;
    assert!(
        stalled < watched * 2 + Duration::from_secs(3),
        "{stalled:?} with stalled readers, {watched:?} with readers"
    );
}

//! A process on a terminal of its own: keys at the pace of fingers, and the screen as a person would see it.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for anything on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);
/// From key to key: a burst would be taken for a paste.
const KEYSTROKE: Duration = Duration::from_millis(40);
/// A panel is deaf for 0.4 s after it was drawn; a person needs longer to read it.
const READING: Duration = Duration::from_millis(500);

/// Ends what is typed into a field or a prompt.
pub(crate) const ENTER: &str = "\r";
/// One level back.
pub(crate) const ESC: &str = "\x1b";

/// A process on a terminal. Dropping it ends the process.
pub(crate) struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    /// The terminal's mode before the process touched it.
    mode: String,
    seen: Arc<Mutex<Seen>>,
    closing: Arc<AtomicBool>,
    unread: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

/// Whether what a process writes is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is not.
    Stopped,
    /// It is.
    Goes,
}

/// What came out.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
}

/// What is on the terminal once the process is gone.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) status: ExitStatus,
    /// The main screen.
    pub(crate) text: String,
    /// What the process did not give back.
    pub(crate) not_restored: Vec<&'static str>,
}

impl Left {
    /// The same, once the exit code is what the test says and the terminal is as it was.
    #[track_caller]
    pub(crate) fn with_code(self, code: u32) -> Self {
        assert_eq!(self.not_restored, [""; 0], "{self:?}");
        assert_eq!((self.status.exit_code(), self.status.signal()), (code, None), "{}", self.text);
        self
    }
}

impl Pty {
    /// Starts a command on a terminal of so many columns and rows.
    pub(crate) fn start(command: &std::process::Command, size: (u16, u16)) -> Self {
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        builder.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                builder.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            builder.cwd(folder);
        }
        let pair = native_pty_system().openpty(in_cells(size)).expect("a terminal");
        let mode = mode(&*pair.master);
        let child = pair.slave.spawn_command(builder).expect("the binary starts");
        drop(pair.slave);
        let seen = Seen { parser: vt100::Parser::new(cells(size.1), cells(size.0), 200), bytes: Vec::new() };
        let seen = Arc::new(Mutex::new(seen));
        let closing = Arc::new(AtomicBool::new(false));
        let unread = Arc::new(AtomicBool::new(false));
        let output = pair.master.try_clone_reader().expect("the terminal's output");
        let reader = {
            let (seen, closing, unread) = (Arc::clone(&seen), Arc::clone(&closing), Arc::clone(&unread));
            std::thread::spawn(move || read(output, &seen, &closing, &unread))
        };
        let keys = pair.master.take_writer().expect("the terminal's input");
        let (master, keys, reader) = (Some(pair.master), Some(keys), Some(reader));
        Self { child, master, keys, mode, seen, closing, unread, reader }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic")
    }

    /// The screen as text.
    pub(crate) fn screen(&self) -> String {
        self.seen().parser.screen().contents()
    }

    /// Whether the process has taken the screen over.
    pub(crate) fn is_up(&self) -> bool {
        self.seen().parser.screen().alternate_screen()
    }

    /// Number of bytes that came out so far.
    pub(crate) fn written(&self) -> usize {
        self.seen().bytes.len()
    }

    /// Everything that came out so far, sequences and all.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.seen().bytes).into_owned()
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().expect("it has one")
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }

    /// Waits until the screen shows a text.
    pub(crate) async fn shows(&mut self, text: &str) {
        self.until(&format!("it shows {text:?}"), |screen| screen.contains(text)).await;
    }

    /// Waits until the screen shows a text no more.
    pub(crate) async fn hides(&mut self, text: &str) {
        self.until(&format!("{text:?} is gone"), |screen| !screen.contains(text)).await;
    }

    /// Waits until something is so of the text on the screen of the running process.
    pub(crate) async fn until(&mut self, what: &str, condition: impl Fn(&str) -> bool) {
        let wait = async {
            while !condition(&self.screen()) {
                assert!(self.is_running(), "it ended before {what}\n{}", self.screen());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let reached = tokio::time::timeout(LIMIT, wait).await.is_ok();
        assert!(reached, "still waiting until {what}\n{}", self.screen());
    }

    /// Waits for a panel with this in it, as long as it takes to read it.
    pub(crate) async fn panel(&mut self, text: &str) {
        self.shows(text).await;
        tokio::time::sleep(READING).await;
    }

    /// Presses keys one after the other.
    pub(crate) async fn types(&mut self, keys: &str) {
        for key in keys.chars() {
            self.sends(key.encode_utf8(&mut [0; 4]).as_bytes());
            // What follows Esc at once would be the rest of a sequence.
            let pauses = if key == '\x1b' { 4 } else { 1 };
            tokio::time::sleep(KEYSTROKE * pauses).await;
        }
    }

    /// Writes bytes at once.
    pub(crate) fn sends(&mut self, bytes: &[u8]) {
        let keys = self.keys.as_mut().expect("the terminal is there");
        keys.write_all(bytes).expect("keys");
        keys.flush().expect("keys");
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, size: (u16, u16)) {
        self.seen().parser.screen_mut().set_size(cells(size.1), cells(size.0));
        self.master.as_ref().expect("the terminal is there").resize(in_cells(size)).expect("another size");
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("delivered");
    }

    /// From the next output on nobody reads, as on a link that is frozen; or somebody does again.
    pub(crate) fn reads(&self, does: Reading) {
        self.unread.store(does == Reading::Stopped, Ordering::SeqCst);
    }

    /// Takes the terminal away, as a lost SSH session does. The process must still draw from time to time.
    pub(crate) fn hangs_up(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        self.keys = None;
        self.master = None;
        // It holds the last of the terminal's own side, and lets go after what it reads next.
        self.reader.take().expect("hung up once").join().expect("no panic");
    }

    /// Waits for the end of the process.
    pub(crate) async fn ends(&mut self) -> Left {
        let wait = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a status") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let Ok(status) = tokio::time::timeout(LIMIT, wait).await else {
            panic!("it does not end\n{}", self.screen())
        };
        // All of its output has been read when the reader finds the end of it.
        let read = async {
            while self.reader.as_ref().is_some_and(|reader| !reader.is_finished()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(LIMIT, read).await.is_ok(), "somebody keeps the terminal open");
        let mut not_restored = Vec::new();
        let seen = self.seen();
        let screen = seen.parser.screen();
        let mode = self.master.as_ref().map(|master| mode(&**master));
        for (kept, what) in [
            (screen.alternate_screen(), "alternate screen"),
            (screen.hide_cursor(), "hidden cursor"),
            (screen.bracketed_paste(), "bracketed paste"),
            (screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None, "mouse"),
            (mode.is_some_and(|mode| mode != self.mode), "raw mode"),
        ] {
            if kept {
                not_restored.push(what);
            }
        }
        Left { status, text: screen.contents(), not_restored }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.is_running() {
            // Nothing more can be done about a process that does not even take this.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn read(mut output: Box<dyn Read + Send>, seen: &Mutex<Seen>, closing: &AtomicBool, unread: &AtomicBool) {
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = output.read(&mut bytes) {
        while unread.load(Ordering::SeqCst) && !closing.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut seen = seen.lock().expect("no panic");
        seen.bytes.extend_from_slice(&bytes[..count]);
        seen.parser.process(&bytes[..count]);
        if closing.load(Ordering::SeqCst) {
            return;
        }
    }
}

fn in_cells((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal of at least one cell")
}

fn mode(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

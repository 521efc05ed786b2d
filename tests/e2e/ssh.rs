//! The same through a real sshd on loopback: a terminal that is closed there, and clients that die without a word.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::console::open;
use crate::detach::{rollout, the_rollout_is_whole};
use crate::program::Home;
use crate::server;
use crate::support::pty::Pty;
use crate::support::wait::eventually;

/// Sessions that are lost.
const LOST: usize = 10;

/// Looked up in this order; the server is not in the path of ordinary users.
const PROGRAMS: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// A server of its own for one test, for the user that the test runs as.
struct Sshd {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // Its sessions end with their clients, which the test has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sshd {
    /// As an error, why there is none here.
    async fn start() -> Result<Self, &'static str> {
        const MISSING: &str = "sshd or ssh is not installed";
        let program = PROGRAMS.iter().find(|program| Path::new(program).exists()).ok_or(MISSING)?;
        for tool in ["ssh", "ssh-keygen"] {
            let known = Command::new(tool).arg("-?").stdout(Stdio::null()).stderr(Stdio::null()).status();
            known.map_err(|_| MISSING)?;
        }
        if !can_give_terminals() {
            return Err("an ordinary user's sshd can give no terminal: devpts is mounted without gid=");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(path(key))
                .status()
                .expect("keys can be made");
            assert!(made.success(), "{made}");
        }
        if rustix::process::geteuid().is_root() {
            // Where a package's own service has not made it yet; a server of root insists on it.
            fs_err::create_dir_all("/run/sshd").expect("sshd's folder");
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {user}\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\n\
             PrintLastLog no\n",
            host = path("host").display(),
            user = path("user.pub").display(),
        );
        fs_err::write(path("config"), settings).expect("its settings");
        let process = Command::new(program)
            .arg("-D")
            .arg("-f")
            .arg(path("config"))
            .arg("-E")
            .arg(path("log"))
            .stdin(Stdio::null())
            .spawn()
            .expect("sshd starts");
        let sshd = Self { process, folder, port };
        eventually("sshd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        Ok(sshd)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same command on a terminal of the other side, with nothing around it but its own environment.
    fn carries(&self, command: &Command) -> Command {
        let mut there = String::from("exec env -i SSH_CONNECTION=\"$SSH_CONNECTION\" TERM=\"$TERM\"");
        for (name, value) in command.get_envs() {
            let value = value.expect("set").to_string_lossy();
            write!(there, " {}={}", name.to_string_lossy(), quoted(&value)).expect("text");
        }
        for word in std::iter::once(command.get_program()).chain(command.get_args()) {
            write!(there, " {}", quoted(&word.to_string_lossy())).expect("text");
        }
        let folder = command.get_current_dir().expect("a folder");
        let mut ssh = Command::new("ssh");
        ssh.args(["-tt", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "IdentitiesOnly=yes"])
            .args([
                "-o",
                "LogLevel=ERROR",
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-p",
                &self.port.to_string(),
                "-i",
            ])
            .arg(self.path("user"))
            .arg("127.0.0.1")
            .arg(format!("cd {} && {there}", quoted(&folder.to_string_lossy())))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        ssh
    }
}

/// sshd gives a terminal to the group `tty`, and ends when it cannot. Only root may do that, unless the system has done it.
fn can_give_terminals() -> bool {
    let mounts = fs_err::read_to_string("/proc/mounts").expect("mounts");
    let mut terminals = mounts.lines().filter(|line| line.split(' ').nth(2) == Some("devpts"));
    rustix::process::geteuid().is_root() || terminals.any(|line| line.contains("gid="))
}

/// As a shell takes it literally.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Consoles of this home that still run.
fn consoles(home: &Home) -> usize {
    let engines = home.engines();
    let processes = fs_err::read_dir("/proc").expect("processes").filter_map(|entry| {
        let pid: u32 = entry.expect("an entry").file_name().to_string_lossy().parse().ok()?;
        let environ = fs_err::read(format!("/proc/{pid}/environ")).ok()?;
        let of_home = String::from_utf8_lossy(&environ).contains(&*home.path().to_string_lossy());
        (of_home && !engines.contains(&pid)).then_some(pid)
    });
    processes.count()
}

#[tokio::test]
async fn sessions_that_are_lost_over_ssh_stop_nothing_and_lose_nothing() {
    let sshd = match Sshd::start().await {
        Ok(sshd) => sshd,
        Err(why) => return eprintln!("{why}: nothing was checked over ssh"),
    };
    let mut chance = fastrand::Rng::with_seed(20_261_120);
    let (home, database) = (Home::new(), server::sample().await);
    let before = database.indexes().await.len();
    let dsn = database.conninfo();
    // Keeps the run from its end until the last session is lost.
    let writer = database.connect().await;
    writer.batch_execute("BEGIN; LOCK TABLE leads IN ROW EXCLUSIVE MODE").await.expect("a lock");
    for session in 0..LOST {
        // The first one begins the run; all others come back to it.
        let here = if session == 0 { rollout(&home, &dsn) } else { home.cicerone(&["attach"]) };
        let mut pty = over(&sshd, here.as_std());
        pty.until("the screen is up", |screen| screen.contains("[SAFE]")).await;
        tokio::time::sleep(Duration::from_millis(chance.u64(0..250))).await;
        if session % 2 == 0 {
            pty.signal(Signal::KILL);
            pty.ends().await;
        } else {
            pty.hangs_up();
        }
        // A session that is lost early leaves an engine that is about to begin.
        eventually("one engine drives one run", || home.runs().len() == 1 && home.engines().len() == 1).await;
    }
    eventually("consoles without a terminal are gone", || consoles(&home) == 0).await;
    let mut last = over(&sshd, home.cicerone(&["attach"]).as_std());
    last.shows("LOCK TABLE leads").await;
    writer.batch_execute("COMMIT").await.expect("released");
    last.shows(" ENDED ").await;
    last.types("q").await;
    let left = last.ends().await.with_code(0);
    assert!(left.text.contains("82 of 82 verified"), "{}", left.text);
    the_rollout_is_whole(&home, &database, before).await;
}

fn over(sshd: &Sshd, command: &Command) -> Pty {
    let ssh = tokio::process::Command::from(sshd.carries(command));
    open(&ssh)
}

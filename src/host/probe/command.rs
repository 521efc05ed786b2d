//! Running a probe: own process group, clean environment, deadline, limited output.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// Variables that a probe may see: what programs, SSH and time zones need, no credentials of ours.
///
/// `PGPASSWORD` and its kin are not among them; a probe has its own ways to log in.
pub const PASSED_VARIABLES: [&str; 7] = ["PATH", "HOME", "USER", "LOGNAME", "TZ", "SSH_AUTH_SOCK", "TMPDIR"];

/// Output beyond this is not a probe's answer: 4 MiB hold the backup list of years.
pub const OUTPUT_LIMIT: usize = 4 << 20;

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSpec {
    /// Program and arguments; the program is looked up in the passed `PATH` when it has no slash.
    pub argv: Vec<String>,
    /// The whole environment, see [`clean_environment`].
    pub environment: Vec<(OsString, OsString)>,
    /// Time from start to the end of its output.
    pub deadline: Duration,
    /// Most bytes read from each of its two outputs, usually [`OUTPUT_LIMIT`].
    pub output_limit: usize,
}

/// What a probe printed. Untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeOutput {
    /// Standard output; invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error; invalid UTF-8 replaced.
    pub stderr: String,
    /// How it ended. Some backup tools end with 0 when they have found nothing: read the output.
    pub status: ExitStatus,
}

/// A probe gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No program is named.
    #[error("the command is empty; give it as a list: [\"program\", \"argument\"]")]
    Empty,
    /// It could not be started or waited for.
    #[error("cannot run {program:?}: {source}")]
    Run {
        /// First word of the command.
        program: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It was killed at its deadline.
    #[error("{program:?} gave no answer within {} s and was killed", deadline.as_secs_f32())]
    Deadline {
        /// First word of the command.
        program: String,
        /// The deadline.
        deadline: Duration,
    },
    /// It was killed for printing too much.
    #[error("{program:?} printed more than {limit} bytes and was killed")]
    TooMuch {
        /// First word of the command.
        program: String,
        /// The limit.
        limit: usize,
    },
}

/// What of this process's environment a probe gets: [`PASSED_VARIABLES`], and `LC_ALL=C` so that numbers and dates read alike.
pub fn clean_environment(own: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(OsString, OsString)> {
    let passed = |(name, _): &(OsString, OsString)| PASSED_VARIABLES.iter().any(|known| name == known);
    let mut environment: Vec<_> = own.into_iter().filter(passed).collect();
    environment.push(("LC_ALL".into(), "C".into()));
    environment
}

/// Runs a probe to its end. Whatever happens, also when the future is dropped, its whole process group is gone afterwards.
pub async fn run(spec: &ProbeSpec) -> Result<ProbeOutput, ProbeError> {
    let (program, arguments) = spec.argv.split_first().ok_or(ProbeError::Empty)?;
    let failed = |source| ProbeError::Run { program: program.clone(), source };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let group = Group::of(&child);
    let answer = tokio::time::timeout(spec.deadline, answer(&mut child, spec.output_limit)).await;
    // Before the leader is waited for anew or dropped: children that it left behind still carry its group.
    drop(group);
    match answer {
        Err(_) => Err(ProbeError::Deadline { program: program.clone(), deadline: spec.deadline }),
        Ok(Err(Trouble::TooMuch)) => {
            Err(ProbeError::TooMuch { program: program.clone(), limit: spec.output_limit })
        }
        Ok(Err(Trouble::Io(source))) => Err(failed(source)),
        Ok(Ok(output)) => Ok(output),
    }
}

enum Trouble {
    TooMuch,
    Io(std::io::Error),
}

async fn answer(child: &mut Child, limit: usize) -> Result<ProbeOutput, Trouble> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(read_limited(stdout, limit), read_limited(stderr, limit))?;
    let status = child.wait().await.map_err(Trouble::Io)?;
    Ok(ProbeOutput { stdout, stderr, status })
}

async fn read_limited(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> Result<String, Trouble> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(limit as u64 + 1).read_to_end(&mut bytes).await.map_err(Trouble::Io)?;
    }
    if bytes.len() > limit {
        return Err(Trouble::TooMuch);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A process group that is killed when this goes out of scope.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // "No such group" is the usual answer: all of it has ended by itself.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> ProbeSpec {
        ProbeSpec {
            argv: vec!["/bin/sh".into(), "-c".into(), script.into()],
            environment: clean_environment([("PATH".into(), "/usr/bin:/bin".into())]),
            deadline: Duration::from_secs(20),
            output_limit: OUTPUT_LIMIT,
        }
    }

    /// Waits until no process has this id any more.
    async fn gone(pid: i32) {
        let pid = Pid::from_raw(pid).unwrap();
        let ends = async {
            while rustix::process::test_kill_process(pid).is_ok() && !is_zombie(pid) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ends)
            .await
            .expect("a process of the probe is still there");
    }

    /// A process that nobody reaps (no init in the container) has ended all the same.
    fn is_zombie(pid: Pid) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
    }

    #[tokio::test]
    async fn output_and_status_come_back() {
        let output = run(&shell("echo out; echo err >&2; exit 3")).await.unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(output.status.code(), Some(3));
    }

    #[tokio::test]
    async fn arguments_are_not_expanded() {
        let mut spec = shell("");
        spec.argv = vec!["echo".into(), "$HOME; echo `id` *".into()];
        assert_eq!(run(&spec).await.unwrap().stdout, "$HOME; echo `id` *\n");
    }

    #[tokio::test]
    async fn secrets_of_ours_do_not_reach_the_probe() {
        let own = [("PGPASSWORD", "canary"), ("AWS_SECRET_ACCESS_KEY", "canary"), ("PATH", "/usr/bin:/bin")];
        let mut spec = shell("env");
        spec.environment = clean_environment(own.map(|(name, value)| (name.into(), value.into())));
        let seen = run(&spec).await.unwrap().stdout;
        assert!(seen.contains("PATH=/usr/bin:/bin") && seen.contains("LC_ALL=C"), "{seen}");
        assert!(!seen.contains("canary") && !seen.contains("CARGO"), "{seen}");
    }

    #[tokio::test]
    async fn a_probe_that_hangs_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let pids = dir.path().join("pids");
        let mut spec = shell(&format!("sleep 1000 & echo $$ $! > {}; wait", pids.display()));
        spec.deadline = Duration::from_millis(500);
        let error = run(&spec).await.unwrap_err();
        assert!(matches!(error, ProbeError::Deadline { .. }), "{error}");
        for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
            gone(pid.parse().unwrap()).await;
        }
    }

    #[tokio::test]
    async fn a_child_that_was_left_in_the_background_is_killed_too() {
        let output = run(&shell("sleep 1000 >/dev/null 2>&1 & echo $!")).await.unwrap();
        gone(output.stdout.trim().parse().unwrap()).await;
    }

    #[tokio::test]
    async fn a_dropped_probe_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let spec = shell(&format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000", pid_file.display()));
        let mut probe = Box::pin(run(&spec));
        let pid = loop {
            tokio::select! {
                ended = &mut probe => panic!("{ended:?}"),
                () = tokio::task::yield_now() => {}
            }
            if let Ok(text) = std::fs::read_to_string(&pid_file) {
                break text.trim().parse().unwrap();
            }
        };
        drop(probe);
        gone(pid).await;
    }

    #[tokio::test]
    async fn a_probe_that_prints_without_end_is_killed() {
        let mut spec = shell("while :; do echo yes; done");
        spec.output_limit = 10_000;
        assert!(matches!(run(&spec).await, Err(ProbeError::TooMuch { limit: 10_000, .. })));
    }

    #[tokio::test]
    async fn a_missing_program_and_an_empty_command_are_named() {
        let mut spec = shell("");
        spec.argv = vec!["/nonexistent/probe".into()];
        assert!(run(&spec).await.unwrap_err().to_string().contains("/nonexistent/probe"));
        spec.argv.clear();
        assert!(matches!(run(&spec).await, Err(ProbeError::Empty)));
    }
}

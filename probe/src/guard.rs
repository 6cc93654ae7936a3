//! Ends the shells of a probe that was killed: a small process beside it, told of every shell that only the probe would end.
//!
//! Container engines let a shell run on when whoever asked for it is gone, and a killed probe can clean nothing up. The guard starts with
//! the first shell, reads the probe's pipe, and when that ends before the shells do, ends them. It does nothing else and asks nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use parking_lot::Mutex;

use crate::sessions;

/// The probe's end.
#[derive(Default)]
pub struct Guard {
    command: Vec<OsString>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    /// Shells by the process that leads their session, and the container each is in.
    watched: BTreeMap<i32, String>,
}

impl Guard {
    /// A guard that is started as `command`, which must end in [`stand`]; an empty one is never started.
    #[must_use]
    pub fn new(command: Vec<OsString>) -> Self {
        Self {
            command,
            state: Mutex::default(),
        }
    }

    /// Has the session that `leader` leads in `container` ended should this process be killed.
    pub fn watch(&self, leader: i32, container: &str) {
        if self.command.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        state.watched.insert(leader, container.to_owned());
        if state.tell(&format!("watch {leader} {container}")).is_ok() {
            return;
        }
        // The first shell, or a guard that somebody ended: a new one is told everything.
        if let Err(error) = state.start(&self.command) {
            tracing::warn!(%error, "no guard could be started; a shell that is open when this probe is killed will go on");
        }
    }

    /// A session has ended.
    pub fn forget(&self, leader: i32) {
        let mut state = self.state.lock();
        state.watched.remove(&leader);
        // A guard that is gone has nothing to forget.
        drop(state.tell(&format!("forget {leader}")));
    }
}

impl State {
    fn tell(&mut self, line: &str) -> io::Result<()> {
        let pipe = self.child.as_mut().and_then(|child| child.stdin.as_mut());
        writeln!(pipe.ok_or(io::ErrorKind::NotConnected)?, "{line}")
    }

    fn start(&mut self, command: &[OsString]) -> io::Result<()> {
        self.end();
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::NotFound)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // What a terminal sends to the probe's group (Ctrl+C) is not for the guard.
            .process_group(0)
            .spawn()?;
        self.child = Some(child);
        let lines: Vec<String> = self
            .watched
            .iter()
            .map(|(leader, container)| format!("watch {leader} {container}"))
            .collect();
        lines.iter().try_for_each(|line| self.tell(line))
    }

    /// Lets the guard go; with nothing left to watch it ends at once.
    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            drop(child.wait());
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.state.get_mut().end();
    }
}

/// The guard's end: reads what the probe says on standard input until that ends, then ends what is left.
///
/// # Errors
/// When standard input cannot be read.
pub async fn stand() -> io::Result<()> {
    let left = tokio::task::spawn_blocking(|| listen(io::stdin().lock())).await??;
    futures::future::join_all(left.iter().map(|(leader, container)| sessions::end(*leader, Some(container)))).await;
    Ok(())
}

/// The sessions that were not forgotten. Lines that cannot be read are skipped: what one does not understand, one does not end.
fn listen(input: impl BufRead) -> io::Result<BTreeMap<i32, String>> {
    let mut left = BTreeMap::new();
    for line in input.lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["watch", leader, container] if !container.is_empty() => {
                if let Some(leader) = leader.parse().ok().filter(|leader| *leader > 1) {
                    left.insert(leader, (*container).to_owned());
                }
            }
            ["forget", leader] => {
                if let Ok(leader) = leader.parse() {
                    left.remove(&leader);
                }
            }
            _ => {}
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_forgotten_is_left() {
        let text = "watch 10 abc\nwatch 11 def\nforget 10\nwatch 1 abc\nwatch 12 \nwatch x abc\nnonsense\nforget 99\n";
        assert_eq!(listen(text.as_bytes()).unwrap(), BTreeMap::from([(11, "def".to_owned())]));
    }

    #[test]
    fn a_guard_without_a_command_is_never_started() {
        let guard = Guard::default();
        guard.watch(10, "abc");
        guard.forget(10);
        assert!(guard.state.lock().child.is_none());
    }

    #[test]
    fn a_guard_that_was_ended_is_started_again_and_told_everything() {
        let directory = tempfile::tempdir().unwrap();
        let said = directory.path().join("said");
        let script = format!("cat >> {}", said.display());
        let guard = Guard::new(["sh", "-c", &script].map(OsString::from).to_vec());
        guard.watch(10, "abc");
        {
            let mut state = guard.state.lock();
            let child = state.child.as_mut().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
        }
        guard.watch(11, "def");
        guard.forget(10);
        drop(guard);
        let said = std::fs::read_to_string(said).unwrap();
        assert!(said.ends_with("watch 10 abc\nwatch 11 def\nforget 10\n"), "{said}");
    }
}

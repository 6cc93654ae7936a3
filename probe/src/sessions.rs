//! Ends all processes of a terminal's session: the shell and whatever was started from it.
//!
//! Works where the probe sees the host's processes. Each process of a container's shell is checked to be in that container before it
//! is signalled, so that a pid which was given to another process meanwhile is left alone.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long processes get to end by themselves after the hang-up.
const GRACE: Duration = Duration::from_secs(2);

/// Hangs up on all processes of the session that `leader` leads, in `container` if it is in one, and kills those that stay.
pub async fn end(leader: i32, container: Option<&str>) {
    let signal = |signal| {
        let members = members(leader, container);
        for pid in &members {
            if let Err(error) = kill(Pid::from_raw(*pid), signal) {
                tracing::debug!(pid, %error, "a process of a closed terminal could not be signalled");
            }
        }
        !members.is_empty()
    };
    if !signal(Signal::SIGHUP) {
        return;
    }
    let until = tokio::time::Instant::now() + GRACE;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if members(leader, container).is_empty() {
            return;
        }
    }
    signal(Signal::SIGKILL);
}

fn members(leader: i32, container: Option<&str>) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| session_of(*pid) == Some(leader) && is_in(*pid, container))
        .collect()
}

/// The session of a process: the fourth field after its name, which may hold anything, parentheses too.
fn session_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_session(&stat)
}

fn parse_session(stat: &str) -> Option<i32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(3)?.parse().ok()
}

fn is_in(pid: i32, container: Option<&str>) -> bool {
    let Some(container) = container else { return true };
    std::fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(container))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_found_whatever_the_name() {
        assert_eq!(parse_session("42 (a) b) (c) S 1 42 41 34816 42"), Some(41));
        assert_eq!(parse_session("42 (sh"), None);
    }

    #[test]
    fn a_process_outside_the_container_is_never_touched() {
        let me = i32::try_from(std::process::id()).unwrap();
        let session = session_of(me).unwrap();
        assert!(members(session, Some("no-such-container")).is_empty());
    }
}

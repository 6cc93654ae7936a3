//! A shell on the host, for those who allow it: root's login shell on a terminal of its own, entered from the probe's container if need be.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::linux::fs::MetadataExt as _;
use std::sync::Arc;

use futures::StreamExt as _;
use parking_lot::Mutex;
use scope_shared::control::Response;
use tokio_util::io::ReaderStream;

use crate::controls::{Call, ControlError, Outcome, Registry};
use crate::host;
use crate::pipes::{Ending, Local, Pipes};
use crate::sessions;

/// The terminals that are open, by pipe, to be resized.
type Open = Arc<Mutex<BTreeMap<String, OwnedFd>>>;

/// Enters the handlers, where the policy allows the host's shell.
pub fn register(registry: &Registry, pipes: &Pipes) {
    let open = Open::default();
    let (pipes, opened) = (pipes.clone(), Arc::clone(&open));
    registry.register(&host::EXEC, move |call| exec(call, pipes.clone(), Arc::clone(&opened)));
    registry.register(&host::RESIZE, move |call| {
        let open = Arc::clone(&open);
        async move { resize(&call, &open) }
    });
}

async fn exec(call: Call, pipes: Pipes, open: Open) -> Outcome {
    call.node_of("host")?;
    let failed = |error: pty_process::Error| ControlError(format!("no terminal could be opened on the host: {error}"));
    let command = tokio::task::spawn_blocking(shell_command).await.map_err(ControlError::new)?;
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| ControlError::new("no shell is known on the host"))?;
    let (pty, pts) = pty_process::open().map_err(failed)?;
    let mut child = pty_process::Command::new(program)
        .args(arguments)
        .env_clear()
        .env("TERM", "xterm-256color")
        .kill_on_drop(true)
        .spawn(pts)
        .map_err(|error| ControlError(format!("the host's shell {program} cannot be started: {error}")))?;
    let resizable = pty.as_fd().try_clone_to_owned().map_err(ControlError::new)?;
    let pipe = Pipes::new_id();
    open.lock().insert(pipe.clone(), resizable);
    let (reader, writer) = pty.into_split();
    let pipe_id = pipe.clone();
    let local = Local {
        // A terminal whose last process is gone fails to read; for the pipe that is its end.
        output: ReaderStream::new(reader)
            .take_while(|chunk| std::future::ready(chunk.is_ok()))
            .boxed(),
        input: Some(Box::pin(writer)),
        finish: Box::new(move |ending| {
            Box::pin(async move {
                open.lock().remove(&pipe_id);
                if let (Ending::Remote, Some(pid)) = (ending, child.id().and_then(|pid| i32::try_from(pid).ok())) {
                    sessions::end(pid, None).await;
                }
                child.wait().await.ok()?.code().map(i64::from)
            })
        }),
    };
    pipes.open(call.server, pipe.clone(), local).await?;
    Ok(Response {
        pipe,
        raw_tty: true,
        resize_tty_control: host::RESIZE.id.to_owned(),
        ..Response::default()
    })
}

fn resize(call: &Call, open: &Open) -> Outcome {
    let (pipe, height, width) = call.resize()?;
    let open = open.lock();
    let terminal = open.get(pipe).ok_or_else(|| ControlError(format!("Unknown pipeID ({pipe:?})")))?;
    let size = rustix::termios::Winsize {
        ws_row: height,
        ws_col: width,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(terminal, size).map_err(ControlError::new)?;
    Ok(Response::default())
}

/// The command that gives root's login shell on the host.
fn shell_command() -> Vec<String> {
    let inode = |path: &str| std::fs::metadata(path).ok().map(|metadata| metadata.st_ino());
    let contained = matches!((inode("/proc/self/ns/mnt"), inode("/proc/1/ns/mnt")), (Some(own), Some(init)) if own != init);
    // Through the first process' root the host's file is readable from inside a container as well.
    let passwd = std::fs::read_to_string(if contained { "/proc/1/root/etc/passwd" } else { "/etc/passwd" }).unwrap_or_default();
    let root = Account::root_of(&passwd);
    let mut command: Vec<String> = Vec::new();
    if contained {
        let enter = [
            "/usr/bin/nsenter",
            "-t1",
            "-m",
            "-i",
            "-n",
            "-p",
            "--no-fork",
            "--setuid",
            root.uid,
            "--setgid",
            root.gid,
        ];
        command.extend(enter.map(str::to_owned));
    }
    command.extend([root.shell.to_owned(), "-l".to_owned()]);
    command
}

#[derive(Debug, PartialEq, Eq)]
struct Account<'a> {
    uid: &'a str,
    gid: &'a str,
    shell: &'a str,
}

impl<'a> Account<'a> {
    fn root_of(passwd: &'a str) -> Self {
        passwd
            .lines()
            .filter_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                match fields.as_slice() {
                    ["root", _, uid, gid, _, _, shell, ..] if !shell.is_empty() => Some(Self { uid, gid, shell }),
                    _ => None,
                }
            })
            .next()
            .unwrap_or(Self {
                uid: "0",
                gid: "0",
                shell: "/bin/sh",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_shell_comes_from_the_password_file_or_is_the_plain_one() {
        let passwd = "daemon:x:1:1::/:/bin/false\nroot:x:0:0:root:/root:/bin/zsh\n";
        assert_eq!(
            Account::root_of(passwd),
            Account {
                uid: "0",
                gid: "0",
                shell: "/bin/zsh"
            }
        );
        assert_eq!(Account::root_of("root:x").shell, "/bin/sh");
    }
}

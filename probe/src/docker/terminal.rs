//! Shells in containers, attaching to them, and their logs: streams of the engine joined to pipes.
//!
//! Closing an exec's stream does not end its process in Docker, so the processes of a shell whose pipe is over are found by their session
//! and ended here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecInspectResponse;
use bollard::query_parameters::{
    AttachContainerOptions, ContainerArchiveInfoOptions, InspectContainerOptions, LogsOptions, ResizeContainerTTYOptions,
};
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use parking_lot::Mutex;
use scope_shared::control::Response;

use super::controls::{engine_error, not_connected};
use super::engine::Engine;
use crate::controls::{Call, ControlError, Outcome};
use crate::pipes::{Ending, Local, Pipes};
use crate::sessions;

/// Shells to look for, and how each is started: as root's login shell where there is a better one.
const SHELLS: [(&str, &[&str]); 5] = [
    ("/bin/bash", &["/bin/bash", "-l"]),
    ("/bin/sh", &["/bin/sh", "-l"]),
    ("/bin/ash", &["/bin/ash", "-l"]),
    ("/usr/bin/sh", &["/usr/bin/sh", "-l"]),
    ("/busybox/sh", &["/busybox/sh", "-l"]),
];
/// Lines of a log that are shown from before it was opened, unless the page asks for another number.
const TAIL: &str = "100000";
/// Lines of a log that are put together at most.
const READY: usize = 256;
/// How long the engine may take to notice that a process has ended.
const EXIT_CODE_TRIES: u32 = 20;

#[derive(Clone)]
enum Resizable {
    Exec(String),
    Container(String),
}

/// The terminals of containers. Clones share the open ones.
#[derive(Clone)]
pub struct Terminals {
    engine: Engine,
    pipes: Pipes,
    open: Arc<Mutex<BTreeMap<String, Resizable>>>,
}

/// The id of a container in a call, checked to be one: it becomes part of the engine's URLs.
///
/// # Errors
/// When it is none.
pub fn container_id(call: &Call) -> Result<String, ControlError> {
    let id = call.node_of("container")?;
    let hex = (12..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex {
        Ok(id.to_owned())
    } else {
        Err(ControlError(format!("Invalid ID: {}", call.request.node_id)))
    }
}

impl Terminals {
    /// With the engine to ask and the pipes to open.
    #[must_use]
    pub fn new(engine: Engine, pipes: Pipes) -> Self {
        Self {
            engine,
            pipes,
            open: Arc::default(),
        }
    }

    fn docker(&self) -> Result<Docker, ControlError> {
        self.engine.client().ok_or_else(not_connected)
    }

    /// Opens a shell.
    ///
    /// # Errors
    /// When there is no shell, or the engine refuses.
    pub async fn exec(&self, call: Call) -> Outcome {
        let id = container_id(&call)?;
        let docker = self.docker()?;
        let command = find_shell(&docker, &id).await?;
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(true),
            env: Some(vec!["TERM=xterm-256color"]),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let exec = docker.create_exec(&id, options).await.map_err(|error| engine_error(&error))?.id;
        let start = StartExecOptions {
            detach: false,
            tty: true,
            output_capacity: None,
        };
        let started = docker.start_exec(&exec, Some(start)).await.map_err(|error| engine_error(&error))?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(ControlError::new("the container engine started the shell without a terminal"));
        };
        let leader = leader_of(&docker, &exec).await;
        let guard = Arc::clone(self.pipes.guard());
        if let Some(leader) = leader {
            guard.watch(leader, &id);
        }
        let pipe = Pipes::new_id();
        self.open.lock().insert(pipe.clone(), Resizable::Exec(exec.clone()));
        let (open, pipe_id) = (Arc::clone(&self.open), pipe.clone());
        let local = Local {
            output: bytes_of(output),
            input: Some(input),
            finish: Box::new(move |ending| {
                Box::pin(async move {
                    open.lock().remove(&pipe_id);
                    let code = finish_exec(&docker, &exec, &id, ending).await;
                    if let Some(leader) = leader {
                        guard.forget(leader);
                    }
                    code
                })
            }),
        };
        self.pipes.open(call.server, pipe.clone(), local).await?;
        Ok(Response {
            pipe,
            raw_tty: true,
            resize_tty_control: "docker_resize_exec_tty".to_owned(),
            ..Response::default()
        })
    }

    /// Attaches to a container's main process.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn attach(&self, call: Call) -> Outcome {
        let id = container_id(&call)?;
        let docker = self.docker()?;
        let tty = self
            .engine
            .state()
            .containers
            .get(id.as_str())
            .is_some_and(|container| container.tty);
        let options = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..AttachContainerOptions::default()
        };
        let attached = docker
            .attach_container(&id, Some(options))
            .await
            .map_err(|error| engine_error(&error))?;
        let pipe = Pipes::new_id();
        self.open.lock().insert(pipe.clone(), Resizable::Container(id.clone()));
        let (open, pipe_id) = (Arc::clone(&self.open), pipe.clone());
        let local = Local {
            output: bytes_of(attached.output),
            input: Some(attached.input),
            finish: Box::new(move |ending| {
                Box::pin(async move {
                    open.lock().remove(&pipe_id);
                    if ending == Ending::Remote {
                        return None;
                    }
                    let inspect = docker.inspect_container(&id, None::<InspectContainerOptions>).await.ok()?;
                    inspect.state.filter(|state| state.running == Some(false))?.exit_code
                })
            }),
        };
        self.pipes.open(call.server, pipe.clone(), local).await?;
        let resize_tty_control = if tty { "docker_resize_exec_tty".to_owned() } else { String::new() };
        Ok(Response {
            pipe,
            raw_tty: tty,
            resize_tty_control,
            ..Response::default()
        })
    }

    /// Follows a container's log. Arguments, all optional: `tail` (lines or `all`), `timestamps` and `follow` (`true`/`false`).
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn logs(&self, call: Call) -> Outcome {
        let id = container_id(&call)?;
        let docker = self.docker()?;
        let argument = |name| call.argument(name).ok().filter(|value| !value.is_empty());
        let options = LogsOptions {
            follow: argument("follow") != Some("false"),
            stdout: true,
            stderr: true,
            timestamps: argument("timestamps") == Some("true"),
            tail: argument("tail").unwrap_or(TAIL).to_owned(),
            ..LogsOptions::default()
        };
        let output = bytes_of(docker.logs(&id, Some(options)));
        let pipe = Pipes::new_id();
        self.pipes.open(call.server, pipe.clone(), Local::reader(output)).await?;
        Ok(Response {
            pipe,
            ..Response::default()
        })
    }

    /// Tells a terminal its size.
    ///
    /// # Errors
    /// When the pipe is not one of these, or the engine refuses.
    pub async fn resize(&self, call: Call) -> Outcome {
        let (pipe, height, width) = call.resize()?;
        let target = self
            .open
            .lock()
            .get(pipe)
            .cloned()
            .ok_or_else(|| ControlError(format!("Unknown pipeID ({pipe:?})")))?;
        let docker = self.docker()?;
        let resized = match target {
            Resizable::Exec(exec) => docker.resize_exec(&exec, ResizeExecOptions { height, width }).await,
            Resizable::Container(id) => {
                let options = ResizeContainerTTYOptions {
                    h: i32::from(height),
                    w: i32::from(width),
                };
                docker.resize_container_tty(&id, options).await
            }
        };
        resized.map_err(|error| engine_error(&error))?;
        Ok(Response::default())
    }
}

/// What the engine says, with what is ready at once put together: it hands a log out line by line, and a message a line would be many.
fn bytes_of(output: impl Stream<Item = Result<LogOutput, Error>> + Send + 'static) -> BoxStream<'static, std::io::Result<Bytes>> {
    output
        .map(|chunk| chunk.map(LogOutput::into_bytes).map_err(std::io::Error::other))
        .ready_chunks(READY)
        .map(|chunks| {
            let mut joined = BytesMut::new();
            for chunk in chunks {
                match chunk {
                    Ok(bytes) => joined.extend_from_slice(&bytes),
                    // What came before the error is still delivered; the error comes back with the next read, or the end does.
                    Err(_) if !joined.is_empty() => break,
                    Err(error) => return Err(error),
                }
            }
            Ok(joined.freeze())
        })
        .boxed()
}

async fn find_shell(docker: &Docker, id: &str) -> Result<&'static [&'static str], ControlError> {
    for (path, command) in SHELLS {
        let options = ContainerArchiveInfoOptions { path: path.to_owned() };
        match docker.get_container_archive_info(id, Some(options)).await {
            Ok(_) => return Ok(command),
            Err(Error::DockerResponseServerError { status_code: 404, message }) if message.contains("No such container") => {
                return Err(ControlError(message));
            }
            Err(_) => {}
        }
    }
    let looked: Vec<&str> = SHELLS.iter().map(|(path, _)| *path).collect();
    Err(ControlError(format!(
        "there is no shell in this container (looked for {})",
        looked.join(", ")
    )))
}

/// The process of a shell that was just started, as this machine counts: the engine answers before it has one.
async fn leader_of(docker: &Docker, exec: &str) -> Option<i32> {
    for _ in 0..EXIT_CODE_TRIES {
        let inspect = docker.inspect_exec(exec).await.ok()?;
        if let Some(pid) = process_of(&inspect) {
            return Some(pid);
        }
        if inspect.exit_code.is_some() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

fn process_of(inspect: &ExecInspectResponse) -> Option<i32> {
    inspect.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 1)
}

/// Learns the exit code of a shell that ended, or ends one that is no longer wanted.
async fn finish_exec(docker: &Docker, exec: &str, container: &str, ending: Ending) -> Option<i64> {
    for _ in 0..EXIT_CODE_TRIES {
        let inspect = docker.inspect_exec(exec).await.ok()?;
        if inspect.running != Some(true) {
            return inspect.exit_code;
        }
        if ending == Ending::Remote {
            sessions::end(process_of(&inspect)?, Some(container)).await;
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

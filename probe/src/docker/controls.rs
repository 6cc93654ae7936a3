//! What can be done to a container. Each handler asks the engine for the end state, so that asking twice is no error.

use std::future::Future;

use bollard::errors::Error;
use bollard::query_parameters::{RemoveContainerOptions, RestartContainerOptions, StartContainerOptions, StopContainerOptions};
use scope_shared::control::Response;

use super::engine::Engine;
use super::terminal::Terminals;
use crate::config::Allow;
use crate::controls::{Call, ControlError, Declared, Outcome, QUICK, Registry, SLOW};
use crate::pipes::Pipes;

/// Seconds a container gets to stop by itself.
const GRACE: i32 = 10;

const fn declared(id: &'static str, human: &'static str, icon: &'static str, rank: i64, kind: Allow) -> Declared {
    let timeout = if matches!(kind, Allow::Lifecycle | Allow::Remove) {
        SLOW
    } else {
        QUICK
    };
    Declared {
        id,
        human,
        icon,
        confirmation: "",
        rank,
        kind,
        timeout,
    }
}

const ATTACH: Declared = declared("docker_attach_container", "Attach", "fa fa-desktop", 1, Allow::Attach);
const EXEC: Declared = declared("docker_exec_container", "Exec shell", "fa fa-terminal", 2, Allow::Exec);
const START: Declared = declared("docker_start_container", "Start", "fa fa-play", 3, Allow::Lifecycle);
const RESTART: Declared = declared("docker_restart_container", "Restart", "fa fa-redo", 4, Allow::Lifecycle);
const PAUSE: Declared = declared("docker_pause_container", "Pause", "fa fa-pause", 5, Allow::Lifecycle);
const UNPAUSE: Declared = declared("docker_unpause_container", "Unpause", "fa fa-play", 6, Allow::Lifecycle);
const STOP: Declared = declared("docker_stop_container", "Stop", "fa fa-stop", 7, Allow::Lifecycle);
const REMOVE: Declared = Declared {
    confirmation: "Are you sure you want to remove this container?",
    ..declared("docker_remove_container", "Remove", "far fa-trash-alt", 8, Allow::Remove)
};
/// Ours: the original has no logs of plain containers.
const LOGS: Declared = declared("docker_logs_container", "Logs", "fa fa-file-text", 0, Allow::Logs);
const RESIZE: Declared = declared("docker_resize_exec_tty", "", "", 0, Allow::Exec);

/// All that people see.
pub const ALL: &[Declared] = &[LOGS, ATTACH, EXEC, START, RESTART, PAUSE, UNPAUSE, STOP, REMOVE];

/// The controls of a container in this state.
#[must_use]
pub fn active_in(state: &str) -> &'static [Declared] {
    match state {
        "paused" => &[UNPAUSE, LOGS],
        "running" | "restarting" => &[RESTART, STOP, PAUSE, ATTACH, EXEC, LOGS],
        _ => &[START, REMOVE, LOGS],
    }
}

/// Enters the handlers.
pub fn register(registry: &Registry, engine: &Engine, pipes: &Pipes) {
    let action = |control: &Declared, run: fn(bollard::Docker, String) -> Acting| {
        let engine = engine.clone();
        registry.register(control, move |call| act(engine.clone(), call, run));
    };
    action(&START, |docker, id| {
        Box::pin(async move { docker.start_container(&id, None::<StartContainerOptions>).await })
    });
    action(&STOP, |docker, id| {
        Box::pin(async move {
            docker
                .stop_container(
                    &id,
                    Some(StopContainerOptions {
                        t: Some(GRACE),
                        ..Default::default()
                    }),
                )
                .await
        })
    });
    action(&RESTART, |docker, id| {
        Box::pin(async move {
            docker
                .restart_container(
                    &id,
                    Some(RestartContainerOptions {
                        t: Some(GRACE),
                        ..Default::default()
                    }),
                )
                .await
        })
    });
    action(&PAUSE, |docker, id| Box::pin(async move { docker.pause_container(&id).await }));
    action(&UNPAUSE, |docker, id| Box::pin(async move { docker.unpause_container(&id).await }));
    action(&REMOVE, |docker, id| {
        Box::pin(async move { docker.remove_container(&id, None::<RemoveContainerOptions>).await })
    });

    let terminals = Terminals::new(engine.clone(), pipes.clone());
    let with = |control: &Declared, open: fn(Terminals, Call) -> crate::controls::Running| {
        let terminals = terminals.clone();
        registry.register(control, move |call| open(terminals.clone(), call));
    };
    with(&EXEC, |terminals, call| Box::pin(async move { terminals.exec(call).await }));
    with(&ATTACH, |terminals, call| Box::pin(async move { terminals.attach(call).await }));
    with(&LOGS, |terminals, call| Box::pin(async move { terminals.logs(call).await }));
    with(&RESIZE, |terminals, call| Box::pin(async move { terminals.resize(call).await }));
}

type Acting = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

async fn act(engine: Engine, call: Call, run: fn(bollard::Docker, String) -> Acting) -> Outcome {
    let id = call.node_of("container")?.to_owned();
    let docker = engine.client().ok_or_else(not_connected)?;
    let removing = call.request.control == REMOVE.id;
    match run(docker, id).await {
        Ok(()) => {}
        // It already is in the state that was asked for.
        Err(Error::DockerResponseServerError { status_code: 304, .. }) => {}
        Err(Error::DockerResponseServerError { status_code: 404, .. }) if removing => {}
        // Docker answers 500 where other engines, and Docker itself elsewhere, say 409.
        Err(Error::DockerResponseServerError {
            status_code: 409 | 500,
            message,
        }) if already(&call.request.control, &message) => {}
        Err(error) => return Err(engine_error(&error)),
    }
    let removed_node = if removing { call.request.node_id } else { String::new() };
    Ok(Response {
        removed_node,
        ..Response::default()
    })
}

/// Whether a conflict says that nothing is left to do.
fn already(control: &str, message: &str) -> bool {
    (control == PAUSE.id && message.contains("already paused"))
        || (control == UNPAUSE.id && message.contains("not paused"))
        || (control == REMOVE.id && message.contains("already in progress"))
}

/// There is no engine at present.
pub fn not_connected() -> ControlError {
    ControlError::new("the probe has no connection to the container engine at present; try again")
}

/// What the engine said, in its own words.
pub fn engine_error(error: &Error) -> ControlError {
    match error {
        Error::DockerResponseServerError { message, .. } => ControlError(message.trim().to_owned()),
        Error::RequestTimeoutError => ControlError::new("the container engine did not answer in time"),
        other => ControlError(format!("the container engine failed: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Policy;

    #[test]
    fn only_what_makes_sense_and_is_allowed_is_offered() {
        let all = Registry::new(Policy::of(&Allow::DEFAULT));
        assert_eq!(all.active(active_in("paused")), "docker_unpause_container;docker_logs_container");
        assert_eq!(
            all.active(active_in("exited")),
            "docker_start_container;docker_remove_container;docker_logs_container"
        );
        let logs = Registry::new(Policy::of(&[Allow::Logs]));
        assert_eq!(logs.active(active_in("running")), "docker_logs_container");
        assert_eq!(Registry::new(Policy::nothing()).active(active_in("running")), "");
    }
}

//! Joins the Kubernetes source to the probe: its controls to the registry, its streams to pipes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{AttachedProcess, TerminalSize};
use parking_lot::Mutex;
use scope_shared::control::Response;
use smol_str::SmolStr;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;
use tokio_util::sync::CancellationToken;

use crate::config::{Allow, KubernetesArgs};
use crate::controls::{Call, ControlError, Outcome, QUICK, Registry};
use crate::kubernetes::{self, Answer, Controls, KubernetesReporter};
use crate::pipes::{Ending, Local, Pipes};
use crate::spy::Shortcuts;

/// Resizes the terminal of a shell in a pod.
const RESIZE: &str = "kubernetes_resize_exec_tty";
/// An API server may have to ask a kubelet.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the API server may take to say how a process ended.
const STATUS: Duration = Duration::from_secs(2);

type Size = Arc<Mutex<futures::channel::mpsc::Sender<TerminalSize>>>;
type Open = Arc<Mutex<BTreeMap<String, Size>>>;

/// Starts watching the cluster and enters the controls.
///
/// # Errors
/// When the flags do not lead to an API server.
pub async fn start(
    args: &KubernetesArgs,
    probe_id: &SmolStr,
    registry: &Registry,
    pipes: &Pipes,
    shortcuts: &Shortcuts,
    stop: &CancellationToken,
) -> anyhow::Result<KubernetesReporter> {
    let client = kubernetes::connect(args).await?;
    let settings = kubernetes::Settings {
        probe_id: probe_id.to_string(),
        node_name: args.node_name.clone(),
        policy: registry.policy(),
    };
    let (reporter, controls) = kubernetes::start(client, settings, shortcuts.sender(), stop);
    let open = Open::default();
    for id in Controls::ALL {
        let Some(kind) = kubernetes::kind_of(id) else { continue };
        let (controls, pipes, open) = (controls.clone(), pipes.clone(), Arc::clone(&open));
        registry.register_dynamic(id, kind, TIMEOUT, move |call| {
            handle(call, controls.clone(), pipes.clone(), Arc::clone(&open))
        });
    }
    registry.register_dynamic(RESIZE, Allow::Exec, QUICK, move |call| {
        let open = Arc::clone(&open);
        async move { resize(&call, &open) }
    });
    Ok(reporter)
}

async fn handle(call: Call, controls: Controls, pipes: Pipes, open: Open) -> Outcome {
    match controls
        .handle(&call.request.control, &call.request.node_id)
        .await
        .map_err(ControlError)?
    {
        Answer::Done => Ok(Response::default()),
        Answer::Removed(removed_node) => Ok(Response {
            removed_node,
            ..Response::default()
        }),
        Answer::Text(text) => {
            let pipe = Pipes::new_id();
            let local = Local::reader(ReaderStream::new(text as std::pin::Pin<Box<dyn AsyncRead + Send>>).boxed());
            pipes.open(call.server, pipe.clone(), local).await?;
            Ok(Response {
                pipe,
                ..Response::default()
            })
        }
        Answer::Terminal(process) => terminal(call, *process, &pipes, open).await,
    }
}

async fn terminal(call: Call, mut process: AttachedProcess, pipes: &Pipes, open: Open) -> Outcome {
    let pipe = Pipes::new_id();
    let output = process
        .stdout()
        .ok_or_else(|| ControlError::new("the API server opened no output for the shell"))?;
    let input = process
        .stdin()
        .ok_or_else(|| ControlError::new("the API server opened no input for the shell"))?;
    let mut resize_tty_control = String::new();
    if let Some(size) = process.terminal_size() {
        open.lock().insert(pipe.clone(), Arc::new(Mutex::new(size)));
        RESIZE.clone_into(&mut resize_tty_control);
    }
    let status = process.take_status();
    let pipe_id = pipe.clone();
    let local = Local {
        output: ReaderStream::new(output).boxed(),
        input: Some(Box::pin(input)),
        finish: Box::new(move |ending| {
            Box::pin(async move {
                open.lock().remove(&pipe_id);
                let code = match (ending, status) {
                    (Ending::Local, Some(status)) => tokio::time::timeout(STATUS, status)
                        .await
                        .ok()
                        .flatten()
                        .map(|status| exit_code(&status)),
                    _ => None,
                };
                process.abort();
                code
            })
        }),
    };
    pipes.open(call.server, pipe.clone(), local).await?;
    Ok(Response {
        pipe,
        raw_tty: true,
        resize_tty_control,
        ..Response::default()
    })
}

/// The exit code in a status: zero for success, otherwise the cause the kubelet writes.
fn exit_code(status: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Status) -> i64 {
    if status.status.as_deref() == Some("Success") {
        return 0;
    }
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    causes
        .filter(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .find_map(|cause| cause.message.as_deref()?.parse().ok())
        .unwrap_or(1)
}

fn resize(call: &Call, open: &Open) -> Outcome {
    let (pipe, height, width) = call.resize()?;
    let size = open
        .lock()
        .get(pipe)
        .cloned()
        .ok_or_else(|| ControlError(format!("Unknown pipeID ({pipe:?})")))?;
    // A full channel means that the API server has not taken the sizes before; the next resize tells it.
    if size.lock().try_send(TerminalSize { height, width }).is_err() {
        return Err(ControlError::new("the API server does not take the terminal's size at present"));
    }
    Ok(Response::default())
}

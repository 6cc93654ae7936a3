//! Containers that a Kubernetes runtime (containerd, CRI-O, cri-dockerd) tells of over its socket, by the Container Runtime Interface's
//! `runtime.v1`: names, pods, labels, images, and what has stopped.
//!
//! A list every few seconds in a task of its own; what changed its state is asked about once. Where no socket is, nothing is done but to look
//! for one now and then. It must never change anything: only what lists and describes is called.

mod client;
mod known;
mod proto;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use scope_shared::report::SmolStr;
use tokio_util::sync::CancellationToken;

pub use client::{Client, CriError};
pub use known::{Image, Known};
pub use proto::PodMetadata;

/// Where runtimes listen, in the order in which they are tried, below the host's root.
const SOCKETS: [&str; 3] = ["run/containerd/containerd.sock", "run/crio/crio.sock", "run/cri-dockerd.sock"];
/// Between two lists: what starts is seen by its cgroup at once, so this is how late an end or a label may be.
const INTERVAL: Duration = Duration::from_secs(5);
/// Between two looks for a runtime where there is none.
const PATIENCE: Duration = Duration::from_secs(30);
/// Images hardly change; they are listed again after so many lists of containers, or when one is used that is not known.
const IMAGES_EVERY: u32 = 24;
/// Containers that are kept, as of an engine.
const MOST_CONTAINERS: usize = 10_000;

const VERSION: &str = "/runtime.v1.RuntimeService/Version";
const CONTAINERS: &str = "/runtime.v1.RuntimeService/ListContainers";
const SANDBOXES: &str = "/runtime.v1.RuntimeService/ListPodSandbox";
const STATUS: &str = "/runtime.v1.RuntimeService/ContainerStatus";
const IMAGES: &str = "/runtime.v1.ImageService/ListImages";

/// What the runtime said last.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Containers by id, stopped ones included.
    pub containers: BTreeMap<SmolStr, Arc<Known>>,
    /// Pods by the id of their sandbox.
    pub sandboxes: BTreeMap<SmolStr, PodMetadata>,
}

/// Where to look for a runtime.
#[derive(Clone, Debug)]
pub struct Endpoint {
    sockets: Vec<PathBuf>,
    /// Whether a person named it: then nothing that is wrong with it is passed over.
    given: bool,
}

impl Endpoint {
    /// The socket that was named.
    #[must_use]
    pub fn given(socket: PathBuf) -> Self {
        Self {
            sockets: vec![socket],
            given: true,
        }
    }

    /// The usual sockets below these roots: a probe in a container sees the host's through the host's first process.
    #[must_use]
    pub fn usual(roots: &[PathBuf]) -> Self {
        let sockets = roots.iter().flat_map(|root| SOCKETS.map(|socket| root.join(socket)));
        Self {
            sockets: sockets.collect(),
            given: false,
        }
    }

    /// The first runtime that answers. `None` where there is no socket, or what listens (Docker's own containerd, say) does not speak this.
    async fn find(&self) -> Result<Option<(Client, proto::Version, &Path)>, CriError> {
        let mut failed = None;
        for socket in self.sockets.iter().filter(|socket| self.given || socket.exists()) {
            let answer = async {
                let client = Client::connect(socket).await?;
                let version = client.call(VERSION, proto::Everything {}).await?;
                Ok::<_, CriError>((client, version, socket.as_path()))
            };
            match answer.await {
                Ok(found) => return Ok(Some(found)),
                Err(error) if error.is_unimplemented() && !self.given => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }
}

/// The runtime's containers, kept up to date. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Cri(Arc<Mutex<Arc<State>>>);

impl Cri {
    /// What is known now.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.0.lock())
    }

    /// Follows the runtime until `stop` is cancelled.
    pub async fn run(self, endpoint: Endpoint, stop: CancellationToken) {
        let mut complained = false;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.follow(&endpoint) => outcome,
            };
            let was_followed = !std::mem::take(&mut *self.0.lock()).containers.is_empty();
            match outcome {
                Ok(()) => {}
                Err(error) if was_followed || !complained => {
                    complained = true;
                    tracing::warn!(%error, "the container runtime does not answer, trying again");
                }
                Err(error) => tracing::debug!(%error, "still no answer from the container runtime"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PATIENCE) => {}
            }
        }
    }

    /// Returns without an error where there is nothing to follow.
    async fn follow(&self, endpoint: &Endpoint) -> Result<(), CriError> {
        let Some((client, version, socket)) = endpoint.find().await? else {
            return Ok(());
        };
        tracing::info!(
            runtime = version.runtime_name,
            version = version.runtime_version,
            socket = %socket.display(),
            "following the container runtime"
        );
        let mut lists = Lists::default();
        loop {
            let state = lists.read(&client).await?;
            *self.0.lock() = Arc::new(state);
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// What is kept from one list to the next.
#[derive(Default)]
struct Lists {
    images: known::Images,
    images_age: u32,
    /// What was asked about each container, and in which state it was then.
    asked: BTreeMap<String, (i32, proto::Status)>,
}

impl Lists {
    async fn read(&mut self, client: &Client) -> Result<State, CriError> {
        let listed: proto::Containers = client.call(CONTAINERS, proto::Everything {}).await?;
        let sandboxes: proto::Sandboxes = client.call(SANDBOXES, proto::Everything {}).await?;
        let mut containers = listed.containers;
        containers.truncate(MOST_CONTAINERS);
        let unknown = containers
            .iter()
            .any(|container| !self.asked.contains_key(&container.id) && !self.images.contains_key(&container.image_ref));
        if unknown || self.images_age.is_multiple_of(IMAGES_EVERY) {
            let images: proto::Images = client.call(IMAGES, proto::Everything {}).await?;
            self.images = known::images(&images.images);
        }
        self.images_age = self.images_age.wrapping_add(1);
        let sandboxes: BTreeMap<SmolStr, PodMetadata> = sandboxes
            .items
            .into_iter()
            .take(MOST_CONTAINERS)
            .map(|sandbox| (SmolStr::from(sandbox.id), sandbox.metadata.unwrap_or_default()))
            .collect();
        let mut before = std::mem::take(&mut self.asked);
        let mut state = State::default();
        for container in containers {
            let status = match before.remove(&container.id) {
                Some((then, status)) if then == container.state => status,
                _ => self.status(client, &container.id).await?,
            };
            let pod = sandboxes.get(container.pod_sandbox_id.as_str());
            let known = Known::new(&container, &status, pod, &self.images);
            state.containers.insert(container.id.as_str().into(), Arc::new(known));
            self.asked.insert(container.id, (container.state, status));
        }
        state.sandboxes = sandboxes;
        Ok(state)
    }

    /// When a container started and how it ended. One that is gone meanwhile has nothing to say.
    async fn status(&self, client: &Client, id: &str) -> Result<proto::Status, CriError> {
        let request = proto::StatusRequest {
            container_id: id.to_owned(),
        };
        match client.call(STATUS, request).await {
            Ok(proto::StatusResponse { status }) => Ok(status.unwrap_or_default()),
            Err(CriError::Refused(_)) => Ok(proto::Status::default()),
            Err(error) => Err(error),
        }
    }
}

/// Looks for a runtime once, for `doctor`: which it is and how much it runs; `None` where there is none.
///
/// # Errors
/// When one is there and does not answer.
pub async fn look(endpoint: &Endpoint) -> Result<Option<String>, CriError> {
    let Some((client, version, socket)) = endpoint.find().await? else {
        return Ok(None);
    };
    let listed: proto::Containers = client.call(CONTAINERS, proto::Everything {}).await?;
    let (name, number, count) = (version.runtime_name, version.runtime_version, listed.containers.len());
    Ok(Some(format!("{name} {number} at {}, {count} containers", socket.display())))
}

/// Reads `unix:///path` or a path.
///
/// # Errors
/// When it is neither.
pub fn parse_endpoint(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if path.starts_with('/') {
        Ok(path.into())
    } else {
        Err("give a socket's path, for example unix:///run/containerd/containerd.sock".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_unix_socket() {
        for text in ["unix:///run/crio/crio.sock", "/run/crio/crio.sock"] {
            assert_eq!(parse_endpoint(text), Ok(PathBuf::from("/run/crio/crio.sock")));
        }
        for text in ["tcp://127.0.0.1:1", "", "crio.sock"] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_socket_on_which_nobody_speaks_the_protocol_is_an_error_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("mute.sock");
        let endpoint = Endpoint::given(socket.clone());
        assert!(matches!(look(&endpoint).await, Err(CriError::Io(_))));
        let usual = Endpoint::usual(&[directory.path().to_owned()]);
        assert!(matches!(look(&usual).await, Ok(None)), "no socket, no complaint");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let hang_up = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(stream);
            }
        });
        let error = look(&endpoint).await.unwrap_err();
        assert!(!error.to_string().is_empty() && !error.is_unimplemented(), "{error}");
        hang_up.abort();
    }
}

//! What the engine runs, kept up to date by its events in a task of its own.
//!
//! Works when the engine is not there yet, restarts, or goes away: the task connects again, lists everything once, and follows events from
//! the moment before the listing, so that nothing falls between. Each event about a container also makes a shortcut report. An engine drops
//! events that are not taken fast enough, so every interval a cheap listing is compared with what is known, and what differs is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::models::{ContainerSummary, EventMessage, EventMessageTypeEnum, ImageSummary};
use bollard::query_parameters::{EventsOptions, InspectContainerOptions, ListContainersOptions, ListImagesOptions, ListNetworksOptions};
use futures::StreamExt as _;
use ipnet::IpNet;
use parking_lot::Mutex;
use scope_shared::report::{Kind, Node, Report, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::format_smolstr;
use tokio_util::sync::CancellationToken;

use super::container::{Censor, Container, short_image_id};
use super::{controls, words};
use crate::controls::Registry;
use crate::local_networks::LocalNetworks;
use crate::publish::Backoff;
use crate::reporter::system_time;
use crate::spy::Shortcuts;
use crate::taggers::{ContainerIndex, ContainerInfo};

/// For answers of the engine.
const ANSWER: u64 = 20;
/// Containers that are kept; an engine with more is not one this probe was made for.
const MOST_CONTAINERS: usize = 10_000;
/// Where engines listen, in order of preference.
const SOCKETS: [&str; 3] = ["/var/run/docker.sock", "/run/podman/podman.sock", "/var/run/podman/podman.sock"];

/// What the engine said last.
#[derive(Default)]
pub struct State {
    /// Containers by id, stopped ones included.
    pub containers: BTreeMap<SmolStr, Container>,
    /// Images by id, without algorithm.
    pub images: BTreeMap<SmolStr, ImageSummary>,
    /// Subnets of all its networks.
    pub subnets: Vec<IpNet>,
    /// Containers that are to be looked at again in the next sweep, because something about them does not add up.
    pub doubted: BTreeSet<SmolStr>,
}

/// The connection to the engine and what is known through it. Clones share it.
#[derive(Clone)]
pub struct Engine {
    state: Arc<Mutex<State>>,
    client: Arc<Mutex<Option<Docker>>>,
    index: ContainerIndex,
    local_networks: Option<LocalNetworks>,
    censor: Censor,
    announcer: Announcer,
}

/// What makes shortcut reports of containers, and where they go.
#[derive(Clone)]
pub struct Announcer {
    /// Of this probe, for the nodes' controls.
    pub probe_id: SmolStr,
    /// What may be done.
    pub controls: Arc<Registry>,
    /// Where they go.
    pub shortcuts: Shortcuts,
}

impl Announcer {
    /// Says who carries out what on a container in this state.
    pub fn add_controls(&self, node: &mut Node, state: &str, now: Timestamp) {
        node.set_latest("control_probe_id", now, self.probe_id.clone());
        node.set_latest("active_controls", now, self.controls.active(controls::active_in(state)));
    }

    fn publish(&self, node: Node) {
        let mut report = Report {
            ts: system_time(),
            ..Report::default()
        };
        report.topology_mut(Kind::Container).add(node);
        self.shortcuts.publish(report);
    }
}

impl Engine {
    /// Knows nothing until [`Engine::run`] does. `local_networks` is `None` where bridge addresses are not to be scoped (Kubernetes).
    #[must_use]
    pub fn new(index: ContainerIndex, local_networks: Option<LocalNetworks>, censor: Censor, announcer: Announcer) -> Self {
        Self {
            state: Arc::default(),
            client: Arc::default(),
            index,
            local_networks,
            censor,
            announcer,
        }
    }

    /// What makes shortcut reports.
    #[must_use]
    pub const fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// The state, locked: hold it briefly.
    pub fn state(&self) -> parking_lot::MutexGuard<'_, State> {
        self.state.lock()
    }

    /// The connection, if there is one now.
    #[must_use]
    pub fn client(&self) -> Option<Docker> {
        self.client.lock().clone()
    }

    /// Follows the engine until `stop` is cancelled.
    pub async fn run(self, address: Option<String>, interval: Duration, stop: CancellationToken) {
        let mut backoff = Backoff::up_to(interval);
        let mut complained = false;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.follow(address.as_deref(), interval, &mut backoff) => outcome,
            };
            let was_connected = self.client.lock().take().is_some();
            *self.state.lock() = State::default();
            self.index.retain(|_| false);
            match outcome {
                Err(error) if was_connected || !complained => {
                    complained = true;
                    tracing::warn!(error = format!("{error:#}"), "no container engine, trying again");
                }
                Err(error) => tracing::debug!(error = format!("{error:#}"), "still no container engine"),
                Ok(()) => tracing::info!("the container engine ended the connection, connecting again"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = backoff.pause() => {}
            }
        }
    }

    async fn follow(&self, address: Option<&str>, interval: Duration, backoff: &mut Backoff) -> anyhow::Result<()> {
        let docker = connect(address).await?;
        let version = docker.version().await?;
        let since = system_time().unix_millis() / 1000;
        let filters = [("type".to_owned(), vec!["container".to_owned(), "network".to_owned()])];
        let options = EventsOptions {
            since: Some(since.to_string()),
            filters: Some(filters.into()),
            ..EventsOptions::default()
        };
        // Before the listing: what is listed is shown with its controls at once, so they must work.
        *self.client.lock() = Some(docker.clone());
        self.list(&docker).await?;
        tracing::info!(
            version = version.version,
            api = version.api_version,
            containers = self.state.lock().containers.len(),
            "following the container engine"
        );
        backoff.reset();
        let mut events = std::pin::pin!(docker.events(Some(options)));
        let mut refresh = tokio::time::interval(interval);
        refresh.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    None => return Ok(()),
                    Some(event) => tolerate(self.event(&docker, event?).await)?,
                },
                _ = refresh.tick() => {
                    tolerate(self.list_images(&docker).await)?;
                    tolerate(self.list_networks(&docker).await)?;
                    tolerate(self.sweep(&docker).await)?;
                }
            }
        }
    }

    async fn list(&self, docker: &Docker) -> anyhow::Result<()> {
        let listed = list_containers(docker).await?;
        self.list_images(docker).await?;
        self.list_networks(docker).await?;
        for id in listed.into_iter().filter_map(|container| container.id).take(MOST_CONTAINERS) {
            self.inspect(docker, &id).await?;
        }
        Ok(())
    }

    /// Makes good what events did not tell: compares a listing with what is known, and looks at what differs or is doubted.
    async fn sweep(&self, docker: &Docker) -> anyhow::Result<()> {
        let listed = list_containers(docker).await?;
        let (gone, differing) = self.compare(&listed);
        for id in gone {
            tracing::debug!(id = %id, "a container is gone, and no event said so");
            self.forget(&id);
        }
        for id in differing {
            self.inspect(docker, &id).await?;
            self.announce(&id);
        }
        Ok(())
    }

    /// Containers that are known but not listed, and those that are listed but not known as they are; takes what was doubted.
    fn compare(&self, listed: &[ContainerSummary]) -> (Vec<SmolStr>, Vec<SmolStr>) {
        let mut state = self.state.lock();
        let mut differing = std::mem::take(&mut state.doubted);
        let mut there: BTreeSet<&str> = BTreeSet::new();
        for summary in listed.iter().take(MOST_CONTAINERS) {
            let Some(id) = summary.id.as_deref() else { continue };
            there.insert(id);
            let word = summary.state.as_ref().map(ToString::to_string).unwrap_or_default();
            if state.containers.get(id).is_none_or(|known| !known.agrees_with(&word)) {
                differing.insert(id.into());
            }
        }
        let gone = state.containers.keys().filter(|id| !there.contains(id.as_str())).cloned().collect();
        (gone, differing.into_iter().collect())
    }

    async fn list_images(&self, docker: &Docker) -> anyhow::Result<()> {
        let images = docker.list_images(None::<ListImagesOptions>).await?;
        self.state.lock().images = images.into_iter().map(|image| (short_image_id(&image.id), image)).collect();
        Ok(())
    }

    async fn list_networks(&self, docker: &Docker) -> anyhow::Result<()> {
        let networks = docker.list_networks(None::<ListNetworksOptions>).await?;
        let subnets_of = |network: &bollard::models::Network| -> Vec<IpNet> {
            let configs = network.ipam.iter().flat_map(|ipam| ipam.config.iter().flatten());
            configs.filter_map(|config| config.subnet.as_deref()?.parse().ok()).collect()
        };
        if let Some(local) = &self.local_networks {
            let bridges = networks.iter().filter(|network| network.driver.as_deref() == Some("bridge"));
            local.set("docker", bridges.flat_map(subnets_of));
        }
        let mut subnets: Vec<IpNet> = networks.iter().flat_map(subnets_of).collect();
        subnets.sort_unstable();
        subnets.dedup();
        self.state.lock().subnets = subnets;
        Ok(())
    }

    async fn event(&self, docker: &Docker, event: EventMessage) -> anyhow::Result<()> {
        let Some(actor) = event.actor else { return Ok(()) };
        let action = event.action.unwrap_or_default();
        let container = match event.typ {
            Some(EventMessageTypeEnum::CONTAINER) => actor.id,
            Some(EventMessageTypeEnum::NETWORK) => {
                if matches!(action.as_str(), "create" | "destroy") {
                    self.list_networks(docker).await?;
                }
                actor.attributes.and_then(|mut attributes| attributes.remove("container"))
            }
            _ => None,
        };
        let Some(id) = container else { return Ok(()) };
        match action.as_str() {
            "create" | "rename" | "start" | "die" | "pause" | "unpause" | "update" | "connect" | "disconnect" => {
                let image_known = match self.inspect(docker, &id).await? {
                    Some(image) => self.state.lock().images.contains_key(&image),
                    None => true,
                };
                if !image_known {
                    self.list_images(docker).await?;
                }
                self.announce(&id);
            }
            "destroy" | "remove" => self.forget(&id),
            _ => {}
        }
        Ok(())
    }

    /// Asks the engine about a container; returns its image's id, or `None` if the container is gone.
    async fn inspect(&self, docker: &Docker, id: &str) -> anyhow::Result<Option<SmolStr>> {
        let now = system_time();
        let container = match docker.inspect_container(id, None::<InspectContainerOptions>).await {
            Ok(inspect) => Container::new(inspect, self.censor, now),
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => None,
            // The engine answers, only not about this container: no reason to forget all the others.
            Err(error @ EngineError::DockerResponseServerError { .. }) => {
                tracing::debug!(id, %error, "the engine cannot say what this container does; asking again with the next sweep");
                self.state.lock().doubted.insert(id.into());
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let Some(container) = container else {
            self.state.lock().containers.remove(id);
            self.index.remove(id);
            return Ok(None);
        };
        let mut state = self.state.lock();
        let tagged = state
            .images
            .get(&container.image_id)
            .and_then(|image| image.repo_tags.first())
            .map(String::as_str);
        let image = match tagged.filter(|tag| !tag.starts_with("<none>")) {
            Some(tag) => SmolStr::new(words::image_name_and_tag(tag).0),
            None => container.image_id.clone(),
        };
        self.index.set(
            container.id.clone(),
            ContainerInfo {
                pid: container.pid,
                running: container.is_up(),
                image,
            },
        );
        let image_id = container.image_id.clone();
        state.containers.insert(container.id.clone(), container);
        Ok(Some(image_id))
    }

    /// Publishes a container's new state at once, with what can be done to it now; its addresses come with the next scan.
    fn announce(&self, id: &str) {
        let now = system_time();
        let node = match self.state.lock().containers.get(id) {
            Some(container) => {
                let mut node = container.node(now);
                self.announcer.add_controls(&mut node, container.state(), now);
                node
            }
            None => return,
        };
        self.announcer.publish(node);
    }

    fn forget(&self, id: &str) {
        self.state.lock().containers.remove(id);
        self.index.remove(id);
        let now = system_time();
        let mut node = Node::new(format_smolstr!("{id};<container>"), Kind::Container.name());
        node.set_latest("docker_container_id", now, id);
        node.set_latest("docker_container_state", now, "deleted");
        self.announcer.publish(node);
    }
}

/// An engine that refuses one question still tells of everything else: what it did not say comes with the next sweep. Any other failure is
/// one of the connection.
fn tolerate(outcome: anyhow::Result<()>) -> anyhow::Result<()> {
    match outcome {
        Err(error) if matches!(error.downcast_ref(), Some(EngineError::DockerResponseServerError { .. })) => {
            tracing::debug!(error = format!("{error:#}"), "the container engine refused an answer");
            Ok(())
        }
        other => other,
    }
}

/// All containers, stopped ones included.
async fn list_containers(docker: &Docker) -> Result<Vec<ContainerSummary>, EngineError> {
    let all = ListContainersOptions {
        all: true,
        ..ListContainersOptions::default()
    };
    docker.list_containers(Some(all)).await
}

async fn connect(address: Option<&str>) -> anyhow::Result<Docker> {
    let version = bollard::API_DEFAULT_VERSION;
    let docker = match address.filter(|address| !address.is_empty()) {
        Some(address) if address.starts_with("unix://") || address.starts_with('/') => Docker::connect_with_unix(address, ANSWER, version)?,
        Some(address) => Docker::connect_with_http(address, ANSWER, version)?,
        None => {
            let Some(socket) = SOCKETS.into_iter().find(|socket| Path::new(socket).exists()) else {
                anyhow::bail!("neither Docker's nor Podman's socket exists ({})", SOCKETS.join(", "));
            };
            Docker::connect_with_unix(socket, ANSWER, version)?
        }
    };
    Ok(docker.negotiate_version().await?)
}

/// Looks for the engine once, for `doctor`: what it is and how much it runs.
///
/// # Errors
/// When there is none, or it does not answer.
pub async fn look(address: Option<&str>) -> anyhow::Result<String> {
    let docker = connect(address).await?;
    let version = docker.version().await?;
    let containers = list_containers(&docker).await?.len();
    let words = [version.version, version.api_version].map(Option::unwrap_or_default);
    Ok(format!("engine {}, API {}, {containers} containers", words[0], words[1]))
}

//! What the engine runs, kept up to date by its events in a task of its own.
//!
//! Works when the engine is not there yet, restarts, or goes away: the task connects again, lists everything once, and follows events from
//! the moment before the listing, so that nothing falls between. Each event about a container also makes a shortcut report.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{EventMessage, EventMessageTypeEnum, ImageSummary};
use bollard::query_parameters::{EventsOptions, InspectContainerOptions, ListContainersOptions, ListImagesOptions, ListNetworksOptions};
use futures::StreamExt as _;
use ipnet::IpNet;
use parking_lot::Mutex;
use scope_shared::report::{Kind, Node, Report, SmolStr};
use smol_str::format_smolstr;
use tokio_util::sync::CancellationToken;

use super::container::{Censor, Container, short_image_id};
use super::words;
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
}

/// The connection to the engine and what is known through it. Clones share it.
#[derive(Clone)]
pub struct Engine {
    state: Arc<Mutex<State>>,
    client: Arc<Mutex<Option<Docker>>>,
    index: ContainerIndex,
    local_networks: Option<LocalNetworks>,
    censor: Censor,
    shortcuts: Shortcuts,
}

impl Engine {
    /// Knows nothing until [`Engine::run`] does. `local_networks` is `None` where bridge addresses are not to be scoped (Kubernetes).
    #[must_use]
    pub fn new(index: ContainerIndex, local_networks: Option<LocalNetworks>, censor: Censor, shortcuts: Shortcuts) -> Self {
        Self {
            state: Arc::default(),
            client: Arc::default(),
            index,
            local_networks,
            censor,
            shortcuts,
        }
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
        self.list(&docker).await?;
        *self.client.lock() = Some(docker.clone());
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
                    Some(event) => self.event(&docker, event?).await?,
                },
                _ = refresh.tick() => {
                    self.list_images(&docker).await?;
                    self.list_networks(&docker).await?;
                }
            }
        }
    }

    async fn list(&self, docker: &Docker) -> anyhow::Result<()> {
        let all = ListContainersOptions {
            all: true,
            ..ListContainersOptions::default()
        };
        let listed = docker.list_containers(Some(all)).await?;
        self.list_images(docker).await?;
        self.list_networks(docker).await?;
        for id in listed.into_iter().filter_map(|container| container.id).take(MOST_CONTAINERS) {
            self.inspect(docker, &id).await?;
        }
        Ok(())
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
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => None,
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

    /// Publishes a container's new state at once.
    fn announce(&self, id: &str) {
        let now = system_time();
        let node = match self.state.lock().containers.get(id) {
            Some(container) => container.node(now),
            None => return,
        };
        self.publish(node);
    }

    fn forget(&self, id: &str) {
        self.state.lock().containers.remove(id);
        self.index.remove(id);
        let now = system_time();
        let mut node = Node::new(format_smolstr!("{id};<container>"), Kind::Container.name());
        node.set_latest("docker_container_id", now, id);
        node.set_latest("docker_container_state", now, "deleted");
        self.publish(node);
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
    let all = ListContainersOptions {
        all: true,
        ..ListContainersOptions::default()
    };
    let containers = docker.list_containers(Some(all)).await?.len();
    let words = [version.version, version.api_version].map(Option::unwrap_or_default);
    Ok(format!("engine {}, API {}, {containers} containers", words[0], words[1]))
}

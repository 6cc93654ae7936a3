//! Docker, and Podman through the same API: containers, their images, and the networks they are in.
//!
//! Events keep the list up to date; what containers use is read from their cgroups, not asked of the engine. Controls are in
//! [`controls`], terminals and logs in [`terminal`].

mod container;
pub mod controls;
mod engine;
mod metering;
pub mod terminal;
mod words;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use async_trait::async_trait;
use bollard::models::ImageSummary;
use scope_shared::report::{Kind, Node, Report, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::{ToSmolStr as _, format_smolstr};

pub use container::{Censor, Container, short_image_id};
pub use engine::{Announcer, Engine, look};
pub use metering::ContainerMeter;
pub use words::{human_size, image_name_and_tag, state, state_sentence, uptime};

use crate::cgroup::UsageReader;
use crate::host;
use crate::local_addresses;
use crate::local_networks::LocalNetworks;
use crate::proc::Snapshot;
use crate::reporter::{Reporter, Tick};
use crate::template::{self, Measure, Properties, Row};
use container::Surroundings;

const ROWS: &[Row] = &[
    Row::latest("docker_image_tag", "Image tag", 1.0),
    Row::latest("docker_image_name", "Image name", 2.0),
    Row::latest("docker_container_command", "Command", 3.0),
    Row::latest("docker_container_state_human", "State", 4.0),
    Row::latest("docker_container_uptime", "Uptime", 5.0).typed("duration"),
    Row::latest("docker_container_restart_count", "Restart #", 6.0),
    Row::set("docker_container_networks", "Networks", 7.0),
    Row::set("docker_container_ips", "IPs", 8.0),
    Row::set("docker_container_ports", "Ports", 9.0),
    Row::latest("docker_container_created", "Created", 10.0).typed("datetime"),
    Row::latest("docker_container_id", "ID", 11.0).truncated(12),
];
/// What containers and everything made of containers measure.
pub const MEASURES: &[Measure] = &[
    Measure::new("docker_cpu_total_usage", "CPU", "percent", 1.0),
    Measure::new("docker_memory_usage", "Memory", "filesize", 2.0),
];
const PRESSURE: &[Measure] = &[
    Measure {
        group: "pressure",
        ..Measure::new("scope_pressure_cpu", "CPU pressure", "percent", 21.0)
    },
    Measure {
        group: "pressure",
        ..Measure::new("scope_pressure_memory", "Memory pressure", "percent", 22.0)
    },
    Measure {
        group: "pressure",
        ..Measure::new("scope_pressure_io", "I/O pressure", "percent", 23.0)
    },
];
const TABLES: &[Properties] = &[
    Properties {
        id: "image_table",
        label: "Image",
        prefix: "",
        // The leading blanks put these rows first.
        fixed: &[
            ("docker_image_id", " ID"),
            ("docker_image_name", " Name"),
            ("docker_image_tag", " Tag"),
            ("docker_image_size", "Size"),
            ("docker_image_virtual_size", "Virtual size"),
        ],
    },
    Properties::with_prefix("docker_label_", "Docker labels"),
    Properties::with_prefix("docker_env_", "Environment variables"),
];

/// Declares how containers are shown. Other runtimes use the same.
pub fn declare_containers(report: &mut Report) {
    let topology = report.topology_mut(Kind::Container);
    template::rows(topology, ROWS);
    template::measures(topology, MEASURES);
    template::measures(topology, PRESSURE);
    template::tables(topology, TABLES);
    let images = report.topology_mut(Kind::ContainerImage);
    template::rows(images, &[Row::counter("container", "# Containers", 2.0)]);
    template::tables(images, &[Properties::with_prefix("docker_image_label_", "Docker labels")]);
}

/// Reports containers.
pub struct Docker {
    host_id: SmolStr,
    engine: Engine,
    local_networks: LocalNetworks,
    usage: UsageReader,
    meters: BTreeMap<SmolStr, ContainerMeter>,
    reachable: Vec<IpAddr>,
    /// The limit of containers that have none of their own.
    total_memory: f64,
    ticks: u64,
}

impl Docker {
    /// For this host, from what `engine` knows.
    #[must_use]
    pub fn new(host_id: SmolStr, engine: Engine, local_networks: LocalNetworks, cgroup_root: &Path) -> Self {
        let usage = UsageReader::new(cgroup_root);
        let reachable = local_addresses::reachable();
        Self {
            host_id,
            engine,
            local_networks,
            usage,
            meters: BTreeMap::new(),
            reachable,
            total_memory: host::total_memory(),
            ticks: 0,
        }
    }

    fn node(&mut self, container: &Container, all: &BTreeMap<SmolStr, Container>, tick: &Tick) -> Node {
        let now = tick.now;
        let mut node = container.node(now);
        let (in_host_network, owner) = network_of(container, all);
        let addresses = match (in_host_network, owner) {
            (true, _) => self.reachable.as_slice(),
            (false, Some(owner)) => owner.addresses.as_slice(),
            (false, None) => container.addresses.as_slice(),
        };
        let around = Surroundings {
            addresses,
            in_host_network,
            owner,
            reachable: &self.reachable,
        };
        container.describe_network(&mut node, &around, now, |address| {
            self.local_networks.address_id(&self.host_id, address)
        });
        self.engine.announcer().add_controls(&mut node, container.state(), now);
        if container.is_up()
            && let Some(process) = tick.processes.get(container.pid)
        {
            let metrics = self.meters.entry(container.id.clone()).or_default();
            metrics.read(&self.usage, &process.cgroup, &tick.processes, self.total_memory, now);
            metrics.add_to(&mut node);
        }
        node
    }
}

#[async_trait]
impl Reporter for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    async fn report(&mut self, tick: &Tick) -> Report {
        let mut report = Report::default();
        declare_containers(&mut report);
        if self.ticks.is_multiple_of(10) {
            self.reachable = local_addresses::reachable();
        }
        self.ticks += 1;
        let engine = self.engine.clone();
        let mut state = engine.state();
        let doubted = without_process(state.containers.values(), &tick.processes);
        state.doubted.extend(doubted);
        let mut images: BTreeMap<&SmolStr, Node> = BTreeMap::new();
        for container in state.containers.values() {
            let mut node = self.node(container, &state.containers, tick);
            if let Some(image) = state.images.get(&container.image_id) {
                let image = images
                    .entry(&container.image_id)
                    .or_insert_with(|| image_node(&container.image_id, image, tick.now));
                for key in ["docker_image_name", "docker_image_tag"] {
                    if let Some(value) = image.latest(key) {
                        node.set_latest(key, tick.now, value);
                    }
                }
            }
            report.topology_mut(Kind::Container).add(node);
        }
        self.meters.retain(|id, _| state.containers.get(id).is_some_and(Container::is_up));
        images
            .into_values()
            .for_each(|node| report.topology_mut(Kind::ContainerImage).add(node));
        if engine.client().is_some() {
            let mut overlay = Node::new(format_smolstr!("#docker_peer_{}", self.host_id), Kind::Overlay.name());
            for subnet in &state.subnets {
                overlay.add_to_set("local_networks", subnet.to_smolstr());
            }
            report.topology_mut(Kind::Overlay).add(overlay);
        }
        drop(state);
        let controls = &self.engine.announcer().controls;
        controls.declare(report.topology_mut(Kind::Container), controls::ALL);
        report
    }
}

/// Containers whose first process is not there although they run: they were started again, and no event said so. Where no container's
/// process is seen, the processes are another machine's or not all visible, and nothing follows from one that is not there.
fn without_process<'a>(containers: impl Iterator<Item = &'a Container>, processes: &Snapshot) -> Vec<SmolStr> {
    let (there, missing): (Vec<_>, Vec<_>) = containers
        .filter(|container| container.is_up())
        .partition(|container| processes.get(container.pid).is_some());
    if there.is_empty() {
        return Vec::new();
    }
    missing.into_iter().map(|container| container.id.clone()).collect()
}

/// Whether a container is in the host's network, and whose network it is in if it shares another container's.
fn network_of<'a>(container: &'a Container, all: &'a BTreeMap<SmolStr, Container>) -> (bool, Option<&'a Container>) {
    let mut at = container;
    // A chain longer than this is a loop.
    for _ in 0..16 {
        if at.network_mode == "host" {
            return (true, None);
        }
        let Some(reference) = at.network_mode.strip_prefix("container:") else {
            break;
        };
        let Some((_, owner)) = all
            .range(SmolStr::new(reference)..)
            .next()
            .filter(|(id, _)| id.starts_with(reference))
        else {
            break;
        };
        at = owner;
    }
    (false, (!std::ptr::eq(at, container)).then_some(at))
}

fn image_node(id: &SmolStr, image: &ImageSummary, now: Timestamp) -> Node {
    let mut node = Node::new(format_smolstr!("{id};<container_image>"), Kind::ContainerImage.name());
    node.set_latest("docker_image_id", now, id.clone());
    node.set_latest("docker_image_size", now, words::human_size(image.size));
    node.set_latest("docker_image_virtual_size", now, words::human_size(image.size));
    if let Some(reference) = image.repo_tags.first() {
        let (name, tag) = words::image_name_and_tag(reference);
        node.set_latest("docker_image_name", now, name);
        node.set_latest("docker_image_tag", now, tag);
    }
    let labels: BTreeMap<_, _> = image.labels.iter().collect();
    for (key, value) in labels {
        node.set_latest(&format!("docker_image_label_{key}"), now, value.as_str());
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str, mode: &str) -> Container {
        let inspect = serde_json::from_value(serde_json::json!({"Id": id, "HostConfig": {"NetworkMode": mode}})).unwrap();
        Container::new(
            inspect,
            Censor {
                arguments: false,
                environment: true,
            },
            Timestamp::ZERO,
        )
        .unwrap()
    }

    #[test]
    fn network_modes_are_followed_through_chains_and_loops_end() {
        let all: BTreeMap<SmolStr, Container> = [
            ("a1", "container:b2"),
            ("b2", "host"),
            ("c3", "container:d4"),
            ("d4", "bridge"),
            ("e5", "container:f6"),
            ("f6", "container:e5"),
        ]
        .into_iter()
        .map(|(id, mode)| (SmolStr::new(id), container(id, mode)))
        .collect();
        let of = |id: &str| {
            let (host, owner) = network_of(&all[id], &all);
            (host, owner.map(|owner| owner.id.to_string()))
        };
        assert_eq!(of("a1"), (true, None));
        assert_eq!(of("c3"), (false, Some("d4".into())));
        assert_eq!(of("d4"), (false, None));
        assert!(!of("e5").0);
    }
}

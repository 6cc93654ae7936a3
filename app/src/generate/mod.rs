//! Clusters that do not exist: reports of as many hosts, containers and connections as a test, a benchmark or a fleet of fake probes needs.
//!
//! A report is a pure function of the cluster's shape, the host and the second; nothing is drawn at random and no clock is read, so that
//! every run sees the same cluster, and two processes can play two hosts of one.

mod stream;
mod templates;

use scope_shared::report::{Kind, Latest, Metric, Node, Report, SmolStr, StringSet};
use scope_shared::time::Timestamp;
use smol_str::format_smolstr;
pub use stream::{Body, Dialect, Stream};

/// Unix time of second 0.
const EPOCH: i64 = 1_700_000_000;
/// How many images the containers run.
const IMAGES: usize = 12;
/// First port that processes listen on.
const FIRST_PORT: usize = 8000;

/// How large a cluster is and how lively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Hosts; each sends its own reports.
    pub hosts: usize,
    /// Containers on each host.
    pub containers: usize,
    /// Endpoints of each container: half of them listen, half are connections to other containers.
    pub endpoints: usize,
    /// Seconds after which a connection has been replaced by another one, 0 for never. Each second that part of them changes.
    pub connection_seconds: u64,
    /// Seconds after which a container has been replaced by another one, 0 for never.
    pub container_seconds: u64,
    /// Clusters of different seeds have different names, addresses and connections.
    pub seed: u64,
}

impl Default for Shape {
    /// Ten hosts of a hundred containers with twenty endpoints each, as the original's benchmark has it.
    fn default() -> Self {
        Self {
            hosts: 10,
            containers: 100,
            endpoints: 20,
            connection_seconds: 30,
            container_seconds: 0,
            seed: 1,
        }
    }
}

/// A cluster.
#[derive(Clone, Copy, Debug)]
pub struct Cluster {
    shape: Shape,
}

/// A number that depends on all of `parts` and looks like chance (the finaliser of SplitMix64, once for each part).
fn hash(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |state, part| {
        let mut mixed = state ^ part.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// Which of its kind something is at a second: it is replaced every `period` seconds, not everything at once.
fn generation(period: u64, second: u64, phase: u64) -> u64 {
    // A period of 0 is no period: always the first.
    (second + phase.checked_rem(period).unwrap_or(0)).checked_div(period).unwrap_or(0)
}

fn set(node: &mut Node, timestamp: Timestamp, entries: &[(&str, SmolStr)]) {
    for (key, value) in entries {
        node.latest.insert(
            *key,
            Latest {
                timestamp,
                value: value.clone(),
            },
        );
    }
}

impl Cluster {
    /// A cluster of a shape. Sizes are cut to what addresses and ports allow: 250 hosts, 62,500 containers a host, 2,000 endpoints.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let shape = Shape {
            hosts: shape.hosts.clamp(1, 250),
            containers: shape.containers.clamp(1, 62_500),
            endpoints: shape.endpoints.clamp(2, 2000),
            ..shape
        };
        Self { shape }
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The id of a host's probe.
    #[must_use]
    pub fn probe_id(&self, host: usize) -> String {
        format!("{:x}", hash(&[self.shape.seed, 0, host as u64]) >> 1)
    }

    /// The name of a host.
    #[must_use]
    pub fn host_name(&self, host: usize) -> String {
        format!("node-{}-{host}", self.shape.seed)
    }

    /// What a host's probe reports in full at a second.
    #[must_use]
    pub fn report(&self, host: usize, second: u64) -> Report {
        let now = Timestamp::from_unix(EPOCH + second as i64, 0);
        let mut report = Report {
            ts: now,
            window: 1_000_000_000,
            id: format_smolstr!("{}", hash(&[self.shape.seed, host as u64, second])),
            ..Report::default()
        };
        templates::add(&mut report);
        self.add_host(&mut report, host, now, second);
        for container in 0..self.shape.containers {
            self.add_container(&mut report, host, container, now, second);
        }
        report
    }

    fn add_host(&self, report: &mut Report, host: usize, now: Timestamp, second: u64) {
        let name = self.host_name(host);
        let id = format_smolstr!("{name};<host>");
        let mut node = Node::new(id.clone(), Kind::Host.name());
        let start = Timestamp::from_unix(EPOCH, 0);
        set(
            &mut node,
            start,
            &[
                ("host_name", name.as_str().into()),
                ("host_node_id", id),
                ("control_probe_id", self.probe_id(host).into()),
                ("os", "linux".into()),
                ("kernel_version", "6.1.0 #1 SMP".into()),
                ("host_scope_version", "generated".into()),
                ("active_controls", "host_exec".into()),
            ],
        );
        set(&mut node, now, &[("uptime", format_smolstr!("{}", 1000 + second))]);
        node.sets
            .insert("local_networks", StringSet::from_iter(["10.0.0.0/8", "127.0.0.1/8"]));
        let load = hash(&[host as u64, second]) % 400;
        node.metrics.insert("load1", Metric::single(now, load as f64 / 100.0, 4.0));
        node.metrics
            .insert("host_cpu_usage_percent", Metric::single(now, load as f64 / 4.0, 100.0));
        node.metrics
            .insert("host_mem_usage_bytes", Metric::single(now, 4e9 + load as f64 * 1e6, 16e9));
        report.topology_mut(Kind::Host).add(node);
    }

    /// Which container is in a place now.
    fn container_hash(&self, host: usize, place: usize, second: u64) -> u64 {
        let phase = hash(&[host as u64, place as u64]);
        hash(&[
            self.shape.seed,
            1,
            host as u64,
            place as u64,
            generation(self.shape.container_seconds, second, phase),
        ])
    }

    fn address(host: usize, container: usize) -> SmolStr {
        format_smolstr!("10.{}.{}.{}", host + 1, container / 250, container % 250 + 1)
    }

    fn add_container(&self, report: &mut Report, host: usize, place: usize, now: Timestamp, second: u64) {
        let own = self.container_hash(host, place, second);
        let id = format_smolstr!("{own:016x}{:016x}{:016x}{:016x}", hash(&[own, 1]), hash(&[own, 2]), hash(&[own, 3]));
        let image = (own % IMAGES as u64) as usize;
        let host_id = format_smolstr!("{};<host>", self.host_name(host));
        let image_id = format_smolstr!("{:064x}", hash(&[self.shape.seed, 2, image as u64]));
        let start = Timestamp::from_unix(EPOCH, 0);
        let mut node = Node::new(format_smolstr!("{id};<container>"), Kind::Container.name());
        let name = format_smolstr!("app-{image}-{host}-{place}");
        set(
            &mut node,
            start,
            &[
                ("docker_container_id", id.clone()),
                ("docker_container_name", name.clone()),
                ("docker_container_hostname", format_smolstr!("app-{image}-{}", place % 7)),
                ("docker_container_command", format_smolstr!("/bin/app --listen --shard={place}")),
                ("docker_container_created", "2023-11-14T22:13:20Z".into()),
                ("docker_container_state", "running".into()),
                ("docker_container_restart_count", "0".into()),
                ("docker_image_id", image_id.clone()),
                ("docker_label_com.example.team", format_smolstr!("team-{}", image % 4)),
                ("docker_label_com.example.tier", "backend".into()),
                ("docker_label_org.opencontainers.image.version", "1.2.3".into()),
                ("host_node_id", host_id.clone()),
                ("control_probe_id", self.probe_id(host).into()),
                (
                    "active_controls",
                    "docker_attach_container;docker_exec_container;docker_stop_container".into(),
                ),
            ],
        );
        set(
            &mut node,
            now,
            &[
                ("docker_container_uptime", format_smolstr!("{}", 500 + second)),
                ("docker_container_state_human", format_smolstr!("Up {} minutes", 8 + second / 60)),
            ],
        );
        let address = Self::address(host, place);
        node.sets.insert("docker_container_ips", StringSet::from_iter([address.clone()]));
        node.sets.insert(
            "docker_container_ips_with_scopes",
            StringSet::from_iter([format_smolstr!(";{address}")]),
        );
        node.add_parent("host", host_id.clone());
        node.add_parent("container_image", format_smolstr!("{image_id};<container_image>"));
        let load = hash(&[own, second]) % 1000;
        node.metrics
            .insert("docker_cpu_total_usage", Metric::single(now, load as f64 / 10.0, 100.0));
        node.metrics
            .insert("docker_memory_usage", Metric::single(now, 1e7 + load as f64 * 1e5, 1e9));
        let container_id = node.id.clone();
        report.topology_mut(Kind::Container).add(node);

        let mut image_node = Node::new(format_smolstr!("{image_id};<container_image>"), Kind::ContainerImage.name());
        set(
            &mut image_node,
            start,
            &[
                ("docker_image_id", image_id),
                ("docker_image_name", format_smolstr!("registry.example.com/acme/app-{image}")),
                ("docker_image_tag", "1.2.3".into()),
                ("docker_image_size", "123MB".into()),
                ("host_node_id", host_id.clone()),
            ],
        );
        image_node.add_parent("host", host_id.clone());
        report.topology_mut(Kind::ContainerImage).add(image_node);

        for process in 0..self.shape.endpoints / 2 {
            let place = Place {
                host,
                container: place,
                process,
                pids: if self.shape.container_seconds == 0 {
                    0
                } else {
                    own % 1000 * 100_000
                },
            };
            self.add_process(report, &place, &id, &name, &container_id, &host_id, now, second);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "what a process shares with its container")]
    fn add_process(
        &self,
        report: &mut Report,
        place: &Place,
        container: &SmolStr,
        container_name: &SmolStr,
        container_id: &SmolStr,
        host_id: &SmolStr,
        now: Timestamp,
        second: u64,
    ) {
        let start = Timestamp::from_unix(EPOCH, 0);
        let pid = format_smolstr!(
            "{}",
            place.pids + (1000 + place.container * (self.shape.endpoints / 2) + place.process) as u64
        );
        let mut node = Node::new(format_smolstr!("{};{pid}", self.host_name(place.host)), Kind::Process.name());
        set(
            &mut node,
            start,
            &[
                ("pid", pid.clone()),
                ("ppid", "1".into()),
                ("name", format_smolstr!("worker-{}", place.process % 16)),
                (
                    "cmdline",
                    format_smolstr!("/bin/app --listen={} --shard={}", FIRST_PORT + place.process, place.container),
                ),
                ("threads", "4".into()),
                ("docker_container_id", container.clone()),
                ("docker_container_name", container_name.clone()),
                ("host_node_id", host_id.clone()),
            ],
        );
        node.add_parent("host", host_id.clone());
        node.add_parent("container", container_id.clone());
        let load = hash(&[place.host as u64, place.container as u64, place.process as u64, second]) % 1000;
        node.metrics
            .insert("process_cpu_usage_percent", Metric::single(now, load as f64 / 10.0, 400.0));
        node.metrics
            .insert("process_memory_usage_bytes", Metric::single(now, 1e6 + load as f64 * 1e4, 1e9));
        report.topology_mut(Kind::Process).add(node);

        let own = Self::address(place.host, place.container);
        let listening = format_smolstr!(";{own};{}", FIRST_PORT + place.process);
        self.add_endpoint(report, listening, Some((&pid, host_id)), None);
        let (peer, port) = self.connection(place, second);
        let from = format_smolstr!(";{own};{port}");
        self.add_endpoint(report, peer.clone(), None, None);
        self.add_endpoint(report, from, Some((&pid, host_id)), Some(peer));
    }

    /// The endpoint a process is connected to now, and from which port.
    fn connection(&self, place: &Place, second: u64) -> (SmolStr, u64) {
        let phase = hash(&[place.host as u64, place.container as u64, place.process as u64]);
        let own = hash(&[self.shape.seed, 3, phase, generation(self.shape.connection_seconds, second, phase)]);
        // A twentieth of the connections leave the cluster.
        let peer = if own.is_multiple_of(20) {
            format_smolstr!(";203.0.113.{};443", own / 20 % 250 + 1)
        } else {
            let host = (own >> 8) as usize % self.shape.hosts;
            let container = (own >> 24) as usize % self.shape.containers;
            format_smolstr!(";{};{}", Self::address(host, container), FIRST_PORT + place.process)
        };
        (peer, 32_768 + (own >> 48) % 20_000 + place.process as u64)
    }

    fn add_endpoint(&self, report: &mut Report, id: SmolStr, owner: Option<(&SmolStr, &SmolStr)>, peer: Option<SmolStr>) {
        let topology = report.topology_mut(Kind::Endpoint);
        if owner.is_none() && topology.nodes.contains_key(&id) {
            return;
        }
        let mut node = Node::new(id, Kind::Endpoint.name());
        if let Some((pid, host)) = owner {
            set(
                &mut node,
                Timestamp::from_unix(EPOCH, 0),
                &[("pid", pid.clone()), ("host_node_id", host.clone())],
            );
        }
        node.adjacency = peer.into_iter().collect();
        topology.add(node);
    }
}

/// Where a process is.
struct Place {
    host: usize,
    container: usize,
    process: usize,
    /// What the container's pids are above: one that replaced another has processes of its own.
    pids: u64,
}

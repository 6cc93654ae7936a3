//! A probe playing one host: sensors confined to the host's namespaces, and its report.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scope_app::feed::Feed;
use scope_app::view::{Engine, Options as ViewOptions, View};
use scope_probe::dns::ForwardNames;
use scope_probe::endpoint::{Known, Options, Sensors, Sources, Tier};
use scope_probe::local_networks::LocalNetworks;
use scope_probe::proc::{Process, Snapshot, Walker};
use scope_shared::report::{Kind, Node, Report};
use scope_shared::time::Timestamp;

/// How long a scenario waits for the kernel to tell what it knows, before it fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// One host's probe.
pub struct Host {
    name: &'static str,
    sensors: Sensors,
    known: Arc<Mutex<Known>>,
    walker: Walker,
    namespaces: HashSet<u32>,
    snapshot: Arc<Snapshot>,
    networks: LocalNetworks,
    own_networks: Vec<String>,
    began: Instant,
}

impl Host {
    /// Starts a probe that sees these namespaces. `bridges` are networks of this host alone; `networks` are what its interfaces say.
    pub fn new(name: &'static str, tier: Tier, namespaces: &[u32], bridges: &[&str], networks: &[&str]) -> Self {
        let local = LocalNetworks::default();
        local.set("docker", bridges.iter().map(|network| network.parse().expect("a network")));
        let options = Options {
            host_id: name.into(),
            tier: Some(tier),
            ebpf: true,
            conntrack: true,
            conntrack_buffer: 1 << 20,
            processes: true,
            dns: false,
            proc_root: "/proc".into(),
            local_networks: local.clone(),
        };
        let mut sensors = Sensors::open(&options, ForwardNames::default()).expect("the kernel's sources");
        let namespaces: HashSet<u32> = namespaces.iter().copied().collect();
        sensors.confine(namespaces.clone());
        let known = sensors.known();
        assert_eq!(known.lock().status.tier, tier, "{}", known.lock().status.reason);
        let mut host = Self {
            name,
            sensors,
            known,
            walker: Walker::new(Path::new("/proc")).expect("/proc"),
            namespaces,
            snapshot: Arc::default(),
            networks: local,
            own_networks: bridges.iter().chain(networks).map(|network| (*network).to_owned()).collect(),
            began: Instant::now(),
        };
        host.tick();
        host
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).expect("a short test") + 1
    }

    /// Walk and sweep, as the probe does every second.
    pub fn tick(&mut self) {
        let all = self.walker.walk().expect("/proc");
        let ours: Vec<Arc<Process>> = all
            .processes()
            .iter()
            .filter(|process| self.namespaces.contains(&process.netns))
            .cloned()
            .collect();
        self.snapshot = Arc::new(Snapshot::new(ours, all.total_jiffies, all.cpus));
        let now = self.now();
        self.sensors.tick(Arc::clone(&self.snapshot), now);
    }

    /// Reads events only, as the probe does between ticks.
    pub fn drain(&mut self) {
        let now = self.now();
        self.sensors.drain(now);
    }

    /// What is known, to look at directly.
    pub fn known(&self) -> Arc<Mutex<Known>> {
        Arc::clone(&self.known)
    }

    /// The report: endpoints, the processes of the walk, and the host.
    pub fn report(&self) -> Report {
        let known = self.known.lock();
        let now = Timestamp::from_unix(1_700_000_000, 0);
        let sources = Sources {
            table: &known.table,
            listeners: &known.listeners,
            nat: &known.nat,
            homes: &known.homes,
            briefs: &known.briefs,
            processes: &self.snapshot,
            networks: &self.networks,
            host_id: self.name,
            now,
        };
        let (mut report, _) = sources.report();
        report.ts = now;
        let host_node = format!("{};<host>", self.name);
        for process in self.snapshot.processes() {
            let mut node = Node::new(format!("{};{}", self.name, process.pid), "process");
            node.set_latest("pid", now, process.pid.to_string());
            node.set_latest("name", now, process.name.clone());
            node.set_latest("host_node_id", now, host_node.clone());
            report.topology_mut(Kind::Process).add(node);
        }
        let mut node = Node::new(host_node.clone(), "host");
        node.set_latest("host_node_id", now, host_node);
        for network in &self.own_networks {
            node.add_to_set("local_networks", network.as_str());
        }
        report.topology_mut(Kind::Host).add(node);
        report
    }

    /// Whether the report has an edge to an endpoint with this address and port, and the processes known at its ends.
    pub fn endpoint_edge(&self, server: (IpAddr, u16)) -> Option<(Option<u32>, Option<u32>)> {
        let report = self.report();
        let nodes = &report.topology(Kind::Endpoint).nodes;
        let suffix = format!(";{};{}", server.0, server.1);
        let pid = |node: &Node| node.latest("pid").and_then(|pid| pid.parse().ok());
        nodes.values().find_map(|client| {
            let target = client.adjacency.iter().find(|target| target.ends_with(&suffix))?;
            Some((pid(client), nodes.get(target).and_then(|node| pid(node))))
        })
    }
}

/// The process map of several hosts' reports, as the page would draw it.
pub fn processes(hosts: &[&Host]) -> Arc<View> {
    let mut feed = Feed::new();
    for host in hosts {
        feed.add_report(host.name, host.report());
    }
    Engine::new(feed)
        .nodes("processes", &ViewOptions::none())
        .expect("the processes view")
}

/// Ticks the hosts until the process map has all these edges, and fails if it never does. Returns the map.
pub fn expect_edges(hosts: &mut [&mut Host], edges: &[(String, String)], what: &str) -> Arc<View> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for host in hosts.iter_mut() {
            host.tick();
        }
        let shared: Vec<&Host> = hosts.iter().map(|host| &**host).collect();
        let view = processes(&shared);
        let missing: Vec<_> = edges.iter().filter(|(from, to)| !has_edge(&view, from, to)).collect();
        if missing.is_empty() {
            return view;
        }
        if Instant::now() >= deadline {
            for host in &shared {
                for (id, node) in &host.report().topology(Kind::Endpoint).nodes {
                    eprintln!(
                        "{}: {id} -> {:?} {:?}",
                        host.name,
                        node.adjacency.as_slice(),
                        node.latest.as_slice()
                    );
                }
            }
            panic!("{what}: no edge {missing:?}");
        }
        // The kernel tells of destroyed sockets a moment later.
        std::thread::yield_now();
    }
}

/// Whether the map has an edge.
pub fn has_edge(view: &View, from: &str, to: &str) -> bool {
    view.get(from).is_some_and(|node| node.adjacency.iter().any(|target| target == to))
}

/// All edges that leave a node.
pub fn edges_from(view: &View, from: &str) -> Vec<String> {
    view.get(from)
        .map(|node| node.adjacency.iter().map(ToString::to_string).collect())
        .unwrap_or_default()
}

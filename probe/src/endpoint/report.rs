//! From the table of connections to the Endpoint topology. A pure function of what the sources know.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use scope_shared::report::{Kind, Node, Report, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::{ToSmolStr, format_smolstr};

use super::listeners::Listeners;
use super::nat::Nat;
use super::table::{Key, Table};
use super::thin::{Edge, thin};
use crate::local_networks::LocalNetworks;
use crate::proc::Snapshot;

/// A process that spoke but ended before the walk could see it: what the kernel said of it as it spoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// Name the kernel holds.
    pub comm: SmolStr,
    /// Network namespace; zero if not known.
    pub netns: u32,
    /// When it last spoke.
    pub seen: super::table::Millis,
}

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Connections.
    pub table: &'a Table,
    /// Listening sockets.
    pub listeners: &'a Listeners,
    /// Address translation.
    pub nat: &'a Nat,
    /// Which namespace has which address.
    pub homes: &'a HashMap<IpAddr, u32, foldhash::fast::RandomState>,
    /// Processes that ended too soon for the walk.
    pub briefs: &'a HashMap<u32, Brief, foldhash::fast::RandomState>,
    /// Processes of the last walk.
    pub processes: &'a Snapshot,
    /// Networks scoped to this host.
    pub networks: &'a LocalNetworks,
    /// This host.
    pub host_id: &'a str,
    /// The report's time.
    pub now: Timestamp,
}

impl Sources<'_> {
    /// Endpoints, edges, copies for translated addresses, and processes that the walk missed; and the addresses of these endpoints.
    #[must_use]
    pub fn report(&self) -> (Report, BTreeSet<IpAddr>) {
        let mut report = Report::default();
        let edges = thin(self.edges());
        let mut nodes: BTreeMap<SmolStr, Node> = BTreeMap::new();
        let mut copies: BTreeMap<SmolStr, SmolStr> = BTreeMap::new();
        for edge in &edges {
            self.add_edge(edge, &mut nodes, &mut copies);
        }
        self.add_copies(copies, &mut nodes);
        self.add_briefs(&edges, &mut report);
        report.topology_mut(Kind::Endpoint).nodes = nodes.into_iter().map(|(id, node)| (id, Arc::new(node))).collect();
        let addresses = edges.iter().flat_map(|edge| [edge.key.client.ip(), edge.key.server.ip()]).collect();
        (report, addresses)
    }

    /// All connections with their real ends; what two sockets say of one connection becomes one edge.
    fn edges(&self) -> Vec<Edge> {
        let mut edges: HashMap<Key, Edge, foldhash::fast::RandomState> =
            HashMap::with_capacity_and_hasher(self.table.len(), foldhash::fast::RandomState::default());
        for (seen, connection) in self.table.iter() {
            let real = if self.nat.is_empty() {
                None
            } else {
                self.nat.real_ends(seen.protocol, seen.client, seen.server)
            };
            let key = real
                .as_ref()
                .map_or(*seen, |real| Key::new(seen.protocol, real.client, real.server, seen.netns));
            let edge = edges.entry(key).or_insert_with(|| Edge {
                key,
                client_pid: 0,
                server_pid: 0,
                wire: seen.client,
                client_aliases: Vec::new(),
                server_aliases: Vec::new(),
                traffic: None,
                count: 1,
            });
            if connection.client.pid != 0 {
                edge.client_pid = connection.client.pid;
            }
            if connection.server.pid != 0 {
                edge.server_pid = connection.server.pid;
            }
            edge.traffic = edge.traffic.or(connection.traffic);
            if let Some(real) = real {
                edge.wire = real.client_on_the_wire;
                edge.client_aliases = real.client_aliases;
                edge.server_aliases = real.server_aliases;
            }
        }
        let mut edges: Vec<Edge> = edges.into_values().collect();
        for edge in edges.iter_mut().filter(|edge| edge.server_pid == 0) {
            edge.server_pid = self.listening_pid(&edge.key);
        }
        edges
    }

    /// The process that listens at the server's end, if that end is on this machine.
    fn listening_pid(&self, key: &Key) -> u32 {
        let home = if key.netns == 0 {
            self.homes.get(&key.server.ip()).copied()
        } else {
            Some(key.netns)
        };
        home.and_then(|netns| self.listeners.find(netns, key.protocol, key.server))
            .map_or(0, |listener| listener.pid)
    }

    fn id(&self, key: &Key, end: SocketAddr) -> SmolStr {
        self.networks.endpoint_id(self.host_id, key.netns, end.ip(), end.port())
    }

    fn add_edge(&self, edge: &Edge, nodes: &mut BTreeMap<SmolStr, Node>, copies: &mut BTreeMap<SmolStr, SmolStr>) {
        let (client, server) = (self.id(&edge.key, edge.key.client), self.id(&edge.key, edge.key.server));
        for (aliases, real) in [(&edge.client_aliases, &client), (&edge.server_aliases, &server)] {
            for alias in aliases {
                copies.entry(self.id(&edge.key, *alias)).or_insert_with(|| real.clone());
            }
        }
        self.add_end(nodes, &server, edge.server_pid);
        let node = self.add_end(nodes, &client, edge.client_pid);
        node.adjacency.insert(server);
        if edge.count > 1 {
            // One client port may talk to several servers: their numbers add up.
            let before: u32 = node.latest("conn_count").and_then(|count| count.parse().ok()).unwrap_or(0);
            node.latest.remove("conn_count");
            node.set_latest("conn_count", self.now, (before + edge.count).to_smolstr());
        }
        if let Some(traffic) = edge.traffic {
            node.set_latest("bytes_sent", self.now, traffic.sent.to_smolstr());
            node.set_latest("bytes_received", self.now, traffic.received.to_smolstr());
            node.set_latest("rtt_microseconds", self.now, traffic.rtt_micros.to_smolstr());
        }
    }

    fn add_end<'a>(&self, nodes: &'a mut BTreeMap<SmolStr, Node>, id: &SmolStr, pid: u32) -> &'a mut Node {
        let node = nodes
            .entry(id.clone())
            .or_insert_with(|| Node::new(id.clone(), SmolStr::new_static(Kind::Endpoint.name())));
        if pid != 0 {
            node.set_latest("pid", self.now, pid.to_smolstr());
            node.set_latest("host_node_id", self.now, format_smolstr!("{};<host>", self.host_id));
        }
        node
    }

    /// A translated address is a copy of the endpoint behind it, so that probes which know only the address join the real end.
    fn add_copies(&self, copies: BTreeMap<SmolStr, SmolStr>, nodes: &mut BTreeMap<SmolStr, Node>) {
        for (alias, real) in copies {
            let Some(original) = nodes.get(&real).filter(|_| alias != real) else {
                continue;
            };
            let mut copy = original.clone();
            copy.id = alias.clone();
            copy.latest.remove("conn_count");
            copy.set_latest("copy_of", self.now, real);
            match nodes.get_mut(&alias) {
                Some(existing) => {
                    existing.adjacency.union_with(&copy.adjacency);
                    for (key, entry) in &copy.latest {
                        existing.set_latest(key, entry.timestamp, entry.value.clone());
                    }
                }
                None => {
                    nodes.insert(alias, copy);
                }
            }
        }
    }

    /// Process nodes for ends whose process the walk did not see, so that a command of a few milliseconds has a name and a container.
    fn add_briefs(&self, edges: &[Edge], report: &mut Report) {
        let mut pids: HashSet<u32> = edges.iter().flat_map(|edge| [edge.client_pid, edge.server_pid]).collect();
        pids.remove(&0);
        pids.retain(|pid| self.processes.get(*pid).is_none());
        let mut pids: Vec<u32> = pids.into_iter().collect();
        if pids.is_empty() {
            return;
        }
        pids.sort_unstable();
        let containers = self.containers_of_namespaces();
        for pid in pids {
            let Some(brief) = self.briefs.get(&pid) else { continue };
            let mut node = Node::new(format_smolstr!("{};{pid}", self.host_id), SmolStr::new_static(Kind::Process.name()));
            node.set_latest("pid", self.now, pid.to_smolstr());
            node.set_latest("name", self.now, brief.comm.clone());
            if let Some(container) = containers.get(&brief.netns).cloned().flatten() {
                node.add_parent(Kind::Container.name(), format_smolstr!("{container};<container>"));
                node.set_latest("docker_container_id", self.now, container);
            }
            report.topology_mut(Kind::Process).add(node);
        }
    }

    /// The container behind each network namespace, where it is one container's alone.
    fn containers_of_namespaces(&self) -> HashMap<u32, Option<SmolStr>> {
        let mut containers: HashMap<u32, Option<SmolStr>> = HashMap::new();
        for process in self.processes.processes().iter().filter(|process| process.netns != 0) {
            let container = process.container_id();
            containers
                .entry(process.netns)
                .and_modify(|known| {
                    if known.as_ref() != container {
                        *known = None;
                    }
                })
                .or_insert_with(|| container.cloned());
        }
        containers
    }
}

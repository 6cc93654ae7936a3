//! Who connects to a node and whom it connects to, counted by remote node, address and port.

use scope_shared::sort::SmallSort as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use scope_shared::report::{MetadataTemplate, Node};
use smol_str::{SmolStr, format_smolstr};

use super::{Children, Details};
use crate::model::{Connection, ConnectionGroup, ListColumn, MetadataRow, Traffic};
use crate::view::ids::{self, is_internet};
use crate::view::joins::{Joins, NONE};
use crate::view::state::State;
use crate::view::summary::basic;

/// The inbound, then the outbound table.
pub(super) fn tables(details: &Details<'_>, at: u32) -> Vec<ConnectionGroup> {
    let graph = details.graph;
    let children = Children { joins: details.joins };
    let own = children.endpoints(graph, at);
    let mut incoming = Table::new(details, at);
    let own_set: BTreeSet<u32> = own.iter().copied().collect();
    for remote in details.callers(at) {
        for caller in children.endpoints(graph, remote) {
            for local in sorted_peers(details.joins, caller) {
                if own_set.contains(&local) {
                    incoming.add(false, remote, original(details.joins, local), Some(caller));
                }
            }
        }
    }
    let mut outgoing = Table::new(details, at);
    outgoing.add_outgoing(&details.callees(at), &own);
    vec![
        incoming.finish("incoming-connections", "Inbound"),
        outgoing.finish("outgoing-connections", "Outbound"),
    ]
}

/// What goes over the edge from one node of the graph to another: what the table of outgoing connections says of it.
pub(super) fn between(details: &Details<'_>, from: u32, to: u32) -> Traffic {
    let own = Children { joins: details.joins }.endpoints(details.graph, from);
    // A connection that is seen on several edges counts on the first of them.
    let rank = |at: u32| details.graph.graph.rank(at);
    let mut callees = details.callees(from);
    callees.retain(|callee| rank(*callee) <= rank(to));
    let mut table = Table::new(details, from);
    table.add_outgoing(&callees, &own);
    let there = || table.counts.iter().filter(|(key, _)| key.remote == to);
    let ports: BTreeSet<u16> = there().filter_map(|(key, _)| key.port.parse().ok()).collect();
    Traffic {
        ports: ports.into_iter().collect(),
        connections: there().fold(0, |sum: i64, (_, count)| sum.saturating_add(*count)),
    }
}

/// The peers of an endpoint, by id.
fn sorted_peers(joins: &Joins, endpoint: u32) -> Vec<u32> {
    let mut peers = joins
        .endpoints
        .get(endpoint as usize)
        .map(|endpoint| endpoint.out.to_vec())
        .unwrap_or_default();
    peers.order_by(|a, b| joins.endpoint_ids.name_ref(*a).cmp(joins.endpoint_ids.name_ref(*b)));
    peers
}

/// The endpoint that an address translation's copy stands for; the endpoint itself if it is none.
fn original(joins: &Joins, endpoint: u32) -> Option<u32> {
    let copy_of = joins.endpoints.get(endpoint as usize)?.copy_of;
    Some(if copy_of == NONE { endpoint } else { copy_of })
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    remote: u32,
    remote_address: SmolStr,
    local_address: SmolStr,
    port: SmolStr,
}

/// A table in the making.
struct Table<'a> {
    details: &'a Details<'a>,
    local: &'a Node,
    counts: BTreeMap<Key, i64>,
    seen: BTreeSet<SmolStr>,
}

impl<'a> Table<'a> {
    fn new(details: &'a Details<'a>, at: u32) -> Self {
        Self {
            details,
            local: details.graph.graph.node(at),
            counts: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

    fn endpoint(&self, slot: Option<u32>) -> Option<&'a Node> {
        self.details.joins.endpoints.get(slot? as usize)?.node.as_deref()
    }

    /// Counts all connections from the table's own endpoints to other nodes, node by node.
    fn add_outgoing(&mut self, remotes: &[u32], own: &[u32]) {
        let joins = self.details.joins;
        let children = Children { joins };
        let mut holders: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (place, remote) in remotes.iter().enumerate() {
            for endpoint in children.endpoints(self.details.graph, *remote) {
                holders.entry(endpoint).or_default().push(place);
            }
        }
        let mut found = Vec::new();
        for &local in own {
            for peer in sorted_peers(joins, local) {
                found.extend(holders.get(&peer).into_iter().flatten().map(|place| (*place, local, peer)));
            }
        }
        // Within a node, connections stay in the order in which they were found.
        found.order_by_key(|(place, ..)| *place);
        for (place, local, peer) in found {
            if let Some(remote) = remotes.get(place) {
                self.add(true, *remote, Some(local), original(joins, peer));
            }
        }
    }

    /// Counts a connection. The same connection seen at another of its addresses counts once.
    fn add(&mut self, outgoing: bool, remote: u32, local_endpoint: Option<u32>, remote_endpoint: Option<u32>) {
        let (local_end, remote_end) = (self.endpoint(local_endpoint), self.endpoint(remote_endpoint));
        let (source, target) = if outgoing {
            (local_end, remote_end)
        } else {
            (remote_end, local_end)
        };
        let connection = source.map_or("", |node| node.latest("copy_of").unwrap_or(&node.id));
        if self.seen.contains(connection) {
            return;
        }
        let Some((_, _, port)) = target.and_then(|node| ids::endpoint(&node.id)) else {
            return;
        };
        let remote_node = self.details.graph.graph.node(remote);
        let Some(remote_address) = self.address(remote_node, remote_end) else {
            return;
        };
        let Some(local_address) = self.address(self.local, local_end) else {
            return;
        };
        let count = source
            .and_then(|node| node.latest("conn_count"))
            .and_then(|count| count.parse().ok())
            .unwrap_or(1);
        let total = self
            .counts
            .entry(Key {
                remote,
                remote_address,
                local_address,
                port: SmolStr::new(port),
            })
            .or_default();
        *total = total.saturating_add(count);
        self.seen.insert(SmolStr::new(connection));
    }

    /// Addresses matter on the Internet only: elsewhere the node says who it is.
    fn address(&self, node: &Node, endpoint: Option<&Node>) -> Option<SmolStr> {
        if !is_internet(&node.id) {
            return Some(SmolStr::default());
        }
        let (_, address, _) = ids::endpoint(&endpoint?.id)?;
        Some(named(address, self.details.summaries.state))
    }

    fn finish(self, id: &'static str, label: &'static str) -> ConnectionGroup {
        let local_is_internet = is_internet(&self.local.id);
        let column = |id, label, data_type, default_sort| ListColumn {
            id: SmolStr::new_static(id),
            label: SmolStr::new_static(label),
            default_sort,
            data_type: SmolStr::new_static(data_type),
        };
        let mut columns = vec![column("port", "Port", "number", false), column("count", "Count", "number", true)];
        if local_is_internet {
            columns.insert(0, column("remote", "Remote", "", false));
        }
        let templates: Vec<Arc<MetadataTemplate>> = columns
            .iter()
            .map(|column| {
                Arc::new(MetadataTemplate {
                    id: column.id.clone(),
                    ..MetadataTemplate::default()
                })
            })
            .collect();
        let mut connections: Vec<Connection> = self.counts.iter().map(|(key, count)| self.row(key, *count, &templates)).collect();
        connections.order_by(|a, b| a.id.cmp(&b.id));
        ConnectionGroup {
            id: id.into(),
            topology_id: self.details.topology.into(),
            label: label.into(),
            columns,
            connections,
        }
    }

    fn row(&self, key: &Key, count: i64, templates: &[Arc<MetadataTemplate>]) -> Connection {
        let remote = self.details.graph.graph.node(key.remote);
        let (label, label_minor) = if key.remote_address.is_empty() {
            let look = basic(remote, self.details.summaries.state).unwrap_or_default();
            (look.label, look.label_minor)
        } else {
            (key.remote_address.clone(), SmolStr::default())
        };
        let metadata = templates.iter().map(|template| MetadataRow {
            template: Arc::clone(template),
            value: match template.id.as_str() {
                "remote" => key.local_address.clone(),
                "port" => key.port.clone(),
                _ => format_smolstr!("{count}"),
            },
        });
        Connection {
            id: format_smolstr!("{}-{}-{}-{}", remote.id, key.remote_address, key.local_address, key.port),
            node_id: remote.id.clone(),
            label,
            label_minor,
            metadata: metadata.collect(),
        }
    }
}

/// An address with its first name, if it has one.
fn named(address: &str, state: State<'_>) -> SmolStr {
    let record = state.0.dns.get(address);
    match record.and_then(|record| record.forward.iter().chain(&record.reverse).next()) {
        Some(name) => format_smolstr!("{name} ({address})"),
        None => SmolStr::new(address),
    }
}

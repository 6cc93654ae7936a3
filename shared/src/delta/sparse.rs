//! The original's differences: what a report adds to a full one that the receiver will merge it with. Sent to an original app.
//!
//! It can say that something is new or other, not that something is gone: the receiver's window forgets that by itself.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::report::{Latest, Node, Nodes, Report, Topology, VecMap};

/// `now` without what the receiver knows from the full report `base`: equal parts of nodes, equal nodes, all templates.
#[must_use]
pub fn sparse(base: &Report, now: &Report) -> Report {
    let mut report = now.clone();
    for (topology, base) in report.topologies.iter_mut().zip(base.topologies.iter()) {
        sparse_topology(topology, base);
    }
    for (key, topology) in &mut report.others {
        if let Some(base) = base.others.get(key) {
            sparse_topology(topology, base);
        }
    }
    report
}

fn sparse_topology(topology: &mut Topology, base: &Topology) {
    if topology.shape == base.shape {
        topology.shape = SmolStr::default();
    }
    if topology.tag == base.tag {
        topology.tag = SmolStr::default();
    }
    if topology.label == base.label && topology.label_plural == base.label_plural {
        topology.label = SmolStr::default();
        topology.label_plural = SmolStr::default();
    }
    topology.metadata_templates.clear();
    topology.metric_templates.clear();
    topology.table_templates.clear();
    topology.nodes = sparse_nodes(&topology.nodes, &base.nodes);
}

fn sparse_nodes(now: &Nodes, base: &Nodes) -> Nodes {
    now.iter()
        .filter_map(|(id, node)| match base.get(id) {
            Some(before) if before.id == node.id && before.topology == node.topology => {
                sparse_node(node, before).map(|node| (id.clone(), Arc::new(node)))
            }
            _ => Some((id.clone(), Arc::clone(node))),
        })
        .collect()
}

/// What is other in a node, and its metrics, which always are; `None` if there is nothing.
fn sparse_node(node: &Node, base: &Node) -> Option<Node> {
    let mut rest = Node {
        metrics: node.metrics.clone(),
        children: node.children.clone(),
        ..Node::default()
    };
    if !same_values(&node.latest, &base.latest) {
        rest.latest = node.latest.clone();
    }
    if node.sets != base.sets {
        rest.sets = node.sets.clone();
    }
    if node.parents != base.parents {
        rest.parents = node.parents.clone();
    }
    if node.adjacency != base.adjacency {
        rest.adjacency = node.adjacency.clone();
    }
    if node.extra != base.extra {
        rest.extra = node.extra.clone();
    }
    (rest != Node::default()).then_some(rest)
}

/// Whether both hold the same values, whenever each was learnt.
fn same_values(a: &VecMap<Latest>, b: &VecMap<Latest>) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|((key, entry), (other_key, other))| key == other_key && entry.value == other.value)
}

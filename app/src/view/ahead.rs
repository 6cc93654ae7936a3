//! Reading ahead: a cluster's nodes lie scattered over memory that no cache holds, and waiting for one after the other takes longer than
//! what is then done with them. Looking at a few of them at once lets the waits overlap. Nothing comes of it but speed.

use std::hint::black_box;
use std::sync::Arc;

use scope_shared::report::Node;

/// How many nodes are looked at before they are worked on: what is read of them must still be in the nearest cache afterwards.
pub(crate) const NODES: usize = 32;

/// The nodes themselves.
pub(crate) fn nodes<'a>(nodes: impl IntoIterator<Item = &'a Arc<Node>>) {
    let of = |node: &Arc<Node>| Arc::strong_count(node) + node.topology.len() + node.latest.len();
    black_box(nodes.into_iter().map(of).sum::<usize>());
}

/// Their values.
pub(crate) fn values<'a>(nodes: impl IntoIterator<Item = &'a Arc<Node>>) {
    let of = |node: &Arc<Node>| node.latest.iter().step_by(2).map(|(key, _)| key.len()).sum::<usize>();
    black_box(nodes.into_iter().map(of).sum::<usize>());
}

/// The rest of what a summary shows: metrics, parents.
pub(crate) fn rows<'a>(nodes: impl IntoIterator<Item = &'a Arc<Node>> + Clone) {
    let metrics = |node: &Arc<Node>| node.metrics.iter().map(|(key, _)| key.len()).sum::<usize>();
    let parents = |node: &Arc<Node>| node.parents.iter().map(|(key, _)| key.len()).sum::<usize>();
    let samples = |node: &Arc<Node>| {
        node.metrics
            .iter()
            .filter(|(_, metric)| metric.last().is_some_and(|last| last.value > 0.0))
            .count()
    };
    black_box(nodes.clone().into_iter().map(|node| metrics(node) + parents(node)).sum::<usize>());
    black_box(nodes.into_iter().map(samples).sum::<usize>());
}

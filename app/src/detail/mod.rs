//! Everything about one node: its summary with all samples, what can be done to it, its children, and its connections.

mod children;
mod connections;
mod controls;

use crate::model::{NodeDetails, Traffic};
use crate::view::graph::Masked;
use crate::view::joins::Joins;
use crate::view::summary::Summaries;

pub(crate) use children::Children;

/// What details are made from.
pub(crate) struct Details<'a> {
    pub(crate) summaries: Summaries<'a>,
    pub(crate) joins: &'a Joins,
    /// The view's graph before any option.
    pub(crate) base: &'a Masked,
    /// The view's graph under the options chosen: here the peers come from.
    pub(crate) graph: &'a Masked,
    /// The view's id.
    pub(crate) topology: &'a str,
}

impl Details<'_> {
    /// The details of the graph's node `at`.
    ///
    /// A node that the options hide is shown all the same, with the edges it has without them; others have no edges to it then.
    pub(crate) fn of(&self, at: u32) -> Option<NodeDetails> {
        let node = self.graph.graph.node(at);
        let shown = if self.graph.has(at) { self.graph } else { self.base };
        let summary = self.summaries.summary(node, shown.whole_adjacency(at), true)?;
        let children = Children { joins: self.joins };
        Some(NodeDetails {
            summary,
            controls: controls::of(node, self.summaries.state),
            children: children.groups(self.graph, at, self.summaries),
            connections: connections::tables(self, at),
        })
    }

    /// What goes over the edge from one node to another.
    pub(crate) fn between(&self, from: u32, to: u32) -> Traffic {
        connections::between(self, from, to)
    }

    /// Nodes with an edge to a node, by id.
    fn callers(&self, at: u32) -> Vec<u32> {
        if self.graph.has(at) {
            self.graph.by_id().filter(|from| self.graph.out(*from).any(|to| to == at)).collect()
        } else {
            self.base.out(at).filter(|to| *to == at).collect()
        }
    }

    /// Nodes that a node has an edge to, by id.
    fn callees(&self, at: u32) -> Vec<u32> {
        if self.graph.has(at) {
            return self.graph.out_by_id(at).to_vec();
        }
        let mut callees = self.base.out_by_id(at);
        callees.retain(|to| *to == at || self.graph.has(*to));
        callees.to_vec()
    }
}

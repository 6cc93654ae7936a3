//! The merged reports as renderers see them: nodes that are complete, templates, names.
//!
//! A node whose `topology` is empty was sent in part only (its full version has expired); such nodes stay in `/api/report` but are
//! never rendered, so every look-up here passes over them.

use std::sync::Arc;

use scope_shared::report::{Kind, Node, Report, Topology};
use smol_str::SmolStr;

use super::ahead;

/// A merged report, read through the eyes of a renderer.
#[derive(Clone, Copy)]
pub(crate) struct State<'a>(pub(crate) &'a Report);

impl<'a> State<'a> {
    /// A topology's templates, controls and labels. Its `nodes` may hold part-merged ones: use [`State::nodes`].
    pub(crate) fn topology(self, kind: Kind) -> &'a Topology {
        self.0.topology(kind)
    }

    /// A node to render.
    pub(crate) fn node(self, kind: Kind, id: &str) -> Option<&'a Arc<Node>> {
        self.topology(kind).nodes.get(id).filter(|node| !node.topology.is_empty())
    }

    /// The nodes to render, by id.
    pub(crate) fn nodes(self, kind: Kind) -> impl Iterator<Item = (&'a SmolStr, &'a Arc<Node>)> {
        self.topology(kind).nodes.iter().filter(|(_, node)| !node.topology.is_empty())
    }

    /// Calls `each` with the nodes to render, by id, many of them: as [`State::nodes`], but reading ahead, with `values` their values, too.
    pub(crate) fn for_each(self, kind: Kind, values: bool, mut each: impl FnMut(&'a SmolStr, &'a Arc<Node>)) {
        let mut nodes = self.topology(kind).nodes.iter();
        let mut next = Vec::with_capacity(ahead::NODES);
        loop {
            next.clear();
            next.extend(nodes.by_ref().take(ahead::NODES));
            if next.is_empty() {
                return;
            }
            ahead::nodes(next.iter().map(|(_, node)| *node));
            if values {
                ahead::values(next.iter().map(|(_, node)| *node));
            }
            for (id, node) in next.iter().filter(|(_, node)| !node.topology.is_empty()) {
                each(id, node);
            }
        }
    }

    /// Whether there is any node to render.
    pub(crate) fn any(self, kind: Kind) -> bool {
        self.nodes(kind).next().is_some()
    }
}

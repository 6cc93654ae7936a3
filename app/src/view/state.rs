//! The merged reports as renderers see them: nodes that are complete, templates, names.
//!
//! A node whose `topology` is empty was sent in part only (its full version has expired); such nodes stay in `/api/report` but are
//! never rendered, so every look-up here passes over them.

use std::sync::Arc;

use scope_shared::report::{Kind, Node, Report, Topology};
use smol_str::SmolStr;

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

    /// Whether there is any node to render.
    pub(crate) fn any(self, kind: Kind) -> bool {
        self.nodes(kind).next().is_some()
    }
}

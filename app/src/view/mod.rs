//! Reports rendered as views: the map's nodes and edges, their summaries and details, exactly as Scope's read API gives them.
//!
//! A view is a pure function of the merged reports and the options. Nothing is computed that no one asks for, and what did not change is
//! not computed again. No clock, no I/O, no `web_sys`.

mod ahead;
pub mod api;
mod build;
mod chunks;
mod engine;
mod filter;
mod generic;
pub(crate) mod graph;
pub(crate) mod ids;
pub(crate) mod joins;
mod known;
mod networks;
pub(crate) mod order;
mod query;
mod registry;
pub(crate) mod render;
mod shown;
pub(crate) mod state;
pub(crate) mod summary;

use std::sync::Arc;

pub use engine::{Config, Engine};
pub use query::Options;
pub use registry::LabelFilter;
use smol_str::SmolStr;
pub use summary::MetricLinks;

use crate::model::{NodeSummary, Stats};

/// One view under one choice of options.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The view's id, e.g. `containers-by-image`.
    pub topology: SmolStr,
    /// Nodes by id (bytewise ascending). An unchanged node is the same `Arc` as before.
    pub nodes: Vec<Arc<NodeSummary>>,
    /// Edges as indexes into `nodes`: (from, to), ascending, self edges included.
    pub edges: Vec<(u32, u32)>,
    /// Counts.
    pub stats: Stats,
}

impl View {
    /// The node of an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<NodeSummary>> {
        self.nodes
            .binary_search_by(|node| node.id.as_str().cmp(id))
            .ok()
            .map(|at| &self.nodes[at])
    }
}

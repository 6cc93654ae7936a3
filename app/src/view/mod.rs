//! Reports rendered as views: the map's nodes and edges, their summaries and details, exactly as Scope's read API gives them.
//!
//! A view is a pure function of the merged reports and the options. Nothing is computed that no one asks for, and what did not change is
//! not computed again. No clock, no I/O, no `web_sys`.

mod query;

use std::sync::Arc;

pub use query::Options;
use smol_str::SmolStr;

use crate::feed::Feed;
use crate::model::{NodeDetails, NodeSummary, Stats, TopologyDesc};

/// Renders what a feed holds.
#[derive(Debug, Default)]
pub struct Engine {
    feed: Feed,
}

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

impl Engine {
    /// An engine over a feed.
    #[must_use]
    pub fn new(feed: Feed) -> Self {
        Self { feed }
    }

    /// The feed.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The feed, to give it frames and files.
    pub fn feed_mut(&mut self) -> &mut Feed {
        &mut self.feed
    }

    /// The list of views with their options and counts, as `/api/topology` gives it.
    pub fn topologies(&mut self, options: &Options) -> Vec<TopologyDesc> {
        let _ = options;
        Vec::new()
    }

    /// Views of topologies this build does not know, drawn generically; not part of `/api/topology`.
    pub fn generic_topologies(&mut self) -> Vec<TopologyDesc> {
        Vec::new()
    }

    /// One view; `None` if there is no such view. The same `Arc` as long as nothing it shows changed.
    pub fn nodes(&mut self, topology: &str, options: &Options) -> Option<Arc<View>> {
        let _ = (topology, options);
        None
    }

    /// Everything about one node of a view; `None` if there is no such view or node.
    pub fn details(&mut self, topology: &str, id: &str, options: &Options) -> Option<NodeDetails> {
        let _ = (topology, id, options);
        None
    }
}

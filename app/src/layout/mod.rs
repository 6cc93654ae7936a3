//! Places for nodes and routes for edges: layered, clients above servers, stable from one update to the next.
//!
//! Runs in the worker. Deterministic: equal histories give equal layouts. Asks no clock and knows nothing of metrics, colours or pixels.
//! `graph`, `dense`, `line`, `order`, `rerank`, `coords` and `layered` lay one component out from nothing; `engine` decides what of a map needs that and what only needs
//! a free place (`rows`) beside its neighbours.

mod coords;
mod dense;
mod engine;
pub mod generate;
mod graph;
mod layered;
mod line;
mod order;
mod pack;
pub mod quality;
mod rerank;
mod route;
mod rows;

pub use engine::Engine;
pub use pack::Form;
use smol_str::SmolStr;

use crate::scene::data::{Point, Routes, SceneNode};

/// What is laid out. Edges out of range are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Nodes; ids are unique (of nodes with one id only the first is remembered).
    pub nodes: Vec<GraphNode>,
    /// Directed edges as indices into `nodes`, client first; parallel edges and loops are allowed.
    pub edges: Vec<(u32, u32)>,
}

/// A node as the layout needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphNode {
    /// Key: a node with a known id keeps its place.
    pub id: SmolStr,
    /// Order of nodes without edges.
    pub rank: SmolStr,
}

impl From<&SceneNode> for GraphNode {
    fn from(node: &SceneNode) -> Self {
        Self {
            id: node.id.clone(),
            rank: node.rank.clone(),
        }
    }
}

/// Places and routes, in the order of the graph given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Centre of each node, graph units.
    pub positions: Vec<Point>,
    /// Route of each edge, from centre to centre.
    pub routes: Routes,
}

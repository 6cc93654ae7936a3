//! A level of the joins as a graph.

use std::sync::Arc;

use scope_shared::report::{Kind, Node, SmolStr};

use super::name;
use crate::view::graph::{Graph, Kid, LevelName, Lists, Masked, Shape};
use crate::view::ids::PSEUDO;
use crate::view::joins::{Level, NONE};
use crate::view::state::State;

/// A level's graph, and where each slot is in it.
pub(super) struct LevelGraph {
    pub(super) graph: Graph,
    pub(super) index: Vec<u32>,
}

/// The graph of a level. `kids` adds what each slot's children come from beside its endpoints.
pub(super) fn graph(
    state: State<'_>,
    kind: Kind,
    level: &Level,
    level_name: LevelName,
    sources: Vec<Arc<Masked>>,
    mut kids: impl FnMut(u32, &mut Vec<Kid>),
) -> LevelGraph {
    let order = order(state, kind, level);
    let mut index = vec![NONE; level.nodes.len()];
    for (at, slot) in order.iter().enumerate() {
        index[*slot as usize] = at as u32;
    }
    let topology = name(kind.name());
    let mut nodes = Vec::with_capacity(order.len());
    let mut all_kids = Vec::with_capacity(order.len());
    let mut edges = Vec::new();
    for (at, &slot) in order.iter().enumerate() {
        let node = &level.nodes[slot as usize];
        nodes.push(
            node.raw
                .clone()
                .unwrap_or_else(|| bare(level.ids.name(slot), node.pseudo, &topology)),
        );
        let mut own = Vec::new();
        if !node.endpoints.is_empty() {
            own.push(Kid::Endpoints(level_name, slot));
        }
        kids(slot, &mut own);
        all_kids.push(own);
        let first = edges.len();
        edges.extend(node.out.iter().map(|(to, _)| (at as u64) << 32 | u64::from(index[*to as usize])));
        edges[first..].sort_unstable();
    }
    let out = Lists::from_sorted(nodes.len(), &edges);
    LevelGraph {
        graph: Graph {
            nodes,
            shape: Arc::new(Shape {
                out,
                kids: all_kids,
                sources,
                dangling: Vec::new(),
            }),
            connected: Vec::new(),
        },
        index,
    }
}

/// A node that no report describes.
fn bare(id: SmolStr, pseudo: bool, topology: &SmolStr) -> Arc<Node> {
    Arc::new(Node::new(id, if pseudo { name(PSEUDO) } else { topology.clone() }))
}

/// The slots that exist, by id. Reported nodes come in order from the report; only the few others need sorting in.
fn order(state: State<'_>, kind: Kind, level: &Level) -> Vec<u32> {
    let mut order: Vec<u32> = state.nodes(kind).filter_map(|(id, _)| level.ids.get(id)).collect();
    let reported = order.len();
    order.extend((0..level.nodes.len() as u32).filter(|slot| {
        let node = &level.nodes[*slot as usize];
        node.raw.is_none() && node.exists()
    }));
    order[reported..].sort_by(|a, b| level.ids.name_ref(*a).cmp(level.ids.name_ref(*b)));
    order.sort_by(|a, b| level.ids.name_ref(*a).cmp(level.ids.name_ref(*b)));
    order
}

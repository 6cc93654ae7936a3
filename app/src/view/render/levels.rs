//! A level of the joins as a graph.

use std::sync::Arc;

use scope_shared::report::{Kind, Node, SmolStr};

use super::name;
use crate::view::graph::{Graph, Kid, LevelName, Lists, Shape};
use crate::view::ids::PSEUDO;
use crate::view::joins::{Level, NONE};
use crate::view::state::State;

/// What of a level's graph does not depend on the nodes' contents. Most changes are of contents (metrics, uptimes): this is then as before.
#[derive(Clone, Debug)]
pub(crate) struct LevelShape {
    /// Versions of the levels it was made from.
    stamp: (u64, u64),
    /// Slots by id.
    order: Vec<u32>,
    /// Slot → index in the graph.
    pub(super) index: Vec<u32>,
    shape: Arc<Shape>,
}

/// Which level, and of what its graph is made beside it.
pub(super) struct Source<'a> {
    pub(super) state: State<'a>,
    pub(super) kind: Kind,
    pub(super) level: &'a Level,
    pub(super) name: LevelName,
    /// Version of the level below that `kids` refer to.
    pub(super) below: u64,
}

/// The graph of a level, its shape taken from `known` if that still holds. `kids` adds what each slot's children come from beside its
/// endpoints.
pub(super) fn graph(source: &Source<'_>, known: &mut Option<Arc<LevelShape>>, kids: impl FnMut(u32, &mut Vec<Kid>)) -> Graph {
    let stamp = (source.level.shape_version, source.below);
    let shape = match known.take().filter(|known| known.stamp == stamp) {
        Some(known) => known,
        None => Arc::new(shape(source, stamp, kids)),
    };
    let topology = name(source.kind.name());
    let node = |slot: &u32| {
        let node = &source.level.nodes[*slot as usize];
        node.raw
            .clone()
            .unwrap_or_else(|| bare(source.level.ids.name(*slot), node.pseudo, &topology))
    };
    let nodes = shape.order.iter().map(node).collect();
    let graph = Graph {
        nodes,
        shape: shape.shape.clone(),
        ..Graph::default()
    };
    *known = Some(shape);
    graph
}

fn shape(source: &Source<'_>, stamp: (u64, u64), mut kids: impl FnMut(u32, &mut Vec<Kid>)) -> LevelShape {
    let level = source.level;
    let order = order(source.state, source.kind, level);
    let mut index = vec![NONE; level.nodes.len()];
    for (at, slot) in order.iter().enumerate() {
        index[*slot as usize] = at as u32;
    }
    let mut all_kids = Vec::with_capacity(order.len());
    let mut edges = Vec::new();
    for (at, &slot) in order.iter().enumerate() {
        let node = &level.nodes[slot as usize];
        let mut own = Vec::new();
        if !node.endpoints.is_empty() {
            own.push(Kid::Endpoints(source.name, slot));
        }
        kids(slot, &mut own);
        all_kids.push(own);
        let first = edges.len();
        edges.extend(node.out.iter().map(|(to, _)| (at as u64) << 32 | u64::from(index[*to as usize])));
        edges[first..].sort_unstable();
    }
    let out = Lists::from_sorted(order.len(), &edges);
    LevelShape {
        stamp,
        order,
        index,
        shape: Arc::new(Shape {
            out,
            kids: all_kids,
            dangling: Vec::new(),
        }),
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

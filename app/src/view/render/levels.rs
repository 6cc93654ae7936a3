//! A level of the joins as a graph: kept, and mended where the level changed.
//!
//! Most changes are of contents (metrics, uptimes) and of a few edges, and a few nodes that come and go: all others stay where they are.

use scope_shared::sort::SmallSort as _;
use std::sync::Arc;

use scope_shared::report::{Kind, Node, SmolStr};

use super::name;
use crate::view::ahead;
use crate::view::chunks::{Chunks, Edges};
use crate::view::graph::{Graph, Kids, LevelName, Nodes, Shape};
use crate::view::ids::PSEUDO;
use crate::view::joins::{Change, Level};
use crate::view::order::Order;

/// A level's graph as it was last asked for. A node's index is its slot.
#[derive(Clone, Debug)]
pub(crate) struct LevelGraph {
    /// How far the level's log has been read.
    seen: u64,
    order: Arc<Order>,
    nodes: Nodes,
    pseudo: Arc<Vec<bool>>,
    connected: Arc<Vec<bool>>,
    shape: Arc<Shape>,
    /// What stands where there is no node.
    none: Arc<Node>,
}

/// Which level.
pub(super) struct Source<'a> {
    pub(super) kind: Kind,
    pub(super) level: &'a Level,
    pub(super) name: LevelName,
}

/// The graph of a level, from what is `known` of it where that is not too old.
pub(super) fn graph(source: &Source<'_>, known: &mut Option<LevelGraph>) -> Graph {
    let changes = known.as_ref().and_then(|known| source.level.log.since(known.seen));
    let mut kept = match (known.take(), changes) {
        (Some(mut known), Some(changes)) => {
            source.mend(&mut known, changes);
            known
        }
        _ => source.make(),
    };
    kept.seen = source.level.log.end();
    let graph = Graph {
        nodes: kept.nodes.clone(),
        pseudo: kept.pseudo.clone(),
        shape: kept.shape.clone(),
        sources: Vec::new(),
        connected: kept.connected.clone(),
        order: Some(kept.order.clone()),
    };
    *known = Some(kept);
    graph
}

impl Source<'_> {
    fn make(&self) -> LevelGraph {
        let len = self.level.nodes.len();
        let slots = || 0..len as u32;
        let mut by_id: Vec<u32> = slots().filter(|slot| self.exists(*slot)).collect();
        by_id.order_by(|a, b| self.id(*a).cmp(self.id(*b)));
        let none = Arc::default();
        let mut nodes: Vec<Arc<Node>> = Vec::with_capacity(len);
        for some in self.level.nodes.chunks(ahead::NODES) {
            ahead::nodes(some.iter().filter_map(|node| node.raw.as_ref()));
            let first = nodes.len() as u32;
            nodes.extend(
                (first..)
                    .zip(some)
                    .map(|(slot, _)| self.node(slot).unwrap_or_else(|| Arc::clone(&none))),
            );
        }
        LevelGraph {
            seen: 0,
            order: Arc::new(Order::new(len, by_id)),
            pseudo: Arc::new(nodes.iter().map(|node| node.topology == PSEUDO).collect()),
            connected: Arc::new(slots().map(|slot| self.is_connected(slot)).collect()),
            nodes: Arc::new(Chunks::from(nodes)),
            shape: Arc::new(self.shape(Edges::build(len, |slot, items| self.edges(slot as u32, items)))),
            none,
        }
    }

    /// Takes in what changed. A graph of before may still be looked at; then what changes is copied.
    fn mend(&self, known: &mut LevelGraph, changes: &[(u32, Change)]) {
        if changes.is_empty() {
            return;
        }
        let len = self.level.nodes.len();
        if known.nodes.len() < len {
            Arc::make_mut(&mut known.nodes).grow(len, &known.none);
            Arc::make_mut(&mut known.pseudo).resize(len, false);
            Arc::make_mut(&mut known.connected).resize(len, false);
        }
        let of = |wanted| {
            let mut slots: Vec<u32> = changes.iter().filter(|change| change.1 == wanted).map(|change| change.0).collect();
            slots.sort_unstable();
            slots.dedup();
            slots
        };
        self.mend_nodes(known, &of(Change::Node), len);
        let dirty = of(Change::Edges);
        for &slot in &dirty {
            set(&mut known.connected, slot, self.is_connected(slot));
        }
        let mut out = known.shape.out.clone();
        if !dirty.is_empty() {
            out.grow(len);
            if out.renew(&dirty, |slot, items| self.edges(slot, items)) {
                known.shape = Arc::new(self.shape(out));
            }
        }
    }

    fn mend_nodes(&self, known: &mut LevelGraph, changed: &[u32], len: usize) {
        let (mut come, mut gone) = (Vec::new(), Vec::new());
        for &slot in changed {
            let before = &known.nodes[slot as usize];
            let now = self.node(slot);
            match (known.order.has(slot), now.is_some()) {
                (false, true) => come.push(slot),
                (true, false) => gone.push(slot),
                _ => {}
            }
            let now = now.unwrap_or_else(|| Arc::clone(&known.none));
            // A node that no report describes stays the same allocation.
            if Arc::ptr_eq(&now, before) || (self.level.nodes[slot as usize].raw.is_none() && now == *before) {
                continue;
            }
            set(&mut known.pseudo, slot, now.topology == PSEUDO);
            Arc::make_mut(&mut known.nodes).set(slot as usize, now);
        }
        if !come.is_empty() || !gone.is_empty() {
            come.order_by(|a, b| self.id(*a).cmp(self.id(*b)));
            known.order = Arc::new(known.order.after(len, &gone, &come, |slot| self.id(slot)));
        }
    }

    fn exists(&self, slot: u32) -> bool {
        self.level.nodes.get(slot as usize).is_some_and(|node| node.exists())
    }

    fn id(&self, slot: u32) -> &str {
        self.level.ids.name_ref(slot)
    }

    /// The node of a slot, if there is one.
    fn node(&self, slot: u32) -> Option<Arc<Node>> {
        let node = self.level.nodes.get(slot as usize).filter(|node| node.exists())?;
        let bare = || bare(self.level.ids.name(slot), node.pseudo, self.kind);
        Some(node.raw.clone().unwrap_or_else(bare))
    }

    fn is_connected(&self, slot: u32) -> bool {
        self.level.nodes[slot as usize].links > 0
    }

    /// The targets of a slot's edges, ascending.
    fn edges(&self, slot: u32, items: &mut Vec<u32>) {
        items.extend(self.level.nodes[slot as usize].out.iter().map(|(to, _)| *to));
    }

    fn shape(&self, out: Edges) -> Shape {
        Shape {
            out,
            kids: Kids::Level(self.name),
            dangling: Vec::new(),
        }
    }
}

/// Sets an item, copying the list only if it is another one.
fn set(list: &mut Arc<Vec<bool>>, at: u32, item: bool) {
    if list.get(at as usize).is_some_and(|known| *known != item) {
        Arc::make_mut(list)[at as usize] = item;
    }
}

/// A node that no report describes.
pub(crate) fn bare(id: SmolStr, pseudo: bool, kind: Kind) -> Arc<Node> {
    Arc::new(Node::new(id, if pseudo { name(PSEUDO) } else { name(kind.name()) }))
}

//! A level of the joins as a graph: kept, and mended where the level changed.
//!
//! Most changes are of contents (metrics, uptimes) and of a few edges: then the order of the nodes and all other edges are as before.

use scope_shared::sort::SmallSort as _;
use std::sync::Arc;

use scope_shared::report::{Kind, Node, SmolStr};

use super::name;
use crate::view::chunks::{Chunks, Edges};
use crate::view::graph::{Graph, Kids, LevelName, Nodes, Shape};
use crate::view::ids::PSEUDO;
use crate::view::joins::{Change, Level, NONE};

/// A level's graph as it was last asked for.
#[derive(Clone, Debug)]
pub(crate) struct LevelGraph {
    /// How far the level's log has been read.
    seen: u64,
    /// Slots by id.
    order: Arc<Vec<u32>>,
    /// Slot to index in the graph.
    index: Vec<u32>,
    nodes: Nodes,
    pseudo: Arc<Vec<bool>>,
    connected: Arc<Vec<bool>>,
    shape: Arc<Shape>,
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
        let mut order: Vec<u32> = (0..self.level.nodes.len() as u32).filter(|slot| self.exists(*slot)).collect();
        order.order_by(|a, b| self.id(*a).cmp(self.id(*b)));
        let nodes: Vec<Arc<Node>> = order.iter().map(|slot| self.node(*slot)).collect();
        let pseudo = nodes.iter().map(|node| node.topology == PSEUDO).collect();
        self.assemble(order, nodes, pseudo)
    }

    fn assemble(&self, order: Vec<u32>, nodes: Vec<Arc<Node>>, pseudo: Vec<bool>) -> LevelGraph {
        let mut index = vec![NONE; self.level.nodes.len()];
        for (at, slot) in order.iter().enumerate() {
            index[*slot as usize] = at as u32;
        }
        let order = Arc::new(order);
        let out = Edges::build(order.len(), |at, items| self.edges(order[at], &index, items));
        LevelGraph {
            seen: 0,
            pseudo: Arc::new(pseudo),
            connected: Arc::new(order.iter().map(|slot| self.is_connected(*slot)).collect()),
            nodes: Arc::new(Chunks::from(nodes)),
            shape: Arc::new(self.shape(out, &order)),
            order,
            index,
        }
    }

    fn mend(&self, known: &mut LevelGraph, changes: &[(u32, Change)]) {
        if changes.is_empty() {
            return;
        }
        known.index.resize(self.level.nodes.len(), NONE);
        let of = |wanted| {
            let mut slots: Vec<u32> = changes.iter().filter(|change| change.1 == wanted).map(|change| change.0).collect();
            slots.sort_unstable();
            slots.dedup();
            slots
        };
        let changed = of(Change::Node);
        if changed
            .iter()
            .any(|slot| self.exists(*slot) != (known.index[*slot as usize] != NONE))
        {
            *known = self.reorder(known, &changed);
            return;
        }
        // A graph of before may still be looked at; then what changes is copied.
        if !changed.is_empty() {
            let nodes = Arc::make_mut(&mut known.nodes);
            for slot in changed {
                let at = known.index[slot as usize] as usize;
                let Some(before) = nodes.get(at) else { continue };
                if let Some(node) = self.renewed(slot, before) {
                    let pseudo = node.topology == PSEUDO;
                    if known.pseudo.get(at).is_some_and(|known| *known != pseudo) {
                        Arc::make_mut(&mut known.pseudo)[at] = pseudo;
                    }
                    nodes.set(at, node);
                }
            }
        }
        let mut dirty: Vec<u32> = of(Change::Edges).into_iter().map(|slot| known.index[slot as usize]).collect();
        dirty.retain(|at| *at != NONE);
        dirty.sort_unstable();
        let (index, order) = (&known.index, &known.order);
        for &at in &dirty {
            let connected = self.is_connected(order[at as usize]);
            if known.connected[at as usize] != connected {
                Arc::make_mut(&mut known.connected)[at as usize] = connected;
            }
        }
        let mut out = known.shape.out.clone();
        if !dirty.is_empty() && out.renew(&dirty, |at, items| self.edges(order[at as usize], index, items)) {
            known.shape = Arc::new(self.shape(out, order));
        }
    }

    /// The graph after nodes appeared or vanished.
    fn reorder(&self, known: &LevelGraph, changed: &[u32]) -> LevelGraph {
        let is_new = |slot: &u32| self.exists(*slot) && known.index[*slot as usize] == NONE;
        let mut come: Vec<u32> = changed.iter().copied().filter(is_new).collect();
        come.order_by(|a, b| self.id(*a).cmp(self.id(*b)));
        let mut order = Vec::with_capacity(known.order.len() + come.len());
        let mut rest = known.order.as_slice();
        let stays = |slot: &u32| self.exists(*slot);
        for slot in come {
            let (before, after) = rest.split_at(rest.partition_point(|other| self.id(*other) < self.id(slot)));
            order.extend(before.iter().copied().filter(stays));
            order.push(slot);
            rest = after;
        }
        order.extend(rest.iter().copied().filter(stays));
        let mut nodes: Vec<Arc<Node>> = Vec::with_capacity(order.len());
        // Copied: looking at every node again would be looking all over memory.
        let mut pseudo: Vec<bool> = Vec::with_capacity(order.len());
        for slot in &order {
            let at = known.index[*slot as usize] as usize;
            if let (Some(node), Some(own)) = (known.nodes.get(at), known.pseudo.get(at)) {
                nodes.push(node.clone());
                pseudo.push(*own);
            } else {
                let node = self.node(*slot);
                pseudo.push(node.topology == PSEUDO);
                nodes.push(node);
            }
        }
        let mut at = 0;
        let mut by_id: Vec<u32> = changed.iter().copied().filter(stays).collect();
        by_id.order_by(|a, b| self.id(*a).cmp(self.id(*b)));
        for slot in by_id {
            at += order[at..].iter().position(|other| *other == slot).unwrap_or(0);
            if let Some(node) = self.renewed(slot, &nodes[at]) {
                pseudo[at] = node.topology == PSEUDO;
                nodes[at] = node;
            }
        }
        self.assemble(order, nodes, pseudo)
    }

    fn exists(&self, slot: u32) -> bool {
        self.level.nodes.get(slot as usize).is_some_and(|node| node.exists())
    }

    fn id(&self, slot: u32) -> &str {
        self.level.ids.name_ref(slot)
    }

    fn node(&self, slot: u32) -> Arc<Node> {
        let node = &self.level.nodes[slot as usize];
        node.raw
            .clone()
            .unwrap_or_else(|| bare(self.level.ids.name(slot), node.pseudo, self.kind))
    }

    /// The node of a slot where another version of it was. A node that no report describes stays the same allocation.
    fn renewed(&self, slot: u32, before: &Arc<Node>) -> Option<Arc<Node>> {
        let now = self.node(slot);
        let same = Arc::ptr_eq(&now, before) || (self.level.nodes[slot as usize].raw.is_none() && *now == **before);
        (!same).then_some(now)
    }

    fn is_connected(&self, slot: u32) -> bool {
        self.level.nodes[slot as usize].links > 0
    }

    /// The targets of a slot's edges, by index, ascending.
    fn edges(&self, slot: u32, index: &[u32], items: &mut Vec<u32>) {
        let first = items.len();
        let out = &self.level.nodes[slot as usize].out;
        items.extend(out.iter().map(|(to, _)| index[*to as usize]).filter(|to| *to != NONE));
        items[first..].sort_unstable();
    }

    fn shape(&self, out: Edges, order: &Arc<Vec<u32>>) -> Shape {
        Shape {
            out,
            kids: Kids::Level(self.name, order.clone()),
            dangling: Vec::new(),
        }
    }
}

/// A node that no report describes.
pub(crate) fn bare(id: SmolStr, pseudo: bool, kind: Kind) -> Arc<Node> {
    Arc::new(Node::new(id, if pseudo { name(PSEUDO) } else { name(kind.name()) }))
}

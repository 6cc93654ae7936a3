//! Builds a graph from nodes in any order and edges between them; what is built twice under one id becomes one node.

use scope_shared::sort::SmallSort as _;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;
use scope_shared::report::{Latest, Node, SmolStr};
use scope_shared::time::Timestamp;

use super::chunks::{Chunks, Edges};
use super::graph::{Graph, Kid, Kids, Masked, Shape};
use super::ids::PSEUDO;

/// Stamp of values that rendering makes: newer than any report's, so that they win every merge.
pub(crate) const RENDERED: Timestamp = Timestamp {
    seconds: i64::MAX,
    nanos: 0,
    zone: None,
};

/// A graph in the making.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    by_id: HashMap<SmolStr, u32, FixedState>,
    drafts: Vec<Draft>,
    edges: Vec<u64>,
    sources: Vec<Arc<Masked>>,
    dangling: Vec<(u32, Vec<SmolStr>)>,
}

/// Nodes as they were finished last time: what would come out the same stays the same allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finished(HashMap<SmolStr, Known, FixedState>);

/// What a node was made from, and the node.
#[derive(Clone, Debug)]
struct Known {
    from: Option<Arc<Node>>,
    counts: Vec<(SmolStr, i64)>,
    made: Arc<Node>,
}

/// A node in the making.
#[derive(Debug)]
struct Draft {
    id: SmolStr,
    topology: SmolStr,
    /// Content, if it has any beside counters.
    node: Option<Arc<Node>>,
    /// Children counted by topology.
    counts: Vec<(SmolStr, i64)>,
    kids: Vec<Kid>,
}

impl Builder {
    /// Names a graph that kids will refer to.
    pub(crate) fn source(&mut self, source: Arc<Masked>) -> u8 {
        self.sources.push(source);
        (self.sources.len() - 1) as u8
    }

    /// The number of the node `id`, made as a bare node of `topology` if it is not there.
    pub(crate) fn bare(&mut self, id: &SmolStr, topology: &SmolStr) -> u32 {
        if let Some(&at) = self.by_id.get(id) {
            return at;
        }
        let at = self.drafts.len() as u32;
        self.by_id.insert(id.clone(), at);
        self.drafts.push(Draft {
            id: id.clone(),
            topology: topology.clone(),
            node: None,
            counts: Vec::new(),
            kids: Vec::new(),
        });
        at
    }

    /// Puts a node's content in, merged with what is there under its id.
    pub(crate) fn node(&mut self, node: &Arc<Node>) -> u32 {
        let at = self.bare(&node.id, &node.topology);
        let draft = &mut self.drafts[at as usize];
        draft.node = Some(match draft.node.take() {
            None => node.clone(),
            Some(before) if Arc::ptr_eq(&before, node) => before,
            Some(before) => {
                let mut merged = Node::clone(node);
                merged.merge(&before);
                Arc::new(merged)
            }
        });
        at
    }

    /// The number of the node `id`, if it is there.
    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// Adds a source of children.
    pub(crate) fn kid(&mut self, at: u32, kid: Kid) {
        self.drafts[at as usize].kids.push(kid);
    }

    /// Counts so many more children of a topology.
    pub(crate) fn count(&mut self, at: u32, topology: &SmolStr, more: i64) {
        let counts = &mut self.drafts[at as usize].counts;
        match counts.iter_mut().find(|count| count.0 == *topology) {
            Some(count) => count.1 += more,
            None => counts.push((topology.clone(), more)),
        }
    }

    /// An edge between two numbers that this builder gave out.
    pub(crate) fn edge(&mut self, from: u32, to: u32) {
        self.edges.push(u64::from(from) << 32 | u64::from(to));
    }

    /// Edges to ids that are no nodes here: counted, never drawn.
    pub(crate) fn dangling(&mut self, from: u32, to: Vec<SmolStr>) {
        self.dangling.push((from, to));
    }

    /// Rewrites a graph's edges: each node stands for its `targets` here (by index in the graph; none drops its edges).
    pub(crate) fn project(&mut self, input: &Masked, targets: &Targets) {
        for from in input.indexes() {
            let own = targets.of(from);
            if own.is_empty() {
                continue;
            }
            for to in input.out(from) {
                for &to in targets.of(to) {
                    for &from in own {
                        self.edge(from, to);
                    }
                }
            }
        }
    }

    /// The finished graph.
    pub(crate) fn finish(self) -> Graph {
        self.finish_like(&mut Finished::default())
    }

    /// The finished graph, with the nodes that are known already.
    pub(crate) fn finish_like(self, finished: &mut Finished) -> Graph {
        let known = std::mem::take(finished);
        let mut order: Vec<u32> = (0..self.drafts.len() as u32).collect();
        order.order_by(|a, b| self.drafts[*a as usize].id.cmp(&self.drafts[*b as usize].id));
        let mut place = vec![0u32; order.len()];
        for (to, from) in order.iter().enumerate() {
            place[*from as usize] = to as u32;
        }
        let mut edges = self.edges;
        for edge in &mut edges {
            *edge = u64::from(place[(*edge >> 32) as usize]) << 32 | u64::from(place[*edge as u32 as usize]);
        }
        let edges = sorted(edges, order.len());
        let mut dangling: Vec<(u32, Vec<SmolStr>)> = self.dangling.into_iter().map(|(at, ids)| (place[at as usize], ids)).collect();
        dangling.sort_unstable();
        let mut drafts: Vec<Option<Draft>> = self.drafts.into_iter().map(Some).collect();
        let mut nodes = Vec::with_capacity(drafts.len());
        let mut kids = Vec::with_capacity(drafts.len());
        for from in order {
            if let Some(mut draft) = drafts[from as usize].take() {
                kids.push(std::mem::take(&mut draft.kids));
                nodes.push(draft.finish(&known, finished));
            }
        }
        let out = Edges::from_sorted(nodes.len(), &edges);
        Graph {
            pseudo: Arc::new(nodes.iter().map(|node: &Arc<Node>| node.topology == PSEUDO).collect()),
            nodes: Arc::new(Chunks::from(nodes)),
            shape: Arc::new(Shape {
                out,
                kids: Kids::Lists(kids),
                dangling,
            }),
            sources: self.sources,
            ..Graph::default()
        }
    }
}

/// Edges in order, each once. Where there are few nodes, many edges between them are mostly the same ones: they are ticked off.
fn sorted(mut edges: Vec<u64>, nodes: usize) -> Vec<u64> {
    const FEW: usize = 1024;
    if nodes > FEW || edges.len() < nodes * 8 {
        edges.sort_unstable();
        edges.dedup();
        return edges;
    }
    let words = nodes.div_ceil(64);
    let mut seen = vec![0u64; nodes * words];
    for edge in edges {
        let (from, to) = ((edge >> 32) as usize, edge as u32 as usize);
        seen[from * words + to / 64] |= 1 << (to % 64);
    }
    let mut sorted = Vec::new();
    for (at, mut word) in seen.into_iter().enumerate() {
        while word != 0 {
            let to = (at % words) * 64 + word.trailing_zeros() as usize;
            sorted.push(((at / words) as u64) << 32 | to as u64);
            word &= word - 1;
        }
    }
    sorted
}

impl Draft {
    fn finish(self, known: &Finished, finished: &mut Finished) -> Arc<Node> {
        if let (Some(node), true) = (&self.node, self.counts.is_empty())
            && node.id == self.id
        {
            return node.clone();
        }
        let id = self.id.clone();
        let same = known.0.get(&id).filter(|known| self.is_of(known)).cloned();
        let known = same.unwrap_or_else(|| self.make());
        let made = known.made.clone();
        finished.0.insert(id, known);
        made
    }

    fn is_of(&self, known: &Known) -> bool {
        let same_node = match (&self.node, &known.from) {
            (Some(node), Some(from)) => Arc::ptr_eq(node, from),
            (None, None) => self.topology == known.made.topology,
            _ => false,
        };
        same_node && self.counts == known.counts
    }

    fn make(self) -> Known {
        let mut node = match &self.node {
            Some(node) => Node::clone(node),
            None => Node::new(self.id.clone(), self.topology),
        };
        node.id = self.id;
        for (topology, count) in &self.counts {
            let key = if topology == "container" {
                SmolStr::new_static("count_container")
            } else {
                SmolStr::from(format!("count_{topology}"))
            };
            node.latest.insert(
                key,
                Latest {
                    timestamp: RENDERED,
                    value: SmolStr::from(count.to_string()),
                },
            );
        }
        Known {
            from: self.node,
            counts: self.counts,
            made: Arc::new(node),
        }
    }
}

/// What each node of a graph becomes in another: a list of numbers by index.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// By index: where the list is among the items.
    lists: Vec<Range<usize>>,
    items: Vec<u32>,
}

impl Targets {
    /// From one list for each node of a graph, by id; `add` is called with the index and pushes into the list.
    pub(crate) fn build(graph: &Masked, mut add: impl FnMut(u32, &mut Vec<u32>)) -> Self {
        let mut targets = Self {
            lists: vec![0..0; graph.graph.nodes.len()],
            items: Vec::new(),
        };
        for at in graph.by_id() {
            let first = targets.items.len();
            add(at, &mut targets.items);
            targets.lists[at as usize] = first..targets.items.len();
        }
        targets
    }

    fn of(&self, at: u32) -> &[u32] {
        self.lists.get(at as usize).map_or(&[], |list| &self.items[list.clone()])
    }
}

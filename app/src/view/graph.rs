//! A rendered graph: nodes by id, edges between them, and where each node's children are.
//!
//! Nodes are shared with the reports wherever rendering does not change them. Children are not collected but pointed to: almost no one
//! asks for them. Filtering does not copy a graph, it masks it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use scope_shared::report::{Node, SmolStr};

use super::chunks::{Chunks, Edges};
use super::ids::{INCOMING_INTERNET, OUTGOING_INTERNET};

/// Lists of numbers, one for each node, in one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    offsets: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// From one list for each node; `add` is called with each node and pushes its items, ascending.
    pub(crate) fn build(nodes: usize, mut add: impl FnMut(usize, &mut Vec<u32>)) -> Self {
        let mut lists = Self {
            offsets: Vec::with_capacity(nodes + 1),
            items: Vec::new(),
        };
        lists.offsets.push(0);
        for at in 0..nodes {
            add(at, &mut lists.items);
            lists.offsets.push(lists.items.len() as u32);
        }
        lists
    }

    /// How many nodes.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The list of a node, ascending.
    pub(crate) fn of(&self, node: u32) -> &[u32] {
        let at = node as usize;
        match (self.offsets.get(at), self.offsets.get(at + 1)) {
            (Some(from), Some(to)) => &self.items[*from as usize..*to as usize],
            _ => &[],
        }
    }
}

/// Which level's endpoints are a node's direct endpoint children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LevelName {
    Processes,
    Containers,
    Pods,
    Hosts,
}

/// Something that a node's children come from.
#[derive(Clone, Debug)]
pub(crate) enum Kid {
    /// What is mapped to a slot of a level: its endpoints, and the processes that a container holds.
    Level(LevelName, u32),
    /// A node of one of the graphs this one is made of (index into [`Graph::sources`]).
    Node {
        /// Which graph.
        source: u8,
        /// Which node of it.
        at: u32,
        /// Whether the node itself is a child.
        itself: bool,
        /// Whether its children are children.
        deep: bool,
    },
    /// Nodes of one of the graphs this one is made of: each is a child.
    Nodes {
        /// Which graph.
        source: u8,
        /// Which nodes of it.
        members: Arc<Vec<u32>>,
        /// Whether their children are children.
        deep: bool,
    },
    /// A node as reported.
    Raw(Arc<Node>),
}

/// Where the children of all nodes come from.
#[derive(Debug)]
pub(crate) enum Kids {
    /// From the slots of a level, by node.
    Level(LevelName, Arc<Vec<u32>>),
    /// From lists, by node.
    Lists(Vec<Vec<Kid>>),
}

impl Default for Kids {
    fn default() -> Self {
        Self::Lists(Vec::new())
    }
}

impl Kids {
    /// Where a node's children come from.
    pub(crate) fn of(&self, at: u32) -> Cow<'_, [Kid]> {
        match self {
            Self::Level(name, slots) => slots
                .get(at as usize)
                .map_or(Cow::Borrowed(&[]), |slot| vec![Kid::Level(*name, *slot)].into()),
            Self::Lists(lists) => lists.get(at as usize).map_or(Cow::Borrowed(&[]), |kids| kids.into()),
        }
    }
}

impl Kids {
    /// The lists; none of a level's graph.
    pub(crate) fn lists(&self) -> &[Vec<Kid>] {
        match self {
            Self::Level(..) => &[],
            Self::Lists(lists) => lists,
        }
    }
}

/// Nodes by id, ascending.
pub(crate) type Nodes = Arc<Chunks<Arc<Node>>>;

/// What does not depend on the nodes' contents.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// Edges by index, ascending.
    pub(crate) out: Edges,
    /// Where each node's children come from.
    pub(crate) kids: Kids,
    /// By node: ids it has edges to that are no nodes of the graph. They are not drawn, but counted and told, as the original does.
    pub(crate) dangling: Vec<(u32, Vec<SmolStr>)>,
}

/// A graph.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// Nodes by id, ascending.
    pub(crate) nodes: Nodes,
    /// Which of them are pseudo nodes.
    pub(crate) pseudo: Arc<Vec<bool>>,
    pub(crate) shape: Arc<Shape>,
    /// The graphs that kids refer to.
    pub(crate) sources: Vec<Arc<Masked>>,
    /// Which nodes have an edge to or from another one; empty where no one asks.
    pub(crate) connected: Arc<Vec<bool>>,
    /// Stands for which nodes there are, in order: two graphs with one and the same differ in nothing but contents and edges.
    pub(crate) order: Option<Arc<Vec<u32>>>,
}

/// A graph of which some nodes are filtered out, and their edges with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Masked {
    pub(crate) graph: Arc<Graph>,
    /// By node.
    pub(crate) keep: Vec<bool>,
    /// How many were filtered out, as the original counts.
    pub(crate) filtered: i64,
    /// Whether edges to what is not there were cut, as any filter does.
    pub(crate) pruned: bool,
    /// The edge that is left out: from the incoming to the outgoing Internet.
    pub(crate) cut: Option<(u32, u32)>,
}

impl Graph {
    /// The index of an id.
    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        let (mut from, mut to) = (0, self.nodes.len());
        while from < to {
            let middle = from.midpoint(to);
            match self.nodes[middle].id.as_str().cmp(id) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Some(middle as u32),
                Ordering::Greater => to = middle,
            }
        }
        None
    }

    /// Whether another graph has nodes of the same ids.
    pub(crate) fn same_order(&self, other: &Self) -> bool {
        matches!((&self.order, &other.order), (Some(ours), Some(theirs)) if Arc::ptr_eq(ours, theirs))
    }

    pub(crate) fn node(&self, at: u32) -> &Arc<Node> {
        &self.nodes[at as usize]
    }

    pub(crate) fn is_pseudo(&self, at: u32) -> bool {
        self.pseudo.get(at as usize).copied().unwrap_or(false)
    }

    /// Marks the nodes that have an edge to or from another node.
    pub(crate) fn color_connected(mut self) -> Self {
        let mut connected = vec![false; self.nodes.len()];
        for from in 0..self.nodes.len() as u32 {
            for &to in self.shape.out.of(from).iter().filter(|to| **to != from) {
                connected[from as usize] = true;
                connected[to as usize] = true;
            }
        }
        self.connected = Arc::new(connected);
        self
    }
}

impl Masked {
    /// Everything.
    pub(crate) fn all(graph: Arc<Graph>) -> Self {
        Self {
            keep: vec![true; graph.nodes.len()],
            graph,
            filtered: 0,
            pruned: false,
            cut: None,
        }
    }

    /// Indexes of the nodes that are there.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.keep.len() as u32).filter(|at| self.keep[*at as usize])
    }

    /// Whether a node is there.
    pub(crate) fn has(&self, at: u32) -> bool {
        self.keep.get(at as usize).copied().unwrap_or(false)
    }

    /// The targets of a node's edges that are there.
    pub(crate) fn out(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let cut = self.cut.filter(|cut| cut.0 == at).map(|cut| cut.1);
        let out = self.graph.shape.out.of(at).iter().copied();
        out.filter(move |to| self.has(*to) && cut != Some(*to))
    }

    /// Ids of a node's edges, in order.
    pub(crate) fn adjacency(&self, at: u32) -> Vec<SmolStr> {
        let mut ids = Vec::with_capacity(self.graph.shape.out.of(at).len());
        ids.extend(self.out(at).map(|to| self.graph.node(to).id.clone()));
        ids
    }

    /// Takes out every node that is neither pseudo nor satisfies `predicate`, and the edges to it.
    pub(crate) fn filter(self, predicate: impl Fn(&Node) -> bool) -> Self {
        self.filter_all(|graph, at| graph.is_pseudo(at) || predicate(graph.node(at)))
    }

    /// Takes out every node that does not pass, and the edges to it.
    pub(crate) fn keep_only(mut self, passes: &[bool]) -> Self {
        for (keep, passes) in self.keep.iter_mut().zip(passes) {
            self.filtered += i64::from(*keep && !passes);
            *keep &= *passes;
        }
        self.pruned = true;
        self
    }

    /// Takes out every node that does not satisfy `predicate`, and the edges to it.
    pub(crate) fn filter_all(mut self, predicate: impl Fn(&Graph, u32) -> bool) -> Self {
        let graph = self.graph.clone();
        for at in 0..self.keep.len() {
            if self.keep[at] && !predicate(&graph, at as u32) {
                self.keep[at] = false;
                self.filtered += 1;
            }
        }
        self.pruned = true;
        self
    }

    /// The last filter of every view: pseudo nodes without an edge to or from another node go.
    pub(crate) fn filter_unconnected_pseudo(mut self) -> Self {
        self.cut = self.graph.find(INCOMING_INTERNET).zip(self.graph.find(OUTGOING_INTERNET));
        let graph = self.graph.clone();
        let pseudo = graph.pseudo.as_slice();
        let mut lonely: Vec<bool> = self.keep.iter().zip(pseudo).map(|(keep, pseudo)| keep & pseudo).collect();
        let mut left = lonely.iter().filter(|lonely| **lonely).count();
        if left == 0 {
            return self;
        }
        for at in 0..lonely.len() as u32 {
            // An edge to what is not there connects, too, as long as no filter has cut it.
            if lonely[at as usize] && (self.out(at).any(|to| to != at) || !self.dangling(at).is_empty()) {
                lonely[at as usize] = false;
                left -= 1;
            }
        }
        // Most are connected to somebody, and found soon.
        for from in self.indexes() {
            if left == 0 {
                break;
            }
            for &to in graph.shape.out.of(from) {
                if lonely[to as usize] && to != from && self.cut != Some((from, to)) {
                    lonely[to as usize] = false;
                    left -= 1;
                }
            }
        }
        for (keep, _) in self.keep.iter_mut().zip(lonely).filter(|(_, lonely)| *lonely) {
            *keep = false;
            self.filtered += 1;
        }
        self
    }

    /// The ids a node has edges to that are no nodes of the graph, as long as no filter has cut them.
    fn dangling(&self, at: u32) -> &[SmolStr] {
        let dangling = &self.graph.shape.dangling;
        match dangling.binary_search_by_key(&at, |entry| entry.0) {
            Ok(found) if !self.pruned => &dangling[found].1,
            _ => &[],
        }
    }

    /// Ids of a node's edges, in order, those to no node included.
    pub(crate) fn whole_adjacency(&self, at: u32) -> Vec<SmolStr> {
        let mut ids = self.adjacency(at);
        let dangling = self.dangling(at);
        if !dangling.is_empty() {
            ids.extend_from_slice(dangling);
            ids.sort_unstable();
        }
        ids
    }

    /// How many edges the original would count.
    pub(crate) fn edge_count(&self) -> i64 {
        let edges: i64 = self.indexes().map(|at| self.out(at).count() as i64).sum();
        let dangling: i64 = if self.graph.shape.dangling.is_empty() {
            0
        } else {
            self.indexes().map(|at| self.dangling(at).len() as i64).sum()
        };
        edges + dangling
    }
}

/// For each of the nodes `now` its place among the nodes `before` (both by id), or `u32::MAX`. Nodes that are one allocation cost a comparison
/// of pointers.
pub(crate) fn aligned(before: &Nodes, now: &Nodes) -> Vec<u32> {
    let mut at = 0;
    let place = |node: &Arc<Node>| {
        while let Some(known) = before.get(at) {
            if Arc::ptr_eq(known, node) || known.id == node.id {
                at += 1;
                return at as u32 - 1;
            }
            if known.id > node.id {
                break;
            }
            at += 1;
        }
        u32::MAX
    };
    now.iter().map(place).collect()
}

/// The nodes that differ between two graphs of the same order, ascending.
pub(crate) fn changed_nodes(before: &Nodes, now: &Nodes) -> Vec<u32> {
    if Arc::ptr_eq(before, now) {
        return Vec::new();
    }
    before.differing(now, Arc::ptr_eq)
}

/// Remembers which nodes passed a test, so that only those that changed are tested again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sieve {
    graph: Arc<Graph>,
    passed: Vec<bool>,
}

impl Sieve {
    /// Which nodes of a graph pass the test, which must depend on nothing but the node and whether it is connected to another one (false
    /// where the graph does not know).
    pub(crate) fn sift(&mut self, graph: &Arc<Graph>, test: impl Fn(&Node, bool) -> bool) -> &[bool] {
        if Arc::ptr_eq(graph, &self.graph) {
            return &self.passed;
        }
        let connected = |graph: &Graph, at: u32| graph.connected.get(at as usize).copied().unwrap_or(false);
        if graph.same_order(&self.graph) {
            for at in changed_nodes(&self.graph.nodes, &graph.nodes) {
                self.passed[at as usize] = test(graph.node(at), connected(graph, at));
            }
            if graph.connected != self.graph.connected {
                for at in 0..graph.nodes.len() as u32 {
                    if connected(graph, at) != connected(&self.graph, at) {
                        self.passed[at as usize] = test(graph.node(at), connected(graph, at));
                    }
                }
            }
        } else {
            let before = aligned(&self.graph.nodes, &graph.nodes);
            let passes = |((node, place), at): ((&Arc<Node>, &u32), u32)| {
                let connected_now = connected(graph, at);
                match self.graph.nodes.get(*place as usize) {
                    Some(known) if Arc::ptr_eq(known, node) && connected(&self.graph, *place) == connected_now => {
                        self.passed[*place as usize]
                    }
                    _ => test(node, connected_now),
                }
            };
            self.passed = graph.nodes.iter().zip(&before).zip(0..).map(passes).collect();
        }
        self.graph = graph.clone();
        &self.passed
    }
}

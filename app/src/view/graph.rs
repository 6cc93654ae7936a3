//! A rendered graph: nodes, edges between them, and where each node's children are.
//!
//! Nodes are shared with the reports wherever rendering does not change them. Children are not collected but pointed to: almost no one
//! asks for them. Filtering does not copy a graph, it masks it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use scope_shared::report::{Node, SmolStr};
use smallvec::SmallVec;

use super::chunks::{Chunks, Edges};
use super::ids::{INCOMING_INTERNET, OUTGOING_INTERNET};
use super::order::Order;

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
    /// From the slots of a level: each node stands at its own.
    Level(LevelName),
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
            Self::Level(name) => vec![Kid::Level(*name, at)].into(),
            Self::Lists(lists) => lists.get(at as usize).map_or(Cow::Borrowed(&[]), |kids| kids.into()),
        }
    }
}

impl Kids {
    /// The lists; none of a level's graph.
    pub(crate) fn lists(&self) -> &[Vec<Kid>] {
        match self {
            Self::Level(_) => &[],
            Self::Lists(lists) => lists,
        }
    }
}

/// Nodes by index.
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
    /// Nodes by index: by id, ascending, unless there is an `order`. Where that has none, the node is empty.
    pub(crate) nodes: Nodes,
    /// Which of them are pseudo nodes.
    pub(crate) pseudo: Arc<Vec<bool>>,
    pub(crate) shape: Arc<Shape>,
    /// The graphs that kids refer to.
    pub(crate) sources: Vec<Arc<Masked>>,
    /// Which nodes have an edge to or from another one; empty where no one asks.
    pub(crate) connected: Arc<Vec<bool>>,
    /// Which nodes there are, by id.
    pub(crate) order: Option<Arc<Order>>,
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
        let (mut from, mut to) = (0, self.count());
        while from < to {
            let middle = from.midpoint(to);
            let at = self.ranked(middle);
            match self.node(at).id.as_str().cmp(id) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Some(at),
                Ordering::Greater => to = middle,
            }
        }
        None
    }

    /// How many nodes there are.
    fn count(&self) -> usize {
        self.order.as_ref().map_or(self.nodes.len(), |order| order.by_id().len())
    }

    /// The node of a place in the order.
    fn ranked(&self, rank: usize) -> u32 {
        self.order.as_ref().map_or(rank as u32, |order| order.by_id()[rank])
    }

    /// Indexes of the nodes, by id.
    pub(crate) fn by_id(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.count()).map(|rank| self.ranked(rank))
    }

    /// The place of a node by id.
    pub(crate) fn rank(&self, at: u32) -> u32 {
        self.order.as_ref().map_or(at, |order| order.rank(at))
    }

    /// Whether there is a node at an index.
    pub(crate) fn has(&self, at: u32) -> bool {
        self.order.as_ref().map_or((at as usize) < self.nodes.len(), |order| order.has(at))
    }

    /// Whether an index means the same id in another graph, or no node.
    pub(crate) fn is_of_the_line_of(&self, other: &Self) -> bool {
        matches!((&self.order, &other.order), (Some(ours), Some(theirs)) if ours.is_of_the_line_of(theirs))
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
            keep: match &graph.order {
                None => vec![true; graph.nodes.len()],
                Some(order) => order.there().collect(),
            },
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

    /// Nodes that are there, by id.
    pub(crate) fn by_id(&self) -> impl Iterator<Item = u32> + '_ {
        self.graph.by_id().filter(|at| self.has(*at))
    }

    /// The targets of a node's edges that are there.
    pub(crate) fn out(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let cut = self.cut.filter(|cut| cut.0 == at).map(|cut| cut.1);
        let out = self.graph.shape.out.of(at).iter().copied();
        out.filter(move |to| self.has(*to) && cut != Some(*to))
    }

    /// Ids of a node's edges, in order.
    pub(crate) fn adjacency(&self, at: u32) -> Vec<SmolStr> {
        self.out_by_id(at).iter().map(|to| self.graph.node(*to).id.clone()).collect()
    }

    /// The targets of a node's edges that are there, by id.
    pub(crate) fn out_by_id(&self, at: u32) -> SmallVec<[u32; 8]> {
        let mut out: SmallVec<[u32; 8]> = self.out(at).collect();
        if out.len() > 1 && self.graph.order.is_some() {
            out.sort_unstable_by_key(|to| self.graph.rank(*to));
        }
        out
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

/// For each node of a graph its index in the graph `before`, or `u32::MAX`. Nodes that are one allocation cost a comparison of pointers.
pub(crate) fn aligned(before: &Graph, now: &Graph) -> Vec<u32> {
    let mut places = vec![u32::MAX; now.nodes.len()];
    let mut known = before.by_id().peekable();
    for at in now.by_id() {
        let node = now.node(at);
        while let Some(&place) = known.peek() {
            let other = before.node(place);
            let same = Arc::ptr_eq(other, node) || other.id == node.id;
            if !same && other.id > node.id {
                break;
            }
            known.next();
            if same {
                places[at as usize] = place;
                break;
            }
        }
    }
    places
}

/// The nodes that differ between two graphs of a line, ascending.
pub(crate) fn changed_nodes(before: &Graph, now: &Graph) -> Vec<u32> {
    if Arc::ptr_eq(&before.nodes, &now.nodes) {
        return Vec::new();
    }
    before.nodes.differing(&now.nodes, Arc::ptr_eq)
}

/// Where two lists differ, of which the second may be longer.
pub(crate) fn differing<T: PartialEq>(before: &[T], now: &[T]) -> Vec<u32> {
    if before == now {
        return Vec::new();
    }
    (0..now.len() as u32)
        .filter(|at| before.get(*at as usize) != now.get(*at as usize))
        .collect()
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
        if graph.is_of_the_line_of(&self.graph) {
            self.passed.resize(graph.nodes.len(), false);
            let changed = changed_nodes(&self.graph, graph);
            for at in changed.into_iter().chain(differing(&self.graph.connected, &graph.connected)) {
                self.passed[at as usize] = test(graph.node(at), connected(graph, at));
            }
        } else {
            let before = aligned(&self.graph, graph);
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

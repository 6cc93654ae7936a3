//! A view as it was last shown, and how it becomes the next one: what shows the same stays the same allocation.
//!
//! Only nodes that changed are described anew, and only their edges are put in: a delta costs in proportion to itself. When nodes come or
//! go, places move up, which is all that is done to the others.

use std::ops::Range;
use std::sync::Arc;

use scope_shared::report::Node;
use smol_str::SmolStr;

use super::View;
use super::ahead;
use super::chunks::Chunks;
use super::graph::{Masked, aligned, changed_nodes, differing};
use super::summary::{Labels, Marks, Renamed, Summaries};
use crate::model::{NodeSummary, Stats};

/// The summary of a node, as far as it is shown.
type Row = Option<Arc<NodeSummary>>;

/// An edge, by places in the view.
type Edge = (u32, u32);

/// No place among the nodes that are shown.
const HIDDEN: u32 = u32::MAX;

/// A view, and what it was made from.
#[derive(Debug)]
pub(super) struct Shown {
    /// The version of the names that parents go by.
    labels: u64,
    /// The graph under the options.
    pub(super) graph: Masked,
    /// By node.
    rows: Chunks<Row>,
    /// By node: the marks of its parents. A node of which nothing changed is not looked at for whom its parents are.
    marks: Vec<Marks>,
    /// By node: its place in the view.
    places: Vec<u32>,
    pub(super) view: Arc<View>,
}

/// Counts of a graph.
pub(super) fn stats(graph: &Masked) -> Stats {
    Stats {
        edge_count: graph.edge_count(),
        ..node_stats(graph)
    }
}

fn node_stats(graph: &Masked) -> Stats {
    let there = || graph.keep.iter().zip(graph.graph.pseudo.iter());
    let node_count = graph.keep.iter().filter(|keep| **keep).count() as i64;
    let pseudo = there().filter(|(keep, pseudo)| **keep & **pseudo).count() as i64;
    Stats {
        node_count,
        nonpseudo_node_count: node_count - pseudo,
        edge_count: 0,
        filtered_nodes: graph.filtered,
    }
}

impl Shown {
    /// A view that came about otherwise.
    pub(super) fn whole(view: Arc<View>) -> Self {
        Self {
            labels: 0,
            graph: Masked::default(),
            rows: Chunks::default(),
            marks: Vec::new(),
            places: Vec::new(),
            view,
        }
    }

    /// The view `id` of a graph. What `before` shows the same is taken over.
    pub(super) fn of(id: &'static str, graph: Masked, labels: &Labels, summaries: Summaries<'_>, before: Option<Self>) -> Self {
        let renamed = before.as_ref().map_or(Renamed::All, |before| labels.since(before.labels));
        let mut shown = match before {
            Some(mut before) if graph.graph.is_of_the_line_of(&before.graph.graph) => {
                before.mend(graph, &renamed, summaries);
                before
            }
            before => Self::made(id, graph, &renamed, summaries, before.as_ref()),
        };
        shown.labels = labels.version();
        shown
    }

    /// Looks at every node, and describes those of which `before` does not show the same.
    fn made(id: &'static str, graph: Masked, renamed: &Renamed, summaries: Summaries<'_>, before: Option<&Self>) -> Self {
        let nodes = &graph.graph.nodes;
        let before_places = before.map(|old| aligned(&old.graph.graph, &graph.graph)).unwrap_or_default();
        let same = before.map(|old| SameEdges::new(&old.graph, &graph, &before_places));
        let mut marks: Vec<Marks> = Vec::with_capacity(nodes.len());
        let mut row = |(node, at): (&Arc<Node>, u32)| {
            marks.push(Marks::default());
            if !graph.has(at) {
                return None;
            }
            let known = before.zip(before_places.get(at as usize)).and_then(|(old, place)| {
                let row = old.rows.get(*place as usize)?.as_ref()?;
                Some((old, *place, row))
            });
            if let (Some((old, place, row)), Some(own)) = (known, marks.last_mut())
                && Arc::ptr_eq(old.graph.graph.node(place), node)
                && same.as_ref().is_some_and(|same| same.of(place, at))
                && !renamed.concerns(old.marks[place as usize], row)
                && !summaries.looks_further(node)
            {
                *own = old.marks[place as usize];
                return Some(row.clone());
            }
            let summary = summaries.summary(node, graph.adjacency(at), false)?;
            if let Some(own) = marks.last_mut() {
                *own = Marks::of(&summary.parents);
            }
            Some(match known {
                Some((_, _, row)) if **row == summary => row.clone(),
                _ => Arc::new(summary),
            })
        };
        let mut rows: Vec<Row> = Vec::with_capacity(nodes.len());
        for piece in nodes.pieces() {
            let first = rows.len() as u32;
            if before.is_none() {
                let peers = (first..).zip(piece).flat_map(|(at, _)| graph.graph.shape.out.of(at));
                ahead::nodes(piece.iter().chain(peers.map(|to| graph.graph.node(*to))));
                ahead::values(piece);
                ahead::rows(piece);
            }
            rows.extend(piece.iter().zip(first..).map(&mut row));
        }
        let mut shown = Self {
            labels: 0,
            rows: Chunks::from(rows),
            marks,
            places: Vec::new(),
            view: Arc::default(),
            graph,
        };
        let view = shown.assemble(SmolStr::new_static(id));
        let same = before.map(|old| &old.view).filter(|known| is_same(known, &view));
        shown.view = same.map_or_else(|| Arc::new(view), Arc::clone);
        shown
    }

    /// Gives every row its place, and makes the view of them.
    fn assemble(&mut self, topology: SmolStr) -> View {
        let graph = self.graph.graph.clone();
        self.places = vec![HIDDEN; self.rows.len()];
        let mut nodes = Vec::with_capacity(self.rows.len());
        for at in graph.by_id() {
            if let Some(row) = &self.rows[at as usize] {
                self.places[at as usize] = nodes.len() as u32;
                nodes.push(row.clone());
            }
        }
        let mut edges = Vec::new();
        graph.by_id().for_each(|at| self.edges_of(at, &mut edges));
        View {
            topology,
            nodes,
            edges,
            stats: stats(&self.graph),
        }
    }

    /// Adds a node's edges among those that are shown, by place.
    fn edges_of(&self, at: u32, edges: &mut Vec<Edge>) {
        let from = self.places[at as usize];
        if from != HIDDEN {
            let first = edges.len();
            let out = self.graph.out(at).map(|to| (from, self.places[to as usize]));
            edges.extend(out.filter(|(_, to)| *to != HIDDEN));
            edges[first..].sort_unstable();
        }
    }

    /// Takes in a graph of the same line: looks at those nodes that changed, and those whose edges or whose parents' names did.
    fn mend(&mut self, graph: Masked, renamed: &Renamed, summaries: Summaries<'_>) {
        let before = std::mem::replace(&mut self.graph, graph);
        let now = &self.graph;
        let len = now.graph.nodes.len();
        self.rows.grow(len, &None);
        self.marks.resize(len, Marks::default());
        self.places.resize(len, HIDDEN);
        let relinked = relinked(&before, now);
        let mut dirty = changed_nodes(&before.graph, &now.graph);
        dirty.extend_from_slice(&relinked);
        if !renamed.is_nobody() {
            let of = |(row, marks): (&Row, &Marks)| row.as_ref().is_some_and(|row| renamed.concerns(*marks, row));
            let concerned = self.rows.iter().zip(&self.marks).zip(0..).filter(|(row, _)| of(*row));
            dirty.extend(concerned.map(|(_, at)| at));
        }
        if summaries.links.is_some() {
            dirty.extend(now.indexes().filter(|at| summaries.looks_further(now.graph.node(*at))));
        }
        dirty.sort_unstable();
        dirty.dedup();
        let mut changed = Vec::new();
        let mut moved = false;
        for at in dirty {
            let there = now.has(at);
            let row = there
                .then(|| summaries.summary(now.graph.node(at), now.adjacency(at), false))
                .flatten();
            let known = self.rows.get(at as usize).and_then(Option::as_ref);
            if known.map(|known| &**known) == row.as_ref() {
                continue;
            }
            moved |= known.is_some() != row.is_some();
            changed.push(at);
            self.marks[at as usize] = row.as_ref().map_or(Marks::default(), |row| Marks::of(&row.parents));
            self.rows.set(at as usize, row.map(Arc::new));
        }
        let count = |graph: &Masked, at: u32| if graph.has(at) { graph.out(at).count() as i64 } else { 0 };
        let more: i64 = relinked.iter().map(|at| count(&self.graph, *at) - count(&before, *at)).sum();
        let stats = Stats {
            edge_count: self.view.stats.edge_count + more,
            ..node_stats(&self.graph)
        };
        if moved {
            self.rearrange(&changed);
        }
        let edges = self.edges_that_differ(&relinked);
        if changed.is_empty() && edges.is_empty() && stats == self.view.stats {
            return;
        }
        // Copied only if someone still looks at the view of before.
        let view = Arc::make_mut(&mut self.view);
        view.stats = stats;
        for at in changed {
            let slot = view.nodes.get_mut(self.places[at as usize] as usize);
            if let (Some(slot), Some(row)) = (slot, &self.rows[at as usize]) {
                slot.clone_from(row);
            }
        }
        replace(&mut view.edges, &edges);
    }

    /// Makes room for rows that are new among those that `changed`, and closes the gaps of those that went. Nothing is looked at but places.
    fn rearrange(&mut self, changed: &[u32]) {
        let mut come = Vec::new();
        for &at in changed {
            let place = &mut self.places[at as usize];
            match (*place == HIDDEN, self.rows[at as usize].is_some()) {
                (true, true) => {
                    *place = 0;
                    come.push(at);
                }
                (false, false) => *place = HIDDEN,
                _ => {}
            }
        }
        come.sort_unstable_by_key(|at| self.graph.graph.rank(*at));
        let mut come = come.into_iter().peekable();
        let view = Arc::make_mut(&mut self.view);
        let mut old: Vec<Row> = std::mem::take(&mut view.nodes).into_iter().map(Some).collect();
        // Old place to new one.
        let mut moved = vec![HIDDEN; old.len()];
        let mut nodes = Vec::with_capacity(old.len() + come.len());
        for at in self.graph.graph.by_id() {
            let place = &mut self.places[at as usize];
            if *place == HIDDEN {
                continue;
            }
            let row = match come.next_if_eq(&at) {
                Some(_) => self.rows[at as usize].clone(),
                None => {
                    moved[*place as usize] = nodes.len() as u32;
                    old[*place as usize].take()
                }
            };
            *place = nodes.len() as u32;
            nodes.extend(row);
        }
        view.nodes = nodes;
        // Edges to and from those that went are those of nodes that changed theirs.
        let place = |edge: &Edge| (moved[edge.0 as usize], moved[edge.1 as usize]);
        let stays = |edge: &Edge| edge.0 != HIDDEN && edge.1 != HIDDEN;
        view.edges = view.edges.iter().map(place).filter(stays).collect();
    }

    /// Of these nodes the edges that are not as the view has them: where they are there, and what they are now; ascending.
    fn edges_that_differ(&self, relinked: &[u32]) -> Vec<(Range<usize>, Vec<Edge>)> {
        let edges = &self.view.edges;
        let shown = relinked.iter().map(|at| (self.places[*at as usize], *at));
        let mut shown: Vec<(u32, u32)> = shown.filter(|(from, _)| *from != HIDDEN).collect();
        shown.sort_unstable();
        let mut differing = Vec::new();
        for (from, at) in shown {
            let mut own = Vec::new();
            self.edges_of(at, &mut own);
            let first = edges.partition_point(|edge| edge.0 < from);
            let count = edges[first..].iter().take_while(|edge| edge.0 == from).count();
            if edges[first..first + count] != *own {
                differing.push((first..first + count, own));
            }
        }
        differing
    }
}

/// The nodes that have other edges than before, or are hidden and were not, or the other way round: ascending.
fn relinked(before: &Masked, now: &Masked) -> Vec<u32> {
    let mut relinked = if Arc::ptr_eq(&before.graph.shape, &now.graph.shape) {
        Vec::new()
    } else {
        before.graph.shape.out.differing(&now.graph.shape.out)
    };
    let flipped = differing(&before.keep, &now.keep);
    // Who had edges to a node that came or went has others now. Of one that stays, and is only hidden, everybody is asked.
    if flipped.iter().any(|at| before.graph.has(*at) && now.graph.has(*at)) {
        let mut is = vec![false; now.keep.len()];
        flipped.iter().for_each(|at| is[*at as usize] = true);
        relinked.extend(
            now.indexes()
                .filter(|at| now.graph.shape.out.of(*at).iter().any(|to| is[*to as usize])),
        );
    }
    relinked.extend(flipped);
    if before.cut != now.cut {
        relinked.extend([before.cut, now.cut].into_iter().flatten().map(|cut| cut.0));
    }
    relinked.sort_unstable();
    relinked.dedup();
    relinked
}

/// Puts other items in the place of some ranges, which ascend.
fn replace(items: &mut Vec<Edge>, ranges: &[(Range<usize>, Vec<Edge>)]) {
    if ranges.iter().all(|(range, own)| range.len() == own.len()) {
        for (range, own) in ranges {
            items[range.clone()].copy_from_slice(own);
        }
        return;
    }
    let mut all = Vec::with_capacity(items.len() + ranges.iter().map(|(_, own)| own.len()).sum::<usize>());
    let mut from = 0;
    for (range, own) in ranges {
        all.extend_from_slice(&items[from..range.start]);
        all.extend_from_slice(own);
        from = range.end;
    }
    all.extend_from_slice(&items[from..]);
    *items = all;
}

fn is_same(a: &View, b: &View) -> bool {
    let same_nodes = || a.nodes.iter().zip(&b.nodes).all(|(a, b)| Arc::ptr_eq(a, b));
    a.stats == b.stats && a.edges == b.edges && a.nodes.len() == b.nodes.len() && same_nodes()
}

/// Whether nodes have the edges they had in another graph.
struct SameEdges<'a> {
    old: &'a Masked,
    now: &'a Masked,
    /// Old place to new one; empty where every node is where it was.
    moved: Vec<u32>,
    /// Nothing at all differs.
    all: bool,
}

impl<'a> SameEdges<'a> {
    fn new(old: &'a Masked, now: &'a Masked, places: &[u32]) -> Self {
        let moved = if places.len() == old.keep.len() && places.iter().zip(0..).all(|(place, at)| *place == at) {
            Vec::new()
        } else {
            let mut moved = vec![u32::MAX; old.keep.len()];
            for (place, at) in places.iter().zip(0..) {
                if let Some(to) = moved.get_mut(*place as usize) {
                    *to = at;
                }
            }
            moved
        };
        let all = moved.is_empty() && Arc::ptr_eq(&old.graph.shape, &now.graph.shape) && old.keep == now.keep && old.cut == now.cut;
        Self { old, now, moved, all }
    }

    /// Whether the node that was at `place` and is at `at` has the same edges.
    fn of(&self, place: u32, at: u32) -> bool {
        let moved = |to: u32| self.moved.get(to as usize).copied().unwrap_or(to);
        self.all || self.old.out(place).map(moved).eq(self.now.out(at))
    }
}

//! One component from nothing: ranks, order, coordinates, routes.
//!
//! Indices are the component's own; the caller moves the result to where there is room.

use super::{coords, dense, graph, line, order, rerank, route, rows::Rows};
use crate::scene::data::{Point, Routes};

/// Parallel edges count so often at most when crossings are weighed.
const HEAVIEST: u32 = 8;
/// Vertices (bends included) up to which many first orders and other ranks are tried.
const SMALL: u64 = 800;
/// Vertices up to which some are.
const MIDDLING: u64 = 1_600;
/// Nodes up to which the first order comes from the line; larger ones have too many parts for one line to tell apart.
const ON_A_LINE: usize = 1_500;

/// A component laid out; its top left node is near the origin.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Centres, by the component's indices.
    pub(super) positions: Vec<Point>,
    /// Routes, in the order of the edges given.
    pub(super) routes: Routes,
}

/// Lays out `n` nodes and `edges` (no loops; parallel edges allowed). `hint` gives nodes a wished x, to resemble an older layout.
pub(super) fn layout(n: usize, edges: &[(u32, u32)], hint: Option<&[f32]>) -> Block {
    let mut merged = Merged::new(&graph::acyclic(n, edges));
    let mut rank = graph::ranks(n, &merged.unique);
    let mut longest = u32::MAX;
    if dense::is_too_deep(dense::bends(&merged.unique, &rank), n, merged.unique.len()) {
        rank = dense::ranks(n, edges);
        let height = |v: u32| (rank[v as usize], v);
        let downwards: Vec<(u32, u32)> = edges
            .iter()
            .map(|&(a, b)| if height(a) > height(b) { (b, a) } else { (a, b) })
            .collect();
        merged = Merged::new(&downwards);
        longest = dense::longest_span(&merged.unique, &rank, n);
    }
    let ordered = match hint {
        Some(hint) => Ordered::new(&merged, rank, longest, &[hint]),
        None if n > ON_A_LINE => Ordered::new(&merged, rank, longest, &[]),
        None => from_lines(&merged, rank, longest),
    };
    let Ordered { place, proper, order, .. } = &ordered;
    let placed = coords::place(proper, order);
    let positions: Vec<Point> = (0..n).map(|v| [placed.x[v].round(), placed.y[v].round()]).collect();
    let mut block = Block {
        positions,
        routes: Routes::default(),
    };
    let rows = Rows::new(block.positions.iter().map(|at| (*at, 0)));
    let mut points: Vec<Point> = Vec::new();
    let mut path: Vec<Point> = Vec::new();
    for (i, &(from, to)) in edges.iter().enumerate() {
        let index = merged.share[i] as usize;
        let pair = merged.unique[index];
        path.clear();
        match place[index] {
            Some(at) => {
                waypoints(proper, &placed, &block.positions, pair, proper.first_bend[at as usize], &mut points);
                if pair != (from, to) {
                    points.reverse();
                }
                // Bends may be nearer to nodes than that, but looking closer found none that they run over, and costs time.
                route::clear_curve(&points, &rows, coords::NODE_PITCH, &mut path);
            }
            // Along a rank or across many of them, in a tangle.
            None => route::between(block.positions[from as usize], block.positions[to as usize], &rows, &mut path),
        }
        block.routes.push(&path);
    }
    block
}

/// Edges of which parallel and opposite ones share a route.
pub(super) struct Merged {
    /// One of each, sorted.
    pub(super) unique: Vec<(u32, u32)>,
    /// How many each stands for, at most [`HEAVIEST`].
    weights: Vec<u32>,
    /// For each edge given, its place in `unique`.
    share: Vec<u32>,
}

/// Edges that take part in ranks and orders.
#[derive(Default)]
struct Ranked {
    edges: Vec<(u32, u32)>,
    weights: Vec<u32>,
    /// For each merged edge, its place among `edges`; `None` for those that are drawn straight.
    place: Vec<Option<u32>>,
}

impl Merged {
    fn new(turned: &[(u32, u32)]) -> Self {
        let mut keyed: Vec<((u32, u32), u32)> = turned.iter().enumerate().map(|(i, &e)| (e, i as u32)).collect();
        keyed.sort_unstable();
        let mut merged = Self {
            unique: Vec::with_capacity(turned.len()),
            weights: Vec::with_capacity(turned.len()),
            share: vec![0u32; turned.len()],
        };
        for (pair, index) in keyed {
            if merged.unique.last() != Some(&pair) {
                merged.unique.push(pair);
                merged.weights.push(0);
            }
            if let Some(weight) = merged.weights.last_mut() {
                *weight = (*weight + 1).min(HEAVIEST);
            }
            merged.share[index as usize] = merged.unique.len() as u32 - 1;
        }
        merged
    }

    /// Those that lead down by one to `longest` ranks, their weights, and for each of `unique` its place among them.
    fn ranked(&self, rank: &[u32], longest: u32) -> Ranked {
        let mut ranked = Ranked::default();
        for (&pair, &weight) in self.unique.iter().zip(&self.weights) {
            let fits = (1..=longest).contains(&dense::span(pair, rank));
            ranked.place.push(fits.then_some(ranked.edges.len() as u32));
            if fits {
                ranked.edges.push(pair);
                ranked.weights.push(weight);
            }
        }
        ranked
    }
}

/// A component whose vertices have ranks and places in them.
pub(super) struct Ordered {
    /// Rank of each node.
    pub(super) rank: Vec<u32>,
    /// Edges that take part, their weights, and the place among them of each that was given.
    pub(super) edges: Vec<(u32, u32)>,
    pub(super) weights: Vec<u32>,
    place: Vec<Option<u32>>,
    pub(super) proper: graph::Proper,
    pub(super) order: order::Order,
    pub(super) crossings: u64,
}

impl Ordered {
    /// Orders the ranks; each of `wishes` has an x for every node to start from.
    pub(super) fn new(merged: &Merged, rank: Vec<u32>, longest: u32, wishes: &[&[f32]]) -> Self {
        let Ranked { edges, weights, place } = merged.ranked(&rank, longest);
        let proper = graph::Proper::new(rank.len(), &edges, &weights, rank.clone());
        let starts: Vec<Vec<f32>> = wishes.iter().map(|wish| spread_hint(&proper, &edges, wish)).collect();
        let (crossings, order) = order::order(&proper, &starts);
        Self {
            rank,
            edges,
            weights,
            place,
            proper,
            order,
            crossings,
        }
    }
}

/// Orders that start from the graph's own lines: of a small graph from several, and then nodes move to other ranks as long as that is better.
fn from_lines(merged: &Merged, rank: Vec<u32>, longest: u32) -> Ordered {
    let n = rank.len();
    let vertices = n as u64 + dense::bends(&merged.unique, &rank);
    // A line that has not settled yet still tells apart more than two parts, which a large graph has: a twentieth fewer crossings.
    let (starts, passes, steps) = if vertices <= SMALL {
        (8, 4, 60)
    } else if vertices <= MIDDLING {
        (3, 2, 60)
    } else {
        (1, 0, 32)
    };
    let lines: Vec<Vec<f32>> = (0..starts).map(|seed| line::line(n, &merged.unique, steps, seed)).collect();
    let wishes: Vec<&[f32]> = lines.iter().map(Vec::as_slice).collect();
    let ordered = Ordered::new(merged, rank, longest, &wishes);
    // In a tangle edges may lead upwards, so that no node could move.
    if passes > 0 && longest == u32::MAX {
        rerank::improved(merged, ordered, passes)
    } else {
        ordered
    }
}

/// Wishes for bends: on the line between their edge's ends.
fn spread_hint(proper: &graph::Proper, edges: &[(u32, u32)], hint: &[f32]) -> Vec<f32> {
    let mut all = vec![0f32; proper.len()];
    all[..proper.real].copy_from_slice(&hint[..proper.real]);
    for (i, &(from, to)) in edges.iter().enumerate() {
        let bends = proper.rank[to as usize] - proper.rank[from as usize] - 1;
        for step in 0..bends {
            let share = (step + 1) as f32 / (bends + 1) as f32;
            all[(proper.first_bend[i] + step) as usize] = hint[from as usize] * (1.0 - share) + hint[to as usize] * share;
        }
    }
    all
}

/// Points of an edge from its upper to its lower end: straight through folded ranks, then from bend to bend. Between two ranks all edges run from
/// one height to one height, in curves of one form, so that two of them cross where their order says so and nowhere else.
fn waypoints(
    proper: &graph::Proper,
    placed: &coords::Placed,
    positions: &[Point],
    (from, to): (u32, u32),
    first_bend: u32,
    points: &mut Vec<Point>,
) {
    points.clear();
    let (start, end) = (positions[from as usize], positions[to as usize]);
    let (upper, lower) = (proper.rank[from as usize], proper.rank[to as usize]);
    points.push(start);
    let (top, exit) = placed.bands[upper as usize];
    if exit > top {
        points.push([start[0], exit + 30.0]);
    }
    let bends = lower - upper - 1;
    for step in 0..bends {
        let x = placed.x[(first_bend + step) as usize];
        let (top, bottom) = placed.bands[(upper + 1 + step) as usize];
        if bottom > top {
            points.push([x, top - 30.0]);
            points.push([x, bottom + 30.0]);
        } else {
            points.push([x, top]);
        }
    }
    let (entry, bottom) = placed.bands[lower as usize];
    if bottom > entry {
        points.push([end[0], entry - 30.0]);
    }
    points.push(end);
    drop_straight(points);
}

/// Leaves out points where an edge runs straight down anyway. (Where it runs down a slope they stay: it would take another curve than its neighbours.)
fn drop_straight(points: &mut Vec<Point>) {
    let mut kept = 1;
    for i in 1..points.len().saturating_sub(1) {
        let (above, here, below) = (points[kept - 1][0], points[i][0], points[i + 1][0]);
        if (above - here).abs().max((below - here).abs()) > 0.5 {
            points[kept] = points[i];
            kept += 1;
        }
    }
    if let Some(&last) = points.last()
        && kept < points.len()
    {
        points[kept] = last;
        points.truncate(kept + 1);
    }
}

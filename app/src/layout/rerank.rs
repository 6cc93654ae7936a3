//! Other ranks for the nodes of a small component: where fewer edges cross.
//!
//! Ranks are chosen before anybody knows what crosses what; a node that may lie higher or lower is moved here if that undoes crossings. What a move
//! would bring is judged by straight lines between places, many moves at a time; whether it did, by ordering the ranks anew.

use super::{
    coords, graph,
    layered::{Merged, Ordered},
};

/// Crossings that a move must undo at first; twice as many after moves that made nothing better.
const LEAST: i64 = 2;
/// Nodes up to which every move of one node is tried.
const FEW: usize = 32;

/// The component with ranks that are at least as good: `passes` times many nodes are moved at once, and where there are few, then each of them.
#[inline(never)]
pub(super) fn improved(merged: &Merged, mut best: Ordered, passes: usize) -> Ordered {
    let n = best.rank.len();
    let mut least = LEAST;
    for _ in 0..passes {
        let x = coords::place(&best.proper, &best.order).x;
        let mut rank = best.rank.clone();
        if best.crossings == 0 || !shift(&best, &x, least, &mut rank) {
            break;
        }
        if !tried(merged, &mut best, rank, &x) {
            least *= 2;
        }
    }
    let mut again = n <= FEW;
    while std::mem::take(&mut again) {
        for v in 0..n as u32 {
            for to in range(&best.edges, &best.rank, v) {
                let mut rank = best.rank.clone();
                if best.crossings > 0 && std::mem::replace(&mut rank[v as usize], to) != to {
                    let x = coords::place(&best.proper, &best.order).x;
                    again |= tried(merged, &mut best, rank, &x);
                }
            }
        }
    }
    best
}

/// Orders other ranks and keeps them if they are better.
fn tried(merged: &Merged, best: &mut Ordered, mut rank: Vec<u32>, x: &[f32]) -> bool {
    graph::close_gaps(&mut rank);
    let other = Ordered::new(merged, rank, u32::MAX, &[x]);
    let better = cost(&other) < cost(best);
    if better {
        *best = other;
    }
    better
}

/// A crossing is as bad as five bends.
fn cost(ordered: &Ordered) -> u64 {
    5 * ordered.crossings + ordered.proper.len() as u64
}

/// The ranks that a node may have while the others stay.
fn range(edges: &[(u32, u32)], rank: &[u32], v: u32) -> std::ops::RangeInclusive<u32> {
    let (mut low, mut high) = (0, rank.iter().copied().max().unwrap_or(0));
    for &(a, b) in edges {
        if b == v {
            low = low.max(rank[a as usize] + 1);
        } else if a == v {
            high = high.min(rank[b as usize] - 1);
        }
    }
    low..=high
}

/// Moves each node to the rank at which its edges, drawn straight from x to x, cross the fewest others, if that undoes `least` crossings or more.
/// Returns whether any moved.
fn shift(ordered: &Ordered, x: &[f32], least: i64, rank: &mut [u32]) -> bool {
    let mut moved = false;
    for v in 0..rank.len() as u32 {
        let here = rank[v as usize];
        let others = range(&ordered.edges, rank, v).filter(|&to| to != here);
        let mut crossings = |to: u32| {
            rank[v as usize] = to;
            let count = crossings_of(ordered, x, rank, v);
            rank[v as usize] = here;
            count
        };
        let best = others.map(|to| (crossings(to), to)).min();
        if let Some((count, to)) = best
            && count + least <= crossings(here)
        {
            rank[v as usize] = to;
            moved = true;
        }
    }
    moved
}

/// How many straight lines between the places of nodes cross those that end at `v`.
fn crossings_of(ordered: &Ordered, x: &[f32], rank: &[u32], v: u32) -> i64 {
    let edges = || ordered.edges.iter().zip(&ordered.weights[..]);
    let mut sum = 0;
    for (&(a, b), &weight) in edges().filter(|((a, b), _)| *a == v || *b == v) {
        let (from, to) = (rank[a as usize], rank[b as usize]);
        let own = Line::new(x, a, b, from, to);
        for (&(c, d), &other) in edges() {
            let (above, below) = (rank[c as usize], rank[d as usize]);
            let (top, bottom) = (from.max(above), to.min(below));
            if top < bottom && c != a && d != b && c != b && d != a {
                let line = Line::new(x, c, d, above, below);
                if (own.at(top) < line.at(top)) != (own.at(bottom) < line.at(bottom)) {
                    sum += i64::from(weight * other);
                }
            }
        }
    }
    sum
}

/// A straight line from rank to rank.
struct Line {
    x: f32,
    step: f32,
    from: u32,
}

impl Line {
    #[inline(always)]
    fn new(x: &[f32], a: u32, b: u32, from: u32, to: u32) -> Self {
        let (x, end) = (x[a as usize], x[b as usize]);
        let span = to - from;
        let step = if span == 1 { end - x } else { (end - x) / span as f32 };
        Self { x, step, from }
    }

    #[inline(always)]
    fn at(&self, rank: u32) -> f32 {
        self.x + self.step * (rank - self.from) as f32
    }
}

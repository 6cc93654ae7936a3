//! Ranks for components in which nearly everything talks to nearly everything.
//!
//! There, turning edges around until no cycle is left makes one long chain of ranks: a thousand nodes in three hundred rows, and millions of bends.
//! Here every node goes to the height at which its edges lead down by one rank on average, and the heights are cut into as many rows as a
//! screen's shape wants. Edges may then lead along a rank or upwards; nothing about them is decided here.

use super::{
    coords::{NODE_PITCH, ROW_PITCH},
    graph::Adjacency,
};
use scope_shared::sort::SmallSort as _;

/// Bends for each node and edge above which a component counts as dense; service graphs of any size have less than four.
const BENDS_EACH: u64 = 8;
/// Bends that are no trouble however few nodes there are.
const BENDS_ALWAYS: u64 = 2_000;
/// Width of the drawing by its height, about that of a screen.
const SHAPE: f32 = 1.6;
/// Rounds of averaging: differences between neighbours are settled long before.
const ROUNDS: usize = 40;

/// How many bends edges that lead downwards by `rank` would have.
pub(super) fn bends(edges: &[(u32, u32)], rank: &[u32]) -> u64 {
    edges.iter().map(|&(a, b)| u64::from(span((a, b), rank).saturating_sub(1))).sum()
}

/// Whether so many bends are too many for `n` nodes and `m` edges.
pub(super) fn is_too_deep(bends: u64, n: usize, m: usize) -> bool {
    bends > BENDS_ALWAYS.max((n + m) as u64 * BENDS_EACH)
}

/// How many ranks lie between the ends of an edge, one of them included.
pub(super) fn span((a, b): (u32, u32), rank: &[u32]) -> u32 {
    rank[a as usize].abs_diff(rank[b as usize])
}

/// A rank for each of `n` nodes; every rank from 0 to the highest has as many nodes as the others.
pub(super) fn ranks(n: usize, edges: &[(u32, u32)]) -> Vec<u32> {
    let down = Adjacency::new(n, edges.iter().copied());
    let up = Adjacency::new(n, edges.iter().map(|&(a, b)| (b, a)));
    let mut level = vec![0f32; n];
    for _ in 0..ROUNDS {
        for v in 0..n as u32 {
            let (above, below) = (up.of(v), down.of(v));
            let sum =
                above.iter().map(|&u| level[u as usize] + 1.0).sum::<f32>() + below.iter().map(|&w| level[w as usize] - 1.0).sum::<f32>();
            level[v as usize] = sum / (above.len() + below.len()).max(1) as f32;
        }
    }
    let mut sorted: Vec<u32> = (0..n as u32).collect();
    sorted.order_by(|&a, &b| level[a as usize].total_cmp(&level[b as usize]).then(a.cmp(&b)));
    let rows = ((n as f32 * NODE_PITCH / (SHAPE * ROW_PITCH)).sqrt().round() as usize).clamp(1, n.max(1));
    let mut rank = vec![0u32; n];
    for (at, &v) in sorted.iter().enumerate() {
        rank[v as usize] = (at * rows / n) as u32;
    }
    rank
}

/// The longest span at which the edges that are not longer have at most one bend for each node and edge.
pub(super) fn longest_span(edges: &[(u32, u32)], rank: &[u32], n: usize) -> u32 {
    let highest = rank.iter().copied().max().unwrap_or(0);
    let mut of_span = vec![0u64; highest as usize + 1];
    for &edge in edges {
        of_span[span(edge, rank) as usize] += 1;
    }
    let mut bends = 0;
    let fits = of_span.iter().enumerate().skip(1).take_while(|(span, count)| {
        bends += (*span as u64 - 1) * **count;
        bends <= (n + edges.len()) as u64
    });
    fits.last().map_or(0, |(span, _)| span as u32)
}

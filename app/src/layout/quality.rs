//! How good a drawing is, for benches and tests: crossings, edge length, overlap, edges through nodes, and how much an update moved.
//!
//! Measures finished drawings only, ours or anybody's, by the same rule; the product itself never calls it.

use super::Layout;
use crate::scene::data::{Point, cubic};

/// Cuts a chain of cubic curves into straight pieces: `steps` each.
pub fn flatten(route: &[Point], steps: usize) -> Vec<Point> {
    let Some(&first) = route.first() else { return Vec::new() };
    let mut line = vec![first];
    for i in (0..route.len().saturating_sub(3)).step_by(3) {
        let (Some(a), Some(b), Some(c), Some(d)) = (route.get(i), route.get(i + 1), route.get(i + 2), route.get(i + 3)) else {
            break;
        };
        line.extend((1..=steps).map(|step| cubic([*a, *b, *c, *d], step as f32 / steps as f32)));
    }
    line
}

/// Crossings between drawn lines: pairs of pieces of different lines that cross. Lines that share an end (within `touch` units) are not
/// counted near it.
pub fn crossings(lines: &[Vec<Point>], touch: f32) -> usize {
    struct Piece {
        a: Point,
        b: Point,
        line: u32,
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for (line, points) in lines.iter().enumerate() {
        pieces.extend(points.windows(2).map(|p| Piece {
            a: p[0],
            b: p[1],
            line: line as u32,
        }));
    }
    // A grid of cells; each pair of pieces is tested once, in the cell that holds the top left corner of their common box.
    let total: f32 = pieces.iter().map(|p| (p.a[0] - p.b[0]).abs() + (p.a[1] - p.b[1]).abs()).sum();
    let cell = (total / pieces.len().max(1) as f32 * 1.5).max(1.0);
    let mut grid: foldhash::HashMap<(i32, i32), Vec<u32>> = foldhash::HashMap::default();
    let index = |v: f32| (v / cell).floor() as i32;
    for (i, p) in pieces.iter().enumerate() {
        for cx in index(p.a[0].min(p.b[0]))..=index(p.a[0].max(p.b[0])) {
            for cy in index(p.a[1].min(p.b[1]))..=index(p.a[1].max(p.b[1])) {
                grid.entry((cx, cy)).or_default().push(i as u32);
            }
        }
    }
    let cross =
        |o: Point, a: Point, b: Point| f64::from(a[0] - o[0]) * f64::from(b[1] - o[1]) - f64::from(a[1] - o[1]) * f64::from(b[0] - o[0]);
    let near = |p: Point, q: Point| (p[0] - q[0]).abs() + (p[1] - q[1]).abs() <= touch;
    let mut count = 0;
    let mut cells: Vec<(&(i32, i32), &Vec<u32>)> = grid.iter().collect();
    cells.sort_unstable_by_key(|c| *c.0);
    for (&(cx, cy), list) in cells {
        for (k, &i) in list.iter().enumerate() {
            for &j in list.iter().skip(k + 1) {
                let (p, q) = (&pieces[i as usize], &pieces[j as usize]);
                if p.line == q.line {
                    continue;
                }
                let left = p.a[0].min(p.b[0]).max(q.a[0].min(q.b[0]));
                let top = p.a[1].min(p.b[1]).max(q.a[1].min(q.b[1]));
                if index(left) != cx || index(top) != cy {
                    continue;
                }
                let (d1, d2) = (cross(q.a, q.b, p.a), cross(q.a, q.b, p.b));
                let (d3, d4) = (cross(p.a, p.b, q.a), cross(p.a, p.b, q.b));
                if d1 * d2 >= 0.0 || d3 * d4 >= 0.0 {
                    continue;
                }
                let share = (d1 / (d1 - d2)) as f32;
                let at = [p.a[0] + (p.b[0] - p.a[0]) * share, p.a[1] + (p.b[1] - p.a[1]) * share];
                let (first, second) = (&lines[p.line as usize], &lines[q.line as usize]);
                let ends = |l: &Vec<Point>| [l.first().copied().unwrap_or_default(), l.last().copied().unwrap_or_default()];
                let shared = ends(first).iter().any(|&e| near(e, at) && ends(second).iter().any(|&f| near(e, f)));
                count += usize::from(!shared);
            }
        }
    }
    count
}

/// Length of all lines together.
pub fn length(lines: &[Vec<Point>]) -> f64 {
    lines
        .iter()
        .flat_map(|line| line.windows(2))
        .map(|p| f64::from(p[0][0] - p[1][0]).hypot(f64::from(p[0][1] - p[1][1])))
        .sum()
}

/// Pairs of nodes whose boxes (`width` by `height` around the centres) overlap.
pub fn overlaps(positions: &[Point], width: f32, height: f32) -> usize {
    let mut sorted: Vec<Point> = positions.to_vec();
    sorted.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let mut count = 0;
    for (i, p) in sorted.iter().enumerate() {
        count += sorted
            .iter()
            .skip(i + 1)
            .take_while(|q| q[0] - p[0] < width - 0.5)
            .filter(|q| (q[1] - p[1]).abs() < height - 0.5)
            .count();
    }
    count
}

/// How many lines run over a node that is neither of their ends: nearer than `radius` to its centre.
pub fn edges_through_nodes(layout: &Layout, edges: &[(u32, u32)], radius: f32) -> usize {
    let mut by_x: Vec<(f32, u32)> = layout.positions.iter().enumerate().map(|(i, p)| (p[0], i as u32)).collect();
    by_x.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut hits = 0;
    for (i, &(from, to)) in edges.iter().enumerate() {
        let line = flatten(layout.routes.get(i), 24);
        hits += usize::from(line.iter().any(|p| {
            let start = by_x.partition_point(|n| n.0 < p[0] - radius);
            by_x.iter().skip(start).take_while(|n| n.0 <= p[0] + radius).any(|&(x, node)| {
                node != from
                    && node != to
                    && (x - p[0]).hypot(layout.positions.get(node as usize).map_or(f32::MAX, |n| n[1] - p[1])) < radius
            })
        }));
    }
    hits
}

//! How good a drawing is, for benches and tests: crossings, edge length, overlap, edges through nodes, and how much an update moved.
//!
//! Measures finished drawings only, ours or anybody's, by the same rule; the product itself never calls it.

use super::Layout;
use crate::scene::data::{Point, cubic};

/// Pieces that curves are cut into where crossings are counted. Odd: symmetric curves would cross where both have a corner, and that is touching.
pub const PIECES: usize = 13;

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

/// Lines whose corners all lie nearer than this to another line's are one line: an edge and its opposite on one route.
const UPON: f32 = 0.1;
/// Steps of a graph unit that corners are rounded to, so that what lies upon one another does so exactly and no rounding makes it cross.
const STEPS: f64 = 64.0;

/// For each line, the first that runs the same way, forwards or backwards.
fn ways(lines: &[Vec<Point>]) -> Vec<u32> {
    let mut known: foldhash::HashMap<[[i32; 2]; 2], Vec<u32>> = foldhash::HashMap::default();
    let same = |a: &Point, b: &Point| (a[0] - b[0]).abs() < UPON && (a[1] - b[1]).abs() < UPON;
    let way = |(index, line): (usize, &Vec<Point>)| {
        let index = index as u32;
        let (Some(first), Some(last)) = (line.first(), line.last()) else {
            return index;
        };
        let mut ends = [first, last].map(|p| p.map(|c| c.round() as i32));
        ends.sort_unstable();
        let list = known.entry(ends).or_default();
        let found = list.iter().copied().find(|&other| {
            let other = &lines[other as usize];
            let forwards = || line.iter().zip(other).all(|(a, b)| same(a, b));
            let backwards = || line.iter().rev().zip(other).all(|(a, b)| same(a, b));
            other.len() == line.len() && (forwards() || backwards())
        });
        found.unwrap_or_else(|| {
            list.push(index);
            index
        })
    };
    lines.iter().enumerate().map(way).collect()
}

/// A straight piece of a line.
struct Piece {
    a: [i64; 2],
    b: [i64; 2],
    line: u32,
}

impl Piece {
    /// On which side of this piece a place lies, and how far: distance times length.
    fn side(&self, p: [i64; 2]) -> i64 {
        (self.b[0] - self.a[0]) * (p[1] - self.a[1]) - (self.b[1] - self.a[1]) * (p[0] - self.a[0])
    }

    /// Where another piece crosses this one; touching is not crossing.
    fn crossed_by(&self, other: &Self) -> Option<[f64; 2]> {
        let own = [other.side(self.a), other.side(self.b)];
        let others = [self.side(other.a), self.side(other.b)];
        if own[0].signum() * own[1].signum() >= 0 || others[0].signum() * others[1].signum() >= 0 {
            return None;
        }
        let share = own[0] as f64 / (own[0] - own[1]) as f64;
        let along = |axis: usize| self.a[axis] as f64 + (self.b[axis] - self.a[axis]) as f64 * share;
        Some([along(0) / STEPS, along(1) / STEPS])
    }
}

/// Crossings between drawn lines: pairs of pieces of different lines that cross. Lines that share an end (within `touch` units) are not
/// counted near it, and lines that run the same way do not cross each other.
pub fn crossings(lines: &[Vec<Point>], touch: f32) -> usize {
    let ways = ways(lines);
    let mut pieces: Vec<Piece> = Vec::new();
    for (line, points) in lines.iter().enumerate() {
        let rounded = |p: Point| p.map(|c| (f64::from(c) * STEPS).round() as i64);
        pieces.extend(points.windows(2).map(|p| Piece {
            a: rounded(p[0]),
            b: rounded(p[1]),
            line: line as u32,
        }));
    }
    // A grid of cells; each pair of pieces is tested once, in the cell that holds the top left corner of their common box.
    let total: i64 = pieces.iter().map(|p| (p.a[0] - p.b[0]).abs() + (p.a[1] - p.b[1]).abs()).sum();
    let cell = (total / pieces.len().max(1) as i64 * 3 / 2).max(1);
    let mut grid: foldhash::HashMap<(i64, i64), Vec<u32>> = foldhash::HashMap::default();
    let index = |v: i64| v.div_euclid(cell);
    for (i, p) in pieces.iter().enumerate() {
        for cx in index(p.a[0].min(p.b[0]))..=index(p.a[0].max(p.b[0])) {
            for cy in index(p.a[1].min(p.b[1]))..=index(p.a[1].max(p.b[1])) {
                grid.entry((cx, cy)).or_default().push(i as u32);
            }
        }
    }
    let near = |p: Point, at: [f64; 2]| (f64::from(p[0]) - at[0]).abs() + (f64::from(p[1]) - at[1]).abs() <= f64::from(touch);
    let mut count = 0;
    let mut cells: Vec<(&(i64, i64), &Vec<u32>)> = grid.iter().collect();
    cells.sort_unstable_by_key(|c| *c.0);
    for (&(cx, cy), list) in cells {
        for (k, &i) in list.iter().enumerate() {
            for &j in list.iter().skip(k + 1) {
                let (p, q) = (&pieces[i as usize], &pieces[j as usize]);
                if ways[p.line as usize] == ways[q.line as usize] {
                    continue;
                }
                let left = p.a[0].min(p.b[0]).max(q.a[0].min(q.b[0]));
                let top = p.a[1].min(p.b[1]).max(q.a[1].min(q.b[1]));
                if index(left) != cx || index(top) != cy {
                    continue;
                }
                let Some(at) = p.crossed_by(q) else { continue };
                let ends = [p, q].map(|piece| {
                    let line = &lines[piece.line as usize];
                    [line.first(), line.last()].into_iter().flatten().any(|&end| near(end, at))
                });
                count += usize::from(ends != [true, true]);
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

//! Coordinates for ordered ranks: every vertex as near to its neighbours as the order and the distances allow.
//!
//! For one row this is isotonic regression and solved exactly; sweeping up and down a few times spreads it over all rows.

use super::{graph::Proper, order::Order};

/// Distance between the centres of two nodes side by side, graph units.
pub(super) const NODE_PITCH: f32 = 220.0;
/// Distance between two rows of nodes, graph units.
pub(super) const ROW_PITCH: f32 = 240.0;
/// Distance between the bends of two edges side by side.
const BEND_PITCH: f32 = 36.0;
/// Distance between bends of edges to the same node: they run as one bundle.
const BUNDLE_PITCH: f32 = 7.0;
/// Distance between a node's centre and a bend beside it.
const MIXED_PITCH: f32 = 120.0;
/// Rows within one rank at most: with more, edges could not pass between the nodes of the row above.
const FOLD_MOST: usize = 3;

/// Where everything of a component lies; the top left node's centre is near the origin.
#[derive(Debug)]
pub(super) struct Placed {
    /// Centre or bend of each vertex.
    pub(super) x: Vec<f32>,
    /// As x.
    pub(super) y: Vec<f32>,
    /// Top and bottom row of each rank.
    pub(super) bands: Vec<(f32, f32)>,
}

/// Gives coordinates to `order`.
pub(super) fn place(graph: &Proper, order: &Order) -> Placed {
    let folds = folds(graph, order);
    let mut x = vec![0f32; graph.len()];
    for (row, line) in order.rows.iter().enumerate() {
        let mut at = 0.0;
        for (i, &v) in line.iter().enumerate() {
            if i > 0 {
                at += distance(graph, line[i - 1], v, folds[row]);
            }
            x[v as usize] = at;
        }
        let middle = at / 2.0;
        for &v in line {
            x[v as usize] -= middle;
        }
    }
    let mut fit = Fit::default();
    let rounds = if graph.len() > 12_000 { 4 } else { 7 };
    for round in 0..rounds {
        let last = order.rows.len();
        for step in 0..last {
            let row = if round % 2 == 0 { step } else { last - 1 - step };
            // The first rounds pull from the row just placed, the later ones from both sides.
            let sides = match (round, round % 2) {
                (0 | 1, 0) => (1.0, 0.05),
                (0 | 1, _) => (0.05, 1.0),
                _ => (1.0, 1.0),
            };
            fit.row(graph, &order.rows[row], folds[row], sides, &mut x);
        }
    }
    let (y, bands) = heights(graph, order, &folds, &x);
    let left = x.iter().take(graph.real).copied().fold(f32::INFINITY, f32::min);
    for value in &mut x {
        *value -= left;
    }
    Placed { x, y, bands }
}

/// How many rows each rank is folded into, so that maps do not get much wider than screens are.
fn folds(graph: &Proper, order: &Order) -> Vec<usize> {
    let widest = |fold: usize| -> f32 {
        let most = order
            .rows
            .iter()
            .map(|row| row.iter().filter(|&&v| (v as usize) < graph.real).count())
            .max()
            .unwrap_or(0);
        most as f32 * NODE_PITCH / fold as f32
    };
    let height = order.rows.len() as f32 * ROW_PITCH * 1.4;
    let limit = (height * 2.2).max(9.0 * NODE_PITCH);
    let limit = limit.max(widest(FOLD_MOST) * 0.8);
    order
        .rows
        .iter()
        .map(|row| {
            let nodes = row.iter().filter(|&&v| (v as usize) < graph.real).count();
            ((nodes as f32 * NODE_PITCH / limit).ceil() as usize).clamp(1, FOLD_MOST)
        })
        .collect()
}

fn distance(graph: &Proper, a: u32, b: u32, fold: usize) -> f32 {
    match ((a as usize) < graph.real, (b as usize) < graph.real) {
        (true, true) => NODE_PITCH / fold as f32,
        (false, false) if graph.target(a) == graph.target(b) => BUNDLE_PITCH,
        (false, false) => BEND_PITCH,
        _ if fold > 1 => MIXED_PITCH * 0.62,
        _ => MIXED_PITCH,
    }
}

/// Rows of y: folded ranks are taller, and ranks between which edges run far sideways lie further apart.
fn heights(graph: &Proper, order: &Order, folds: &[usize], x: &[f32]) -> (Vec<f32>, Vec<(f32, f32)>) {
    let mut y = vec![0f32; graph.len()];
    let mut bands = Vec::with_capacity(order.rows.len());
    let mut top = 0.0;
    let mut spans: Vec<f32> = Vec::new();
    let width = x.iter().copied().fold(0.0, f32::max) - x.iter().copied().fold(0.0, f32::min);
    // Wide maps get taller: flat edges over thousands of units could not be followed, and screens are not that wide.
    let most_extra = (width / 3.0 / order.rows.len() as f32).max(2.0 * ROW_PITCH);
    for (row, line) in order.rows.iter().enumerate() {
        let fold = folds[row];
        let step = ROW_PITCH * 0.78;
        let bottom = top + step * (fold - 1) as f32;
        let mut nth = 0;
        for &v in line {
            if (v as usize) < graph.real {
                y[v as usize] = top + step * (nth % fold) as f32;
                nth += 1;
            } else {
                y[v as usize] = (top + bottom) / 2.0;
            }
        }
        bands.push((top, bottom));
        spans.clear();
        for &v in line {
            spans.extend(graph.down.of(v).iter().map(|&w| (x[w as usize] - x[v as usize]).abs()));
        }
        let far = if spans.is_empty() {
            0.0
        } else {
            let index = spans.len() * 8 / 10;
            let last = spans.len() - 1;
            *spans.select_nth_unstable_by(index.min(last), f32::total_cmp).1
        };
        top = bottom + ROW_PITCH + (far * 0.12 - 60.0).clamp(0.0, most_extra);
    }
    (y, bands)
}

/// Scratch of the regression.
#[derive(Default)]
struct Fit {
    /// Blocks: weight, weighted sum of wishes, number of vertices.
    blocks: Vec<(f64, f64, u32)>,
    offsets: Vec<f32>,
}

impl Fit {
    /// Moves one row: minimises the weighted squares of the distances to the wishes, keeping order and distances.
    fn row(&mut self, graph: &Proper, line: &[u32], fold: usize, sides: (f64, f64), x: &mut [f32]) {
        self.blocks.clear();
        self.offsets.clear();
        let mut offset = 0.0;
        for (i, &v) in line.iter().enumerate() {
            if i > 0 {
                offset += distance(graph, line[i - 1], v, fold);
            }
            self.offsets.push(offset);
            let (mut weight, mut sum) = (0.02, 0.02 * f64::from(x[v as usize]));
            let bend = v as usize >= graph.real;
            for (list, side) in [(graph.up.of(v), sides.0), (graph.down.of(v), sides.1)] {
                for &w in list {
                    let heavy = match (bend, w as usize >= graph.real) {
                        (true, true) => 8.0,
                        (false, false) => 1.0,
                        _ => 2.0,
                    };
                    weight += heavy * side;
                    sum += heavy * side * f64::from(x[w as usize]);
                }
            }
            let mut block = (weight, sum - weight * f64::from(offset), 1);
            while let Some(&last) = self.blocks.last() {
                if last.1 * block.0 <= block.1 * last.0 {
                    break;
                }
                self.blocks.pop();
                block = (block.0 + last.0, block.1 + last.1, block.2 + last.2);
            }
            self.blocks.push(block);
        }
        let mut index = 0;
        for &(weight, sum, members) in &self.blocks {
            let base = (sum / weight) as f32;
            for _ in 0..members {
                x[line[index] as usize] = base + self.offsets[index];
                index += 1;
            }
        }
    }
}

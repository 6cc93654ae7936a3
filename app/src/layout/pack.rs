//! Components side by side, and the tidy grid of what has no connections.

use super::coords::{NODE_PITCH, ROW_PITCH};
use crate::scene::data::Point;

/// Width to height that a packed map aims at: a landscape screen without its panels.
const ASPECT: f32 = 1.7;

/// Size of a component, node margins included, in graph units.
pub(super) fn extent(positions: &[Point]) -> (Point, Point) {
    let mut low = [f32::INFINITY; 2];
    let mut high = [f32::NEG_INFINITY; 2];
    for p in positions {
        for axis in 0..2 {
            low[axis] = low[axis].min(p[axis]);
            high[axis] = high[axis].max(p[axis]);
        }
    }
    if positions.is_empty() { ([0.0; 2], [0.0; 2]) } else { (low, high) }
}

/// Offsets for boxes of these sizes (distances between outermost centres): shelves, tallest first, about as wide as a screen.
pub(super) fn shelves(sizes: &[Point]) -> Vec<Point> {
    let padded: Vec<Point> = sizes.iter().map(|s| [s[0] + NODE_PITCH * 1.25, s[1] + ROW_PITCH * 1.1]).collect();
    let area: f32 = padded.iter().map(|s| s[0] * s[1]).sum();
    let widest = padded.iter().map(|s| s[0]).fold(0.0, f32::max);
    let limit = (area * ASPECT).sqrt().max(widest) + 1.0;
    let mut by_height: Vec<usize> = (0..sizes.len()).collect();
    by_height.sort_by(|&a, &b| {
        padded[b][1]
            .total_cmp(&padded[a][1])
            .then(padded[b][0].total_cmp(&padded[a][0]))
            .then(a.cmp(&b))
    });
    let mut offsets = vec![[0.0; 2]; sizes.len()];
    // Each shelf is filled from the left; low boxes stack upon one another while the shelf is tall enough.
    let (mut x, mut y, mut shelf, mut column, mut stacked) = (0f32, 0f32, 0f32, 0f32, 0f32);
    for index in by_height {
        let size = padded[index];
        if stacked > 0.0 && stacked + size[1] <= shelf + 1.0 && size[0] <= column + 1.0 {
            offsets[index] = [x, y + stacked];
            stacked += size[1];
            continue;
        }
        x += column;
        if x > 0.0 && x + size[0] > limit {
            x = 0.0;
            y += shelf;
            shelf = 0.0;
        }
        offsets[index] = [x, y];
        shelf = shelf.max(size[1]);
        column = size[0];
        stacked = size[1];
    }
    offsets
}

/// Columns of the grid of `count` unconnected nodes beside a map of this size.
pub(super) fn grid_columns(count: usize, size: Point) -> usize {
    let square = (count as f32 * 1.5).sqrt().ceil();
    let across = (size[0] / NODE_PITCH).floor() + 1.0;
    // Below a wide map the grid spreads under it instead of making it taller.
    let columns = if size[0] >= size[1] * 1.4 {
        square.max(across.min(count as f32))
    } else {
        square
    };
    (columns as usize).max(1)
}

/// Where the grid begins: right of a portrait map, below a landscape one.
pub(super) fn grid_origin(low: Point, high: Point, empty: bool) -> Point {
    if empty {
        return [0.0, 0.0];
    }
    let (width, height) = (high[0] - low[0], high[1] - low[1]);
    if width < height {
        [high[0] + NODE_PITCH * 1.3, low[1]]
    } else {
        [low[0], high[1] + ROW_PITCH * 1.2]
    }
}

//! Components side by side, and the tidy grid of what has no connections.

use super::coords::{NODE_PITCH, ROW_PITCH};
use crate::scene::data::Point;
use scope_shared::sort::SmallSort as _;

/// What a packed map is meant to fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Wider than high: a screen on a desk.
    #[default]
    Landscape,
    /// Higher than wide: a phone held upright.
    Portrait,
}

impl Form {
    /// The form of a canvas of this width to height. Between the two it stays as it was, so that no resize back and forth moves anything.
    pub fn follow(self, aspect: f32) -> Self {
        match aspect {
            ..0.85 => Self::Portrait,
            1.15.. => Self::Landscape,
            _ => self,
        }
    }

    /// Width to height that is aimed at: of a screen without its panels.
    pub(super) fn aspect(self) -> f32 {
        match self {
            Self::Landscape => 1.7,
            Self::Portrait => 0.6,
        }
    }

    /// How large a map of this size is beside a screen of this form: the less, the larger it can be drawn.
    fn spread(self, size: Point) -> f32 {
        (size[0] / self.aspect()).max(size[1])
    }
}

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

/// Offsets for boxes of these sizes (distances between outermost centres): shelves, tallest first, as wide as makes the whole largest on a screen.
pub(super) fn shelves(sizes: &[Point], form: Form) -> Vec<Point> {
    let padded: Vec<Point> = sizes.iter().map(|s| [s[0] + NODE_PITCH * 1.25, s[1] + ROW_PITCH * 1.1]).collect();
    let area: f32 = padded.iter().map(|s| s[0] * s[1]).sum();
    let widest = padded.iter().map(|s| s[0]).fold(0.0, f32::max);
    let fair = (area * form.aspect()).sqrt();
    let tries = [1.0, 1.15, 1.35, 1.6, 2.0].map(|share| filled(&padded, (fair * share).max(widest) + 1.0));
    let best = tries.into_iter().min_by(|a, b| form.spread(a.1).total_cmp(&form.spread(b.1)));
    best.map(|(offsets, _)| offsets).unwrap_or_default()
}

/// Offsets on shelves of a width, and the size of it all.
fn filled(padded: &[Point], limit: f32) -> (Vec<Point>, Point) {
    let mut by_height: Vec<usize> = (0..padded.len()).collect();
    by_height.order_by(|&a, &b| {
        padded[b][1]
            .total_cmp(&padded[a][1])
            .then(padded[b][0].total_cmp(&padded[a][0]))
            .then(a.cmp(&b))
    });
    let mut offsets = vec![[0.0; 2]; padded.len()];
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
    let all = offsets.iter().zip(padded);
    let size = all.fold([0f32; 2], |size, (at, own)| {
        [size[0].max(at[0] + own[0]), size[1].max(at[1] + own[1])]
    });
    (offsets, size)
}

/// Where the grid of `count` unconnected nodes begins and how many columns it has: right of the map or below it, whichever leaves it larger.
pub(super) fn grid(count: usize, low: Point, high: Point, empty: bool, form: Form) -> (Point, usize) {
    let count = count.max(1) as f32;
    let alone = (count * form.aspect() * ROW_PITCH / NODE_PITCH).sqrt().ceil();
    if empty {
        return ([0.0, 0.0], alone as usize);
    }
    let (width, height) = (high[0] - low[0], high[1] - low[1]);
    // As many columns as the map is wide, or as many rows as it is high, if that is not the longer way.
    let under = ((width / NODE_PITCH).floor() + 1.0).max(alone).min(count);
    let beside = (count / ((height / ROW_PITCH).floor() + 1.0).max((count / alone).ceil()).min(count)).ceil();
    let gap = [NODE_PITCH * 1.3, ROW_PITCH * 1.2];
    let size = |columns: f32| [(columns - 1.0) * NODE_PITCH, ((count / columns).ceil() - 1.0) * ROW_PITCH];
    let (below, right) = (size(under), size(beside));
    let below = form.spread([width.max(below[0]), height + gap[1] + below[1]]);
    let right = form.spread([width + gap[0] + right[0], height.max(right[1])]);
    if right < below {
        ([high[0] + gap[0], low[1]], beside as usize)
    } else {
        ([low[0], high[1] + gap[1]], under as usize)
    }
}

//! Which places are taken: nodes by rows of equal height, for finding free places and free lanes.
//!
//! Knows points only; what lies there it is not told.

use super::coords::{NODE_PITCH, ROW_PITCH};
use crate::scene::data::Point;
use scope_shared::sort::SmallSort as _;

/// Rows nearer than this share their room: nodes of both must keep apart sideways.
const ROW_CLEARANCE: f32 = 160.0;
/// Least distance sideways, with room for rounding.
const SIDE_CLEARANCE: f32 = NODE_PITCH * 0.98;

/// Taken places, ascending by y, each row ascending by x.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<(f32, Vec<(f32, u32)>)>,
}

impl Rows {
    /// Indexes places; each comes with a number of its owner.
    pub(super) fn new(places: impl Iterator<Item = (Point, u32)>) -> Self {
        let mut all: Vec<(Point, u32)> = places.collect();
        all.order_by(|a, b| a.0[1].total_cmp(&b.0[1]).then(a.0[0].total_cmp(&b.0[0])).then(a.1.cmp(&b.1)));
        let mut rows: Vec<(f32, Vec<(f32, u32)>)> = Vec::new();
        for (at, owner) in all {
            match rows.last_mut() {
                Some((y, row)) if *y == at[1] => row.push((at[0], owner)),
                _ => rows.push((at[1], vec![(at[0], owner)])),
            }
        }
        Self { rows }
    }

    /// How many places are taken.
    pub(super) fn places(&self) -> usize {
        self.rows.iter().map(|(_, row)| row.len()).sum()
    }

    /// Takes one more place.
    pub(super) fn insert(&mut self, at: Point, owner: u32) {
        let index = self.rows.partition_point(|(y, _)| *y < at[1]);
        if self.rows.get(index).is_none_or(|(y, _)| *y != at[1]) {
            self.rows.insert(index, (at[1], Vec::new()));
        }
        let row = &mut self.rows[index].1;
        let place = row.partition_point(|p| p.0 < at[0]);
        row.insert(place, (at[0], owner));
    }

    /// Gives a place back.
    pub(super) fn remove(&mut self, at: Point, owner: u32) {
        let index = self.rows.partition_point(|(y, _)| *y < at[1]);
        if let Some((y, row)) = self.rows.get_mut(index)
            && *y == at[1]
        {
            row.retain(|p| p.1 != owner);
            if row.is_empty() {
                self.rows.remove(index);
            }
        }
    }

    fn near(&self, y: f32, reach: f32) -> &[(f32, Vec<(f32, u32)>)] {
        let from = self.rows.partition_point(|r| r.0 <= y - reach);
        let to = self.rows.partition_point(|r| r.0 < y + reach);
        &self.rows[from..to]
    }

    /// Whether a node at `at` would keep its distance from all others.
    pub(super) fn is_free(&self, at: Point) -> bool {
        self.owner_near(at).is_none()
    }

    /// The owner of a place too near to `at`.
    pub(super) fn owner_near(&self, at: Point) -> Option<u32> {
        for (_, row) in self.near(at[1], ROW_CLEARANCE) {
            let index = row.partition_point(|p| p.0 <= at[0] - SIDE_CLEARANCE);
            if let Some(&(x, owner)) = row.get(index)
                && x < at[0] + SIDE_CLEARANCE
            {
                return Some(owner);
            }
        }
        None
    }

    /// The free place that is dearest to `wish`: near in x first, near in y, and not above `ceiling` if that can be.
    pub(super) fn free_place(&self, wish: Point, ceiling: f32) -> Point {
        let mut best: (f32, Point) = (f32::INFINITY, wish);
        let mut consider = |y: f32| {
            let x = self.free_x(wish[0], y);
            let above = if y < ceiling { 1.5 * ROW_PITCH } else { 0.0 };
            let cost = (x - wish[0]).abs() + (y - wish[1]).abs() * 1.2 + above;
            if cost < best.0 - 0.01 {
                best = (cost, [x, y]);
            }
        };
        consider(wish[1]);
        for (y, _) in self.near(wish[1], 2.6 * ROW_PITCH) {
            consider(*y);
        }
        for half in [1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0] {
            consider(wish[1] + half * 0.5 * ROW_PITCH);
        }
        best.1
    }

    /// The free x nearest to `wish` at height `y`.
    fn free_x(&self, wish: f32, y: f32) -> f32 {
        let near = self.near(y, ROW_CLEARANCE);
        let side = |sign: f32| -> f32 {
            let mut x = wish;
            // Each turn jumps past one blocking node, so it ends when there are no more.
            loop {
                let block = near.iter().find_map(|(_, row)| {
                    let index = row.partition_point(|p| p.0 <= x - SIDE_CLEARANCE);
                    row.get(index).filter(|p| p.0 < x + SIDE_CLEARANCE).map(|p| p.0)
                });
                match block {
                    Some(other) => {
                        let next = other + sign * NODE_PITCH;
                        if (next - x) * sign <= 0.0 {
                            return sign * f32::MAX / 4.0;
                        }
                        x = next;
                    }
                    None => return x,
                }
            }
        };
        let (left, right) = (side(-1.0), side(1.0));
        if (wish - left).abs() <= (right - wish).abs() { left } else { right }
    }

    /// Calls `visit` with each row strictly between two heights, from the first to the second.
    pub(super) fn for_each_between(&self, from: f32, to: f32, mut visit: impl FnMut(f32, &[(f32, u32)])) {
        let low = self.rows.partition_point(|r| r.0 <= from.min(to) + 1.0);
        let high = self.rows.partition_point(|r| r.0 < from.max(to) - 1.0);
        let between = self.rows.get(low..high).unwrap_or_default();
        if from <= to {
            between.iter().for_each(|(y, row)| visit(*y, row));
        } else {
            between.iter().rev().for_each(|(y, row)| visit(*y, row));
        }
    }

    /// Whether a place is nearer than `reach` to a node that lies at neither of two others.
    pub(super) fn any_near(&self, at: Point, reach: f32, except: [Point; 2]) -> bool {
        self.near(at[1], reach).iter().any(|(y, row)| {
            let index = row.partition_point(|p| p.0 < at[0] - reach);
            let beside = row.iter().skip(index).take_while(|p| p.0 < at[0] + reach);
            beside
                .map(|p| [p.0, *y])
                .any(|p| !except.contains(&p) && (p[0] - at[0]).hypot(p[1] - at[1]) < reach)
        })
    }

    /// Whether a node lies on the straight line between two places of about the same height, ends excluded.
    pub(super) fn any_between(&self, a: Point, b: Point, clearance: f32) -> bool {
        let (left, right) = (a[0].min(b[0]) + 1.0, a[0].max(b[0]) - 1.0);
        self.near((a[1] + b[1]) / 2.0, clearance + (a[1] - b[1]).abs() / 2.0)
            .iter()
            .any(|(_, row)| {
                let index = row.partition_point(|p| p.0 <= left);
                row.get(index).is_some_and(|p| p.0 < right)
            })
    }
}

//! What is at a place of the canvas, by the same outlines, radii and order that are drawn; and which node lies next in a direction.

use super::{
    data::{Point, cubic},
    lod, shape,
    state::{Layer, RADIUS, Scene, Target},
};

/// Least radius of a glyph on the screen, CSS pixels; `gl::shaders` draws by the same.
pub const LEAST_RADIUS: f32 = 2.2;
/// How near to an edge a pointer has to be, CSS pixels.
const EDGE_REACH: f32 = 5.0;
/// Zoom below which single edges cannot be pointed at.
const EDGES_FROM: f64 = 0.1;

/// Where the keyboard goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards smaller y.
    Up,
    /// Towards greater y.
    Down,
    /// Towards smaller x.
    Left,
    /// Towards greater x.
    Right,
}

impl Scene {
    /// What is drawn uppermost at a place of the canvas (CSS pixels). `slack` widens small things, for fingers.
    pub fn pick(&self, at: [f64; 2], slack: f64) -> Target {
        let camera = self.camera();
        let far = lod::level(camera.zoom).is_some();
        if let Some(node) = self.pick_node(at, slack, far) {
            return Target::Node(node);
        }
        if far {
            let hit = self.aggregates.groups.iter().rposition(|group| {
                let p = camera.to_screen(group.at);
                (p[0] - at[0]).hypot(p[1] - at[1]) <= f64::from(group.radius) + slack
            });
            return hit.map_or(Target::Nothing, |i| Target::Cluster(i as u32));
        }
        if camera.zoom < EDGES_FROM {
            return Target::Nothing;
        }
        self.pick_edge(at, EDGE_REACH + slack as f32)
    }

    fn pick_node(&self, at: [f64; 2], slack: f64, far: bool) -> Option<u32> {
        let camera = self.camera();
        let plane = camera.to_plane(at).map(|v| v as f32);
        let zoom = camera.zoom as f32;
        let slack = slack as f32 / zoom;
        let mut best: Option<(bool, Layer, u32)> = None;
        for (i, spot) in self.geometry.spots.iter().enumerate() {
            let radius = (RADIUS * spot.scale).max(LEAST_RADIUS / zoom);
            let (dx, dy) = (plane[0] - spot.at[0], plane[1] - spot.at[1]);
            if dx.abs().max(dy.abs()) > radius * 1.7 + slack {
                continue;
            }
            let i = i as u32;
            if far && self.aggregates.group_of.get(i as usize).is_some_and(|&g| g != u32::MAX) {
                continue;
            }
            let Some(node) = self.data.nodes.get(i as usize) else { continue };
            let mut away = shape::distance(node.shape, [dx / radius, dy / radius]);
            if node.stack {
                // The stack's upper glyphs can be hit as well.
                let step = 0.15;
                for offset in [1.4, -0.6] {
                    away = away.min(shape::distance(node.shape, [dx / radius, dy / radius + step * offset]));
                }
            }
            // The outline's own half width belongs to the glyph.
            if away * radius > radius * 0.06 + slack {
                continue;
            }
            let last = self.hover == Target::Node(i) || self.selected == Some(i);
            let rank = (last, self.node_layer(i), i);
            if best.is_none_or(|b| (rank.0, rank.1) > (b.0, b.1) || ((rank.0, rank.1) == (b.0, b.1) && rank.2 > b.2)) {
                best = Some(rank);
            }
        }
        best.map(|b| b.2)
    }

    fn pick_edge(&self, at: [f64; 2], reach: f32) -> Target {
        let camera = self.camera();
        let plane = camera.to_plane(at).map(|v| v as f32);
        let reach = reach / camera.zoom as f32;
        let mut best: Option<(Layer, f32, u32)> = None;
        for i in 0..self.data.edges.len() {
            let route = self.geometry.routes.get(i);
            // A cubic lies within the box of its control points.
            let mut hit = f32::INFINITY;
            let mut start = 0;
            while let Some(&[a, b, c, d]) = route.get(start..start + 4) {
                start += 3;
                let outside = (0..2).any(|axis| {
                    let all = [a[axis], b[axis], c[axis], d[axis]];
                    let (low, high) = all
                        .iter()
                        .fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
                    plane[axis] < low - reach || plane[axis] > high + reach
                });
                if !outside {
                    hit = hit.min(curve_distance([a, b, c, d], plane));
                }
            }
            if hit > reach {
                continue;
            }
            let layer = self.edge_layer(i as u32);
            if best.is_none_or(|b| layer > b.0 || (layer == b.0 && hit < b.1)) {
                best = Some((layer, hit, i as u32));
            }
        }
        best.map_or(Target::Nothing, |b| Target::Edge(b.2))
    }

    /// The node next to `from` in a direction: near counts, straight ahead counts more. Without a start, the one nearest to the middle.
    pub fn next(&self, from: Option<u32>, direction: Direction) -> Option<u32> {
        let spots = self.geometry.target_spots();
        let Some(start) = from.and_then(|f| spots.get(f as usize)) else {
            let [left, top, width, height] = self.viewport().free();
            let middle = self.camera().to_plane([left + width / 2.0, top + height / 2.0]).map(|v| v as f32);
            let distance = |p: Point| (p[0] - middle[0]).powi(2) + (p[1] - middle[1]).powi(2);
            return (0..spots.len() as u32).min_by(|&a, &b| {
                let of = |i: u32| spots.get(i as usize).map_or(f32::INFINITY, |s| distance(s.at));
                of(a).total_cmp(&of(b))
            });
        };
        let mut best: Option<(f32, u32)> = None;
        for (i, spot) in spots.iter().enumerate() {
            let (dx, dy) = (spot.at[0] - start.at[0], spot.at[1] - start.at[1]);
            let (ahead, aside) = match direction {
                Direction::Up => (-dy, dx.abs()),
                Direction::Down => (dy, dx.abs()),
                Direction::Left => (-dx, dy.abs()),
                Direction::Right => (dx, dy.abs()),
            };
            if ahead <= 1.0 || aside > ahead * 4.0 {
                continue;
            }
            let cost = ahead + aside * 2.2;
            if best.is_none_or(|b| cost < b.0) {
                best = Some((cost, i as u32));
            }
        }
        best.map(|b| b.1)
    }
}

/// Distance from a point to a cubic, by sixteen chords.
fn curve_distance(curve: [Point; 4], p: Point) -> f32 {
    let mut last = curve[0];
    let mut best = f32::INFINITY;
    for step in 1..=16 {
        let next = cubic(curve, step as f32 / 16.0);
        let (dx, dy) = (next[0] - last[0], next[1] - last[1]);
        let along = (((p[0] - last[0]) * dx + (p[1] - last[1]) * dy) / (dx * dx + dy * dy).max(1e-6)).clamp(0.0, 1.0);
        best = best.min((last[0] + dx * along - p[0]).hypot(last[1] + dy * along - p[1]));
        last = next;
    }
    best
}

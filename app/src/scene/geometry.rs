//! Where things are now: places and routes on their way from the last picture to the next.
//!
//! A new target never jumps: motion starts from what is seen at that moment. With reduced motion it is there at once.

use foldhash::HashMap;
use smol_str::SmolStr;

use super::{
    camera::ease,
    data::{Point, Routes, SceneData, cubic},
};

/// How long things glide to their new places, milliseconds.
pub const MOTION_MILLIS: f64 = 420.0;
/// Maps with more control points than this jump instead: gliding would cost more than it tells.
const MOTION_POINTS_MOST: usize = 200_000;

/// A node's place: centre and size (1 is its own size).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Centre, graph units.
    pub at: Point,
    /// Factor on the glyph's size.
    pub scale: f32,
}

/// Places and routes, moving or at rest.
#[derive(Debug, Default)]
pub struct Geometry {
    /// Places now, in the order of the nodes.
    pub spots: Vec<Spot>,
    /// Routes now, in the order of the edges.
    pub routes: Routes,
    from_spots: Vec<Spot>,
    from_points: Vec<Point>,
    to_spots: Vec<Spot>,
    to_points: Vec<Point>,
    start: f64,
    moving: bool,
    /// Counts changes, so that others know what they made is stale.
    pub version: u64,
}

impl Geometry {
    /// Aims at new places and routes for the same nodes and edges.
    pub fn aim(&mut self, spots: Vec<Spot>, routes: Routes, now: f64, animate: bool) {
        let from_points = resample_all(&self.routes, &routes);
        let from_spots = std::mem::take(&mut self.spots);
        self.begin(from_spots, from_points, spots, routes, now, animate);
    }

    /// Takes over other nodes and edges; those known before glide from where they are seen.
    pub fn replace(&mut self, old: &SceneData, new: &SceneData, spots: Vec<Spot>, routes: Routes, now: f64, animate: bool) {
        if !animate || old.nodes.is_empty() {
            return self.begin(Vec::new(), Vec::new(), spots, routes, now, false);
        }
        let index: HashMap<&SmolStr, u32> = old.nodes.iter().enumerate().map(|(i, n)| (&n.id, i as u32)).collect();
        let mut to_old = vec![u32::MAX; new.nodes.len()];
        let mut from_spots = spots.clone();
        for (i, node) in new.nodes.iter().enumerate() {
            if let Some(&was) = index.get(&node.id) {
                to_old[i] = was;
                if let Some(&spot) = self.spots.get(was as usize) {
                    from_spots[i] = spot;
                }
            } else if let Some(spot) = from_spots.get_mut(i) {
                // What is new grows in its place.
                spot.scale *= 0.3;
            }
        }
        let edges: HashMap<(u32, u32), u32> = old.edges.iter().enumerate().map(|(i, e)| ((e.from, e.to), i as u32)).collect();
        let mut from_points = Vec::with_capacity(routes.points.len());
        for (i, edge) in new.edges.iter().enumerate() {
            let target = routes.get(i);
            let ends = to_old.get(edge.from as usize).zip(to_old.get(edge.to as usize));
            let was = ends
                .and_then(|(&a, &b)| edges.get(&(a, b)))
                .map_or(&[][..], |&was| self.routes.get(was as usize));
            resample(was, target, &mut from_points);
        }
        self.begin(from_spots, from_points, spots, routes, now, true);
    }

    fn begin(&mut self, from_spots: Vec<Spot>, from_points: Vec<Point>, spots: Vec<Spot>, routes: Routes, now: f64, animate: bool) {
        self.version += 1;
        let same = from_spots == spots && from_points == routes.points;
        self.moving = animate && !same && from_spots.len() == spots.len() && routes.points.len() <= MOTION_POINTS_MOST;
        if self.moving {
            self.to_points = routes.points.clone();
            self.to_spots = spots;
            self.spots.clone_from(&from_spots);
            self.routes = routes;
            self.routes.points.clone_from(&from_points);
            self.from_spots = from_spots;
            self.from_points = from_points;
            self.start = now;
        } else {
            self.spots = spots;
            self.routes = routes;
        }
    }

    /// Moves on; true while something moves.
    pub fn tick(&mut self, now: f64) -> bool {
        if !self.moving {
            return false;
        }
        self.version += 1;
        let t = (now - self.start) / MOTION_MILLIS;
        if t >= 1.0 {
            self.moving = false;
            std::mem::swap(&mut self.spots, &mut self.to_spots);
            std::mem::swap(&mut self.routes.points, &mut self.to_points);
            return false;
        }
        let share = ease(t) as f32;
        let mix = |a: Point, b: Point| [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
        for ((spot, from), to) in self.spots.iter_mut().zip(&self.from_spots).zip(&self.to_spots) {
            *spot = Spot {
                at: mix(from.at, to.at),
                scale: from.scale + (to.scale - from.scale) * share,
            };
        }
        for ((point, from), to) in self.routes.points.iter_mut().zip(&self.from_points).zip(&self.to_points) {
            *point = mix(*from, *to);
        }
        true
    }

    /// Whether something is on its way.
    pub fn is_moving(&self) -> bool {
        self.moving
    }

    /// Places where everything will be.
    pub fn target_spots(&self) -> &[Spot] {
        if self.moving { &self.to_spots } else { &self.spots }
    }
}

fn resample_all(was: &Routes, target: &Routes) -> Vec<Point> {
    let mut points = Vec::with_capacity(target.points.len());
    for i in 0..target.len() {
        resample(was.get(i), target.get(i), &mut points);
    }
    points
}

/// Gives `was` as many control points as `target` has, by cutting it at even parameters. Without an old route the new one is taken.
fn resample(was: &[Point], target: &[Point], out: &mut Vec<Point>) {
    if was.len() == target.len() || was.len() < 4 {
        out.extend_from_slice(if was.len() == target.len() { was } else { target });
        return;
    }
    let (old, new) = ((was.len() - 1) / 3, (target.len().max(1) - 1) / 3);
    if new == 0 {
        return out.extend_from_slice(target);
    }
    for piece in 0..new {
        let (t0, t1) = (piece as f32 * old as f32 / new as f32, (piece + 1) as f32 * old as f32 / new as f32);
        // Where a piece of the new spans several of the old, the old is simplified to their ends.
        let (a, d) = (on_chain(was, t0), on_chain(was, t1));
        let (b, c) = (on_chain(was, t0 + (t1 - t0) / 3.0), on_chain(was, t0 + (t1 - t0) * 2.0 / 3.0));
        if piece == 0 {
            out.push(a);
        }
        // Control points of the cubic that runs through a, b, c, d at even parameters.
        let control = |axis: usize| {
            let (a, b, c, d) = (a[axis], b[axis], c[axis], d[axis]);
            (
                (-5.0 * a + 18.0 * b - 9.0 * c + 2.0 * d) / 6.0,
                (2.0 * a - 9.0 * b + 18.0 * c - 5.0 * d) / 6.0,
            )
        };
        let ((x1, x2), (y1, y2)) = (control(0), control(1));
        out.extend([[x1, y1], [x2, y2], d]);
    }
}

/// The point of a chain of cubics at parameter `t`, one unit a piece.
pub fn on_chain(chain: &[Point], t: f32) -> Point {
    let pieces = chain.len().saturating_sub(1) / 3;
    if pieces == 0 {
        return chain.first().copied().unwrap_or_default();
    }
    let piece = (t.max(0.0) as usize).min(pieces - 1);
    let t = (t - piece as f32).clamp(0.0, 1.0);
    match chain.get(piece * 3..piece * 3 + 4) {
        Some(&[a, b, c, d]) => cubic([a, b, c, d], t),
        _ => chain.first().copied().unwrap_or_default(),
    }
}

/// Moves the ends of a route, and what lies between by its share, so that it keeps its shape.
pub fn stretch(route: &mut [Point], from: Point, to: Point) {
    let (Some(&first), Some(&last), n) = (route.first(), route.last(), route.len()) else {
        return;
    };
    let (da, db) = ([from[0] - first[0], from[1] - first[1]], [to[0] - last[0], to[1] - last[1]]);
    for (i, p) in route.iter_mut().enumerate() {
        let t = i as f32 / (n.max(2) - 1) as f32;
        p[0] += da[0] * (1.0 - t) + db[0] * t;
        p[1] += da[1] * (1.0 - t) + db[1] * t;
    }
}

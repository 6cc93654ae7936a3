//! The selected node with its neighbours around it: callers above, callees below, in as many arcs as they need.
//!
//! Works in the plane of the present camera, so that the group fills the free area whatever the zoom; it does not move the camera.

use super::{
    data::Point,
    geometry::Spot,
    state::{RADIUS, Scene},
};
use scope_shared::sort::SmallSort as _;

/// Moves the selected node and its neighbours (in `spots`) together; returns all of them, the selected one first.
pub(super) fn gather(scene: &Scene, selected: u32, spots: &mut [Spot]) -> Vec<u32> {
    let camera = scene.glide.map_or(scene.camera, |glide| glide.target());
    let [left, top, width, height] = scene.viewport.free();
    let centre = camera.to_plane([left + width / 2.0, top + height / 2.0]);
    let centre: Point = [centre[0] as f32, centre[1] as f32];
    let mut callers = Vec::new();
    let mut callees = Vec::new();
    for &(edge, other) in scene.near(selected) {
        if other == selected || callers.contains(&other) || callees.contains(&other) {
            continue;
        }
        let outgoing = scene.data.edges.get(edge as usize).is_some_and(|e| e.from == selected);
        if outgoing { callees.push(other) } else { callers.push(other) }
    }
    let x_of = |node: &u32| scene.home(*node)[0];
    callers.order_by(|a, b| x_of(a).total_cmp(&x_of(b)).then(a.cmp(b)));
    callees.order_by(|a, b| x_of(a).total_cmp(&x_of(b)).then(a.cmp(b)));
    let count = callers.len() + callees.len();
    let extent = width.min(height * 1.35) / camera.zoom;
    let rings = rings_needed(callers.len().max(callees.len()));
    let mut scale = (extent / 100.0 / 2.0 / ((count as f64) + 10.0).sqrt()) as f32;
    // Captions need as much room again as the glyphs.
    let room = (height / camera.zoom) as f32 / (2.0 * rings as f32 + 1.2) / (RADIUS * 3.2);
    scale = scale.min(room).min(0.75 / camera.zoom as f32).max(0.05);
    if let Some(spot) = spots.get_mut(selected as usize) {
        *spot = Spot { at: centre, scale };
    }
    let free = [width as f32 / camera.zoom as f32, height as f32 / camera.zoom as f32];
    arcs(&callers, -1.0, centre, free, rings, scale, spots);
    arcs(&callees, 1.0, centre, free, rings, scale, spots);
    let mut all = vec![selected];
    all.extend(callers);
    all.extend(callees);
    all
}

/// Each arc outwards holds more than the one before: 7, 11, 15 …
fn capacity(ring: usize) -> usize {
    7 + 4 * ring
}

fn rings_needed(count: usize) -> usize {
    let (mut rings, mut held) = (1, capacity(0));
    while held < count && rings < 12 {
        held += capacity(rings);
        rings += 1;
    }
    rings
}

/// Spreads nodes over half-ellipses above (`side` -1) or below (1) the centre, from left to right.
fn arcs(nodes: &[u32], side: f32, centre: Point, free: Point, rings: usize, scale: f32, spots: &mut [Spot]) {
    let mut rest = nodes;
    let total: usize = (0..rings).map(capacity).sum();
    for ring in 0..rings {
        if rest.is_empty() {
            return;
        }
        // Shares by capacity, so that a few are not all crowded in the innermost arc.
        let share = if ring + 1 == rings {
            rest.len()
        } else {
            (nodes.len() * capacity(ring)).div_ceil(total).min(rest.len())
        };
        let (now, later) = rest.split_at(share);
        rest = later;
        let reach = (ring + 1) as f32 / rings as f32;
        let (rx, ry) = (free[0] * 0.42 * (0.45 + 0.55 * reach), free[1] * 0.36 * reach.max(0.55));
        let spread = (now.len() as f32 / 7.0).min(1.0) * 0.42 + 0.44;
        for (i, &node) in now.iter().enumerate() {
            let t = if now.len() == 1 {
                0.0
            } else {
                i as f32 / (now.len() - 1) as f32 * 2.0 - 1.0
            };
            let angle = t * spread * std::f32::consts::FRAC_PI_2;
            if let Some(spot) = spots.get_mut(node as usize) {
                *spot = Spot {
                    at: [centre[0] + angle.sin() * rx, centre[1] + side * angle.cos() * ry],
                    scale: scale * 0.8,
                };
            }
        }
    }
}

//! Far out, dense areas become aggregates with a count, joined by what joins their nodes: never too many things on the screen.
//!
//! Aggregates belong to cells of a grid whose size goes in powers of two, so that they stay while panning and change rarely while zooming.

use foldhash::HashMap;
use scope_shared::sort::SmallSort as _;
use smol_str::{SmolStr, format_smolstr};

use super::{
    data::Point,
    state::{Layer, Scene},
};

/// Zoom below which glyphs are too small to be told apart: a glyph of 6 pixels.
pub const AGGREGATE_BELOW: f64 = 0.06;
/// Size of a cell on the screen, at least, CSS pixels.
const CELL_PIXELS: f64 = 44.0;
/// So many nodes of one cell become one.
const DENSE: usize = 3;
/// How many levels are kept besides the one that is shown.
const KEPT: usize = 2;

/// Several nodes drawn as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Middle of its nodes.
    pub at: Point,
    /// How many nodes.
    pub count: u32,
    /// The same to be read.
    pub text: SmolStr,
    /// Radius on the screen, CSS pixels: its area grows with the count, gently.
    pub radius: f32,
    /// The node whose colour it takes: the best connected.
    pub example: u32,
    /// All of its nodes are blurred.
    pub blurred: bool,
}

/// Edges that join the same two ends, drawn as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bundle {
    /// From.
    pub a: Point,
    /// To.
    pub b: Point,
    /// How many edges.
    pub count: u32,
    /// Both ends are blurred.
    pub blurred: bool,
}

/// The aggregates of one level.
#[derive(Debug, Default)]
pub struct Aggregates {
    key: Option<(i32, u64, u64)>,
    /// What became one.
    pub groups: Vec<Aggregate>,
    /// Nodes that are still drawn themselves.
    pub single: Vec<u32>,
    /// Edges between all of these.
    pub bundles: Vec<Bundle>,
    /// Group of each node; `u32::MAX` where it stands for itself.
    pub group_of: Vec<u32>,
}

/// The level for a zoom; `None` near enough for all nodes.
pub fn level(zoom: f64) -> Option<i32> {
    (zoom < AGGREGATE_BELOW).then(|| (CELL_PIXELS / zoom).log2().ceil() as i32)
}

/// Makes the scene's aggregates fit its camera; does nothing while they do.
pub(super) fn refresh(scene: &mut Scene) {
    let level = level(scene.camera.zoom);
    let key = level.map(|level| (level, scene.geometry.version, scene.style_version));
    if scene.aggregates.key != key {
        follow(scene, level);
    }
}

#[inline(never)] // waits with the rest of the program (app/web/split.mjs)
fn follow(scene: &mut Scene, level: Option<i32>) {
    let (places, looks) = (scene.geometry.version, scene.style_version);
    let key = level.map(|level| (level, places, looks));
    // Whoever zooms comes back: the levels before are kept as long as nodes stay where they are and look as they did.
    let mut made = std::mem::take(&mut scene.aggregates);
    let stays = |(_, of_places, of_looks): (i32, u64, u64)| (of_places, of_looks) == (places, looks);
    scene.levels.retain(|kept| kept.key.is_some_and(stays));
    if made.key.is_some_and(stays) {
        scene.levels.push(std::mem::take(&mut made));
        if scene.levels.len() > KEPT {
            scene.levels.remove(0);
        }
    }
    if let Some(level) = level {
        match scene.levels.iter().position(|kept| kept.key == key) {
            Some(at) => made = scene.levels.remove(at),
            None => {
                made.key = key;
                build(scene, level, &mut made);
            }
        }
        scene.aggregates = made;
    }
}

fn build(scene: &Scene, level: i32, made: &mut Aggregates) {
    let cell = 2f64.powi(level) as f32;
    let spots = &scene.geometry.spots;
    let layers: Vec<Layer> = (0..spots.len() as u32).map(|v| scene.node_layer(v)).collect();
    let key = |at: Point| ((at[0] / cell).floor() as i32, (at[1] / cell).floor() as i32);
    let mut cells: HashMap<(i32, i32), Vec<u32>> = HashMap::default();
    made.group_of.clear();
    made.group_of.resize(spots.len(), u32::MAX);
    for (v, spot) in spots.iter().enumerate() {
        // What is pointed at or was searched for stays itself.
        let matched = scene
            .matches
            .as_ref()
            .is_some_and(|m| m.len() <= 400 && m.contains_key(&(v as u32)));
        if layers[v] != Layer::Raised && !matched {
            cells.entry(key(spot.at)).or_default().push(v as u32);
        }
    }
    made.groups.clear();
    let mut dense: Vec<Vec<u32>> = cells.into_values().filter(|nodes| nodes.len() >= DENSE).collect();
    dense.order_by_key(|nodes| nodes.first().copied());
    for nodes in dense {
        let number = made.groups.len() as u32;
        let (mut x, mut y) = (0.0, 0.0);
        let mut example = nodes[0];
        for &v in &nodes {
            made.group_of[v as usize] = number;
            x += f64::from(spots[v as usize].at[0]);
            y += f64::from(spots[v as usize].at[1]);
            if scene.near(v).len() > scene.near(example).len() {
                example = v;
            }
        }
        let count = nodes.len() as u32;
        let at = [(x / f64::from(count)) as f32, (y / f64::from(count)) as f32];
        made.groups.push(Aggregate {
            at,
            count,
            text: if count < 10_000 {
                format_smolstr!("{count}")
            } else {
                format_smolstr!("{}k", count / 1000)
            },
            radius: (7.0 + 2.1 * f64::from(count).ln() as f32).min(20.0),
            example,
            blurred: nodes.iter().all(|&v| layers[v as usize] == Layer::Blurred),
        });
    }
    made.single = (0..spots.len() as u32).filter(|&v| made.group_of[v as usize] == u32::MAX).collect();
    bundle(scene, &layers, made);
}

fn bundle(scene: &Scene, layers: &[Layer], made: &mut Aggregates) {
    let groups = made.groups.len() as u32;
    let end = |v: u32| made.group_of.get(v as usize).map(|&g| if g == u32::MAX { groups + v } else { g });
    let mut pairs: Vec<(u32, u32)> = scene
        .data
        .edges
        .iter()
        .enumerate()
        .filter(|(i, _)| scene.edge_layer(*i as u32) != Layer::Raised)
        .filter_map(|(_, e)| Some((end(e.from)?, end(e.to)?)))
        .filter(|(a, b)| a != b)
        .map(|(a, b)| (a.min(b), a.max(b)))
        .collect();
    pairs.sort_unstable();
    made.bundles.clear();
    let place = |end: u32| match made.groups.get(end as usize) {
        Some(group) => (group.at, group.blurred),
        None => {
            let v = (end - groups) as usize;
            (
                scene.geometry.spots.get(v).map(|s| s.at).unwrap_or_default(),
                layers.get(v) == Some(&Layer::Blurred),
            )
        }
    };
    for run in pairs.chunk_by(|a, b| a == b) {
        let Some(&(a, b)) = run.first() else { continue };
        let ((from, fade_a), (to, fade_b)) = (place(a), place(b));
        made.bundles.push(Bundle {
            a: from,
            b: to,
            count: run.len() as u32,
            blurred: fade_a || fade_b,
        });
    }
}

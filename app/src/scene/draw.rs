//! The scene as lists of things to draw, in painting order: what WebGL uploads and Canvas2D and SVG walk through.
//!
//! Lists are made anew only when places or looks change; a moving camera changes nothing in them.

use super::{
    colour,
    data::{Point, Shape},
    lod,
    state::{Layer, RADIUS, Scene, Target},
    theme::Rgba,
};

/// What a glyph is: numbers below 16 are `Shape`s.
pub mod kind {
    /// Arrowhead; `turn` is its direction.
    pub const ARROW: u8 = 16;
    /// Aggregate: a filled disc, its radius in pixels.
    pub const CLUSTER: u8 = 17;
    /// Rectangle.
    pub const BAR: u8 = 18;
}

/// Marks of a glyph.
pub mod flag {
    /// A halo around it.
    pub const HIGHLIGHT: u8 = 1;
    /// A camera badge.
    pub const CAMERA: u8 = 2;
    /// No dot in the middle (a value stands there).
    pub const NO_DOT: u8 = 4;
    /// A fill in the metric's colour.
    pub const FILL: u8 = 8;
    /// A pin.
    pub const PINNED: u8 = 16;
    /// The keyboard's focus ring.
    pub const CURSOR: u8 = 32;
}

/// One glyph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glyph {
    /// Centre, graph units.
    pub at: Point,
    /// Half width and half height: graph units, but pixels for aggregates.
    pub half: Point,
    /// Outline (or the whole of arrows, bars and aggregates).
    pub colour: Rgba,
    /// Metric fill.
    pub fill_colour: Rgba,
    /// `Shape` or `kind`.
    pub kind: u8,
    /// `flag`s.
    pub flags: u8,
    /// Height of the fill, 0 to 255.
    pub fill: u8,
    /// How much of its own colours remains, 255 is all; for arrows the direction, 256 steps to the full turn.
    pub strength: u8,
    /// The node it belongs to; `u32::MAX` for none.
    pub node: u32,
}

/// One cubic piece of an edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Control points, graph units.
    pub points: [Point; 4],
    /// Colour with alpha.
    pub colour: Rgba,
    /// Width, CSS pixels; negative is dotted.
    pub width: f32,
}

impl Stroke {
    fn reach(&self) -> Reach {
        let [a, b, c, d] = self.points;
        // How far it is from straight and evenly passed through: the larger second difference of its control points.
        let second = |a: Point, b: Point, c: Point| (a[0] - 2.0 * b[0] + c[0]).hypot(a[1] - 2.0 * b[1] + c[1]);
        Reach {
            left: a[0].min(b[0]).min(c[0]).min(d[0]),
            top: a[1].min(b[1]).min(c[1]).min(d[1]),
            right: a[0].max(b[0]).max(c[0]).max(d[0]),
            bottom: a[1].max(b[1]).max(c[1]).max(d[1]),
            // The dotted ones come last, so that all others are drawn without asking for dots.
            bend: if self.width < 0.0 {
                f32::INFINITY
            } else {
                second(a, b, c).max(second(b, c, d))
            },
        }
    }
}

/// A box that a stroke does not leave, and how much it bends, graph units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Least x.
    pub left: f32,
    /// Least y.
    pub top: f32,
    /// Greatest x.
    pub right: f32,
    /// Greatest y.
    pub bottom: f32,
    /// Distance from straight; infinite for those that are dotted or keep their order.
    pub bend: f32,
}

/// Pieces of edges, sorted by layer; those of a layer have one colour and are sorted by how much they bend, but for the raised ones.
#[derive(Debug, Default)]
pub struct Strokes {
    /// The pieces.
    pub list: Vec<Stroke>,
    /// Of each, how far it reaches.
    pub reaches: Vec<Reach>,
    /// Where each layer ends.
    pub ends: [usize; 3],
    /// Another number for all that was ever in a draw list's strokes.
    pub version: u64,
    key: Option<(u64, u64, Option<i32>)>,
}

/// All that is drawn, without text. Each list is sorted by layer; `ends` says where each layer ends.
#[derive(Debug, Default)]
pub struct DrawList {
    /// Near and far: who zooms out and in again waits for neither.
    strokes: [Strokes; 2],
    far: bool,
    /// Glyphs; in each layer those that are no nodes come first.
    pub glyphs: Vec<Glyph>,
    /// In each layer, where nodes begin.
    pub node_begins: [usize; 3],
    /// Ends of the layers in `glyphs`.
    pub glyph_ends: [usize; 3],
    key: Option<(u64, u64, Option<i32>)>,
    detail: bool,
    versions: u64,
    /// Counts changes of the glyphs.
    pub glyph_version: u64,
}

const LAYERS: [Layer; 3] = [Layer::Blurred, Layer::Normal, Layer::Raised];

impl DrawList {
    /// Makes the lists fit the scene; does nothing while they do.
    pub fn refresh(&mut self, scene: &mut Scene) {
        lod::refresh(scene);
        let level = lod::level(scene.camera.zoom);
        // Stacks and bars are drawn only where they can be seen; that is one step of detail, not one a pixel.
        let detail = scene.camera.zoom > 0.11;
        let key = Some((scene.geometry.version, scene.style_version, level));
        self.far = level.is_some();
        if self.key != key || self.detail != detail {
            self.key = key;
            self.glyph_version += 1;
            self.detail = detail;
            self.glyphs.clear();
            self.glyphs_of_nodes(scene, self.far, detail);
        }
        let strokes = &mut self.strokes[usize::from(self.far)];
        if strokes.key != key {
            self.versions += 1;
            strokes.key = key;
            strokes.version = self.versions;
            strokes.fill(scene, self.far);
        }
    }

    /// The strokes for where the camera is.
    pub fn strokes(&self) -> &Strokes {
        &self.strokes[usize::from(self.far)]
    }

    /// Whether the camera is so far that areas stand for their nodes.
    pub fn is_far(&self) -> bool {
        self.far
    }

    /// Makes the lists as if the camera were near: for exports of everything.
    pub fn complete(scene: &Scene) -> Self {
        let mut list = Self::default();
        list.strokes[0].fill(scene, false);
        list.glyphs_of_nodes(scene, false, true);
        list
    }

    fn glyphs_of_nodes(&mut self, scene: &Scene, far: bool, detail: bool) {
        let palette = scene.theme.palette();
        for (slot, layer) in LAYERS.into_iter().enumerate() {
            if layer == Layer::Raised {
                self.arrows(scene);
            }
            if far {
                for group in scene
                    .aggregates
                    .groups
                    .iter()
                    .filter(|g| layer == if g.blurred { Layer::Blurred } else { Layer::Normal })
                {
                    let node = scene.data.nodes.get(group.example as usize);
                    let own = node.map_or(palette.neutral, |n| colour::node(&n.rank, "", n.pseudo, scene.theme));
                    let strength = if group.blurred { palette.blur } else { 1.0 };
                    let radius = group.radius;
                    self.glyphs.push(Glyph {
                        at: group.at,
                        half: [radius, radius],
                        colour: colour::mix(palette.canvas, own, strength),
                        fill_colour: palette.body,
                        kind: kind::CLUSTER,
                        flags: 0,
                        fill: 0,
                        strength: (strength * 255.0) as u8,
                        node: u32::MAX,
                    });
                }
                self.node_begins[slot] = self.glyphs.len();
                for &node in &scene.aggregates.single {
                    if scene.node_layer(node) == layer {
                        self.node(scene, node, layer, detail);
                    }
                }
            } else {
                self.bars_of_layer(scene, layer, detail);
                self.node_begins[slot] = self.glyphs.len();
                for node in 0..scene.data.nodes.len() as u32 {
                    if scene.node_layer(node) == layer && !is_last(scene, node) {
                        self.node(scene, node, layer, detail);
                    }
                }
                if layer == Layer::Raised {
                    for node in (0..scene.data.nodes.len() as u32).filter(|&n| is_last(scene, n)) {
                        self.node(scene, node, layer, detail);
                    }
                }
            }
            self.glyph_ends[slot] = self.glyphs.len();
        }
    }

    fn node(&mut self, scene: &Scene, index: u32, layer: Layer, detail: bool) {
        let (Some(node), Some(spot)) = (scene.data.nodes.get(index as usize), scene.geometry.spots.get(index as usize)) else {
            return;
        };
        let palette = scene.theme.palette();
        let strength = if layer == Layer::Blurred { palette.blur } else { 1.0 };
        let metric = scene.metric_on(index);
        let highlighted = scene.is_highlighted(index);
        let mut flags = 0;
        let mut set = |on: bool, bit: u8| flags |= if on { bit } else { 0 };
        set(highlighted, flag::HIGHLIGHT);
        set(node.camera, flag::CAMERA);
        set(metric.is_some(), flag::FILL);
        set(highlighted && metric.is_some() && !node.stack, flag::NO_DOT);
        set(scene.pins.contains_key(&node.id), flag::PINNED);
        set(scene.cursor == Some(index), flag::CURSOR);
        let radius = RADIUS * spot.scale;
        let fill_colour = scene.metric.as_ref().map_or(palette.body, |layer| colour::metric(&layer.id));
        let glyph = Glyph {
            at: spot.at,
            half: [radius, radius],
            colour: colour::node(&node.rank, &node.label, node.pseudo, scene.theme),
            fill_colour,
            kind: node.shape as u8,
            flags,
            fill: metric.map_or(0, |(height, _)| (height * 255.0).round() as u8),
            strength: (strength * 255.0) as u8,
            node: index,
        };
        if detail && node.stack {
            // Three full glyphs, each a little above the other; the last one covers.
            let step = radius * if scene.theme == super::Theme::Contrast { 0.18 } else { 0.15 };
            for (i, offset) in [1.4, 0.4, -0.6].into_iter().enumerate() {
                let at = [spot.at[0], spot.at[1] - step * offset];
                let flags = if i == 2 {
                    glyph.flags
                } else {
                    glyph.flags & (flag::FILL | flag::HIGHLIGHT)
                };
                self.glyphs.push(Glyph { at, flags, ..glyph });
            }
        } else {
            self.glyphs.push(glyph);
        }
    }

    fn bars_of_layer(&mut self, scene: &Scene, layer: Layer, detail: bool) {
        if !detail || scene.networks.is_none() {
            return;
        }
        let palette = scene.theme.palette();
        let strength = if layer == Layer::Blurred { palette.blur } else { 1.0 };
        for node in 0..scene.data.nodes.len() as u32 {
            if scene.node_layer(node) == layer {
                self.bars(scene, node, strength);
            }
        }
    }

    /// The networks of a node as bars of their colours under the glyph.
    fn bars(&mut self, scene: &Scene, index: u32, strength: f32) {
        let (Some(node), Some(spot)) = (scene.data.nodes.get(index as usize), scene.geometry.spots.get(index as usize)) else {
            return;
        };
        let radius = RADIUS * spot.scale;
        let canvas = scene.theme.palette().canvas;
        let count = node.networks.len() as f32;
        let total = (0.25 * count).max(1.0) * radius * 2.0;
        let width = total / count;
        for (i, name) in node.networks.iter().enumerate() {
            let x = spot.at[0] - total / 2.0 + width * (i as f32 + 0.5);
            self.glyphs.push(Glyph {
                at: [x, spot.at[1] + radius * 1.24],
                half: [width * 0.48, radius * 0.087],
                colour: colour::mix(canvas, colour::network(name), strength),
                fill_colour: canvas,
                kind: kind::BAR,
                flags: 0,
                fill: 0,
                strength: 255,
                node: index,
            });
        }
    }

    /// Arrowheads of raised edges, pointing at the target.
    fn arrows(&mut self, scene: &Scene) {
        let palette = scene.theme.palette();
        for (i, edge) in scene.data.edges.iter().enumerate() {
            if edge.from == edge.to || scene.edge_layer(i as u32) != Layer::Raised {
                continue;
            }
            let route = scene.geometry.routes.get(i);
            let (Some(&[.., c, d]), Some(target)) = (
                route.get(route.len().saturating_sub(4)..),
                scene.geometry.spots.get(edge.to as usize),
            ) else {
                continue;
            };
            // The tip stands a little off the target's outline, on the last piece of the curve.
            let Some(&[a, b, ..]) = route.get(route.len().saturating_sub(4)..) else {
                continue;
            };
            let size = (13.0 * target.scale).max(6.0);
            let stand_off = RADIUS * target.scale * 1.18 + size;
            let mut t = 1.0;
            while t > 0.0 {
                let p = super::data::cubic([a, b, c, d], t);
                if (p[0] - d[0]).hypot(p[1] - d[1]) >= stand_off {
                    break;
                }
                t -= 0.02;
            }
            let t = t.max(0.04);
            let (p, before) = (super::data::cubic([a, b, c, d], t), super::data::cubic([a, b, c, d], t - 0.03));
            let angle = (p[1] - before[1]).atan2(p[0] - before[0]).rem_euclid(std::f32::consts::TAU);
            self.glyphs.push(Glyph {
                at: p,
                half: [size, size],
                colour: palette.edge_focus,
                fill_colour: palette.edge_focus,
                kind: kind::ARROW,
                flags: 0,
                fill: 0,
                strength: (angle / std::f32::consts::TAU * 256.0) as u32 as u8,
                node: u32::MAX,
            });
        }
    }
}

impl Strokes {
    /// Ordinary strokes alone.
    #[cfg(test)]
    pub fn of(list: Vec<Stroke>) -> Self {
        let mut strokes = Self { list, ..Self::default() };
        strokes.end(1);
        strokes.end(2);
        strokes
    }

    fn fill(&mut self, scene: &Scene, far: bool) {
        self.list.clear();
        self.reaches.clear();
        let palette = scene.theme.palette();
        for (slot, layer) in LAYERS.into_iter().enumerate() {
            if far && layer != Layer::Raised {
                for bundle in scene.aggregates.bundles.iter().filter(|b| b.blurred == (layer == Layer::Blurred)) {
                    let mut colour = colour::mix(palette.canvas, palette.edge, if bundle.blurred { palette.blur } else { 1.0 });
                    colour[3] = (70 + bundle.count.min(40) * 3) as u8;
                    let third = |t: f32| [0, 1].map(|i| bundle.a[i] + (bundle.b[i] - bundle.a[i]) * t);
                    let width = palette.edge_width * (0.8 + (bundle.count as f32).ln() * 0.45).min(3.0);
                    self.list.push(Stroke {
                        points: [bundle.a, third(1.0 / 3.0), third(2.0 / 3.0), bundle.b],
                        colour,
                        width,
                    });
                }
                self.end(slot);
                continue;
            }
            for (i, edge) in scene.data.edges.iter().enumerate() {
                if scene.edge_layer(i as u32) != layer {
                    continue;
                }
                let route = scene.geometry.routes.get(i);
                let mut colour = palette.edge;
                let mut width = palette.edge_width;
                match layer {
                    Layer::Blurred => colour = colour::mix(palette.canvas, palette.edge, palette.blur),
                    Layer::Normal => colour[3] = 165,
                    Layer::Raised => {
                        colour = palette.edge_focus;
                        width *= 1.8;
                        let mut band = palette.accent;
                        band[3] = if scene.theme == super::Theme::Contrast { 77 } else { 36 };
                        if scene.hover != Target::Nothing {
                            self.pieces(route, band, 9.0);
                        }
                    }
                }
                self.pieces(route, colour, width);
                if edge.storage {
                    self.pieces(route, colour, -4.0);
                }
            }
            self.end(slot);
        }
    }

    /// Sorts the layer that has been filled by how much its strokes bend.
    fn end(&mut self, slot: usize) {
        let begin = self.reaches.len();
        let (end, raised) = (self.list.len(), LAYERS[slot] == Layer::Raised);
        self.ends[slot] = end;
        let Some(filled) = self.list.get_mut(begin..end) else { return };
        let reaches: Vec<Reach> = filled.iter().map(Stroke::reach).collect();
        if raised {
            let keeps = |reach: Reach| Reach {
                bend: f32::INFINITY,
                ..reach
            };
            return self.reaches.extend(reaches.into_iter().map(keeps));
        }
        let unsorted = filled.to_vec();
        let mut order: Vec<u64> = reaches
            .iter()
            .zip(0..)
            .map(|(reach, i)| u64::from(reach.bend.to_bits()) << 32 | i)
            .collect();
        order.sort_unstable();
        for (slot, place) in filled.iter_mut().zip(order) {
            let from = (place & 0xffff_ffff) as usize;
            if let (Some(&stroke), Some(&reach)) = (unsorted.get(from), reaches.get(from)) {
                *slot = stroke;
                self.reaches.push(reach);
            }
        }
    }

    fn pieces(&mut self, route: &[Point], colour: Rgba, width: f32) {
        let mut at = 0;
        while let Some(&[a, b, c, d]) = route.get(at..at + 4) {
            self.list.push(Stroke {
                points: [a, b, c, d],
                colour,
                width,
            });
            at += 3;
        }
    }
}

/// The hovered and the selected node are painted over everything.
fn is_last(scene: &Scene, node: u32) -> bool {
    scene.hover == Target::Node(node) || scene.selected == Some(node)
}

/// The shape of a glyph that is a node.
pub fn shape_of(kind: u8) -> Option<Shape> {
    Shape::ALL.get(usize::from(kind)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_sorted_by_bend_and_loses_nothing() {
        let bent = |by: f32| Stroke {
            points: [[0.0, 0.0], [10.0, by], [20.0, by], [30.0, 0.0]],
            colour: [0; 4],
            width: 1.0,
        };
        let list = Strokes::of([90.0, 0.0, 3.0, 0.0, 900.0].map(bent).to_vec());
        let bends: Vec<f32> = list.list.iter().map(|stroke| stroke.points[1][1]).collect();
        assert_eq!(bends, [0.0, 0.0, 3.0, 90.0, 900.0]);
        let reaches: Vec<Reach> = list.list.iter().map(Stroke::reach).collect();
        assert_eq!(list.reaches, reaches);
        assert_eq!(list.ends, [0, 5, 5]);
    }
}

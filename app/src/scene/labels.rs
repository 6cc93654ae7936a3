//! Which captions are shown and where: the most important first, none over another, none over a glyph.
//!
//! Works on the screen, in CSS pixels. Widths come from whoever can measure text; nothing here draws.

use smol_str::{SmolStr, format_smolstr};

use super::{
    colour, lod,
    state::{Layer, RADIUS, Scene},
    theme::Rgba,
};

/// Captions on one screen at most: more could not be read, and each costs a quad.
const MOST: usize = 500;
/// Radius of a glyph that has a caption without being asked for, CSS pixels.
const LEAST: f32 = 6.0;
/// Side of an occupancy cell, CSS pixels.
const CELL: f32 = 4.0;

/// Measures text.
pub trait Measure {
    /// Width of `text` at a size of one pixel, in pixels; `bold` or regular.
    fn width(&mut self, text: &SmolStr, bold: bool) -> f32;
}

/// Widths by rule of thumb, for tests and for exports without a browser.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimate;

impl Measure for Estimate {
    fn width(&mut self, text: &SmolStr, bold: bool) -> f32 {
        let narrow = |c: char| matches!(c, 'i' | 'l' | 'j' | 't' | 'f' | '.' | ',' | ';' | ':' | '|' | '\'' | ' ' | '-');
        let sum: f32 = text
            .chars()
            .map(|c| {
                if narrow(c) {
                    0.32
                } else if (c as u32) >= 0x2e80 {
                    1.0
                } else {
                    0.56
                }
            })
            .sum();
        if bold { sum * 1.06 } else { sum }
    }
}

/// One line of text on the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The text, not yet shortened.
    pub text: SmolStr,
    /// Middle, CSS pixels.
    pub x: f32,
    /// Middle, CSS pixels.
    pub y: f32,
    /// Width on the screen after shortening.
    pub width: f32,
    /// It is shown in full.
    pub fits: bool,
    /// Size, whole CSS pixels.
    pub size: u8,
    /// Heavier.
    pub bold: bool,
    /// Colour; alpha fades.
    pub colour: Rgba,
    /// A plate in the canvas' colour behind it.
    pub plate: bool,
    /// Byte ranges with a tint behind them.
    pub tints: Vec<(u32, u32)>,
}

/// The captions of one view, and the room they take.
#[derive(Debug, Default)]
pub struct Labels {
    /// In the order of importance.
    pub list: Vec<Label>,
    taken: Vec<bool>,
    /// Which nodes are on the screen and large enough for a caption.
    seen: Vec<bool>,
    columns: usize,
    rows: usize,
    /// How many of the list belong to nodes that may be asked for twice: those that are asked for first.
    early: usize,
}

impl Labels {
    /// Makes the captions for the scene as it is seen now.
    pub fn refresh(&mut self, scene: &Scene, measure: &mut dyn Measure) {
        self.list.clear();
        self.early = usize::MAX;
        let viewport = scene.viewport();
        self.columns = (viewport.width as f32 / CELL).ceil() as usize + 1;
        self.rows = (viewport.height as f32 / CELL).ceil() as usize + 1;
        self.taken.resize(self.columns * self.rows, false);
        self.taken.fill(false);
        self.seen.clear();
        if lod::level(scene.camera().zoom).is_some() {
            self.counts(scene, measure);
        } else {
            self.occupy_glyphs(scene);
        }
        let raised = |&node: &u32| scene.node_layer(node) == Layer::Raised;
        let matched = |&node: &u32| scene.matches.as_ref().is_some_and(|m| m.contains_key(&node));
        let first = scene.cursor.into_iter().chain(scene.selected);
        let hovered = match scene.hover {
            super::state::Target::Node(node) => Some(node),
            _ => None,
        };
        for node in hovered.into_iter().chain(first) {
            self.caption(scene, node, measure, true);
        }
        let busy = scene.hover != super::state::Target::Nothing || scene.selected.is_some();
        if busy {
            for &node in scene.by_degree.iter().filter(|n| raised(n)) {
                self.caption(scene, node, measure, true);
            }
        }
        if scene.matches.is_some() {
            for &node in scene.by_degree.iter().filter(|n| matched(n)) {
                self.caption(scene, node, measure, false);
            }
        }
        self.early = self.list.len();
        for &node in &scene.by_degree {
            if self.list.len() >= MOST {
                break;
            }
            if self.seen.get(node as usize) == Some(&true) {
                self.caption(scene, node, measure, false);
            }
        }
    }

    /// Whether a glyph of radius `r` is where its caption could be seen.
    #[inline]
    fn is_near(&self, [x, y]: [f32; 2], r: f32) -> bool {
        let (width, height) = (self.columns as f32 * CELL, self.rows as f32 * CELL);
        !(x < -60.0 || x > width + 60.0 || y < -r - 40.0 || y > height)
    }

    fn cells(&self, left: f32, top: f32, right: f32, bottom: f32) -> Option<[usize; 4]> {
        if right < 0.0 || bottom < 0.0 || left >= self.columns as f32 * CELL || top >= self.rows as f32 * CELL {
            return None;
        }
        // What is negative becomes zero.
        let cell = |v: f32, most: usize| ((v / CELL) as usize).min(most - 1);
        Some([
            cell(left, self.columns),
            cell(top, self.rows),
            cell(right, self.columns),
            cell(bottom, self.rows),
        ])
    }

    fn occupy(&mut self, left: f32, top: f32, right: f32, bottom: f32) {
        let Some([x0, y0, x1, y1]) = self.cells(left, top, right, bottom) else {
            return;
        };
        for y in y0..=y1 {
            if let Some(row) = self.taken.get_mut(y * self.columns + x0..=y * self.columns + x1) {
                row.fill(true);
            }
        }
    }

    /// Whether anything of a place is taken; `None` where nothing of it is on the screen.
    fn is_taken(&self, left: f32, top: f32, right: f32, bottom: f32) -> Option<bool> {
        let [x0, y0, x1, y1] = self.cells(left, top, right, bottom)?;
        let cells = |y| self.taken.get(y * self.columns + x0..=y * self.columns + x1);
        Some((y0..=y1).any(|y| cells(y).is_none_or(|row| row.contains(&true))))
    }

    fn is_free(&self, left: f32, top: f32, right: f32, bottom: f32) -> bool {
        self.is_taken(left, top, right, bottom) == Some(false)
    }

    /// Glyphs that are seen take their room first.
    fn occupy_glyphs(&mut self, scene: &Scene) {
        let camera = scene.camera();
        let selecting = scene.selected.is_some();
        for (node, spot) in scene.geometry.spots.iter().enumerate() {
            let r = (f64::from(RADIUS * spot.scale) * camera.zoom) as f32;
            let [x, y] = camera.to_screen(spot.at).map(|v| v as f32);
            self.seen.push(r >= LEAST && self.is_near([x, y], r));
            // What is faded behind a selection may be written over.
            if selecting && scene.node_layer(node as u32) == Layer::Blurred {
                continue;
            }
            if r > 3.0 {
                self.occupy(x - r * 0.9, y - r * 0.9, x + r * 0.9, y + r * 0.8);
            }
        }
    }

    /// Counts in aggregates.
    #[inline(never)] // waits with the rest of the program (app/web/split.mjs)
    fn counts(&mut self, scene: &Scene, measure: &mut dyn Measure) {
        let palette = scene.theme().palette();
        for group in &scene.aggregates.groups {
            let [x, y] = scene.camera().to_screen(group.at).map(|v| v as f32);
            let r = group.radius;
            if self.cells(x - r, y - r, x + r, y + r).is_none() {
                continue;
            }
            let size = if r < 11.0 { 10 } else { 11 };
            let width = measure.width(&group.text, true) * f32::from(size);
            self.occupy(x - r, y - r, x + r, y + r);
            let colour = colour::mix(palette.canvas, palette.text, if group.blurred { palette.blur } else { 1.0 });
            self.list.push(Label {
                text: group.text.clone(),
                x,
                y,
                width,
                fits: true,
                size,
                bold: true,
                colour,
                plate: false,
                tints: Vec::new(),
            });
        }
    }

    /// The caption of one node, if it is seen and there is room (or it must be shown).
    fn caption(&mut self, scene: &Scene, node: u32, measure: &mut dyn Measure, must: bool) {
        let (Some(data), Some(spot)) = (scene.data().nodes.get(node as usize), scene.geometry.spots.get(node as usize)) else {
            return;
        };
        let camera = scene.camera();
        let r = (f64::from(RADIUS * spot.scale) * camera.zoom) as f32;
        let [x, y] = camera.to_screen(spot.at).map(|v| v as f32);
        if !must && r < LEAST || !self.is_near([x, y], r) {
            return;
        }
        let layer = scene.node_layer(node);
        if layer == Layer::Blurred && (scene.selected.is_some() || r < 10.0) {
            return;
        }
        // A few sizes: the browser draws each caption anew for each, while somebody zooms.
        let size = match (9.8 + 0.13 * r).round() as u8 {
            ..12 => 11.0,
            12..14 => 12.0,
            14..16 => 14.0,
            _ => 16.0,
        };
        let bars = if scene.networks.is_some() && !data.networks.is_empty() && r > 5.0 {
            r * 0.2
        } else {
            0.0
        };
        // The foremost glyph of a stack lies a little lower than a single one.
        let stack = if data.stack { r * 0.1 } else { 0.0 };
        let top = y + r.max(2.5) + stack + bars + 2.0 + r * 0.05;
        let found = scene.matches.as_ref().and_then(|m| m.get(&node));
        let palette = scene.theme().palette();
        let line = size * 1.28;
        let taken = |labels: &Self, half: f32| labels.is_taken(x - half, top + 1.0, x + half, top + line - 1.0);
        // Most have no room, whatever their width.
        if !must && taken(self, 3.0) == Some(true) {
            return;
        }
        let natural = measure.width(&data.label, must) * size;
        // In full if there is room, else shortened to what lies between neighbours.
        let mut most = if must { 320.0 } else { (r * 4.1).max(150.0) };
        let half_of = |most: f32| natural.min(most) / 2.0 + 3.0;
        let mut free = taken(self, half_of(most)) == Some(false);
        if !must && !free && natural > 64.0 {
            most = (r * 4.1).clamp(64.0, 150.0);
            free = taken(self, half_of(most)) == Some(false);
        }
        let half = half_of(most);
        if !must && !free {
            return;
        }
        if !self.claim(x, top, half, line) {
            return;
        }
        let fade = if must { 1.0 } else { ((r - LEAST) / 3.0).clamp(0.25, 1.0) };
        let strength = if layer == Layer::Blurred { palette.blur } else { 1.0 } * fade;
        let push =
            |list: &mut Vec<Label>, text: &SmolStr, y: f32, natural: f32, size: f32, bold: bool, colour: Rgba, tints: Vec<(u32, u32)>| {
                let colour = colour::mix(palette.canvas, colour, strength);
                list.push(Label {
                    text: text.clone(),
                    x,
                    y,
                    width: natural.min(most),
                    fits: natural <= most + 0.5,
                    size: size as u8,
                    bold,
                    colour,
                    plate: true,
                    tints,
                });
            };
        push(
            &mut self.list,
            &data.label,
            top + line / 2.0,
            natural,
            size,
            must,
            palette.text,
            found.map(|f| f.label.clone()).unwrap_or_default(),
        );
        let mut below = top + line;
        let small = (size - 2.0).max(9.0);
        let step = small * 1.28;
        let mut rows: Vec<(SmolStr, Vec<(u32, u32)>)> = Vec::new();
        if !data.label_minor.is_empty() && (r > 11.0 || must) {
            rows.push((data.label_minor.clone(), found.map(|f| f.label_minor.clone()).unwrap_or_default()));
        }
        if let Some(found) = found.filter(|_| r > 13.0) {
            rows.extend(
                found
                    .fields
                    .iter()
                    .take(2)
                    .map(|(field, value)| (format_smolstr!("{field}: {value}"), Vec::new())),
            );
            if found.fields.len() > 2 {
                rows.push((format_smolstr!("{} more matches", found.fields.len() - 2), Vec::new()));
            }
        }
        for (text, tints) in rows {
            let natural = measure.width(&text, false) * small;
            let half = natural.min(most) / 2.0 + 3.0;
            if !must && !self.is_free(x - half, below + CELL, x + half, below + step - 1.0) {
                break;
            }
            self.occupy(x - half, below, x + half, below + step - 2.0);
            push(
                &mut self.list,
                &text,
                below + step / 2.0,
                natural,
                small,
                false,
                palette.text_minor,
                tints,
            );
            below += step;
        }
        self.value(scene, node, [x, y], r, measure);
    }

    /// Takes the room of a caption's first line, unless a caption that came before has it already (the same node may be asked for twice).
    fn claim(&mut self, x: f32, top: f32, half: f32, line: f32) -> bool {
        let y = top + line / 2.0;
        let again = self
            .list
            .iter()
            .take(self.early.min(64))
            .any(|l| (l.x - x).abs() < 0.5 && (l.y - y).abs() < 0.5);
        if !again {
            self.occupy(x - half, top, x + half, top + line - 2.0);
        }
        !again
    }

    /// The metric's value in the middle of a highlighted glyph.
    fn value(&mut self, scene: &Scene, node: u32, at: [f32; 2], r: f32, measure: &mut dyn Measure) {
        let stack = scene.data().nodes.get(node as usize).is_some_and(|n| n.stack);
        if stack || !scene.is_highlighted(node) || r < 9.0 {
            return;
        }
        let Some((_, text)) = scene.metric_on(node).filter(|(_, text)| !text.is_empty()) else {
            return;
        };
        let one = measure.width(text, true).max(0.1);
        let size = (r * 1.5 / one).min(r * 0.5).clamp(8.0, 22.0).floor();
        let (text, width, colour) = (text.clone(), one * size, scene.theme().palette().mark);
        self.list.push(Label {
            text,
            x: at[0],
            y: at[1],
            width,
            fits: true,
            size: size as u8,
            bold: true,
            colour,
            plate: false,
            tints: Vec::new(),
        });
    }
}

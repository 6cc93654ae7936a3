//! Paints the same lists with a 2D canvas, where there is no WebGL2, and for pictures to save.

use web_sys::{CanvasRenderingContext2d, Path2d};

use super::atlas::{Ruler, font};
use crate::scene::{
    Scene, colour,
    data::Point,
    draw::{DrawList, Glyph, flag, kind, shape_of},
    labels::{Labels, Measure as _},
    pick::LEAST_RADIUS,
    shape,
    theme::{Palette, Rgba},
};

/// Paints one frame at `ratio` device pixels a CSS pixel.
pub fn paint(context: &CanvasRenderingContext2d, scene: &Scene, list: &DrawList, labels: &Labels, ruler: &mut Ruler, ratio: f64) {
    let palette = scene.theme().palette();
    let viewport = scene.viewport();
    // The context takes only numbers here; a failure would mean NaN, which the camera never is.
    context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0).unwrap_or_default();
    context.set_global_alpha(1.0);
    context.set_fill_style_str(&colour::hex(palette.canvas));
    context.fill_rect(0.0, 0.0, viewport.width, viewport.height);
    context.set_line_cap("round");
    context.set_line_join("round");
    let painter = Painter { context, scene, palette };
    let mut from = (0, 0);
    for layer in 0..3 {
        let (strokes, glyphs) = (list.strokes().ends[layer], list.glyph_ends[layer]);
        painter.strokes(list, from.0, strokes);
        for glyph in list.glyphs.get(from.1..glyphs).unwrap_or_default() {
            painter.glyph(glyph);
        }
        from = (strokes, glyphs);
    }
    painter.labels(labels, ruler);
}

struct Painter<'a> {
    context: &'a CanvasRenderingContext2d,
    scene: &'a Scene,
    palette: Palette,
}

impl Painter<'_> {
    /// Strokes of one look are collected into one path: a call each would cost more than the painting.
    fn strokes(&self, list: &DrawList, from: usize, to: usize) {
        let mut look: Option<(Rgba, f32)> = None;
        let viewport = self.scene.viewport();
        for stroke in list.strokes().list.get(from..to).unwrap_or_default() {
            let p = stroke.points.map(|p| self.scene.camera().to_screen(p));
            let outside = |axis: usize, most: f64| p.iter().all(|v| v[axis] < -9.0) || p.iter().all(|v| v[axis] > most + 9.0);
            if outside(0, viewport.width) || outside(1, viewport.height) {
                continue;
            }
            if look != Some((stroke.colour, stroke.width)) {
                self.finish(look);
                self.context.begin_path();
                look = Some((stroke.colour, stroke.width));
            }
            self.context.move_to(p[0][0], p[0][1]);
            self.context.bezier_curve_to(p[1][0], p[1][1], p[2][0], p[2][1], p[3][0], p[3][1]);
        }
        self.finish(look);
    }

    fn finish(&self, look: Option<(Rgba, f32)>) {
        let Some((colour, width)) = look else { return };
        self.context.set_global_alpha(f64::from(colour[3]) / 255.0);
        self.context.set_stroke_style_str(&colour::hex(colour));
        self.context.set_line_width(f64::from(width.abs()));
        self.dash(if width < 0.0 { &[1.0, 14.0] } else { &[] });
        self.context.stroke();
        self.dash(&[]);
        self.context.set_global_alpha(1.0);
    }

    fn dash(&self, lengths: &[f64]) {
        let list: js_sys::Array = lengths.iter().map(|&l| wasm_bindgen::JsValue::from_f64(l)).collect();
        self.context.set_line_dash(&list).unwrap_or_default();
    }

    fn glyph(&self, glyph: &Glyph) {
        let zoom = self.scene.camera().zoom;
        let [x, y] = self.scene.camera().to_screen(glyph.at);
        let viewport = self.scene.viewport();
        let half = f64::from(glyph.half[0]) * if glyph.kind == kind::CLUSTER { 1.0 } else { zoom };
        if x < -2.0 * half || y < -2.0 * half || x > viewport.width + 2.0 * half || y > viewport.height + 2.0 * half {
            return;
        }
        let context = self.context;
        match glyph.kind {
            kind::ARROW => {
                let r = half.max(4.0);
                let angle = f64::from(glyph.strength) / 256.0 * std::f64::consts::TAU;
                let (c, s) = (angle.cos(), angle.sin());
                context.begin_path();
                for (i, (px, py)) in [(1.0, 0.0), (-0.43, -0.5), (-0.43, 0.5)].into_iter().enumerate() {
                    let (px, py) = (x + (px * c - py * s) * r, y + (px * s + py * c) * r);
                    if i == 0 { context.move_to(px, py) } else { context.line_to(px, py) }
                }
                context.set_fill_style_str(&colour::hex(glyph.colour));
                context.fill();
            }
            kind::CLUSTER => {
                let inside = colour::mix(
                    self.palette.canvas,
                    colour::mix(glyph.fill_colour, glyph.colour, 0.18),
                    strength(glyph),
                );
                context.begin_path();
                context.arc(x, y, half, 0.0, std::f64::consts::TAU).unwrap_or_default();
                context.set_fill_style_str(&colour::hex(inside));
                context.fill();
                context.set_line_width(1.5);
                context.set_stroke_style_str(&colour::hex(glyph.colour));
                context.stroke();
            }
            kind::BAR => {
                let high = f64::from(glyph.half[1]) * zoom;
                context.set_fill_style_str(&colour::hex(glyph.colour));
                context.fill_rect(x - half, y - high, half * 2.0, high * 2.0);
            }
            _ => self.node(glyph, [x as f32, y as f32], (half as f32).max(LEAST_RADIUS)),
        }
    }

    fn node(&self, glyph: &Glyph, at: Point, r: f32) {
        let Some(shape) = shape_of(glyph.kind) else { return };
        let Ok(path) = Path2d::new_with_path_string(&shape::path(shape, at, r)) else {
            return;
        };
        let context = self.context;
        let fade = |c: Rgba| colour::hex(colour::mix(self.palette.canvas, c, strength(glyph)));
        if glyph.flags & flag::HIGHLIGHT != 0 {
            context.set_global_alpha(0.35);
            context.set_stroke_style_str(&colour::hex(self.palette.accent));
            context.set_line_width(f64::from(r) * 0.6);
            context.stroke_with_path(&path);
            context.set_global_alpha(1.0);
        }
        // Small glyphs are plain spots of their colour, as on the GPU.
        context.set_fill_style_str(&fade(if r < 5.0 { glyph.colour } else { self.palette.body }));
        context.fill_with_path_2d(&path);
        if glyph.flags & flag::FILL != 0 && glyph.fill > 0 {
            let level = f64::from(at[1] + 0.96 * r * (1.0 - 2.0 * f32::from(glyph.fill) / 255.0));
            let r = f64::from(r);
            context.save();
            context.clip_with_path_2d(&path);
            context.set_global_alpha(0.7);
            context.set_fill_style_str(&fade(glyph.fill_colour));
            context.fill_rect(f64::from(at[0]) - 2.0 * r, level, 4.0 * r, 4.0 * r);
            context.restore();
        }
        context.set_stroke_style_str(&fade(glyph.colour));
        context.set_line_width(f64::from((r * self.palette.outline * 2.0).max(1.2)));
        if shape::dashed(shape) {
            self.dash(&[f64::from(r) * 0.4, f64::from(r) * 0.2]);
        }
        context.stroke_with_path(&path);
        self.dash(&[]);
        let dot = |x: f64, y: f64, radius: f64, fill: &str| {
            context.begin_path();
            context.arc(x, y, radius, 0.0, std::f64::consts::TAU).unwrap_or_default();
            context.set_fill_style_str(fill);
            context.fill();
        };
        let (x, y, r) = (f64::from(at[0]), f64::from(at[1]), f64::from(r));
        if glyph.flags & flag::NO_DOT == 0 && r > 6.0 {
            dot(x, y, r * 0.13, &fade(self.palette.mark));
        }
        if glyph.flags & flag::CAMERA != 0 && r > 9.0 {
            context.set_fill_style_str(&fade(self.palette.mark));
            context.fill_rect(x + r * 0.25, y + r * 0.02, r * 0.6, r * 0.4);
            context.fill_rect(x + r * 0.38, y - r * 0.06, r * 0.24, r * 0.1);
            dot(x + r * 0.55, y + r * 0.22, r * 0.1, &fade(self.palette.body));
        }
        if glyph.flags & flag::PINNED != 0 && r > 5.0 {
            dot(x + r * 0.82, y - r * 0.82, r * 0.17, "#ff6b1a");
        }
        if glyph.flags & flag::CURSOR != 0 {
            context.set_stroke_style_str(&colour::hex(self.palette.accent));
            context.set_line_width(2.0);
            context.begin_path();
            context.arc(x, y, r * 1.38, 0.0, std::f64::consts::TAU).unwrap_or_default();
            context.stroke();
        }
    }

    fn labels(&self, labels: &Labels, ruler: &mut Ruler) {
        let context = self.context;
        context.set_text_baseline("middle");
        context.set_text_align("left");
        for label in labels.list.iter().rev() {
            let size = f32::from(label.size);
            let text = ruler.shorten(&label.text, label.bold, label.width / size);
            let width = ruler.width(&text, label.bold) * size;
            let (x, y) = (f64::from(label.x - width / 2.0), f64::from(label.y));
            let (w, h) = (f64::from(width), f64::from(size) * 1.3);
            if label.plate {
                context.set_global_alpha(0.8);
                context.set_fill_style_str(&colour::hex(self.palette.canvas));
                context.fill_rect(x - 2.0, y - h / 2.0, w + 4.0, h);
                context.set_global_alpha(1.0);
            }
            for &(from, to) in &label.tints {
                let (Some(before), Some(found)) = (label.text.get(..from as usize), label.text.get(from as usize..to as usize)) else {
                    continue;
                };
                let start = ruler.width(&before.into(), label.bold) * size;
                let long = (ruler.width(&found.into(), label.bold) * size).min(width - start);
                context.set_fill_style_str(&colour::hex(self.palette.tint));
                context.fill_rect(x + f64::from(start), y - h / 2.0 + 1.0, f64::from(long.max(0.0)), h - 2.0);
            }
            context.set_font(&font(f64::from(size), label.bold));
            context.set_fill_style_str(&colour::hex(label.colour));
            context.fill_text(&text, x, y).unwrap_or_default();
        }
    }
}

fn strength(glyph: &Glyph) -> f32 {
    f32::from(glyph.strength) / 255.0
}

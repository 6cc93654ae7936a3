//! The map as an SVG document: the same lists that are painted, written down, with names as text.
//!
//! Pure text; the caller decides what part is shown by the scene's camera.

use std::fmt::Write as _;

use super::{
    colour,
    data::Point,
    draw::{DrawList, Glyph, flag, kind, shape_of},
    labels::{Label, Labels, Measure},
    lod,
    pick::LEAST_RADIUS,
    shape,
    state::Scene,
    theme::{Palette, Rgba},
};

/// The present view of the scene as an SVG document of the canvas's size.
pub fn view(scene: &mut Scene, measure: &mut dyn Measure) -> String {
    let mut list = DrawList::default();
    list.refresh(scene);
    let mut labels = Labels::default();
    labels.refresh(scene, measure);
    let viewport = *scene.viewport();
    let palette = scene.theme().palette();
    let mut out = String::with_capacity(list.glyphs.len() * 400 + list.strokes().list.len() * 120 + 1000);
    let (w, h) = (viewport.width.ceil(), viewport.height.ceil());
    push(
        &mut out,
        format_args!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif\" text-anchor=\"middle\">\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
            colour::hex(palette.canvas)
        ),
    );
    let writer = Writer { scene, palette };
    let mut from = (0, 0);
    for layer in 0..3 {
        let (strokes, glyphs) = (list.strokes().ends[layer], list.glyph_ends[layer]);
        out.push_str("<g fill=\"none\" stroke-linecap=\"round\">\n");
        writer.strokes(&list, from.0, strokes, &mut out);
        out.push_str("</g>\n<g>\n");
        for glyph in list.glyphs.get(from.1..glyphs).unwrap_or_default() {
            writer.glyph(glyph, &mut out);
        }
        out.push_str("</g>\n");
        from = (strokes, glyphs);
    }
    out.push_str("<g>\n");
    for label in &labels.list {
        writer.label(label, &mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// The whole map as an SVG document, one pixel a graph unit up to a width that viewers still open.
pub fn everything(scene: &mut Scene, measure: &mut dyn Measure) -> String {
    let (camera, viewport, touched) = (scene.camera, scene.viewport, scene.touched);
    let content = scene.content();
    let (width, height) = (content[2] - content[0], content[3] - content[1]);
    let zoom = (16_000.0 / width.max(height)).clamp(0.07, 0.6);
    scene.camera = super::camera::Camera {
        x: content[0],
        y: content[1],
        zoom,
    };
    scene.viewport = super::camera::Viewport {
        width: width * zoom,
        height: height * zoom,
        ..Default::default()
    };
    let out = view(scene, measure);
    (scene.camera, scene.viewport, scene.touched) = (camera, viewport, touched);
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

struct Writer<'a> {
    scene: &'a Scene,
    palette: Palette,
}

impl Writer<'_> {
    fn at(&self, p: Point) -> Point {
        self.scene.camera().to_screen(p).map(|v| v as f32)
    }

    /// Pieces that belong together (one ends where the next begins) become one path.
    fn strokes(&self, list: &DrawList, from: usize, to: usize, out: &mut String) {
        let mut open: Option<(Point, Rgba, f32)> = None;
        for stroke in list.strokes().list.get(from..to).unwrap_or_default() {
            let [a, b, c, d] = stroke.points;
            if open != Some((a, stroke.colour, stroke.width)) {
                if open.is_some() {
                    out.push_str("\"/>\n");
                }
                let dots = if stroke.width < 0.0 { " stroke-dasharray=\"1 14\"" } else { "" };
                let start = self.at(a);
                push(
                    out,
                    format_args!(
                        "<path stroke=\"{}\" stroke-opacity=\"{:.2}\" stroke-width=\"{:.2}\"{dots} d=\"M{:.1} {:.1}",
                        colour::hex(stroke.colour),
                        f32::from(stroke.colour[3]) / 255.0,
                        stroke.width.abs(),
                        start[0],
                        start[1]
                    ),
                );
            }
            let (b, c, e) = (self.at(b), self.at(c), self.at(d));
            push(
                out,
                format_args!("C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}", b[0], b[1], c[0], c[1], e[0], e[1]),
            );
            open = Some((d, stroke.colour, stroke.width));
        }
        if open.is_some() {
            out.push_str("\"/>\n");
        }
    }

    fn glyph(&self, glyph: &Glyph, out: &mut String) {
        let [x, y] = self.at(glyph.at);
        let zoom = self.scene.camera().zoom as f32;
        match glyph.kind {
            kind::ARROW => {
                let r = glyph.half[0] * zoom;
                let angle = f32::from(glyph.strength) / 256.0 * 360.0;
                let fill = colour::hex(glyph.colour);
                push(
                    out,
                    format_args!(
                        "<path fill=\"{fill}\" transform=\"translate({x:.1} {y:.1}) rotate({angle:.1})\" d=\"M{r:.1} 0L{:.1} {:.1}V{:.1}Z\"/>\n",
                        -r * 0.43,
                        -r * 0.5,
                        r * 0.5
                    ),
                );
            }
            kind::CLUSTER => push(
                out,
                format_args!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"1.5\"/>\n",
                    glyph.half[0],
                    colour::hex(colour::mix(
                        self.palette.canvas,
                        colour::mix(glyph.fill_colour, glyph.colour, 0.18),
                        self.strength(glyph)
                    )),
                    colour::hex(glyph.colour)
                ),
            ),
            kind::BAR => {
                let (w, h) = (glyph.half[0] * zoom, glyph.half[1] * zoom);
                push(
                    out,
                    format_args!(
                        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>\n",
                        x - w,
                        y - h,
                        w * 2.0,
                        h * 2.0,
                        colour::hex(glyph.colour)
                    ),
                );
            }
            _ => self.node(glyph, [x, y], zoom, out),
        }
    }

    fn strength(&self, glyph: &Glyph) -> f32 {
        f32::from(glyph.strength) / 255.0
    }

    fn node(&self, glyph: &Glyph, at: Point, zoom: f32, out: &mut String) {
        let Some(shape) = shape_of(glyph.kind) else { return };
        let r = (glyph.half[0] * zoom).max(LEAST_RADIUS);
        let fade = |colour: Rgba| colour::hex(colour::mix(self.palette.canvas, colour, self.strength(glyph)));
        let outline = fade(glyph.colour);
        let d = shape::path(shape, at, r);
        // A group a glyph, with its id, place and radius: viewers show the title under the pointer, scripts find nodes by the rest.
        if let Some(node) = self.scene.data().nodes.get(glyph.node as usize) {
            out.push_str("<g data-id=\"");
            escape(&node.id, out);
            push(out, format_args!("\" data-at=\"{:.1} {:.1} {r:.1}\"><title>", at[0], at[1]));
            escape(&node.label, out);
            out.push_str("</title>\n");
        } else {
            out.push_str("<g>\n");
        }
        if glyph.flags & flag::HIGHLIGHT != 0 {
            push(
                out,
                format_args!(
                    "<path d=\"{d}\" fill=\"none\" stroke=\"{}\" stroke-opacity=\"0.35\" stroke-width=\"{:.1}\" stroke-linejoin=\"round\"/>\n",
                    colour::hex(self.palette.accent),
                    r * 0.5
                ),
            );
        }
        let dash = if shape::dashed(shape) {
            format!(" stroke-dasharray=\"{:.1} {:.1}\"", r * 0.4, r * 0.2)
        } else {
            String::new()
        };
        let width = (r * self.palette.outline * 2.0).clamp(1.0, 9.0);
        push(
            out,
            format_args!(
                "<path d=\"{d}\" fill=\"{}\" stroke=\"{outline}\" stroke-width=\"{width:.2}\"{dash}/>\n",
                fade(self.palette.body)
            ),
        );
        if glyph.flags & flag::FILL != 0 && glyph.fill > 0 {
            let height = f32::from(glyph.fill) / 255.0;
            let inner = shape::path(shape, at, r * 0.94);
            // A clip at the fill's level: everything of the outline below it. Its name must be its own, as a stack has three.
            let clip = out.len();
            push(
                out,
                format_args!(
                    "<clipPath id=\"f{clip}\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/></clipPath><path d=\"{inner}\" fill=\"{}\" fill-opacity=\"0.7\" clip-path=\"url(#f{clip})\"/>\n",
                    at[0] - 2.0 * r,
                    at[1] + 0.96 * r * (1.0 - 2.0 * height),
                    4.0 * r,
                    4.0 * r,
                    fade(glyph.fill_colour)
                ),
            );
        }
        let mut dot = |x: f32, y: f32, radius: f32, fill: &str| {
            push(
                out,
                format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{fill}\"/>\n"),
            );
        };
        if glyph.flags & flag::NO_DOT == 0 && r > 5.0 {
            dot(at[0], at[1], r * 0.13, &fade(self.palette.mark));
        }
        if glyph.flags & flag::PINNED != 0 && r > 5.0 {
            dot(at[0] + r * 0.82, at[1] - r * 0.82, r * 0.17, "#ff6b1a");
        }
        if glyph.flags & flag::CAMERA != 0 && r > 9.0 {
            let (x, y, ink) = (at[0], at[1], fade(self.palette.mark));
            push(
                out,
                format_args!(
                    "<path fill=\"{ink}\" d=\"M{:.1} {:.1}h{:.1}v{:.1}h{:.1}ZM{:.1} {:.1}h{:.1}v{:.1}h{:.1}Z\"/>\n",
                    x + r * 0.25,
                    y + r * 0.02,
                    r * 0.6,
                    r * 0.4,
                    -r * 0.6,
                    x + r * 0.38,
                    y - r * 0.06,
                    r * 0.24,
                    r * 0.1,
                    -r * 0.24
                ),
            );
        }
        out.push_str("</g>\n");
    }

    fn label(&self, label: &Label, out: &mut String) {
        let size = f32::from(label.size);
        if label.plate {
            push(
                out,
                format_args!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" fill=\"{}\" fill-opacity=\"0.8\"/>",
                    label.x - label.width / 2.0 - 2.0,
                    label.y - size * 0.62,
                    label.width + 4.0,
                    size * 1.24,
                    colour::hex(self.palette.canvas)
                ),
            );
        }
        let weight = if label.bold { " font-weight=\"600\"" } else { "" };
        push(
            out,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{size}\"{weight} fill=\"{}\">",
                label.x,
                label.y + size * 0.35,
                colour::hex(label.colour)
            ),
        );
        escape(&label.text, out);
        out.push_str("</text>\n");
    }
}

/// Text for XML; characters that XML cannot hold are left out.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c < ' ' || c == '\u{fffe}' || c == '\u{ffff}' => {}
            c => out.push(c),
        }
    }
}

/// Whether the whole map is too far away for names: then the export of everything is the better one.
pub fn is_far(scene: &Scene) -> bool {
    lod::level(scene.camera().zoom).is_some()
}

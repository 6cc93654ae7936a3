//! Paints the scene with WebGL2: programs for edges, marks, nodes and text; records go to the GPU only when the lists changed.
//!
//! Holds no state of the map; after a lost context it is simply made anew.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, HtmlCanvasElement, WebGl2RenderingContext as Gl};

use super::{
    atlas::{Atlas, Ruler},
    program::{NUMBERS, Program, Records, Ribbons, WIDTH, units},
    shaders,
};
use crate::scene::{
    Scene,
    cull::Seen,
    draw::{DrawList, Strokes},
    labels::{Label, Labels},
    pick::LEAST_RADIUS,
    state::RADIUS,
    theme::{Rgba, Theme},
};

/// Texels in a row of the strokes that are seen, four numbers each; the shader knows it, too.
const SEEN: usize = 1024;

/// Radius in device pixels up to which nodes are plain spots; the shader's details begin there.
const SPOT: f64 = 4.5;

/// The renderer.
pub struct Renderer {
    gl: Gl,
    edges: Program,
    dotted: Program,
    marks: Program,
    nodes: Program,
    text: Program,
    /// Near and far.
    strokes: [Records; 2],
    glyphs: Records,
    quads: Records,
    indices: Records,
    ribbons: Ribbons,
    atlas: Atlas,
    seen: Seen,
    numbers: Vec<f32>,
    /// Versions of the strokes, near and far, and of the glyphs that the GPU has.
    uploaded_strokes: [Option<u64>; 2],
    uploaded_glyphs: Option<u64>,
    /// What the uniforms that rarely change were set for: size of the canvas, its density, the theme, strokes near or far.
    told: Option<([i32; 2], f64, Theme, usize)>,
}

/// The first of each is set by `Program::draw`, the second for each frame.
const EDGE_UNIFORMS: [&str; 7] = ["u_ribbons", "u_camera", "u_thin", "u_size", "u_ratio", "u_seen", "u_records"];
const GLYPH_UNIFORMS: [&str; 12] = [
    "u_ribbons",
    "u_camera",
    "u_size",
    "u_ratio",
    "u_least",
    "u_canvas",
    "u_body",
    "u_ring",
    "u_mark",
    "u_accent",
    "u_outline",
    "u_records",
];
const TEXT_UNIFORMS: [&str; 4] = ["u_ribbons", "u_size", "u_atlas", "u_records"];

impl Renderer {
    /// Sets WebGL2 up on a canvas.
    ///
    /// # Errors
    /// When the browser has none, or refuses a shader.
    pub fn new(canvas: &HtmlCanvasElement, document: &Document) -> Result<Self, JsValue> {
        let options = js_sys::Object::new();
        for (name, value) in [
            ("alpha", false),
            ("antialias", false),
            ("depth", false),
            ("stencil", false),
            ("preserveDrawingBuffer", false),
        ] {
            js_sys::Reflect::set(&options, &name.into(), &value.into())?;
        }
        let gl: Gl = canvas
            .get_context_with_context_options("webgl2", &options)?
            .ok_or_else(|| JsValue::from_str("this browser gives no WebGL2"))?
            .unchecked_into();
        let edge = (shaders::EDGE_VERTEX, shaders::EDGE_FRAGMENT);
        let edges = Program::new(&gl, "#define DOTS 0\n", edge, &EDGE_UNIFORMS)?;
        let dotted = Program::new(&gl, "#define DOTS 1\n", edge, &EDGE_UNIFORMS)?;
        let marks = Program::new(&gl, "", (shaders::MARK_VERTEX, shaders::MARK_FRAGMENT), &GLYPH_UNIFORMS)?;
        let nodes = Program::new(&gl, "", (shaders::NODE_VERTEX, shaders::NODE_FRAGMENT), &GLYPH_UNIFORMS)?;
        let text = Program::new(&gl, "", (shaders::TEXT_VERTEX, shaders::TEXT_FRAGMENT), &TEXT_UNIFORMS)?;
        let records = |unit| Records::new(&gl, unit, WIDTH);
        let strokes = [records(units::STROKES[0])?, records(units::STROKES[1])?];
        let (glyphs, quads) = (records(units::GLYPHS)?, records(units::QUADS)?);
        let indices = Records::new(&gl, units::SEEN, SEEN)?;
        let ribbons = Ribbons::new(&gl)?;
        let atlas = Atlas::new(&gl, document)?;
        gl.disable(Gl::DEPTH_TEST);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::ONE, Gl::ONE_MINUS_SRC_ALPHA);
        Ok(Self {
            gl,
            edges,
            dotted,
            marks,
            nodes,
            text,
            strokes,
            glyphs,
            quads,
            indices,
            ribbons,
            atlas,
            seen: Seen::default(),
            numbers: Vec::new(),
            uploaded_strokes: [None; 2],
            uploaded_glyphs: None,
            told: None,
        })
    }

    /// Whether the browser has taken the context away.
    pub fn is_lost(&self) -> bool {
        self.gl.is_context_lost()
    }

    /// Paints one frame; true if captions are missing and another frame should follow.
    pub fn paint(&mut self, scene: &Scene, list: &DrawList, labels: &Labels, ruler: &mut Ruler, ratio: f64) -> bool {
        // What fails, fails because the context was lost.
        let (strokes, far) = (list.strokes(), usize::from(list.is_far()));
        if self.uploaded_strokes[far] != Some(strokes.version) && self.upload_strokes(strokes, far).is_ok() {
            self.uploaded_strokes[far] = Some(strokes.version);
        }
        if self.uploaded_glyphs != Some(list.glyph_version) && self.upload_glyphs(list).is_ok() {
            self.uploaded_glyphs = Some(list.glyph_version);
        }
        let missing = self.upload_text(scene, labels, ruler, ratio);
        let quads = self.numbers.len() / NUMBERS;
        let viewport = scene.viewport();
        let camera = scene.camera();
        let [right, bottom] = camera.to_plane([viewport.width, viewport.height]);
        let changed = self.seen.refresh(strokes, [camera.x, camera.y, right, bottom], camera.zoom * ratio);
        // Fails only when the context was lost, and then nothing is painted.
        let mut written = self.quads.fill(&self.gl, &mut self.numbers).is_ok();
        if changed {
            written &= self.indices.fill(&self.gl, &mut self.seen.list).is_ok();
        }
        self.tell(scene, ratio, far);
        self.gl.clear(Gl::COLOR_BUFFER_BIT);
        if written {
            self.layers(scene, list, ratio);
        }
        if written && quads > 0 {
            self.text.select(&self.gl);
            self.text.draw(&self.gl, &mut self.ribbons, 0, quads, 1);
        }
        missing
    }

    fn layers(&mut self, scene: &Scene, list: &DrawList, ratio: f64) {
        let (gl, ribbons) = (&self.gl, &mut self.ribbons);
        let camera = scene.camera();
        let zoom = camera.zoom * ratio;
        let place = [camera.x as f32, camera.y as f32, zoom as f32];
        let look = |program: &Program| {
            program.select(gl);
            gl.uniform3f(program.uniform(1), place[0], place[1], place[2]);
        };
        let spots = f64::from(RADIUS) * zoom <= SPOT;
        // Far out they are near one another.
        let far = if camera.zoom > 0.25 { 1.0 } else { 0.8 };
        let thin = (far * (1.2 - 0.2 * self.seen.crowd())).min(far) as f32;
        let drawn = list.strokes();
        let mut from = (0, 0);
        for layer in 0..3 {
            let (strokes, glyphs) = (drawn.ends[layer], list.glyph_ends[layer]);
            if strokes > from.0 {
                let mut selected = None;
                self.seen.runs(layer, zoom, |run| {
                    let program = if run.special { &self.dotted } else { &self.edges };
                    if selected != Some(run.special) {
                        selected = Some(run.special);
                        look(program);
                        gl.uniform1f(program.uniform(2), thin);
                    }
                    program.draw(gl, ribbons, run.begin, run.end, run.cuts as usize);
                });
            }
            // What is raised may have marks that only the larger program knows.
            let nodes = if spots && layer < 2 { glyphs } else { list.node_begins[layer] };
            for (program, begin, end) in [(&self.marks, from.1, nodes), (&self.nodes, nodes, glyphs)] {
                if end > begin {
                    look(program);
                    program.draw(gl, ribbons, begin, end, 1);
                }
            }
            from = (strokes, glyphs);
        }
    }

    /// Sets what follows from the canvas, the theme and which strokes are drawn alone, if it is not set.
    fn tell(&mut self, scene: &Scene, ratio: f64, far: usize) {
        let viewport = scene.viewport();
        let size = [viewport.width, viewport.height].map(|side| (side * ratio).round() as i32);
        let now = Some((size, ratio, scene.theme(), far));
        if self.told == now {
            return;
        }
        self.told = now;
        let gl = &self.gl;
        let palette = scene.theme().palette();
        let [width, height] = size.map(|side| side as f32);
        gl.viewport(0, 0, size[0], size[1]);
        let [r, g, b] = rgb(palette.canvas);
        gl.clear_color(r, g, b, 1.0);
        for program in [&self.edges, &self.dotted] {
            program.select(gl);
            gl.uniform2f(program.uniform(3), width, height);
            gl.uniform1f(program.uniform(4), ratio as f32);
            gl.uniform1i(program.uniform(5), units::SEEN as i32);
            gl.uniform1i(program.uniform(6), units::STROKES[far] as i32);
        }
        for program in [&self.marks, &self.nodes] {
            program.select(gl);
            gl.uniform2f(program.uniform(2), width, height);
            gl.uniform1f(program.uniform(3), ratio as f32);
            gl.uniform1f(program.uniform(4), LEAST_RADIUS * ratio as f32);
            let colours = [palette.canvas, palette.body, palette.ring, palette.mark, palette.accent];
            for (i, colour) in colours.into_iter().enumerate() {
                let [r, g, b] = rgb(colour);
                gl.uniform3f(program.uniform(5 + i), r, g, b);
            }
            gl.uniform1f(program.uniform(10), palette.outline);
            gl.uniform1i(program.uniform(11), units::GLYPHS as i32);
        }
        self.text.select(gl);
        gl.uniform2f(self.text.uniform(1), width, height);
        gl.uniform1i(self.text.uniform(2), units::ATLAS as i32);
        gl.uniform1i(self.text.uniform(3), units::QUADS as i32);
    }

    fn upload_strokes(&mut self, strokes: &Strokes, far: usize) -> Result<(), JsValue> {
        let numbers = &mut self.numbers;
        numbers.clear();
        numbers.reserve(strokes.list.len() * NUMBERS);
        for stroke in &strokes.list {
            let [[ax, ay], [bx, by], [cx, cy], [dx, dy]] = stroke.points;
            let [rg, ba] = packed(stroke.colour);
            numbers.extend_from_slice(&[ax, ay, bx, by, cx, cy, dx, dy, rg, ba, stroke.width, 0.0]);
        }
        self.strokes[far].fill(&self.gl, numbers)
    }

    fn upload_glyphs(&mut self, list: &DrawList) -> Result<(), JsValue> {
        let numbers = &mut self.numbers;
        numbers.clear();
        for glyph in &list.glyphs {
            let ([x, y], [w, h]) = (glyph.at, glyph.half);
            let ([rg, ba], [fill_rg, fill_ba]) = (packed(glyph.colour), packed(glyph.fill_colour));
            let [kind, flags, fill, strength] = [glyph.kind, glyph.flags, glyph.fill, glyph.strength].map(f32::from);
            numbers.extend_from_slice(&[x, y, w, h, rg, ba, fill_rg, fill_ba, kind, flags, fill, strength]);
        }
        self.glyphs.fill(&self.gl, numbers)
    }

    fn upload_text(&mut self, scene: &Scene, labels: &Labels, ruler: &mut Ruler, ratio: f64) -> bool {
        self.atlas.set_ratio(ratio);
        self.numbers.clear();
        let palette = scene.theme().palette();
        let mut missing = false;
        // From the least important, so that the most important lies on top.
        for label in labels.list.iter().rev() {
            let Some(slot) = self.atlas.slot(&self.gl, ruler, label) else {
                missing = true;
                continue;
            };
            let ratio = ratio as f32;
            let (w, h) = (slot.width as f32, slot.height as f32);
            let (x, y) = ((label.x * ratio - w / 2.0).round(), (label.y * ratio - h / 2.0).round());
            if label.plate {
                let mut colour = palette.canvas;
                colour[3] = 204;
                quad(&mut self.numbers, [x - 2.0 * ratio, y, w + 4.0 * ratio, h], [0.0; 4], colour);
            }
            tints(&mut self.numbers, label, ruler, [x, y, h], ratio, palette.tint);
            quad(&mut self.numbers, [x, y, w, h], [slot.x as f32, slot.y as f32, w, h], label.colour);
        }
        missing
    }
}

/// Tints behind the characters that matched.
fn tints(numbers: &mut Vec<f32>, label: &Label, ruler: &mut Ruler, [x, y, h]: [f32; 3], ratio: f32, colour: Rgba) {
    use crate::scene::labels::Measure as _;
    for &(from, to) in &label.tints {
        let (Some(before), Some(found)) = (label.text.get(..from as usize), label.text.get(from as usize..to as usize)) else {
            continue;
        };
        let scale = f32::from(label.size) * ratio;
        let start = ruler.width(&before.into(), label.bold) * scale;
        let end = (start + ruler.width(&found.into(), label.bold) * scale).min(label.width * ratio);
        if end > start {
            quad(
                numbers,
                [(x + 1.0 + start).round(), y + 1.0, (end - start).round(), h - 2.0],
                [0.0; 4],
                colour,
            );
        }
    }
}

fn quad(numbers: &mut Vec<f32>, [x, y, w, h]: [f32; 4], [u, v, uw, vh]: [f32; 4], colour: Rgba) {
    let [rg, ba] = packed(colour);
    numbers.extend_from_slice(&[x, y, w, h, u, v, uw, vh, rg, ba, 0.0, 0.0]);
}

/// A colour as two numbers that a float holds exactly.
fn packed([r, g, b, a]: Rgba) -> [f32; 2] {
    [[r, g], [b, a]].map(|[high, low]| f32::from(high) * 256.0 + f32::from(low))
}

fn rgb(colour: Rgba) -> [f32; 3] {
    [colour[0], colour[1], colour[2]].map(|c| f32::from(c) / 255.0)
}

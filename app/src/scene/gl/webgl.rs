//! Paints the scene with WebGL2: three programs, instanced; buffers are uploaded only when the lists changed.
//!
//! Holds no state of the map; after a lost context it is simply made anew.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Document, HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlBuffer, WebGlProgram, WebGlUniformLocation, WebGlVertexArrayObject,
};

use super::{
    atlas::{Atlas, Ruler},
    shaders,
};
use crate::scene::{
    Scene,
    draw::{DrawList, cuts},
    labels::{Label, Labels},
    pick::LEAST_RADIUS,
    theme::Rgba,
};

/// Bytes of one instance in each buffer.
const STROKE_BYTES: i32 = 40;
const GLYPH_BYTES: i32 = 28;
const TEXT_BYTES: i32 = 36;

struct Program {
    program: WebGlProgram,
    vao: WebGlVertexArrayObject,
    instances: WebGlBuffer,
    uniforms: Vec<Option<WebGlUniformLocation>>,
    /// First attribute of an instance, and how it is cut: offset, components, type, normalised.
    attributes: Vec<(u32, i32, i32, u32, bool)>,
    stride: i32,
}

/// The renderer.
pub struct Renderer {
    gl: Gl,
    edges: Program,
    glyphs: Program,
    text: Program,
    atlas: Atlas,
    bytes: Vec<u8>,
    uploaded: Option<u64>,
}

const EDGE_UNIFORMS: [&str; 5] = ["u_camera", "u_size", "u_ratio", "u_steps", "u_thin"];
const GLYPH_UNIFORMS: [&str; 10] = [
    "u_camera",
    "u_size",
    "u_least",
    "u_ratio",
    "u_canvas",
    "u_body",
    "u_ring",
    "u_mark",
    "u_accent",
    "u_outline",
];
const TEXT_UNIFORMS: [&str; 2] = ["u_size", "u_atlas"];

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
        let float = |at: u32, count: i32, offset: i32| (at, count, offset, Gl::FLOAT, false);
        let edges = Program::new(
            &gl,
            (shaders::EDGE_VERTEX, shaders::EDGE_FRAGMENT),
            &EDGE_UNIFORMS,
            vec![
                float(0, 4, 0),
                float(1, 4, 16),
                (2, 4, 32, Gl::UNSIGNED_BYTE, true),
                float(3, 1, 36),
            ],
            STROKE_BYTES,
            false,
        )?;
        let glyphs = Program::new(
            &gl,
            (shaders::GLYPH_VERTEX, shaders::GLYPH_FRAGMENT),
            &GLYPH_UNIFORMS,
            vec![
                float(1, 4, 0),
                (2, 4, 16, Gl::UNSIGNED_BYTE, true),
                (3, 4, 20, Gl::UNSIGNED_BYTE, true),
                (4, 4, 24, Gl::UNSIGNED_BYTE, false),
            ],
            GLYPH_BYTES,
            true,
        )?;
        let text = Program::new(
            &gl,
            (shaders::TEXT_VERTEX, shaders::TEXT_FRAGMENT),
            &TEXT_UNIFORMS,
            vec![float(1, 4, 0), float(2, 4, 16), (3, 4, 32, Gl::UNSIGNED_BYTE, true)],
            TEXT_BYTES,
            true,
        )?;
        let atlas = Atlas::new(&gl, document)?;
        gl.disable(Gl::DEPTH_TEST);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::ONE, Gl::ONE_MINUS_SRC_ALPHA);
        Ok(Self {
            gl,
            edges,
            glyphs,
            text,
            atlas,
            bytes: Vec::new(),
            uploaded: None,
        })
    }

    /// Whether the browser has taken the context away.
    pub fn is_lost(&self) -> bool {
        self.gl.is_context_lost()
    }

    /// Paints one frame; true if captions are missing and another frame should follow.
    pub fn paint(&mut self, scene: &Scene, list: &DrawList, labels: &Labels, ruler: &mut Ruler, ratio: f64) -> bool {
        if self.uploaded != Some(list.version) {
            self.upload(list);
            self.uploaded = Some(list.version);
        }
        let missing = self.upload_text(scene, labels, ruler, ratio);
        let gl = &self.gl;
        let viewport = scene.viewport();
        let (width, height) = ((viewport.width * ratio).round() as i32, (viewport.height * ratio).round() as i32);
        let size = [width as f32, height as f32];
        let palette = scene.theme().palette();
        gl.viewport(0, 0, width, height);
        let [r, g, b] = rgb(palette.canvas);
        gl.clear_color(r, g, b, 1.0);
        gl.clear(Gl::COLOR_BUFFER_BIT);
        let camera = scene.camera();
        let place = [camera.x as f32, camera.y as f32, (camera.zoom * ratio) as f32];
        gl.use_program(Some(&self.edges.program));
        let u = |i: usize| self.edges.uniforms.get(i).and_then(Option::as_ref);
        gl.uniform3f(u(0), place[0], place[1], place[2]);
        gl.uniform2f(u(1), size[0], size[1]);
        gl.uniform1f(u(2), ratio as f32);
        let u_steps = u(3);
        gl.uniform1f(u(4), if camera.zoom > 0.25 { 1.0 } else { 0.8 });
        gl.use_program(Some(&self.glyphs.program));
        let u = |i: usize| self.glyphs.uniforms.get(i).and_then(Option::as_ref);
        gl.uniform3f(u(0), place[0], place[1], place[2]);
        gl.uniform2f(u(1), size[0], size[1]);
        gl.uniform1f(u(2), LEAST_RADIUS * ratio as f32);
        gl.uniform1f(u(3), ratio as f32);
        for (i, colour) in [palette.canvas, palette.body, palette.ring, palette.mark, palette.accent]
            .into_iter()
            .enumerate()
        {
            let [r, g, b] = rgb(colour);
            gl.uniform3f(u(4 + i), r, g, b);
        }
        gl.uniform1f(u(9), palette.outline);
        let mut from = (0, 0);
        for layer in 0..3 {
            let (strokes, glyphs) = (list.stroke_ends[layer], list.glyph_ends[layer]);
            let mut begin = from.0;
            for (class, end) in list.bend_ends[layer].into_iter().enumerate() {
                if end > begin {
                    let cuts = cuts(class, camera.zoom * ratio);
                    gl.use_program(Some(&self.edges.program));
                    gl.uniform1f(u_steps, cuts as f32);
                    self.edges.draw(gl, begin, end, (cuts + 1) * 2);
                }
                begin = end;
            }
            self.glyphs.draw(gl, from.1, glyphs, 4);
            from = (strokes, glyphs);
        }
        gl.use_program(Some(&self.text.program));
        gl.uniform2f(self.text.uniforms.first().and_then(Option::as_ref), size[0], size[1]);
        self.atlas.bind(gl);
        self.text.draw(gl, 0, self.bytes.len() / TEXT_BYTES as usize, 4);
        missing
    }

    fn upload(&mut self, list: &DrawList) {
        self.bytes.clear();
        self.bytes.reserve(list.strokes.len() * STROKE_BYTES as usize);
        for stroke in &list.strokes {
            for value in stroke.points.as_flattened() {
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
            self.bytes.extend_from_slice(&stroke.colour);
            self.bytes.extend_from_slice(&stroke.width.to_le_bytes());
        }
        self.edges.fill(&self.gl, &self.bytes);
        self.bytes.clear();
        for glyph in &list.glyphs {
            for value in [glyph.at[0], glyph.at[1], glyph.half[0], glyph.half[1]] {
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
            self.bytes.extend_from_slice(&glyph.colour);
            self.bytes.extend_from_slice(&glyph.fill_colour);
            self.bytes.extend_from_slice(&[glyph.kind, glyph.flags, glyph.fill, glyph.strength]);
        }
        self.glyphs.fill(&self.gl, &self.bytes);
    }

    fn upload_text(&mut self, scene: &Scene, labels: &Labels, ruler: &mut Ruler, ratio: f64) -> bool {
        self.atlas.set_ratio(ratio);
        self.atlas.bind(&self.gl);
        self.bytes.clear();
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
                quad(&mut self.bytes, [x - 2.0 * ratio, y, w + 4.0 * ratio, h], [0.0; 4], colour);
            }
            tints(&mut self.bytes, label, ruler, [x, y, h], ratio, palette.tint);
            quad(&mut self.bytes, [x, y, w, h], [slot.x as f32, slot.y as f32, w, h], label.colour);
        }
        self.text.fill(&self.gl, &self.bytes);
        missing
    }
}

/// Tints behind the characters that matched.
fn tints(bytes: &mut Vec<u8>, label: &Label, ruler: &mut Ruler, [x, y, h]: [f32; 3], ratio: f32, colour: Rgba) {
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
                bytes,
                [(x + 1.0 + start).round(), y + 1.0, (end - start).round(), h - 2.0],
                [0.0; 4],
                colour,
            );
        }
    }
}

fn quad(bytes: &mut Vec<u8>, rect: [f32; 4], uv: [f32; 4], colour: Rgba) {
    for value in rect.into_iter().chain(uv) {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&colour);
}

fn rgb(colour: Rgba) -> [f32; 3] {
    [colour[0], colour[1], colour[2]].map(|c| f32::from(c) / 255.0)
}

impl Program {
    fn new(
        gl: &Gl,
        (vertex, fragment): (&str, &str),
        uniforms: &[&str],
        attributes: Vec<(u32, i32, i32, u32, bool)>,
        stride: i32,
        square: bool,
    ) -> Result<Self, JsValue> {
        let missing = || JsValue::from_str("WebGL2 gave no object (context lost?)");
        let program = gl.create_program().ok_or_else(missing)?;
        for (kind, source) in [(Gl::VERTEX_SHADER, vertex), (Gl::FRAGMENT_SHADER, fragment)] {
            let shader = gl.create_shader(kind).ok_or_else(missing)?;
            gl.shader_source(&shader, source);
            gl.compile_shader(&shader);
            if !gl.get_shader_parameter(&shader, Gl::COMPILE_STATUS).is_truthy() {
                return Err(JsValue::from_str(&gl.get_shader_info_log(&shader).unwrap_or_default()));
            }
            gl.attach_shader(&program, &shader);
        }
        gl.link_program(&program);
        if !gl.get_program_parameter(&program, Gl::LINK_STATUS).is_truthy() {
            return Err(JsValue::from_str(&gl.get_program_info_log(&program).unwrap_or_default()));
        }
        let vao = gl.create_vertex_array().ok_or_else(missing)?;
        gl.bind_vertex_array(Some(&vao));
        if square {
            let corners = gl.create_buffer().ok_or_else(missing)?;
            gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&corners));
            let mut bytes = Vec::new();
            for value in [-1f32, -1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0] {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
            gl.buffer_data_with_u8_array(Gl::ARRAY_BUFFER, &bytes, Gl::STATIC_DRAW);
            gl.enable_vertex_attrib_array(0);
            gl.vertex_attrib_pointer_with_i32(0, 2, Gl::FLOAT, false, 8, 0);
        }
        let instances = gl.create_buffer().ok_or_else(missing)?;
        for &(at, ..) in &attributes {
            gl.enable_vertex_attrib_array(at);
            gl.vertex_attrib_divisor(at, 1);
        }
        let uniforms = uniforms.iter().map(|name| gl.get_uniform_location(&program, name)).collect();
        Ok(Self {
            program,
            vao,
            instances,
            uniforms,
            attributes,
            stride,
        })
    }

    fn fill(&self, gl: &Gl, bytes: &[u8]) {
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&self.instances));
        gl.buffer_data_with_u8_array(Gl::ARRAY_BUFFER, bytes, Gl::DYNAMIC_DRAW);
    }

    /// Draws instances `from..to`; WebGL2 has no first instance, so the pointers are moved.
    fn draw(&self, gl: &Gl, from: usize, to: usize, vertices: i32) {
        if to <= from {
            return;
        }
        gl.use_program(Some(&self.program));
        gl.bind_vertex_array(Some(&self.vao));
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&self.instances));
        let start = from as i32 * self.stride;
        for &(at, count, offset, kind, normalised) in &self.attributes {
            gl.vertex_attrib_pointer_with_i32(at, count, kind, normalised, self.stride, start + offset);
        }
        gl.draw_arrays_instanced(Gl::TRIANGLE_STRIP, 0, vertices, (to - from) as i32);
    }
}

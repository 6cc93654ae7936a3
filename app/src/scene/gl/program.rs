//! Programs on the GPU, and textures with the records that they draw: each record becomes a ribbon, a row of squares that share their sides.
//!
//! Thousands of records are drawn with one call, which the vertex shader takes apart by the vertex' number. Instances would be the usual way, but
//! each is a call of its own to a renderer in software (ten microseconds), and such small ones leave a GPU idle, too.

use js_sys::Float32Array;
use wasm_bindgen::JsValue;
use web_sys::{WebGl2RenderingContext as Gl, WebGlProgram, WebGlUniformLocation};

use super::shaders::RECORDS;
use crate::scene::ribbon::{self, SQUARE};

/// Numbers of a record, three texels of four.
pub const NUMBERS: usize = 12;
/// Texels in a row of records, 512 of them; the shaders know it, too. Every WebGL2 has textures of 2048 by 2048.
pub const WIDTH: usize = 1536;

/// Units of textures: each has one for itself, because binding costs the page some 7 µs, and would come several times a frame.
pub mod units {
    /// Strokes near and far.
    pub const STROKES: [u32; 2] = [0, 1];
    /// The numbers of the strokes that are seen.
    pub const SEEN: u32 = 2;
    /// Glyphs.
    pub const GLYPHS: u32 = 3;
    /// Where captions are put.
    pub const QUADS: u32 = 4;
    /// Captions.
    pub const ATLAS: u32 = 5;
}

/// Numbers where shaders can read them: a texture as large as it had to be once.
pub struct Records {
    /// The unit to which it is bound for good.
    unit: u32,
    /// What is sent, as long as the texture: kept, so that frames leave nothing to be collected; and the part of it that was sent last.
    sent: Float32Array,
    part: Float32Array,
    width: usize,
    rows: usize,
    most: usize,
}

impl Records {
    /// An empty one at a unit, with so many texels in a row.
    ///
    /// # Errors
    /// When the browser has lost the context.
    pub fn new(gl: &Gl, unit: u32, width: usize) -> Result<Self, JsValue> {
        let texture = gl.create_texture().ok_or_else(|| JsValue::from_str("no texture for records"))?;
        gl.active_texture(Gl::TEXTURE0 + unit);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
        for name in [Gl::TEXTURE_MIN_FILTER, Gl::TEXTURE_MAG_FILTER] {
            gl.tex_parameteri(Gl::TEXTURE_2D, name, Gl::NEAREST as i32);
        }
        let most = gl.get_parameter(Gl::MAX_TEXTURE_SIZE)?.as_f64().unwrap_or(2048.0) as usize;
        let sent = Float32Array::new_with_length(0);
        Ok(Self {
            unit,
            part: sent.clone(),
            sent,
            width,
            rows: 0,
            most,
        })
    }

    /// Replaces all; fills `numbers` up to whole rows. More than the texture can hold (a million records at least) are left out.
    ///
    /// # Errors
    /// When the browser has lost the context.
    pub fn fill(&mut self, gl: &Gl, numbers: &mut Vec<f32>) -> Result<(), JsValue> {
        let rows = numbers.len().div_ceil(self.width * 4).min(self.most);
        if rows == 0 {
            return Ok(());
        }
        numbers.resize(rows * self.width * 4, 0.0);
        gl.active_texture(Gl::TEXTURE0 + self.unit);
        let (width, height) = (self.width as i32, rows as i32);
        if rows > self.rows {
            gl.tex_image_2d_with_i32_and_i32_and_i32_and_format_and_type_and_opt_array_buffer_view(
                Gl::TEXTURE_2D,
                0,
                Gl::RGBA32F as i32,
                width,
                height,
                0,
                Gl::RGBA,
                Gl::FLOAT,
                None,
            )?;
            self.rows = rows;
            self.sent = Float32Array::new_with_length((rows * self.width * 4) as u32);
        }
        let length = numbers.len() as u32;
        if self.part.length() != length {
            self.part = self.sent.subarray(0, length);
        }
        self.part.copy_from(numbers);
        gl.tex_sub_image_2d_with_i32_and_i32_and_u32_and_type_and_opt_array_buffer_view(
            Gl::TEXTURE_2D,
            0,
            0,
            0,
            width,
            height,
            Gl::RGBA,
            Gl::FLOAT,
            Some(&self.part),
        )
    }
}

/// A program and its uniforms.
pub struct Program {
    program: WebGlProgram,
    uniforms: Vec<Option<WebGlUniformLocation>>,
}

impl Program {
    /// Compiles and links, with these lines before both shaders. The first of `uniforms` has the first record's number and how many squares each becomes.
    ///
    /// # Errors
    /// When the browser refuses a shader or has lost the context.
    pub fn new(gl: &Gl, defines: &str, (vertex, fragment): (&str, &str), uniforms: &[&str]) -> Result<Self, JsValue> {
        let missing = || JsValue::from_str("WebGL2 gave no object (context lost?)");
        let program = gl.create_program().ok_or_else(missing)?;
        for (kind, begin, source) in [(Gl::VERTEX_SHADER, RECORDS, vertex), (Gl::FRAGMENT_SHADER, "", fragment)] {
            let shader = gl.create_shader(kind).ok_or_else(missing)?;
            gl.shader_source(&shader, &format!("#version 300 es\n{defines}{begin}{source}"));
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
        let uniforms = uniforms.iter().map(|name| gl.get_uniform_location(&program, name)).collect();
        Ok(Self { program, uniforms })
    }

    /// Makes it the program that calls are about.
    pub fn select(&self, gl: &Gl) {
        gl.use_program(Some(&self.program));
    }

    /// The place of a uniform, by its number in the list it was made with.
    pub fn uniform(&self, number: usize) -> Option<&WebGlUniformLocation> {
        self.uniforms.get(number).and_then(Option::as_ref)
    }

    /// Draws the records `from..to`, each as a ribbon of so many squares. The program must be selected.
    pub fn draw(&self, gl: &Gl, ribbons: &mut Ribbons, from: usize, to: usize, squares: usize) {
        let mut begin = from;
        while begin < to {
            let part = ribbons.part(gl, squares, to - begin);
            let count = part.ribbons.min(to - begin);
            gl.uniform2i(self.uniform(0), begin as i32, squares as i32);
            gl.draw_elements_with_i32(Gl::TRIANGLES, (count * squares * SQUARE) as i32, Gl::UNSIGNED_SHORT, part.offset);
            begin += count;
        }
    }
}

/// What `scene::ribbon` says where the GPU can read it: one buffer, which is always bound, with parts for each number of squares that was asked for.
pub struct Ribbons {
    /// What the buffer holds: 4 MB at most, for maps that need all parts in full.
    numbers: Vec<u8>,
    parts: Vec<Part>,
}

/// Numbers for ribbons of so many squares.
#[derive(Clone, Copy)]
struct Part {
    squares: usize,
    ribbons: usize,
    /// Where it begins, bytes.
    offset: i32,
}

/// Ribbons of a part that suffices for most maps.
const FEW: usize = 256;

impl Ribbons {
    /// None yet; binds their buffer for good.
    ///
    /// # Errors
    /// When the browser has lost the context.
    pub fn new(gl: &Gl) -> Result<Self, JsValue> {
        let buffer = gl.create_buffer().ok_or_else(|| JsValue::from_str("no buffer for ribbons"))?;
        gl.bind_buffer(Gl::ELEMENT_ARRAY_BUFFER, Some(&buffer));
        Ok(Self {
            numbers: Vec::new(),
            parts: Vec::new(),
        })
    }

    /// A part with as many ribbons as are wanted, or as one call can draw.
    fn part(&mut self, gl: &Gl, squares: usize, wanted: usize) -> Part {
        let most = ribbon::most(squares);
        let fits = |part: &&Part| part.squares == squares && part.ribbons >= wanted.min(most);
        if let Some(&part) = self.parts.iter().find(fits) {
            return part;
        }
        // In two sizes: growing as somebody zooms would make it again and again.
        let part = Part {
            squares,
            ribbons: if wanted <= FEW { FEW } else { most },
            offset: self.numbers.len() as i32,
        };
        ribbon::triangles(squares, part.ribbons, &mut self.numbers);
        gl.buffer_data_with_u8_array(Gl::ELEMENT_ARRAY_BUFFER, &self.numbers, Gl::STATIC_DRAW);
        self.parts.push(part);
        part
    }
}

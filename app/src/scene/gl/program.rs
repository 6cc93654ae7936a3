//! Programs on the GPU, and textures with the records that they draw: each record becomes a ribbon, a row of squares that share their sides.
//!
//! Thousands of records are drawn with one call, which the vertex shader takes apart by the vertex' number. Instances would be the usual way, but
//! each is a call of its own to a renderer in software (ten microseconds), and such small ones leave a GPU idle, too.

use js_sys::Float32Array;
use wasm_bindgen::JsValue;
use web_sys::{WebGl2RenderingContext as Gl, WebGlBuffer, WebGlProgram, WebGlTexture, WebGlUniformLocation};

use super::shaders::RECORDS;
use crate::scene::ribbon::{self, SQUARE};

/// Numbers of a record, three texels of four.
pub const NUMBERS: usize = 12;
/// Texels in a row of records, 512 of them; the shaders know it, too. Every WebGL2 has textures of 2048 by 2048.
pub const WIDTH: usize = 1536;

/// Numbers where shaders can read them.
pub struct Records {
    /// As large as it had to be once.
    texture: WebGlTexture,
    /// What is sent, as long as the texture: kept, so that frames leave nothing large to be collected.
    sent: Float32Array,
    width: usize,
    rows: usize,
    most: usize,
}

impl Records {
    /// An empty one, with so many texels in a row.
    ///
    /// # Errors
    /// When the browser has lost the context.
    pub fn new(gl: &Gl, width: usize) -> Result<Self, JsValue> {
        let texture = gl.create_texture().ok_or_else(|| JsValue::from_str("no texture for records"))?;
        gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
        for name in [Gl::TEXTURE_MIN_FILTER, Gl::TEXTURE_MAG_FILTER] {
            gl.tex_parameteri(Gl::TEXTURE_2D, name, Gl::NEAREST as i32);
        }
        let most = gl.get_parameter(Gl::MAX_TEXTURE_SIZE)?.as_f64().unwrap_or(2048.0) as usize;
        let sent = Float32Array::new_with_length(0);
        Ok(Self {
            texture,
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
        self.bind(gl);
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
        let sent = self.sent.subarray(0, numbers.len() as u32);
        sent.copy_from(numbers);
        gl.tex_sub_image_2d_with_i32_and_i32_and_u32_and_type_and_opt_array_buffer_view(
            Gl::TEXTURE_2D,
            0,
            0,
            0,
            width,
            height,
            Gl::RGBA,
            Gl::FLOAT,
            Some(&sent),
        )
    }

    /// Binds it to the active unit.
    pub fn bind(&self, gl: &Gl) {
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.texture));
    }
}

/// A program and its uniforms.
pub struct Program {
    program: WebGlProgram,
    uniforms: Vec<Option<WebGlUniformLocation>>,
}

impl Program {
    /// Compiles and links, with these lines before both shaders. The first of `uniforms` has the number of the first record to draw and how many squares each becomes.
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

    /// Draws the records `from..to` of what is bound, each as a ribbon of so many squares. The program must be selected.
    pub fn draw(&self, gl: &Gl, ribbons: &mut Ribbons, from: usize, to: usize, squares: usize) {
        let mut begin = from;
        while begin < to {
            // Nothing to draw with means that the context was lost.
            let Some((offset, most)) = ribbons.find(gl, squares, to - begin) else {
                return;
            };
            let count = most.min(to - begin);
            gl.uniform2i(self.uniform(0), begin as i32, squares as i32);
            gl.draw_elements_with_i32(Gl::TRIANGLES, (count * squares * SQUARE) as i32, Gl::UNSIGNED_SHORT, offset);
            begin += count;
        }
    }
}

/// What `scene::ribbon` says where the GPU can read it: one buffer, which is always bound, with a part for each number of squares that was asked for.
#[derive(Default)]
pub struct Ribbons {
    buffer: Option<WebGlBuffer>,
    /// Of each part the squares of its ribbons, how many ribbons it has, and where it begins in bytes.
    parts: Vec<(usize, usize, i32)>,
}

impl Ribbons {
    /// Where ribbons of so many squares begin and how many there are, hardly fewer than `wanted`; `None` when the context is lost.
    fn find(&mut self, gl: &Gl, squares: usize, wanted: usize) -> Option<(i32, usize)> {
        let most = ribbon::most(squares);
        let known = self.parts.iter().position(|part| part.0 == squares);
        let place = known.unwrap_or(self.parts.len());
        if known.is_none() {
            self.parts.push((squares, 0, 0));
        }
        let part = self.parts.get_mut(place)?;
        if part.1 < wanted.min(most) {
            part.1 = wanted.next_power_of_two().min(most);
            self.make(gl)?;
        }
        self.parts.get(place).map(|part| (part.2, part.1))
    }

    /// Makes the buffer anew: parts grow by twice, so that happens a few times only.
    fn make(&mut self, gl: &Gl) -> Option<()> {
        let mut all = Vec::new();
        for (squares, ribbons, begin) in &mut self.parts {
            *begin = all.len() as i32;
            ribbon::triangles(*squares, *ribbons, &mut all);
        }
        if self.buffer.is_none() {
            self.buffer = gl.create_buffer();
            gl.bind_buffer(Gl::ELEMENT_ARRAY_BUFFER, self.buffer.as_ref());
        }
        gl.buffer_data_with_u8_array(Gl::ELEMENT_ARRAY_BUFFER, &all, Gl::STATIC_DRAW);
        self.buffer.as_ref().map(|_| ())
    }
}

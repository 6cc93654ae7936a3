//! Captions as pixels: drawn by the browser's own text engine (so every script it knows works) once, kept in one texture.
//!
//! When the texture is full it is emptied and filled again with what is seen.

use foldhash::HashMap;
use smol_str::{SmolStr, SmolStrBuilder};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, Document, HtmlCanvasElement, WebGl2RenderingContext as Gl};

use super::program::units;
use crate::scene::labels::{Label, Measure};

/// Side of the texture, device pixels: 4 MB of coverage, some two thousand captions.
const SIDE: u32 = 2048;
/// The font stack of the page.
pub const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/// Measures text with the browser, remembering what it measured.
pub struct Ruler {
    context: CanvasRenderingContext2d,
    widths: [HashMap<SmolStr, f32>; 2],
    bold: Option<bool>,
}

impl Ruler {
    /// Made from a canvas that is never shown.
    pub fn new(document: &Document) -> Result<Self, JsValue> {
        let canvas: HtmlCanvasElement = document.create_element("canvas")?.unchecked_into();
        let context = context_2d(&canvas)?;
        Ok(Self {
            context,
            widths: [HashMap::default(), HashMap::default()],
            bold: None,
        })
    }

    fn measure(&mut self, text: &str, bold: bool) -> f32 {
        if self.bold != Some(bold) {
            self.context.set_font(&font(100.0, bold));
            self.bold = Some(bold);
        }
        self.context.measure_text(text).map_or(0.0, |m| m.width() as f32 / 100.0)
    }

    /// Shortens `text` with an ellipsis so that it is about `most` wide at a size of one pixel. Characters are added up as they are alone,
    /// each measured once: close enough for whoever draws it no wider than there is room, and much cheaper than measuring beginnings.
    pub fn shorten(&mut self, text: &SmolStr, bold: bool, most: f32) -> SmolStr {
        if self.width(text, bold) <= most {
            return text.clone();
        }
        let ellipsis = SmolStr::new_static("…");
        let mut room = most - self.width(&ellipsis, bold);
        let mut end = 0;
        for c in text.chars() {
            room -= self.width(&SmolStr::new(c.encode_utf8(&mut [0; 4])), bold);
            if room < 0.0 {
                break;
            }
            end += c.len_utf8();
        }
        let mut short = SmolStrBuilder::new();
        short.push_str(text.get(..end).unwrap_or_default().trim_end());
        short.push_str(&ellipsis);
        short.finish()
    }
}

impl Measure for Ruler {
    fn width(&mut self, text: &SmolStr, bold: bool) -> f32 {
        if let Some(&width) = self.widths[usize::from(bold)].get(text) {
            return width;
        }
        let width = self.measure(text, bold);
        let known = &mut self.widths[usize::from(bold)];
        // Names come and go with containers; the table must not grow for ever.
        if known.len() > 40_000 {
            known.clear();
        }
        known.insert(text.clone(), width);
        width
    }
}

/// A CSS font.
pub fn font(size: f64, bold: bool) -> String {
    format!("{}{size}px {FONT}", if bold { "600 " } else { "" })
}

/// The 2D context of a canvas whose pixels are read back often.
pub fn context_2d(canvas: &HtmlCanvasElement) -> Result<CanvasRenderingContext2d, JsValue> {
    let options = js_sys::Object::new();
    js_sys::Reflect::set(&options, &"willReadFrequently".into(), &JsValue::TRUE)?;
    let context = canvas.get_context_with_context_options("2d", &options)?;
    context
        .map(JsCast::unchecked_into)
        .ok_or_else(|| JsValue::from_str("this browser gives no 2D canvas"))
}

/// Where a text lies in the texture, device pixels.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Left.
    pub x: u32,
    /// Top.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// The texture of captions, bound to a unit of its own as long as there is the context.
pub struct Atlas {
    scratch: CanvasRenderingContext2d,
    /// The scratch canvas' font: size in device pixels, and whether it is bold.
    font: Option<(f64, bool)>,
    slots: HashMap<(SmolStr, u8, bool, u16), Slot>,
    row: (u32, u32, u32),
    ratio: f64,
    coverage: Vec<u8>,
}

impl Atlas {
    /// An empty texture.
    pub fn new(gl: &Gl, document: &Document) -> Result<Self, JsValue> {
        let canvas: HtmlCanvasElement = document.create_element("canvas")?.unchecked_into();
        canvas.set_width(1024);
        canvas.set_height(96);
        let scratch = context_2d(&canvas)?;
        scratch.set_text_baseline("middle");
        scratch.set_fill_style_str("#fff");
        let texture = gl.create_texture().ok_or_else(|| JsValue::from_str("no texture for captions"))?;
        gl.active_texture(Gl::TEXTURE0 + units::ATLAS);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::R8, SIDE as i32, SIDE as i32);
        for (name, value) in [(Gl::TEXTURE_MIN_FILTER, Gl::NEAREST), (Gl::TEXTURE_MAG_FILTER, Gl::NEAREST)] {
            gl.tex_parameteri(Gl::TEXTURE_2D, name, value as i32);
        }
        // Rows of coverage are of any length; those of records are multiples of sixteen bytes.
        gl.pixel_storei(Gl::UNPACK_ALIGNMENT, 1);
        Ok(Self {
            scratch,
            font: None,
            slots: HashMap::default(),
            row: (0, 0, 0),
            ratio: 1.0,
            coverage: Vec::new(),
        })
    }

    /// Forgets everything when the screen's density changes.
    pub fn set_ratio(&mut self, ratio: f64) {
        if (self.ratio - ratio).abs() > 1e-6 {
            self.ratio = ratio;
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.row = (0, 0, 0);
    }

    /// The place of a label's pixels, drawing them if they are not there; `None` when it is full (it is then emptied: ask again next frame).
    pub fn slot(&mut self, gl: &Gl, ruler: &mut Ruler, label: &Label) -> Option<Slot> {
        // Widths in steps, so that zooming does not shorten each caption anew in every frame.
        let step = if label.fits { u16::MAX } else { (label.width / 12.0) as u16 };
        let key = (label.text.clone(), label.size, label.bold, step);
        if let Some(&slot) = self.slots.get(&key) {
            return Some(slot);
        }
        let text = if label.fits {
            label.text.clone()
        } else {
            ruler.shorten(&label.text, label.bold, f32::from(step) * 12.0 / f32::from(label.size))
        };
        let slot = self.draw(gl, ruler, &text, label)?;
        self.slots.insert(key, slot);
        Some(slot)
    }

    fn draw(&mut self, gl: &Gl, ruler: &mut Ruler, text: &SmolStr, label: &Label) -> Option<Slot> {
        let size = f64::from(label.size) * self.ratio;
        let width = (f64::from(ruler.width(text, label.bold)) * size).ceil().clamp(1.0, 1020.0) as u32 + 2;
        let height = ((size * 1.3).ceil() as u32).clamp(2, 96);
        let (mut x, mut y, mut tall) = self.row;
        if x + width > SIDE {
            (x, y, tall) = (0, y + tall, 0);
        }
        tall = tall.max(height);
        if y + tall > SIDE {
            self.clear();
            return None;
        }
        self.row = (x + width, y, tall);
        let (w, h) = (f64::from(width), f64::from(height));
        self.scratch.clear_rect(0.0, 0.0, w, h);
        if self.font != Some((size, label.bold)) {
            self.font = Some((size, label.bold));
            self.scratch.set_font(&font(size, label.bold));
        }
        self.scratch.fill_text_with_max_width(text, 1.0, h * 0.53, w - 2.0).ok()?;
        let pixels = self.scratch.get_image_data(0.0, 0.0, w, h).ok()?.data();
        self.coverage.clear();
        self.coverage.extend(pixels.iter().skip(3).step_by(4));
        gl.active_texture(Gl::TEXTURE0 + units::ATLAS);
        gl.tex_sub_image_2d_with_i32_and_i32_and_u32_and_type_and_opt_u8_array(
            Gl::TEXTURE_2D,
            0,
            x as i32,
            y as i32,
            width as i32,
            height as i32,
            Gl::RED,
            Gl::UNSIGNED_BYTE,
            Some(&self.coverage),
        )
        .ok()?;
        Some(Slot { x, y, width, height })
    }
}

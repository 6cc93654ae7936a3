//! One frame after another, but only while something changed.
//!
//! Owns the scene, the lists made from it and whoever paints them.

use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, Performance, Window};

use super::{Told, atlas::Ruler, canvas2d, describe, input::Hand, webgl::Renderer};
use crate::scene::{
    Insets, Scene,
    draw::DrawList,
    labels::{Labels, Measure},
    state::Target,
};

/// Who paints.
enum Painter {
    Gl(Box<Renderer>),
    Flat(CanvasRenderingContext2d),
    /// The browser took the context away and has not given it back yet.
    Lost,
}

/// Everything of one map view.
pub(super) struct Inner {
    pub(super) canvas: HtmlCanvasElement,
    pub(super) scene: Scene,
    pub(super) list: DrawList,
    pub(super) labels: Labels,
    pub(super) ruler: Ruler,
    pub(super) hand: Hand,
    painter: Painter,
    window: Window,
    performance: Option<Performance>,
    insets: Insets,
    ratio: f64,
    pending: Option<i32>,
    painted: Option<u64>,
    /// Something is on its way or was not ready for the last frame.
    unfinished: bool,
    camera_told: [f64; 3],
    camera_seen: [f64; 3],
}

impl Inner {
    pub(super) fn new(canvas: HtmlCanvasElement, flat: bool) -> Result<Self, JsValue> {
        let window = web_sys::window().ok_or_else(|| JsValue::from_str("no window"))?;
        let document = window.document().ok_or_else(|| JsValue::from_str("no document"))?;
        let painter = match (!flat).then(|| Renderer::new(&canvas, &document)) {
            Some(Ok(renderer)) => Painter::Gl(Box::new(renderer)),
            _ => {
                let context = canvas
                    .get_context("2d")?
                    .ok_or_else(|| JsValue::from_str("this browser gives neither WebGL2 nor a 2D canvas"))?;
                Painter::Flat(context.unchecked_into())
            }
        };
        let mut scene = Scene::new();
        let still = window.match_media("(prefers-reduced-motion: reduce)").ok().flatten();
        scene.set_reduced_motion(still.is_some_and(|query| query.matches()));
        let ruler = Ruler::new(&document)?;
        Ok(Self {
            canvas,
            scene,
            list: DrawList::default(),
            labels: Labels::default(),
            ruler,
            hand: Hand::default(),
            painter,
            performance: window.performance(),
            window,
            insets: Insets::default(),
            ratio: 1.0,
            pending: None,
            painted: None,
            unfinished: false,
            camera_told: [0.0; 3],
            camera_seen: [0.0; 3],
        })
    }

    /// Milliseconds on the clock of animation frames.
    pub(super) fn now(&self) -> f64 {
        self.performance.as_ref().map_or(0.0, Performance::now)
    }

    /// Takes the canvas's box over as its size.
    pub(super) fn resize(&mut self, told: &mut Vec<Told>) {
        let (width, height) = (f64::from(self.canvas.client_width()), f64::from(self.canvas.client_height()));
        self.ratio = self.window.device_pixel_ratio().clamp(0.5, 4.0);
        let (w, h) = (
            (width * self.ratio).round().max(1.0) as u32,
            (height * self.ratio).round().max(1.0) as u32,
        );
        if self.canvas.width() != w || self.canvas.height() != h {
            self.canvas.set_width(w);
            self.canvas.set_height(h);
            self.painted = None;
            // Hidden, it has none.
            if width > 0.0 && height > 0.0 {
                told.push(Told::Shape((width / height) as f32));
            }
        }
        let now = self.now();
        self.scene.set_viewport(width, height, self.insets, now);
    }

    pub(super) fn set_insets(&mut self, insets: Insets, told: &mut Vec<Told>) {
        self.insets = insets;
        self.resize(told);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.unfinished || self.painted != Some(self.scene.version())
    }

    pub(super) fn wants_frame(&self) -> bool {
        self.pending.is_none() && self.is_busy() && !matches!(self.painter, Painter::Lost)
    }

    pub(super) fn request_frame(&mut self, frame: &Closure<dyn FnMut(f64)>) {
        self.pending = self.window.request_animation_frame(frame.as_ref().unchecked_ref()).ok();
    }

    pub(super) fn cancel_frame(&mut self) {
        if let Some(pending) = self.pending.take() {
            // Nothing to cancel is fine.
            self.window.cancel_animation_frame(pending).unwrap_or_default();
        }
    }

    /// Moves on and paints.
    pub(super) fn frame(&mut self, now: f64, told: &mut Vec<Told>) {
        self.pending = None;
        // Asking takes the browser long, so a motion asks once, at its beginning.
        if !self.unfinished && (self.window.device_pixel_ratio() - self.ratio).abs() > 1e-3 {
            self.resize(told);
        }
        let moving = self.scene.tick(now);
        self.list.refresh(&mut self.scene);
        self.labels.refresh(&self.scene, &mut self.ruler);
        let mut missing = false;
        match &mut self.painter {
            Painter::Gl(renderer) if renderer.is_lost() => self.painter = Painter::Lost,
            Painter::Gl(renderer) => missing = renderer.paint(&self.scene, &self.list, &self.labels, &mut self.ruler, self.ratio),
            Painter::Flat(context) => canvas2d::paint(context, &self.scene, &self.list, &self.labels, &mut self.ruler, self.ratio),
            Painter::Lost => {}
        }
        self.painted = Some(self.scene.version());
        let camera = self.scene.camera();
        let camera = [camera.x, camera.y, camera.zoom];
        let resting = camera == self.camera_seen && !moving && !self.hand.is_busy();
        if resting && camera != self.camera_told {
            self.camera_told = camera;
            told.push(Told::Camera(camera));
        }
        self.camera_seen = camera;
        self.unfinished = moving || missing || (camera != self.camera_told && !self.hand.is_busy());
    }

    /// The browser took the context away.
    pub(super) fn lose(&mut self) {
        self.painter = Painter::Lost;
        self.cancel_frame();
    }

    /// The browser gives the context back: everything on the GPU is made anew.
    pub(super) fn restore(&mut self) {
        let Some(document) = self.window.document() else { return };
        if let Ok(renderer) = Renderer::new(&self.canvas, &document) {
            self.painter = Painter::Gl(Box::new(renderer));
            self.painted = None;
        }
    }

    pub(super) fn renderer(&self) -> &'static str {
        match self.painter {
            Painter::Gl(_) => "webgl2",
            Painter::Flat(_) => "canvas2d",
            Painter::Lost => "lost",
        }
    }

    /// What people who do not see the picture are told about it.
    pub(super) fn describe(&self) {
        let data = self.scene.data();
        let text = format!(
            "Map of {} nodes and {} connections. Arrow keys move between nodes, Enter selects, plus and minus zoom, 0 shows everything. The table view has the same nodes as text.",
            data.nodes.len(),
            data.edges.len()
        );
        self.canvas.set_attribute("aria-label", &text).unwrap_or_default();
    }

    /// What the pointer is on after the picture changed under it.
    pub(super) fn point_again(&mut self, told: &mut Vec<Told>) {
        if let Some(at) = self.hand.hovering() {
            self.point(at, told);
        }
    }

    /// The pointer is at a place of the canvas.
    pub(super) fn point(&mut self, at: [f64; 2], told: &mut Vec<Told>) {
        let target = self.scene.pick(at, 0.0);
        if self.scene.set_hover(target) {
            let style = match target {
                Target::Nothing => "grab",
                _ => "pointer",
            };
            self.canvas.style().set_property("cursor", style).unwrap_or_default();
            told.push(Told::Hover(describe(&self.scene, target), at));
        }
    }

    /// Keyboard focus.
    pub(super) fn focus(&self) {
        self.canvas.focus().unwrap_or_default();
    }

    pub(super) fn ruler(&mut self) -> (&mut Scene, &mut dyn Measure) {
        (&mut self.scene, &mut self.ruler)
    }
}

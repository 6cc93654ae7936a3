//! The scene's camera: fitting, gliding, panning and zooming within what there is to see.
//!
//! Remembers whether somebody took the camera over; until then the map stays fitted.

use super::Scene;
use crate::scene::camera::{Bounds, Camera, Glide, ZOOM_MAX, ZOOM_MIN};

/// How long the camera glides when asked to go somewhere, milliseconds.
const GLIDE_MILLIS: f64 = 320.0;

impl Scene {
    /// Box around all nodes with their captions, where they will be.
    pub fn content(&self) -> Bounds {
        // Places and pins change only together with the geometry; a moving camera asks in every frame.
        let version = self.geometry.version;
        if let Some((then, bounds)) = self.extent.get()
            && then == version
        {
            return bounds;
        }
        let bounds = self.extent_now();
        self.extent.set(Some((version, bounds)));
        bounds
    }

    fn extent_now(&self) -> Bounds {
        let mut low = [f64::INFINITY; 2];
        let mut high = [f64::NEG_INFINITY; 2];
        for v in 0..self.data.nodes.len() as u32 {
            let p = self.home(v);
            for axis in 0..2 {
                low[axis] = low[axis].min(f64::from(p[axis]));
                high[axis] = high[axis].max(f64::from(p[axis]));
            }
        }
        if !low[0].is_finite() || !high[0].is_finite() {
            return [-100.0, -100.0, 100.0, 100.0];
        }
        [low[0] - 100.0, low[1] - 80.0, high[0] + 100.0, high[1] + 130.0]
    }

    /// Farthest zoom of this map: as usual, or what shows it whole.
    pub fn zoom_least(&self) -> f64 {
        let whole = Camera::fit(self.content(), &self.viewport, 1.0).zoom;
        ZOOM_MIN.min(whole * 0.5)
    }

    pub(super) fn fit_now(&mut self) {
        self.camera = Camera::fit(self.content(), &self.viewport, 0.9);
        self.version += 1;
    }

    /// Glides to where the whole map is seen, and stays fitted until somebody pans or zooms.
    pub fn fit(&mut self, now: f64) {
        let to = Camera::fit(self.content(), &self.viewport, 0.9);
        self.glide_to(to, now);
        self.touched = false;
    }

    /// Glides to a camera.
    pub fn glide_to(&mut self, to: Camera, now: f64) {
        self.touched = true;
        self.version += 1;
        if self.reduced_motion {
            self.camera = to;
            self.glide = None;
        } else {
            self.glide = Some(Glide::new(self.camera, to, &self.viewport, now, GLIDE_MILLIS));
        }
    }

    /// Moves the picture by canvas pixels.
    pub fn pan(&mut self, dx: f64, dy: f64) {
        self.glide = None;
        self.camera.pan(dx, dy);
        self.settle_camera();
    }

    /// Zooms about a place of the canvas.
    pub fn zoom_about(&mut self, about: [f64; 2], factor: f64) {
        self.glide = None;
        self.camera.zoom_about(about, factor, self.zoom_least());
        self.settle_camera();
    }

    /// Zooms about the middle of the free area, gliding.
    pub fn zoom_by(&mut self, factor: f64, now: f64) {
        let [left, top, width, height] = self.viewport.free();
        let mut to = self.glide.map_or(self.camera, |glide| glide.target());
        to.zoom_about([left + width / 2.0, top + height / 2.0], factor, self.zoom_least());
        to.clamp(self.content(), &self.viewport);
        self.glide_to(to, now);
    }

    fn settle_camera(&mut self) {
        if self.selected.is_none() {
            self.camera.clamp(self.content(), &self.viewport);
        }
        self.touched = true;
        self.version += 1;
    }

    /// The camera now.
    pub fn camera(&self) -> Camera {
        self.camera
    }

    /// Puts the camera somewhere at once.
    pub fn set_camera(&mut self, camera: Camera) {
        if [camera.x, camera.y, camera.zoom].iter().all(|v| v.is_finite()) && camera.zoom > 0.0 {
            self.camera = Camera {
                zoom: camera.zoom.clamp(1e-5, ZOOM_MAX),
                ..camera
            };
            self.glide = None;
            self.settle_camera();
        }
    }
}

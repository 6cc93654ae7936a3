//! Where the map is looked at from: pan, zoom about a point, fit, limits, and gliding from one view to another.
//!
//! All in CSS pixels and graph units; the caller supplies the time.

use super::data::Point;

/// Nearest zoom: a glyph of 200 CSS pixels.
pub const ZOOM_MAX: f64 = 2.0;
/// Farthest zoom of ordinary maps; larger maps may go as far as shows them whole.
pub const ZOOM_MIN: f64 = 0.03;

/// A point of view: `x`, `y` is the plane's point at the canvas' top left, `zoom` is pixels a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Graph units.
    pub x: f64,
    /// Graph units.
    pub y: f64,
    /// CSS pixels a graph unit.
    pub zoom: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Self { x: 0.0, y: 0.0, zoom: 1.0 }
    }
}

/// Room that panels take from the canvas, CSS pixels; fitting uses what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Insets {
    /// Above.
    pub top: f64,
    /// Right.
    pub right: f64,
    /// Below.
    pub bottom: f64,
    /// Left.
    pub left: f64,
}

/// Size of the canvas and what of it is free, CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// Canvas width.
    pub width: f64,
    /// Canvas height.
    pub height: f64,
    /// Panels.
    pub insets: Insets,
}

impl Default for Viewport {
    fn default() -> Self {
        Self {
            width: 1.0,
            height: 1.0,
            insets: Insets::default(),
        }
    }
}

impl Viewport {
    /// The free area: left, top, width, height. Panels never take more than three quarters.
    pub fn free(&self) -> [f64; 4] {
        let squeeze = |before: f64, after: f64, whole: f64| {
            let taken = (before + after).max(0.0);
            let scale = if taken > whole * 0.75 { whole * 0.75 / taken } else { 1.0 };
            (before * scale, (whole - taken * scale).max(1.0))
        };
        let (left, width) = squeeze(self.insets.left, self.insets.right, self.width);
        let (top, height) = squeeze(self.insets.top, self.insets.bottom, self.height);
        [left, top, width, height]
    }
}

/// A box in the plane: left, top, right, bottom.
pub type Bounds = [f64; 4];

impl Camera {
    /// Where a point of the plane is on the canvas.
    pub fn to_screen(&self, p: Point) -> [f64; 2] {
        [(f64::from(p[0]) - self.x) * self.zoom, (f64::from(p[1]) - self.y) * self.zoom]
    }

    /// Which point of the plane is at a place of the canvas.
    pub fn to_plane(&self, p: [f64; 2]) -> [f64; 2] {
        [self.x + p[0] / self.zoom, self.y + p[1] / self.zoom]
    }

    /// Moves the plane by canvas pixels.
    pub fn pan(&mut self, dx: f64, dy: f64) {
        self.x -= dx / self.zoom;
        self.y -= dy / self.zoom;
    }

    /// Zooms by `factor`, keeping what is at `about` where it is.
    pub fn zoom_about(&mut self, about: [f64; 2], factor: f64, least: f64) {
        let fixed = self.to_plane(about);
        self.zoom = (self.zoom * factor).clamp(least, ZOOM_MAX);
        self.x = fixed[0] - about[0] / self.zoom;
        self.y = fixed[1] - about[1] / self.zoom;
    }

    /// The view that shows all of `content` in the free area, never nearer than `nearest`.
    pub fn fit(content: Bounds, viewport: &Viewport, nearest: f64) -> Self {
        let [left, top, width, height] = viewport.free();
        let (w, h) = ((content[2] - content[0]).max(1.0), (content[3] - content[1]).max(1.0));
        let zoom = (0.94 * (width / w).min(height / h)).min(nearest).max(1e-5);
        let (cx, cy) = ((content[0] + content[2]) / 2.0, (content[1] + content[3]) / 2.0);
        Self {
            x: cx - (left + width / 2.0) / zoom,
            y: cy - (top + height / 2.0) / zoom,
            zoom,
        }
    }

    /// Keeps at least a corner of the content in the free area: moves by the least that does.
    pub fn clamp(&mut self, content: Bounds, viewport: &Viewport) {
        let [left, top, width, height] = viewport.free();
        let keep = 40.0_f64.min(width / 4.0).min(height / 4.0);
        let axis = |at: &mut f64, low: f64, high: f64, start: f64, length: f64, zoom: f64| {
            let (screen_low, screen_high) = ((low - *at) * zoom, (high - *at) * zoom);
            if screen_high < start + keep {
                *at = high - (start + keep) / zoom;
            } else if screen_low > start + length - keep {
                *at = low - (start + length - keep) / zoom;
            }
        };
        axis(&mut self.x, content[0], content[2], left, width, self.zoom);
        axis(&mut self.y, content[1], content[3], top, height, self.zoom);
    }
}

/// A camera on its way.
#[derive(Clone, Copy, Debug)]
pub struct Glide {
    from: Camera,
    to: Camera,
    start: f64,
    millis: f64,
    centre: [f64; 2],
}

impl Glide {
    /// From one view to another within `millis`, seen from the middle of the canvas.
    pub fn new(from: Camera, to: Camera, viewport: &Viewport, now: f64, millis: f64) -> Self {
        Self {
            from,
            to,
            start: now,
            millis: millis.max(1.0),
            centre: [viewport.width / 2.0, viewport.height / 2.0],
        }
    }

    /// The camera at `now`, and whether it has arrived. Zooming runs evenly by factors, the middle of the canvas on a straight line.
    pub fn at(&self, now: f64) -> (Camera, bool) {
        let t = ((now - self.start) / self.millis).clamp(0.0, 1.0);
        if t >= 1.0 {
            return (self.to, true);
        }
        let eased = ease(t);
        let (a, b) = (self.from.to_plane(self.centre), self.to.to_plane(self.centre));
        let zoom = self.from.zoom * (self.to.zoom / self.from.zoom).powf(eased);
        // Where zoom changes a lot, the middle has to follow the zoom, else it would swing.
        let share = if (self.to.zoom / self.from.zoom).ln().abs() < 0.01 {
            eased
        } else {
            (1.0 / self.from.zoom - 1.0 / zoom) / (1.0 / self.from.zoom - 1.0 / self.to.zoom)
        };
        let (cx, cy) = (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share);
        (
            Camera {
                x: cx - self.centre[0] / zoom,
                y: cy - self.centre[1] / zoom,
                zoom,
            },
            false,
        )
    }

    /// Where it is going.
    pub fn target(&self) -> Camera {
        self.to
    }
}

/// Starts fast, ends softly; 0 to 1.
pub fn ease(t: f64) -> f64 {
    let left = 1.0 - t.clamp(0.0, 1.0);
    1.0 - left * left * left
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Viewport = Viewport {
        width: 1400.0,
        height: 900.0,
        insets: Insets {
            top: 100.0,
            right: 80.0,
            bottom: 60.0,
            left: 80.0,
        },
    };

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut camera = Camera {
            x: -20.0,
            y: 35.0,
            zoom: 0.4,
        };
        let before = camera.to_plane([300.0, 200.0]);
        camera.zoom_about([300.0, 200.0], 1.7, ZOOM_MIN);
        let after = camera.to_plane([300.0, 200.0]);
        assert!((before[0] - after[0]).abs() < 1e-9 && (before[1] - after[1]).abs() < 1e-9);
    }

    #[test]
    fn fit_shows_all_of_the_content_between_the_panels() {
        let content = [-500.0, 20.0, 9000.0, 1200.0];
        let camera = Camera::fit(content, &VIEW, 1.0);
        let low = camera.to_screen([-500.0, 20.0]);
        let high = camera.to_screen([9000.0, 1200.0]);
        assert!(low[0] >= 80.0 && low[1] >= 100.0 && high[0] <= 1320.0 && high[1] <= 840.0);
    }

    #[test]
    fn content_cannot_be_lost() {
        let mut camera = Camera {
            x: 1e6,
            y: -1e6,
            zoom: 0.5,
        };
        camera.clamp([0.0, 0.0, 800.0, 600.0], &VIEW);
        let (low, high) = (camera.to_screen([0.0, 0.0]), camera.to_screen([800.0, 600.0]));
        assert!(high[0] > 80.0 && low[1] < 840.0 && low[0] < 1320.0 && high[1] > 100.0);
    }

    #[test]
    fn a_glide_starts_where_it_was_and_ends_where_it_should() {
        let (from, to) = (
            Camera { x: 0.0, y: 0.0, zoom: 0.1 },
            Camera {
                x: 900.0,
                y: -300.0,
                zoom: 1.5,
            },
        );
        let glide = Glide::new(from, to, &VIEW, 1000.0, 300.0);
        let (start, done) = glide.at(1000.0);
        assert!(!done && (start.x - from.x).abs() < 1e-6 && (start.zoom - from.zoom).abs() < 1e-9);
        assert_eq!(glide.at(1300.0), (to, true));
    }
}

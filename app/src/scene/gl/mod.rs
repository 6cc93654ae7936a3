//! The map in the browser: one canvas, its input, its frames.
//!
//! The only part of the scene that names `web_sys`. Decides nothing about what is shown: it feeds events to the scene and draws what comes out.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen::JsValue;
use web_sys::HtmlCanvasElement;

use super::{Matches, MetricLayer, Pin, SceneData, Theme};

/// What the pointer or the keyboard is on.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Hover {
    /// Nothing.
    #[default]
    Nothing,
    /// A node, by id.
    Node(String),
    /// An edge, by the ids of its ends.
    Edge {
        /// Source (client).
        from: String,
        /// Target (server).
        to: String,
    },
    /// A dense area far out: how many nodes it stands for.
    Cluster(u32),
}

/// What the map tells the page. Coordinates are CSS pixels relative to the canvas.
#[derive(Default)]
pub struct Events {
    /// A node was chosen (its id), or the selection was dropped by a click on the background.
    pub select: Option<Box<dyn Fn(Option<String>)>>,
    /// The pointer is on something else than before; the place is for a tooltip.
    pub hover: Option<Box<dyn Fn(Hover, [f64; 2])>>,
    /// A node was opened: double click, or Enter on the selected node.
    pub open: Option<Box<dyn Fn(String)>>,
    /// Pins changed by dragging; the full list is to be kept and given to the worker.
    pub pins: Option<Box<dyn Fn(Vec<Pin>)>>,
    /// The camera came to rest: `[x, y, zoom]` with x, y the plane's point at the canvas' top left.
    pub camera: Option<Box<dyn Fn([f64; 3])>>,
    /// Text for an `aria-live` region: what the keyboard moved to.
    pub announce: Option<Box<dyn Fn(String)>>,
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

/// What an export shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// What is seen now.
    #[default]
    View,
    /// The whole map.
    All,
}

/// The map on one canvas. Clones share it; dropping the last one detaches it from the page.
#[derive(Clone)]
pub struct MapView {
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    data: SceneData,
    pins: Vec<Pin>,
    events: Events,
}

impl MapView {
    /// Takes the canvas over: sizes it to its box, listens to it, draws on it with WebGL2 or else Canvas2D.
    ///
    /// # Errors
    /// When the canvas gives neither context.
    pub fn mount(_canvas: HtmlCanvasElement, events: Events) -> Result<Self, JsValue> {
        Ok(Self {
            inner: Rc::new(RefCell::new(Inner {
                data: SceneData::default(),
                pins: Vec::new(),
                events,
            })),
        })
    }

    /// Shows `data`; with the same key, what moved glides to its new place.
    pub fn set_scene(&self, data: SceneData) {
        self.inner.borrow_mut().data = data;
    }

    /// Fills nodes by a metric, or empties them.
    pub fn set_metrics(&self, _layer: Option<MetricLayer>) {}

    /// Changes colours.
    pub fn set_theme(&self, _theme: Theme) {}

    /// Selects a node: its neighbours gather around it, all else fades. `None` puts everything back.
    pub fn set_selected(&self, _id: Option<&str>) {}

    /// Highlights a node as if the pointer were on it (e.g. a row of a list is hovered).
    pub fn set_focus(&self, _id: Option<&str>) {}

    /// Highlights what a search found and fades the rest; `None` when there is no (complete) query.
    pub fn set_matches(&self, _matches: Option<Matches>) {}

    /// Shows the networks' bars; with a name, nodes outside of that network fade. `None` hides the overlay.
    pub fn set_networks(&self, _overlay: Option<NetworkOverlay>) {}

    /// Room taken by panels.
    pub fn set_insets(&self, _insets: Insets) {}

    /// No motion (the visitor's wish); otherwise the browser's `prefers-reduced-motion` decides.
    pub fn set_reduced_motion(&self, _reduced: bool) {}

    /// Shows the whole map in the free area.
    pub fn fit(&self) {}

    /// Zooms about the free area's centre by `factor`.
    pub fn zoom_by(&self, _factor: f64) {}

    /// The camera, `[x, y, zoom]`.
    pub fn camera(&self) -> [f64; 3] {
        [0.0, 0.0, 1.0]
    }

    /// Puts the camera somewhere, e.g. from a link.
    pub fn set_camera(&self, _camera: [f64; 3]) {}

    /// The pins in force.
    pub fn pins(&self) -> Vec<Pin> {
        self.inner.borrow().pins.clone()
    }

    /// Puts pins in force (from the URL or storage).
    pub fn set_pins(&self, pins: Vec<Pin>) {
        self.inner.borrow_mut().pins = pins;
    }

    /// The map as an SVG document, with names.
    pub fn export_svg(&self, _extent: Extent) -> String {
        String::new()
    }

    /// The map as a PNG file's bytes, given to `done`; `None` when the browser could not make one.
    pub fn export_png(&self, _extent: Extent, done: impl FnOnce(Option<Vec<u8>>) + 'static) {
        done(None);
    }

    /// Where a node is drawn, `[x, y, radius]` in CSS pixels relative to the canvas: for cards that fly out of it, and for tests.
    pub fn place_of(&self, _id: &str) -> Option<[f64; 3]> {
        None
    }

    /// What a click at this place of the canvas would hit.
    pub fn hit(&self, _x: f64, _y: f64) -> Hover {
        Hover::Nothing
    }

    /// Keyboard focus on the map itself.
    pub fn focus(&self) {
        if let Some(select) = &self.inner.borrow().events.select {
            select(None);
        }
    }
}

/// The networks overlay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkOverlay {
    /// The network pointed at or pinned; nodes outside of it fade.
    pub selected: Option<String>,
}
